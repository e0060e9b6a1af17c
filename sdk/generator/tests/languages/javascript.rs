// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages of JavaScript.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{directory, schemas, succeeds, test};
use atomik_sdk_generator::output::{Files, write};
use atomik_sdk_generator::{Language, generate};

#[test]
fn vectors() {
    let directory = directory("javascript-tests");
    let files = generate(&schemas(), &[Language::JavaScript]);
    write(&directory, &files, true).unwrap();
    test(Language::JavaScript, &directory).unwrap_or_else(|text| panic!("{text}"));
    // The code is what its comments say to TypeScript.
    let mut check = vec!["tsc", "--strict", "--noEmit", "--allowJs", "--checkJs"];
    check.extend(["--target", "es2022", "--module", "node16"]);
    check.extend(
        files
            .keys()
            .map(String::as_str)
            .filter(|path| path.ends_with(".js") && !path.ends_with(".test.js")),
    );
    succeeds(&directory, &check);
}

/// A program in TypeScript, with the packages where npm would link them.
#[test]
fn user() {
    let directory = directory("javascript-user");
    let files = generate(&schemas(), &[Language::JavaScript]);
    write(&directory, &files, true).unwrap();
    link(&directory);
    fs::write(directory.join("package.json"), r#"{ "type": "module" }"#).unwrap();
    let program = include_str!("javascript/user.ts").to_string() + &imports(&files);
    fs::write(directory.join("user.ts"), program).unwrap();
    let check = ["tsc", "--strict", "--target", "es2022"];
    // As Node finds modules, and as it once did.
    for found in [
        &["--module", "node16"][..],
        &["--moduleResolution", "node", "--noEmit"],
    ] {
        succeeds(&directory, &[&check[..], found, &["user.ts"]].concat());
    }
    succeeds(&directory, &["node", "user.js"]);
    // What each README shows first.
    let readmes = files
        .iter()
        .filter(|(path, _)| path.ends_with("/README.md"));
    for (_, text) in readmes {
        let Some((_, code)) = text.split_once("```js\n") else {
            continue;
        };
        let (code, _) = code.split_once("```").unwrap();
        fs::write(directory.join("readme.js"), code).unwrap();
        succeeds(&directory, &["node", "readme.js"]);
    }
}

/// Each module, so that all types are looked at.
fn imports(files: &Files) -> String {
    let modules = files.keys().filter_map(|path| {
        let path = path.strip_prefix("javascript/")?.strip_suffix(".d.ts")?;
        (!path.contains("/_")).then(|| format!("import '@atomik/{path}';\n"))
    });
    modules.collect()
}

/// What `npm install ./javascript/…` makes.
pub fn link(directory: &Path) {
    let scope = directory.join("node_modules/@atomik");
    fs::create_dir_all(&scope).unwrap();
    for package in fs::read_dir(directory.join("javascript")).unwrap() {
        let package = package.unwrap();
        let to = scope.join(package.file_name());
        if package.path().is_dir() && !to.exists() {
            symlink(package.path(), to).unwrap();
        }
    }
}
