// SPDX-License-Identifier: MIT OR Apache-2.0
//! install.sh and what DKMS runs, on machines as they should not be: with the real dkms, dpkg and
//! apt of a Debian, but no kernel of it. What needs one is tested in a guest by the scenarios
//! beside this.

mod apt;
mod debian;
mod dkms;
mod kdir;
mod machine;
mod secure_boot;
mod trust;
mod undo;
