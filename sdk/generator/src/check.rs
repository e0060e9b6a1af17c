// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes of schemas, all at once, and the schemas that have none.

mod across;
mod cross;
mod number;
mod read;
mod walk;

use crate::json::{Value, without_comments};
use crate::problem::{Path, Problem};
use crate::schema::Schema;
use crate::source::{MAX_BYTES, Source};

/// The schemas of all sources, in their order, or all mistakes, by source and place.
pub fn check(sources: &[Source]) -> Result<Vec<Schema>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut drafts = Vec::new();
    for source in sources {
        let mut found = Vec::new();
        let draft = check_one(source, &mut found);
        found.extend(across::check(source, draft.as_ref(), &drafts));
        Problem::locate(&mut found, source);
        problems.append(&mut found);
        drafts.push((source, draft));
    }
    if problems.is_empty() {
        return Ok(drafts
            .into_iter()
            .filter_map(|(_, draft)| draft?.schema)
            .collect());
    }
    Err(problems)
}

/// What is known of a schema that may have mistakes.
struct Draft {
    schema: Option<Schema>,
    names: Option<across::Names>,
}

fn check_one(source: &Source, problems: &mut Vec<Problem>) -> Option<Draft> {
    let whole = Path::default();
    let mut refuse = |at: usize, message: String| {
        problems.push(Problem::new(source, at..at + 1, &whole, message));
    };
    if source.text.len() > MAX_BYTES {
        refuse(
            0,
            format!(
                "a schema has at most {MAX_BYTES} bytes, this file has {}",
                source.text.len()
            ),
        );
        return None;
    }
    let text = &without_comments(&source.text);
    if text.trim().is_empty() {
        refuse(0, "the file is empty; a schema is a JSON object".into());
        return None;
    }
    let root = match Value::parse(text) {
        Ok(root) => root,
        Err(error) => {
            refuse(error.at, format!("this is no JSON: {}", error.message));
            return None;
        }
    };
    let mut found = Vec::new();
    let mut walk = walk::Walk {
        source,
        problems: &mut found,
    };
    let tree = walk
        .value(&crate::format::FORMAT, root, &whole)
        .unwrap_or_default();
    cross::check(source, &tree, &mut found);
    let names = across::Names::of(&tree);
    found.extend(names.as_ref().and_then(|names| names.ours(source)));
    let right = found.is_empty();
    problems.append(&mut found);
    Some(Draft {
        schema: right.then(|| read::schema(&tree)).flatten(),
        names,
    })
}
