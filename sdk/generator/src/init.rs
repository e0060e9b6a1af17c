// SPDX-License-Identifier: MIT OR Apache-2.0
//! A schema to begin with.

use crate::problem::quoted;

/// A commented schema of the object `name`, such as `Video.Stream.H264Delta` or only `H264Delta`,
/// or what is wrong with the name.
pub fn init(name: &str) -> Result<String, String> {
    let parts: Vec<&str> = name.split('.').collect();
    let no_name = || format!("{} is no name such as Video.Stream.H264Delta", quoted(name));
    let (vertical, group, object) = match parts[..] {
        [vertical, group, object] => (vertical, group, object),
        [object] => ("System", "Example", object),
        _ => return Err(no_name()),
    };
    let text = TEMPLATE
        .replace("@VERTICAL@", vertical)
        .replace("@GROUP@", group)
        .replace("@OBJECT@", object);
    let source = crate::Source::new("schema.json", text.as_str());
    match crate::check(&[source]) {
        // A quote in the name begins another key.
        Ok(schemas) => match schemas[0].full_name() == [vertical, group, object].join(".") {
            true => Ok(text),
            false => Err(no_name()),
        },
        Err(problems) => {
            let problem = &problems[0];
            let allowed = problem.allowed.as_deref().unwrap_or("another name");
            Err(format!("{}; allowed: {allowed}", problem.message))
        }
    }
}

const TEMPLATE: &str = include_str!("init/schema.json");
