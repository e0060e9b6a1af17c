// SPDX-License-Identifier: MIT OR Apache-2.0

//! How the packages are used, in a line or two for each.

use std::collections::BTreeSet;
use std::path::Path;

use atomik_sdk_generator::names::{Places, snake};
use atomik_sdk_generator::{Language, Schema};

/// For the first of the objects. Each package's README has more.
pub fn lines(directory: &Path, schemas: &[Schema], languages: &[Language]) -> Vec<String> {
    let Some(schema) = schemas.first() else {
        return vec![];
    };
    let catalogue = &schema.catalogue;
    let object = &catalogue.object;
    let places = Places::of(&catalogue.vertical, &catalogue.group, object);
    let mut lines = vec![];
    for language in languages {
        let name = language.name();
        let package = directory.join(name);
        let package = package.display();
        let [first, second] = match language {
            Language::Python => [
                format!("pip install {package}"),
                format!("from {} import {object}", places.python),
            ],
            Language::Rust => [
                format!("cargo add --path {package}"),
                format!("use atomik_objects::{};", places.rust),
            ],
            Language::C => [
                format!("cc -I {package}/include ..."),
                format!("#include <{}>", places.c_header),
            ],
            Language::JavaScript => [
                format!(
                    "npm install{}",
                    npm_packages(&directory.join(name), schemas)
                ),
                format!("import {{ {object} }} from '{}'", places.javascript),
            ],
            Language::Verilog => [
                format!("make -C {package} test"),
                format!("module {}", places.verilog),
            ],
            Language::Docs => [
                format!("{package}/{}.md", schema.full_name()),
                "the layout, for people".into(),
            ],
        };
        lines.push(format!("{name:<10}  {first}"));
        lines.push(format!("{:<10}  {second}", ""));
    }
    lines.push("The README.md of a package says more.".into());
    lines
}

/// One for each vertical, with a space before each.
fn npm_packages(directory: &Path, schemas: &[Schema]) -> String {
    let verticals = schemas
        .iter()
        .map(|schema| snake(&schema.catalogue.vertical));
    let verticals: BTreeSet<_> = verticals.collect();
    let packages = verticals.iter().map(|vertical| directory.join(vertical));
    let words: Vec<_> = packages
        .map(|package| format!(" {}", package.display()))
        .collect();
    words.concat()
}
