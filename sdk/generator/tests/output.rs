// SPDX-License-Identifier: MIT OR Apache-2.0
//! Directories that files are written into.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use atomik_sdk_generator::output::{Files, MANIFEST, WriteError, compare, write, write_in_steps};
use tempfile::TempDir;

fn files(files: &[(&str, &str)]) -> Files {
    files
        .iter()
        .map(|(path, text)| (path.to_string(), text.to_string()))
        .collect()
}

fn not_ours(directory: &Path, files: &Files) -> Vec<String> {
    let before = tree(directory);
    let result = write(directory, files, false);
    assert_eq!(tree(directory), before, "nothing has changed");
    match result {
        Err(WriteError::NotOurs(paths)) => paths,
        other => panic!("{other:?}"),
    }
}

/// All files and their content.
fn tree(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
            let name = entry
                .path()
                .strip_prefix(directory)
                .unwrap()
                .display()
                .to_string();
            found.push((name, fs::read_to_string(entry.path()).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

fn names(directory: &Path) -> Vec<String> {
    tree(directory).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn files_come_and_go() {
    let temporary = TempDir::new().unwrap();
    let directory = &temporary.path().join("new/directory");
    let first = files(&[("a/b/one", "1"), ("a/two", "2"), ("three", "3")]);
    assert!(!compare(directory, &first).unwrap().is_up_to_date());
    assert!(!directory.exists());
    let changes = write(directory, &first, false).unwrap();
    assert_eq!(changes.written, ["a/b/one", "a/two", "three"]);
    assert!(compare(directory, &first).unwrap().is_up_to_date());
    let before = tree(directory);
    assert!(write(directory, &first, false).unwrap().is_up_to_date());
    assert_eq!(tree(directory), before);

    fs::write(directory.join("mine"), "mine").unwrap();
    let second = files(&[("a/two", "2"), ("three", "33"), ("four", "4")]);
    let changes = compare(directory, &second).unwrap();
    assert_eq!(
        (&changes.written[..], &changes.removed[..]),
        (
            &["four".to_string(), "three".into()][..],
            &["a/b/one".to_string()][..]
        )
    );
    assert_eq!(write(directory, &second, false).unwrap(), changes);
    assert_eq!(
        names(directory),
        [MANIFEST, "a", "a/two", "four", "mine", "three"]
    );
    assert_eq!(fs::read_to_string(directory.join("three")).unwrap(), "33");
    assert_eq!(fs::read_to_string(directory.join("mine")).unwrap(), "mine");

    write(directory, &files(&[]), false).unwrap();
    assert_eq!(names(directory), [MANIFEST, "mine"]);
}

#[test]
fn the_manifest_is_that_of_sha256sum() {
    let temporary = TempDir::new().unwrap();
    write(temporary.path(), &files(&[("a", "abc")]), false).unwrap();
    assert_eq!(
        fs::read_to_string(temporary.path().join(MANIFEST)).unwrap(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n"
    );
}

#[test]
fn files_of_people_stay() {
    let temporary = TempDir::new().unwrap();
    let directory = temporary.path();
    fs::write(directory.join("one"), "mine").unwrap();
    fs::write(directory.join("same"), "s").unwrap();
    let first = files(&[("one", "1"), ("same", "s"), ("two", "2"), ("three", "3")]);
    assert_eq!(not_ours(directory, &first), ["one"]);
    write(directory, &first, true).unwrap();
    assert_eq!(fs::read_to_string(directory.join("one")).unwrap(), "1");

    // Edited: neither overwritten nor removed.
    fs::write(directory.join("two"), "edited").unwrap();
    fs::write(directory.join("three"), "edited").unwrap();
    assert!(!compare(directory, &first).unwrap().is_up_to_date());
    let second = files(&[("one", "1"), ("same", "s"), ("two", "22")]);
    assert_eq!(not_ours(directory, &second), ["two", "three"]);
    // Deleted, or edited to what is to be written, is no matter.
    fs::remove_file(directory.join("three")).unwrap();
    fs::write(directory.join("two"), "22").unwrap();
    write(directory, &second, false).unwrap();
    assert_eq!(names(directory), [MANIFEST, "one", "same", "two"]);
}

#[test]
fn links_and_directories_in_the_way() {
    let temporary = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    let directory = temporary.path();
    fs::write(outside.path().join("file"), "outside").unwrap();
    symlink(outside.path().join("file"), directory.join("link")).unwrap();
    symlink(outside.path(), directory.join("linked")).unwrap();
    fs::create_dir(directory.join("empty")).unwrap();
    fs::write(directory.join("file"), "mine").unwrap();
    let new = files(&[
        ("link", "1"),
        ("linked/new", "2"),
        ("empty", "3"),
        ("file/below", "4"),
    ]);
    assert_eq!(
        not_ours(directory, &new),
        ["empty", "file/below", "link", "linked/new"]
    );
    write(directory, &new, true).unwrap();
    assert!(compare(directory, &new).unwrap().is_up_to_date());
    // Nothing went through a link.
    assert_eq!(
        tree(outside.path()),
        [("file".to_string(), "outside".to_string())]
    );
}

#[test]
fn nothing_is_removed_behind_a_link() {
    let temporary = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    let directory = temporary.path();
    write(directory, &files(&[("a/one", "1")]), false).unwrap();
    fs::remove_file(directory.join("a/one")).unwrap();
    fs::remove_dir(directory.join("a")).unwrap();
    fs::write(outside.path().join("one"), "1").unwrap();
    symlink(outside.path(), directory.join("a")).unwrap();
    assert_eq!(not_ours(directory, &files(&[])), ["a/one"]);
    write(directory, &files(&[]), true).unwrap();
    assert!(outside.path().join("one").exists());
}

#[test]
fn a_manifest_that_leads_outside() {
    let temporary = TempDir::new().unwrap();
    let directory = &temporary.path().join("in");
    fs::create_dir(directory).unwrap();
    fs::write(temporary.path().join("out"), "abc").unwrap();
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let absolute = temporary.path().join("out");
    let text = format!(
        "{digest}  ../out\n{digest}  {}\nrubbish\n\n{digest}  \n",
        absolute.display()
    );
    fs::write(directory.join(MANIFEST), text).unwrap();
    assert_eq!(compare(directory, &files(&[])).unwrap().removed, [""; 0]);
    write(directory, &files(&[("a", "1")]), true).unwrap();
    assert_eq!(
        fs::read_to_string(temporary.path().join("out")).unwrap(),
        "abc"
    );
}

/// What a killed run leaves: a manifest of old and new, and some files of each.
#[test]
fn a_run_that_was_killed() {
    let temporary = TempDir::new().unwrap();
    let directory = temporary.path();
    let manifest = || fs::read_to_string(directory.join(MANIFEST)).unwrap();
    write(
        directory,
        &files(&[("a", "1"), ("b", "1"), ("gone", "1")]),
        false,
    )
    .unwrap();
    let old = manifest();
    write(directory, &files(&[("a", "2"), ("b", "2")]), false).unwrap();
    fs::write(directory.join(MANIFEST), old + &manifest()).unwrap();
    fs::write(directory.join("a"), "1").unwrap();
    fs::write(directory.join("gone"), "1").unwrap();
    let third = files(&[("a", "3"), ("b", "3")]);
    assert!(compare(directory, &third).unwrap().not_ours.is_empty());
    write(directory, &third, false).unwrap();
    assert_eq!(names(directory), [MANIFEST, "a", "b"]);
    assert_eq!(manifest().lines().count(), 2);
}

#[test]
fn a_directory_that_can_not_be_written() {
    let temporary = TempDir::new().unwrap();
    let directory = &temporary.path().join("file");
    fs::write(directory, "mine").unwrap();
    assert!(write(directory, &files(&[("a", "1")]), true).is_err());
    assert_eq!(fs::read_to_string(directory).unwrap(), "mine");
}

/// A directory and everything below it, at another place.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path()).unwrap(), to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A directory of a former schema, in which much is to be done, and the new files. With force there
/// are files of people in the way, too.
fn much_to_do(directory: &Path, force: bool) -> Files {
    let old = files(&[("a/b/c/gone", "1"), ("a/changed", "1"), ("same", "1")]);
    write(directory, &old, false).unwrap();
    fs::write(directory.join("mine"), "mine").unwrap();
    if force {
        fs::write(directory.join("new"), "1").unwrap();
        fs::create_dir(directory.join("file")).unwrap();
    }
    files(&[
        ("a/changed", "2"),
        ("file", "2"),
        ("new/directory/one", "2"),
        ("same", "1"),
    ])
}

/// The directory is that of the new files, and nothing is left besides.
fn is_done(directory: &Path, new: &Files) {
    assert!(compare(directory, new).unwrap().is_up_to_date());
    assert_eq!(fs::read_to_string(directory.join("mine")).unwrap(), "mine");
    let expected = [
        MANIFEST,
        "a",
        "a/changed",
        "file",
        "mine",
        "new",
        "new/directory",
        "new/directory/one",
        "same",
    ];
    assert_eq!(names(directory), expected);
}

/// What a kill leaves before each change of the disk: the next run does the rest, without force.
/// Each file is the old one or the new one.
#[test]
fn killed_before_each_step() {
    for force in [false, true] {
        let temporary = TempDir::new().unwrap();
        let directory = &temporary.path().join("directory");
        let new = much_to_do(directory, force);
        let mut states = Vec::new();
        write_in_steps(directory, &new, force, &mut || {
            let state = temporary.path().join(states.len().to_string());
            copy(directory, &state);
            states.push(state);
            Ok(())
        })
        .unwrap();
        is_done(directory, &new);
        assert!(states.len() > 15, "{}", states.len());
        for state in states {
            for (path, content) in tree(&state) {
                let staged = path.starts_with(".atomik-sdk.");
                let whole = ["", "1", "2", "mine"].contains(&content.as_str());
                assert!(staged || whole, "{path}: {content}");
            }
            write(&state, &new, force).unwrap();
            is_done(&state, &new);
        }
    }
}

#[test]
fn each_step_fails() {
    for force in [false, true] {
        for step in 0.. {
            let temporary = TempDir::new().unwrap();
            let directory = &temporary.path().join("directory");
            let new = much_to_do(directory, force);
            let before = tree(directory);
            let mut steps = 0;
            let result = write_in_steps(directory, &new, force, &mut || {
                steps += 1;
                match steps == step + 1 {
                    true => Err(ErrorKind::StorageFull.into()),
                    false => Ok(()),
                }
            });
            let Err(error) = result else {
                assert!(steps == step && step > 15, "{step}");
                break;
            };
            assert!(error.to_string().contains("directory"), "{error}");
            // Seven steps stage the files. Before the first one takes its place, nothing has
            // changed.
            if step < 7 {
                assert_eq!(tree(directory), before, "{step}");
            }
            write(directory, &new, force).unwrap();
            is_done(directory, &new);
        }
    }
}

#[test]
fn one_at_a_time() {
    let temporary = TempDir::new().unwrap();
    let directory = temporary.path();
    let new = files(&[("a", "1")]);
    let mut refused = 0;
    write_in_steps(directory, &new, false, &mut || {
        // Also one that would change nothing, or that overwrites all.
        for force in [false, true] {
            let result = write(directory, &files(&[("a", "2")]), force);
            assert!(matches!(result, Err(WriteError::Busy)), "{result:?}");
            refused += 1;
        }
        Ok(())
    })
    .unwrap();
    assert!(refused > 8, "{refused}");
    assert_eq!(fs::read_to_string(directory.join("a")).unwrap(), "1");
    assert_eq!(names(directory), [MANIFEST, "a"]);
    write(directory, &files(&[("a", "2")]), false).unwrap();
}

/// Force removes what is in the way, but no directory that has something in it; and it looks before
/// it changes anything.
#[test]
fn directories_of_people_stay() {
    let temporary = TempDir::new().unwrap();
    let directory = temporary.path();
    write(
        directory,
        &files(&[("gone", "1"), ("a/b/ours", "1")]),
        false,
    )
    .unwrap();
    fs::remove_file(directory.join("gone")).unwrap();
    fs::create_dir_all(directory.join("gone/empty")).unwrap();
    let before = tree(directory);
    let write = |new| write_by_force(directory, new);
    assert!(write(&[("z", "2")]).contains("gone"));
    fs::remove_dir(directory.join("gone/empty")).unwrap();
    fs::create_dir_all(directory.join("a/b/mine")).unwrap();
    assert!(write(&[("a", "2")]).contains("/a"));
    assert_eq!(before.len(), tree(directory).len());
    fs::remove_dir(directory.join("a/b/mine")).unwrap();
    assert_eq!(write(&[("a", "2")]), "");
    assert_eq!(names(directory), [MANIFEST, "a"]);
}

/// The error, or nothing.
fn write_by_force(directory: &Path, new: &[(&str, &str)]) -> String {
    match write(directory, &files(new), true) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// What a killed run has staged is removed, also where there is nothing else to do. A link of that
/// name is no directory of ours.
#[test]
fn staged_files_of_a_killed_run() {
    let temporary = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    let directory = temporary.path();
    let new = files(&[("a", "1")]);
    write(directory, &new, false).unwrap();
    let staging = directory.join(".atomik-sdk.new");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("0"), "x").unwrap();
    assert!(write(directory, &new, false).unwrap().is_up_to_date());
    assert_eq!(names(directory), [MANIFEST, "a"]);
    fs::write(outside.path().join("0"), "outside").unwrap();
    symlink(outside.path(), &staging).unwrap();
    write(directory, &files(&[("a", "2")]), false).unwrap();
    assert_eq!(names(directory), [MANIFEST, "a"]);
    assert_eq!(names(outside.path()), ["0"]);
}
