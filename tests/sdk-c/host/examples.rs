// SPDX-License-Identifier: MIT OR Apache-2.0

//! The README shows the examples, and the output that each has.

use crate::compile::{BUILDS, output, run, sdk};
use std::fs;

/// In the order of the README. These don't need the device.
const EXAMPLES: &[&str] = &["hello", "conditions", "consistent", "parity"];
/// This does, and comes last.
const ON_DEVICE: &str = "watch";

/// The blocks of a language in a text, without the fences.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect()
}

#[test]
fn the_readme_shows_the_examples_and_what_they_print() {
    let readme = fs::read_to_string(sdk().join("README.md")).unwrap();
    let prints = blocks(&readme, "text");
    let count = EXAMPLES.len() + 1;
    assert_eq!(prints.len(), count);
    let examples = sdk().join("examples");
    assert_eq!(fs::read_dir(&examples).unwrap().count(), count);
    for (&name, prints) in EXAMPLES.iter().chain([&ON_DEVICE]).zip(prints) {
        let example = examples.join(name).with_extension("c");
        let source = fs::read_to_string(&example).unwrap();
        let (licence, code) = source.split_once('\n').unwrap();
        assert!(licence.contains("SPDX"));
        assert!(blocks(&readme, "c").contains(&code), "{name}");
        for build in BUILDS {
            let program = build.link(&["-O2"], &[&example]);
            if name == ON_DEVICE {
                fs::remove_file(program).unwrap();
            } else {
                assert_eq!(run(&program), prints, "{name} {build:?}");
            }
        }
        // The one line that differs on the device.
        let lines = code.matches("atomik_table_init(&table, 256)").count();
        assert_eq!(lines, usize::from(name != ON_DEVICE));
    }
    assert!(
        readme.contains(
            "`atomik_table_open(&table, 256)` instead of `atomik_table_init(&table, 256)`"
        )
    );
}

#[test]
fn the_block_of_the_sdks_readme_runs() {
    let readme = fs::read_to_string(sdk().join("../README.md")).unwrap();
    let source = output("readme.c");
    fs::write(&source, atomik_sdk_c::readme_program(&readme).unwrap()).unwrap();
    for build in BUILDS {
        assert_eq!(run(&build.link(&[], &[&source])), "", "{build:?}");
    }
    let wrong = fs::read_to_string(&source)
        .unwrap()
        .replace("0xCAFEBA41", "0xCAFEBA40");
    fs::write(&source, wrong).unwrap();
    let program = BUILDS[0].link(&[], &[&source]);
    let said = std::process::Command::new(&program).output().unwrap();
    assert!(!said.status.success(), "its assertions are looked at");
    for file in [source, program] {
        fs::remove_file(file).unwrap();
    }
}
