// SPDX-License-Identifier: MIT OR Apache-2.0

//! How the packages are used, in a line or two for each.

use std::path::Path;

use atomik_sdk_generator::names::Places;
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
        let [first, second] = match name {
            "python" => [
                format!("pip install {package}"),
                format!("from {} import {object}", places.python),
            ],
            "rust" => [
                format!("cargo add --path {package}"),
                format!("use atomik_objects::{};", places.rust),
            ],
            "c" => [
                format!("cc -I {package}/include ..."),
                format!("#include <{}>", places.c_header),
            ],
            "javascript" => [
                format!("npm install {package}"),
                format!("import {{ {object} }} from '{}'", places.javascript),
            ],
            "verilog" => [
                format!("make -C {package} test"),
                format!("module {}", places.verilog),
            ],
            _ => [
                format!("{package}/{}.md", schema.full_name()),
                "the layout, for people".into(),
            ],
        };
        lines.push(format!("{name:<10}  {first}"));
        lines.push(format!("{:<10}  {second}", ""));
    }
    lines.push(format!(
        "The README.md in each directory of {} says more.",
        directory.display()
    ));
    lines
}
