// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writes the vectors: `make vectors`. With the argument `changes`, prints those with a changed
//! expectation instead, for tests in other languages: a JSON object of lists, by the file's name.

use std::{collections::BTreeMap, error::Error, io, path::Path};

use atomik_vectors::{FILES, change, generate};

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
            for (name, file) in generate::all() {
                std::fs::write(directory.join(name).with_extension("json"), file.text())?;
            }
        }
        Some("changes") => {
            let mut changes = BTreeMap::new();
            for (name, text) in FILES {
                changes.insert(name, change::expectations(&serde_json::from_str(text)?));
            }
            serde_json::to_writer(io::stdout().lock(), &changes)?;
        }
        Some(other) => return Err(format!("unknown argument {other}; there is `changes`").into()),
    }
    Ok(())
}
