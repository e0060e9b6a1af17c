// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writes the vectors: `make vectors`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in atomik_vectors::generate::all() {
        std::fs::write(directory.join(name).with_extension("json"), text)?;
    }
    Ok(())
}
