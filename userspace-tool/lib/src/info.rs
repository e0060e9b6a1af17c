// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Info`]: the driver's version and counters.

use crate::{Backend, Version};

/// The driver's version and counters, from [`Device::info`](crate::Device::info).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The interface's version.
    pub version: Version,
    /// The part that executes the operations.
    pub backend: Backend,
    /// Banks of hardware contexts; 0 for the software backend.
    pub hw_banks: u32,
    /// True where the driver serves fingerprints of user memory. No version does so far.
    pub fp_enabled: bool,
    /// Operations served through ioctls since the module was loaded, for all files together; the
    /// entries of a batch count one by one.
    pub ops_total: u64,
    /// Fingerprint checks served.
    pub fp_checks: u64,
    /// Bytes of user memory that these checks found unchanged.
    pub fp_bytes_saved: u64,
}

impl From<atomik_uapi::Info> for Info {
    fn from(raw: atomik_uapi::Info) -> Self {
        Self {
            version: Version::from_bits(raw.version),
            backend: Backend::from_number(raw.backend),
            hw_banks: raw.hw_banks,
            fp_enabled: raw.fp_enabled != 0,
            ops_total: raw.ops_total,
            fp_checks: raw.fp_checks,
            fp_bytes_saved: raw.fp_bytes_saved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_field() {
        let info = Info::from(atomik_uapi::Info {
            version: atomik_uapi::VERSION,
            backend: 9,
            hw_banks: 2,
            fp_enabled: 1,
            ops_total: u64::MAX,
            fp_checks: 4,
            fp_bytes_saved: 5,
        });
        let expected = Info {
            version: Version::SUPPORTED,
            backend: Backend::Unknown(9),
            hw_banks: 2,
            fp_enabled: true,
            ops_total: u64::MAX,
            fp_checks: 4,
            fp_bytes_saved: 5,
        };
        assert_eq!(info, expected);
        assert_eq!(
            Info::from(atomik_uapi::Info::default()).backend,
            Backend::Software
        );
    }
}
