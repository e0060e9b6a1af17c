// SPDX-License-Identifier: MIT OR Apache-2.0

//! The instrumented blocks of the module, to tell how many are covered and which are not.

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SymbolKind};
use std::{fs, path::Path};

/// The function that the compiler calls in each block.
const HOOK: &str = "__sanitizer_cov_trace_pc";
/// Distance from the operand of the call to the return address, which is recorded.
const OPERAND: u64 = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// In the section `.text`.
    pub offset: u64,
    pub function: String,
}

/// The blocks of the module at `path`, in order.
pub fn of(path: &Path) -> Result<Vec<Block>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let file = object::File::parse(&*bytes)?;
    let text = file.section_by_name(".text").context("no .text")?;
    let mut functions: Vec<(u64, String)> = file
        .symbols()
        .filter(|symbol| {
            symbol.kind() == SymbolKind::Text && symbol.section_index() == Some(text.index())
        })
        .map(|symbol| {
            let name = symbol.name().unwrap_or("?");
            (
                symbol.address(),
                format!("{:#}", rustc_demangle::demangle(name)),
            )
        })
        .collect();
    functions.sort();
    let mut blocks = Vec::new();
    for (offset, relocation) in text.relocations() {
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            continue;
        };
        if file.symbol_by_index(symbol)?.name() != Ok(HOOK) {
            continue;
        }
        let after = functions.partition_point(|(start, _)| *start <= offset);
        let function = after
            .checked_sub(1)
            .map_or("?", |function| &functions[function].1);
        blocks.push(Block {
            offset: offset + OPERAND,
            function: function.to_owned(),
        });
    }
    blocks.sort_by_key(|block| block.offset);
    Ok(blocks)
}
