// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules of Verilog.

use super::{directory, schemas};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, generate};

#[test]
fn vectors() {
    let directory = directory("verilog-tests");
    write(&directory, &generate(&schemas(), &[Language::Verilog]), true).unwrap();
}
