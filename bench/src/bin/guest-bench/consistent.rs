// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads of several states of a mapped table as of one moment, by the crate.

use crate::block::Case;
use crate::peers::TOGETHER;
use anyhow::Result;
use atomik::{Device, Table, TableView};
use std::hint::black_box;

pub fn all(calls: u32) -> Result<Vec<Case>> {
    let contexts = 4096;
    // To the end of the program, as is its view.
    let table: &'static Table = Box::leak(Box::new(Device::open()?.create_table(contexts)?));
    let view: &'static TableView = Box::leak(Box::new(table.view()?));
    let case = |count: usize| {
        let addrs: Vec<u32> = (0..count as u32).collect();
        let mut out = vec![0; count];
        Case::new(format!("consistent/read/{count}"), calls, 1, move |_| {
            let read = view.read_consistent(black_box(&addrs), &mut out);
            read.expect("a consistent read");
            black_box(&mut out);
        })
    };
    Ok(TOGETHER.map(case).into())
}
