// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernel crates of the series that the driver is built for: all of it
//! stands here, and each file is one difference.
//!
//! [`Kbuild`](../../../Kbuild) sets `linux_7_2` for a kernel of that series. Without it, the newest
//! crate known is meant, also where rustc is newer. When 7.2 goes:
//!
//! - remove `linux_7_2` from `Kbuild`, and with it all that has `cfg(linux_7_2)` here;
//! - what is left takes one line: write it where it is called;
//! - this directory is empty then, and goes, with its parts of `tests/loom`;
//! - raise the oldest kernel: `oldest_kernel` of `install.sh`, `BUILD_EXCLUSIVE_KERNEL_MIN` of
//!   `dkms.conf`, the control file of the packages, the documents.
//!
//! A series that differs from those before gets a name in `Kbuild`, and its lines here.

pub(crate) mod errno;
#[cfg(linux_7_2)]
mod hold;
pub(crate) mod mapping;
pub(crate) mod owner;
pub(crate) mod parameter;
pub(crate) mod write_barrier;
