// SPDX-License-Identifier: MIT OR Apache-2.0

//! The Python package `atomik_core`: contexts, tables, streams and fingerprints of the crate
//! `atomik`, in the process and on the device. `README.md` and `python/atomik_core/_native.pyi`
//! describe it for Python.
//!
//! One class a file. All classes are frozen: their changing parts are behind a lock, which is never
//! held while Python is called. `ints` and `bytes` have the `unsafe` for memory; `lock`, `bell`,
//! `watch` and `descriptor` have that for forks and descriptors.
//!
//! The module needs no global lock of Python's (`gil_used = false`), so that Pythons without one
//! stay without it. What changes is behind locks of its own or atomic; the rest never changes, or
//! is made once, in a `PyOnceLock`; and memory of others' is read as if anybody wrote to it. No
//! holder of a lock waits for Python, so threads that wait for a lock, and one that stops all
//! others, wait but a moment.

mod bell;
mod bytes;
mod changes;
mod context;
mod contexts;
mod convert;
mod descriptor;
mod device;
mod device_context;
mod device_table;
mod errors;
mod fingerprint;
mod ints;
mod lock;
mod many;
mod marks;
mod message;
mod operations;
mod ordered_fingerprint;
mod pickling;
mod store;
mod stream;
mod table;
mod table_map;
mod transaction;
mod watch;
mod watchers;

#[pyo3::pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::contexts::AtomikContext;
    #[pymodule_export]
    use crate::contexts::DeviceContext;
    #[pymodule_export]
    use crate::descriptor::Device;
    #[pymodule_export]
    use crate::device_table::DeviceTable;
    #[pymodule_export]
    use crate::errors::StaleEpochError;
    #[pymodule_export]
    use crate::fingerprint::Fingerprint;
    #[pymodule_export]
    use crate::message::DeltaMessage;
    #[pymodule_export]
    use crate::ordered_fingerprint::OrderedFingerprint;
    #[pymodule_export]
    use crate::stream::DeltaStream;
    #[pymodule_export]
    use crate::table::AtomikTable;
    #[pymodule_export]
    use crate::table_map::TableMap;
    #[pymodule_export]
    use crate::watch::Watch;

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Initializes what threads would otherwise wait for each other to do, as a fork could then
    /// find one waiting.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        crate::convert::operator_index(py)?;
        crate::many::array(py)?;
        crate::changes::watching(py)?;
        crate::errors::exceptions(py)?;
        crate::lock::watch_forks(py)
    }
}
