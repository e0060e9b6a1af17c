// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages of code, in memory.

use crate::languages;
use crate::output::Files;
use crate::schema::Schema;
use crate::vectors::Vectors;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    Python,
    Rust,
    C,
    JavaScript,
    Verilog,
    /// Pages in Markdown.
    Docs,
}

impl Language {
    pub const ALL: [Language; 6] = [
        Language::Python,
        Language::Rust,
        Language::C,
        Language::JavaScript,
        Language::Verilog,
        Language::Docs,
    ];

    /// The name, and the directory of the package.
    pub fn name(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Rust => "rust",
            Language::C => "c",
            Language::JavaScript => "javascript",
            Language::Verilog => "verilog",
            Language::Docs => "docs",
        }
    }

    pub fn of(name: &str) -> Option<Language> {
        Language::ALL
            .into_iter()
            .find(|language| language.name() == name)
    }
}

/// What is generated. A list of languages is one, too: `generate(&schemas, &[Language::C])`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub languages: Vec<Language>,
    /// Directory of the crate `atomik`, for Cargo to find. Where it isn't absolute, it is from the
    /// Rust package's directory. Without it that package has no feature `device`.
    pub atomik_crate: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options::from(&Language::ALL)
    }
}

impl<const N: usize> From<&[Language; N]> for Options {
    fn from(languages: &[Language; N]) -> Self {
        Options {
            languages: languages.to_vec(),
            atomik_crate: None,
        }
    }
}

/// The files of one package in each language, always the same for the same schemas in any order.
pub fn generate(schemas: &[Schema], options: impl Into<Options>) -> Files {
    let vectors: Vec<_> = schemas.iter().map(Vectors::of).collect();
    generate_with(schemas, &vectors, options)
}

/// The same, with vectors of the caller's: one for each schema, in the same order.
pub fn generate_with(
    schemas: &[Schema],
    vectors: &[Vectors],
    options: impl Into<Options>,
) -> Files {
    let options = options.into();
    let mut objects: Vec<_> = schemas
        .iter()
        .zip(vectors)
        .map(|(schema, vectors)| Object { schema, vectors })
        .collect();
    objects.sort_by_key(|object| object.schema.full_name());
    let mut files = Files::new();
    for &language in &options.languages {
        let package = match language {
            Language::Python => languages::python::package(&objects),
            Language::Rust => languages::rust::package(&objects, options.atomik_crate.as_deref()),
            Language::C => languages::c::package(&objects),
            Language::JavaScript => languages::javascript::package(&objects),
            Language::Verilog => languages::verilog::package(&objects),
            Language::Docs => languages::docs::package(&objects),
        };
        let inside = |(path, text)| (format!("{}/{path}", language.name()), text);
        files.extend(package.into_iter().map(inside));
    }
    files
}

/// A schema, and the vectors of its tests.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a> {
    pub schema: &'a Schema,
    pub vectors: &'a Vectors,
}
