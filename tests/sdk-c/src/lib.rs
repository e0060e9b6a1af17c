// SPDX-License-Identifier: MIT OR Apache-2.0

//! The vectors, for programs in C: each case becomes lines for `programs/runner.c` to execute, with what it must answer.

mod change;
mod place;
mod readme;
mod script;

pub use change::{Wrong, wrong};
pub use place::Place;
pub use readme::readme_program;
pub use script::{Exchange, Script};
