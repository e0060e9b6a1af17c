// SPDX-License-Identifier: MIT OR Apache-2.0
//! Schemas of objects, and code for them in several languages.

mod check;
mod diff;
pub mod encoding;
mod escape;
mod format;
mod generate;
mod init;
mod json;
mod json_schema;
mod languages;
mod layout;
pub mod message;
pub mod names;
pub mod output;
mod problem;
pub mod reference;
mod reserved;
pub mod schema;
mod source;
pub mod vectors;

pub use check::check;
pub use diff::{Change, Diff, Effect, diff};
pub use generate::{Language, Options, generate, generate_with};
pub use init::init;
pub use json_schema::json_schema;
pub use layout::{Layout, Part, Place};
pub use problem::Problem;
pub use schema::Schema;
pub use source::{MAX_BYTES, Source};
