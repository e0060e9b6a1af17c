// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors: what the algebra's operations must result in, everywhere alike.
//!
//! [`generate`](generate::all) makes the files, of the [format](mod@format), from the [`model`], and [`run`](run::run) runs one against the
//! crate `atomik`, in a [`Place`](run::Place).

pub mod format;
pub mod generate;
pub mod model;
pub mod readme;
pub mod run;
pub mod spoil;

/// The committed files: name and text.
pub const FILES: [(&str, &str); 8] = [
    ("context", include_str!("../context.json")),
    ("table", include_str!("../table.json")),
    ("batch", include_str!("../batch.json")),
    ("stream", include_str!("../stream.json")),
    ("message", include_str!("../message.json")),
    ("fingerprint", include_str!("../fingerprint.json")),
    (
        "ordered_fingerprint",
        include_str!("../ordered_fingerprint.json"),
    ),
    ("errors", include_str!("../errors.json")),
];
