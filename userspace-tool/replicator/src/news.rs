// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fmt::Write;

use atomik_replicate::Notice;
use serde_json::{Value, json};

/// The line that tells people of a notice.
pub fn line(notice: &Notice) -> String {
    match notice {
        Notice::Damaged { position, error } => {
            format!("message {position} is damaged, and dropped by all nodes: {error}")
        }
        Notice::Foreign { position, table } => {
            format!("message {position} is of another table, {table:#x}, and is dropped")
        }
        Notice::OutOfRange { position } => {
            format!("message {position} names a node or a context that the table hasn't; dropped")
        }
        Notice::Full { position } => {
            format!("message {position}: a node wants to join, and all numbers are taken")
        }
        Notice::Joined {
            position,
            node,
            name,
        } => format!("message {position}: {name} joined as node {node}"),
        Notice::Removed { position, node } => {
            format!("message {position}: node {node} left, or was removed")
        }
        Notice::Digest {
            node,
            position,
            digest,
        } => format!("node {node} has the digest {} at {position}", hex(digest)),
        Notice::TakenOver { position } => format!("took over the snapshot of {position}"),
    }
}

/// The same as an object.
pub fn object(notice: &Notice) -> Value {
    match notice {
        Notice::Damaged { position, error } => {
            json!({ "news": "damaged", "position": position, "error": error.to_string() })
        }
        Notice::Foreign { position, table } => {
            json!({ "news": "foreign", "position": position, "table": format!("{table:#x}") })
        }
        Notice::OutOfRange { position } => json!({ "news": "out_of_range", "position": position }),
        Notice::Full { position } => json!({ "news": "full", "position": position }),
        Notice::Joined {
            position,
            node,
            name,
        } => {
            json!({ "news": "joined", "position": position, "number": node,
                "node": name.to_string() })
        }
        Notice::Removed { position, node } => {
            json!({ "news": "removed", "position": position, "number": node })
        }
        Notice::Digest {
            node,
            position,
            digest,
        } => {
            json!({ "news": "digest", "position": position, "number": node, "digest": hex(digest) })
        }
        Notice::TakenOver { position } => json!({ "news": "taken_over", "position": position }),
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string doesn't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
