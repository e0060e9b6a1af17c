// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes the files of vectors from the model, the same each time.

mod batch;
mod context;
mod errors;
mod fingerprint;
mod message;
mod packet;
mod state;
mod stream;
mod table;
mod values;

/// The widths of most kinds: below, at and above the 64 bits of a word.
const WIDTHS: [u32; 9] = [1, 7, 8, 32, 63, 64, 65, 128, 1000];

use crate::format::File;

/// All files, by name.
pub fn all() -> Vec<(&'static str, File)> {
    vec![
        ("context", context::file()),
        ("table", table::file()),
        ("batch", batch::file()),
        ("stream", stream::file()),
        ("state", state::file()),
        ("message", message::file()),
        ("packet", packet::file()),
        ("fingerprint", fingerprint::file()),
        ("ordered_fingerprint", fingerprint::ordered_file()),
        ("errors", errors::file()),
    ]
}
