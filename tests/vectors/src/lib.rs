// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors: the results that the algebra's operations must have, everywhere alike.
//!
//! [`generate`](generate::all) makes the files, of the [format](mod@format), from the [`model`];
//! [`check`](check::check) holds the crate `atomik` to one, with tables in some
//! [`Storage`](check::Storage); and [`change`] makes files that no check may pass.

pub mod change;
pub mod check;
pub mod format;
pub mod generate;
pub mod model;
pub mod readme;

/// The committed files: name and text.
pub const FILES: [(&str, &str); 10] = [
    ("context", include_str!("../context.json")),
    ("table", include_str!("../table.json")),
    ("batch", include_str!("../batch.json")),
    ("stream", include_str!("../stream.json")),
    ("state", include_str!("../state.json")),
    ("message", include_str!("../message.json")),
    ("packet", include_str!("../packet.json")),
    ("fingerprint", include_str!("../fingerprint.json")),
    (
        "ordered_fingerprint",
        include_str!("../ordered_fingerprint.json"),
    ),
    ("errors", include_str!("../errors.json")),
];
