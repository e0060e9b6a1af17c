// SPDX-License-Identifier: MIT OR Apache-2.0

//! Parts of the tests of `atomik_core.h`: the vectors as [`Arrays`] in C, for `programs/vectors.c`,
//! and the README's lines as a program.

mod arrays;
mod readme;

pub use arrays::Arrays;
pub use readme::readme_program;
