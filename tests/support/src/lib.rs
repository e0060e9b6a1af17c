// SPDX-License-Identifier: MIT OR Apache-2.0

//! Parts that several rooms of tests share: the ioctls as they are ([`raw`]), the definition to
//! compare results with ([`model`]), and the surroundings of a test in the guest.

pub mod compat;
pub mod driver;
pub mod fdinfo;
pub mod mapping;
pub mod memory;
pub mod model;
pub mod passing;
pub mod program;
pub mod raw;
pub mod rounds;
pub mod start;
pub mod task;
pub mod terminal;
pub mod tool;
