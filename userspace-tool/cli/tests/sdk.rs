// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl sdk`, which needs no device: its outputs, its exit statuses, and what it leaves.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::fcntl::{Flock, FlockArg};
use serde_json::Value;
use tempfile::TempDir;

struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The output, where the status is as expected.
    fn with(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.stdout, self.stderr);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

/// A directory, with the schema Tick.json of `sdk init`.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        place.run("init Finance.Market.Tick").with(0);
        place
    }

    fn run(&self, words: &str) -> Ran {
        self.run_with(words, "")
    }

    fn run_with(&self, words: &str, input: &str) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_atomikctl"))
            .arg("sdk")
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that reads nothing has closed it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Ran {
            status: output.status.code().unwrap(),
            stdout,
            stderr,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The schema, with parts replaced.
    fn changed(&self, changes: &[(&str, &str)]) -> String {
        let mut text = self.read("Tick.json");
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        text
    }
}

#[test]
fn init_writes_a_file_once() {
    let place = Place::new();
    let text = place.read("Tick.json");
    let ran = place.run("init Tick").with(1);
    assert_eq!(
        ran.stderr,
        "atomikctl: Tick.json exists; it stays\nhint: `--out FILE` writes another file\n"
    );
    assert_eq!(place.read("Tick.json"), text);
    let ran = place.run("init Finance.Market.Tick --out -").with(0);
    assert_eq!(ran.stdout, text);
    let ran = place.run("init Tick --out other.json --json").with(0);
    assert_eq!(ran.json()["file"], "other.json");
    place.run("check other.json").with(0);
    for name in ["x-y", "a.b", "Self", "Space.Market.Tick"] {
        let ran = place.run(&format!("init {name}")).with(2);
        assert!(
            ran.stderr.contains("allowed") || ran.stderr.contains("no name"),
            "{}",
            ran.stderr
        );
    }
    place.run("init Tick --out no/such/directory.json").with(1);
}

#[test]
fn check_shows_all_mistakes() {
    let place = Place::new();
    let ran = place.run("check Tick.json").with(0);
    assert_eq!(
        ran.stdout,
        "Tick.json: Finance.Market.Tick 0.1.0, 3 fields\n"
    );
    let wrong = place.changed(&[("\"width\": 8", "\"widht\": 8"), ("\"xor\"", "\"zip\"")]);
    place.write("wrong.json", &wrong);
    let ran = place.run("check Tick.json wrong.json").with(2);
    // One is told of the two files together.
    for part in [
        "--> wrong.json:18:",
        "| ",
        "did you mean `width`?",
        "allowed: none, xor, rle",
        "Finance.Market.Tick",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    assert_eq!(ran.stderr, "atomikctl: 4 mistakes\n");
    let ran = place.run_with("check - --json", &wrong).with(2);
    let found: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|one| one["file"] == "<stdin>"));
    assert!(found.iter().any(|one| one["suggestion"] == "width"
        && one["line"] == 18
        && one["path"] == "schema.delta_fields.flags.widht"));
    assert!(ran.stderr.starts_with("{\"error\":\"3 mistakes\""));
}

