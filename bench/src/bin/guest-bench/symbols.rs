// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses of the kernel's functions, those of modules too.

use anyhow::{Context, Result};
use std::fs;

/// Address and name of each function, by address.
pub fn functions() -> Result<Vec<(u64, String)>> {
    let text = fs::read_to_string("/proc/kallsyms").context("kallsyms")?;
    let mut functions = Vec::new();
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        if let (Some(address), Some("t" | "T" | "w" | "W"), Some(name)) =
            (fields.next(), fields.next(), fields.next())
        {
            let name = fields
                .next()
                .map_or_else(|| name.to_owned(), |module| format!("{name} {module}"));
            functions.push((u64::from_str_radix(address, 16)?, name));
        }
    }
    functions.sort();
    functions.dedup_by_key(|(address, _)| *address);
    Ok(functions)
}