#[test]
fn what_is_no_schema() {
    let place = Place::new();
    fs::create_dir(place.path("directory")).unwrap();
    let ran = place.run("check nowhere directory Tick.json").with(2);
    assert!(
        ran.stderr.contains("can't read nowhere: No such file"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("can't read directory: Is a directory"),
        "{}",
        ran.stderr
    );
    assert!(place.run("check - -").with(2).stderr.contains("only one"));
    assert!(
        place
            .run("check /dev/zero")
            .with(2)
            .stderr
            .contains("16 MiB")
    );
    for text in [
        "",
        "{",
        "[1]",
        "\u{feff}",
        "\0",
        "{\"a\": \u{1b}[2J\u{9b}m\"\u{202e}",
    ] {
        for words in [
            "check -",
            "generate - --out new",
            "layout -",
            "diff - Tick.json",
        ] {
            let ran = place.run_with(words, text).with(2);
            let shown = ran.stdout + &ran.stderr;
            assert!(
                !shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']),
                "{shown:?}"
            );
        }
    }
    assert!(!place.path("new").exists());
}

#[test]
fn generate_writes_what_is_missing() {
    let place = Place::new();
    let ran = place.run("generate Tick.json --out new/sdk").with(0);
    for part in [
        "new/sdk/python: ",
        " written, 0 removed, 0 unchanged",
        "pip install new/sdk/python",
        "from atomik.Finance.Market import Tick",
        "#include <atomik/finance/market/tick.h>",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let same = "new/sdk is up to date\n";
    assert_eq!(
        place.run("generate Tick.json --out new/sdk").with(0).stdout,
        same
    );
    assert_eq!(
        place.run("generate Tick.json -o new/sdk -c").with(0).stdout,
        same
    );

    // What only the former schema needed goes, and what people wrote stays.
    place.write("new/sdk/python/mine", "mine");
    let other = place.changed(&[("\"Tick\"", "\"Trade\"")]);
    place.write("Trade.json", &other);
    let ran = place.run("generate Trade.json --out new/sdk").with(0);
    let removed = "  removed: docs/Finance.Market.Tick.md\n";
    assert!(ran.stdout.contains(removed), "{}", ran.stdout);
    assert!(!place.path("new/sdk/docs/Finance.Market.Tick.md").exists());
    assert_eq!(place.read("new/sdk/python/mine"), "mine");

    let ran = place.run("generate - Trade.json --lang c,python --out new/sdk --json");
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    let ran = place
        .run_with(
            "generate - Trade.json --lang c,python --out new/sdk --json",
            &place.read("Tick.json"),
        )
        .with(0);
    let report = ran.json();
    assert_eq!(
        (&report["done"], &report["up_to_date"]),
        (&true.into(), &false.into())
    );
    let package = |name: &str| {
        let packages = report["packages"].as_array().unwrap();
        packages
            .iter()
            .find(|one| one["language"] == name)
            .unwrap()
            .clone()
    };
    assert!(!package("c")["written"].as_array().unwrap().is_empty());
    assert!(!package("docs")["removed"].as_array().unwrap().is_empty());
    assert!(!place.path("new/sdk/docs").exists());
    place.run("generate Tick.json --lang cobol --out x").with(2);
    assert!(!place.path("x").exists());
}

#[test]
fn check_of_a_directory_has_a_status_and_a_list() {
    let place = Place::new();
    let ran = place
        .run("generate Tick.json --out sdk --lang c --check")
        .with(4);
    assert!(
        ran.stdout.contains("  to write: c/README.md\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("sdk is not up to date"),
        "{}",
        ran.stderr
    );
    assert!(!place.path("sdk").exists());
    place.run("generate Tick.json --out sdk --lang c").with(0);
    place
        .run("generate Tick.json --out sdk --lang c --check")
        .with(0);
    // An edited file, a missing one, one of a former schema.
    let before = place.read("sdk/c/README.md");
    place.write("sdk/c/README.md", "edited");
    let ran = place
        .run("generate Tick.json --out sdk --lang c --check")
        .with(4);
    assert!(
        ran.stdout
            .contains("  to write: c/README.md, which was edited or written by others\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(place.read("sdk/c/README.md"), "edited");
    fs::remove_file(place.path("sdk/c/README.md")).unwrap();
    place
        .run("generate Tick.json --out sdk --lang c --check")
        .with(4);
    place.run("generate Tick.json --out sdk --lang c").with(0);
    assert_eq!(place.read("sdk/c/README.md"), before);
    let ran = place
        .run("generate Tick.json --out sdk --lang docs --check --json")
        .with(4);
    assert_eq!(ran.json()["done"], false);
    place
        .run("generate Tick.json --out sdk --lang c --check")
        .with(0);
    place
        .run("generate Tick.json --out sdk --check --force")
        .with(2);
}

#[test]
fn edited_files_stay_without_force() {
    let place = Place::new();
    place.run("generate Tick.json --out sdk").with(0);
    place.write("sdk/c/README.md", "edited");
    place.write("sdk/docs/Finance.Market.Tick.md", "edited");
    let wider = place.changed(&[("\"width\": 8", "\"width\": 16")]);
    place.write("Tick.json", &wider);
    let manifest = place.read("sdk/.atomik-sdk.sha256");
    let ran = place.run("generate Tick.json --out sdk").with(1);
    for path in ["sdk/c/README.md", "sdk/docs/Finance.Market.Tick.md"] {
        assert!(
            ran.stderr
                .contains(&format!("atomikctl: {path} was edited")),
            "{}",
            ran.stderr
        );
    }
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(place.read("sdk/.atomik-sdk.sha256"), manifest);
    let ran = place.run("generate Tick.json --out sdk --force").with(0);
    let told = "  written: c/README.md, which was edited or written by others\n";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    place.run("generate Tick.json --out sdk --check").with(0);
}

#[test]
fn directories_that_can_not_be_written() {
    let place = Place::new();
    place.run("generate Tick.json --out sdk").with(0);
    let flock = Flock::lock(
        File::open(place.path("sdk")).unwrap(),
        FlockArg::LockExclusive,
    );
    let held = flock.map_err(|(_, error)| error).unwrap();
    let ran = place.run("generate Tick.json --out sdk --lang c").with(1);
    assert!(
        ran.stderr.contains("another process writes"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("hint: nothing was done"),
        "{}",
        ran.stderr
    );
    place.run("generate Tick.json --out sdk --check").with(0);
    drop(held);
    // What an interrupted run staged.
    fs::create_dir(place.path("sdk/.atomik-sdk.new")).unwrap();
    place.write("sdk/.atomik-sdk.new/0", "half");
    place.run("generate Tick.json --out sdk --lang c").with(0);
    assert!(!place.path("sdk/.atomik-sdk.new").exists());

    let ran = place.run("generate Tick.json --out Tick.json").with(1);
    assert!(
        ran.stderr.contains("can't write Tick.json"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    let ran = place.run("generate Tick.json --out /proc/self/sdk").with(1);
    assert!(
        ran.stderr.contains("can't write /proc/self/sdk"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_crate_is_found_from_the_package() {
    let place = Place::new();
    fs::create_dir(place.path("atomik")).unwrap();
    let ran = place
        .run("generate Tick.json --out a/sdk --atomik-crate atomik")
        .with(2);
    assert!(
        ran.stderr.contains("it has no Cargo.toml"),
        "{}",
        ran.stderr
    );
    place.write("atomik/Cargo.toml", "");
    place
        .run("generate Tick.json --out a/sdk --atomik-crate atomik")
        .with(0);
    let manifest = place.read("a/sdk/rust/Cargo.toml");
    assert!(
        manifest.contains("path = \"../../../atomik\""),
        "{manifest}"
    );
    let absolute = place.path("atomik").display().to_string();
    place
        .run(&format!(
            "generate Tick.json --out a/sdk --atomik-crate {absolute}"
        ))
        .with(0);
    let manifest = place.read("a/sdk/rust/Cargo.toml");
    assert!(
        manifest.contains(&format!("path = \"{absolute}\"")),
        "{manifest}"
    );
}

#[test]
fn diff_has_a_status_for_each_kind() {
    let place = Place::new();
    let diff = |changes: &[(&str, &str)], options: &str| {
        place.write("new.json", &place.changed(changes));
        place.run(&format!("diff Tick.json new.json {options}"))
    };
    let versioned = ("\"0.1.0\"", "\"0.2.0\"");
    let description = ("What the object is", "A trade");
    let api = ("\"history_depth\": 16", "\"history_depth\": 8");
    let layout = ("\"width\": 8", "\"width\": 16");

    assert!(diff(&[], "").with(0).stdout.contains("nothing differs"));
    assert!(
        diff(&[description], "")
            .with(0)
            .stdout
            .contains("none      catalogue.description")
    );
    assert!(
        diff(&[api], "")
            .with(5)
            .stdout
            .contains("API       schema.operations.rollback")
    );
    let ran = diff(&[api, layout], "").with(6);
    assert!(
        ran.stdout
            .contains("layout    schema.delta_fields.flags.width: 8 became 16\n")
    );
    assert!(
        ran.stdout
            .ends_with("version 0.1.0 stays, where 0.2.0 is asked for\n")
    );
    assert_eq!(
        ran.stderr,
        "atomikctl: the layout breaks\nhint: version 0.2.0 or above says so to users\n"
    );
    diff(&[layout, versioned], "").with(6);

    diff(&[], "--versioned").with(0);
    diff(&[layout, versioned], "--versioned").with(0);
    diff(&[description], "--versioned").with(4);
    let ran = diff(&[layout], "--versioned").with(4);
    assert!(
        ran.stderr.contains("version 0.1.0 is too low"),
        "{}",
        ran.stderr
    );

    let ran = diff(&[layout], "--json").with(6);
    let report = ran.json();
    assert_eq!(
        (&report["breaks"], &report["versioned"]),
        (&"layout".into(), &false.into())
    );
    assert_eq!(
        (&report["old"], &report["needed"]),
        (&"0.1.0".into(), &"0.2.0".into())
    );
    assert_eq!(report["changes"][0]["effect"], "layout");
    assert_eq!(diff(&[], "--json").with(0).json()["breaks"], Value::Null);
    place
        .run_with("diff - Tick.json", &place.read("Tick.json"))
        .with(0);
    place.run("diff Tick.json").with(2);
}

#[test]
fn layout_and_format() {
    let place = Place::new();
    let ran = place.run("layout Tick.json").with(0);
    assert!(
        ran.stdout.contains("Finance.Market.Tick: 3 contexts"),
        "{}",
        ran.stdout
    );
    let report = place.run("layout Tick.json --json").with(0).json();
    assert_eq!(report["contexts"], 3);
    assert_eq!(report["fields"][1]["parts"][0]["context"], 1);
    let format = place.run("schema").with(0).json();
    assert!(format["$schema"].as_str().unwrap().contains("draft-07"));
}

#[test]
fn a_reader_that_has_closed_the_output() {
    let (reader, writer) = nix::unistd::pipe().unwrap();
    drop(reader);
    let mut child = Command::new(env!("CARGO_BIN_EXE_atomikctl"))
        .args(["sdk", "schema"])
        .stdout(writer)
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(141));
}
