// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl snapshot` and `restore`, and the files between them.

use atomik::{Context, Device, Error, snapshot::Snapshot};
use atomik_test_support::tool::Tool;
use std::{
    fs::{self, Permissions},
    os::unix::{
        self,
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
    },
};

fn tool() -> Tool {
    let tool = Tool::with_session();
    tool.run("-s s create 16").ok();
    tool.run("-s s load 0..15 0xf0").ok();
    tool.run("-s s accum 3 0x0f").ok();
    tool
}

#[test]
fn there_and_back() {
    let tool = tool();
    let dump = tool.run("-s s dump").ok();
    let (printed, said) = tool.run("-s s snapshot a.atomik").said();
    assert_eq!(
        (printed.as_str(), said.as_str()),
        ("", "atomikctl: 16 contexts of table 1 in a.atomik\n")
    );
    let json: serde_json::Value =
        serde_json::from_str(&tool.run("-s s --json snapshot a.atomik").ok()).unwrap();
    let expected = serde_json::json!({"table": 1, "contexts": 16, "file": "a.atomik"});
    assert_eq!(json, expected);
    let mode = fs::metadata(tool.directory().join("a.atomik"))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    tool.run("-s s load .. 1").ok();
    assert_eq!(tool.run("-s s restore a.atomik").ok(), "table 1\n");
    assert_eq!(tool.run("-s s dump").ok(), dump);
    // Restored into another session, as a new table.
    tool.run("session start other").ok();
    tool.run("-s other restore a.atomik")
        .failed(1, &["this open file has no table yet", "restore --create"]);
    assert_eq!(
        tool.run("-s other restore --create a.atomik").ok(),
        "table 1\n"
    );
    assert_eq!(tool.run("-s other dump").ok(), dump);
    // Through a pipe.
    let script = "set -o pipefail; atomikctl -s s load 0 9; \
        atomikctl -s s snapshot - | atomikctl -s other restore - && atomikctl -s other read 0 -f dec";
    assert_eq!(tool.shell(script).ok(), "table 1\n9\n");
}

#[test]
fn what_is_damaged_or_foreign_changes_nothing() {
    let tool = tool();
    tool.run("-s s snapshot a").said();
    tool.run("-s s load 0 5").ok();
    let dump = tool.run("-s s dump").ok();
    let path = tool.directory().join("a");
    let whole = fs::read(&path).unwrap();
    let damaged = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, said) in [
        (damaged(40), "damaged: its checksum is wrong"),
        (damaged(0), "not a snapshot file"),
        (damaged(9), "version 257"),
        (damaged(12), "damaged"),
        (whole[..100].to_vec(), "ends too early"),
        (b"op,addr,value\n".to_vec(), "not a snapshot file"),
        (vec![], "not a snapshot file"),
    ] {
        fs::write(&path, bytes).unwrap();
        tool.run("-s s restore a").failed(1, &["a: ", said]);
        tool.run("-s s restore --create a").failed(1, &[said]);
    }
    tool.run("-s s restore /nowhere")
        .failed(1, &["can't access /nowhere"]);
    assert_eq!(tool.run("-s s dump").ok(), dump);
    assert_eq!(tool.run("-s s list").ok().lines().count(), 2);
}

#[test]
fn tables_of_another_size_are_refused() {
    let tool = tool();
    tool.run("-s s snapshot a").said();
    tool.run("-s s create 17").ok();
    tool.run("-s s -t 2 restore a").failed(
        1,
        &[
            "the snapshot has 16 contexts, and the table 17",
            "`restore --create` makes",
        ],
    );
}

#[test]
fn differences() {
    let tool = tool();
    tool.run("-s s snapshot a.atomik").said();
    assert_eq!(tool.run("-s s diff a.atomik").ok(), "");
    assert_eq!(tool.run("diff a.atomik a.atomik").ok(), "");
    tool.run("-s s accum 5 0xff").ok();
    tool.run("-s s swap 3").ok();
    tool.run("-s s snapshot b.atomik").said();

    let differ = |words: &str, expected: &str| {
        let ran = tool.run(words);
        let found = (ran.status, ran.stdout.as_str(), ran.stderr.as_str());
        assert_eq!(found, (1, expected, ""), "{words}");
    };
    let changed = "5 0x00000000000000f0 0x000000000000000f\n";
    differ("-s s diff a.atomik", changed);
    differ("diff a.atomik b.atomik", changed);
    differ("diff b.atomik a.atomik -f dec", "5 15 240\n");
    let both = format!("3 0x00000000000000ff 0x00000000000000ff\n{changed}");
    differ("diff --references a.atomik b.atomik", &both);
    let json = "{\"addr\":5,\"before\":\"0x00000000000000f0\",\"value\":15,\
        \"hex\":\"0x000000000000000f\",\"delta\":255,\"delta_hex\":\"0x00000000000000ff\"}\n";
    differ("--json diff a.atomik b.atomik", json);
    let script = "atomikctl -s s snapshot - | atomikctl diff - b.atomik";
    assert_eq!(tool.shell(script).ok(), "");

    // Trouble has another status.
    tool.run("-s s create 4").ok();
    tool.run("-s s diff a.atomik -t 2")
        .failed(2, &["the first has 16 contexts, and the second 4"]);
    tool.run("diff a.atomik none").failed(2, &["none"]);
    tool.run("diff - -").failed(2, &["standard input"]);
    tool.run("-s s diff a.atomik")
        .failed(2, &["choose one with -t ID"]);
    tool.run("-s s diff a.atomik b.atomik")
        .failed(2, &["a table"]);
}

#[test]
fn a_file_that_cannot_be_written() {
    let tool = tool();
    tool.run("-s s snapshot /nowhere/a")
        .failed(1, &["can't access /nowhere/a"]);
    tool.run("-s s snapshot /proc/a")
        .failed(1, &["can't access /proc/a"]);
}

/// Only a regular file is replaced. Any other takes the bytes.
#[test]
fn devices_and_pipes_stay() {
    let tool = tool();
    let path = |name| tool.directory().join(name);
    unix::fs::symlink("/dev/null", path("link")).unwrap();
    for name in ["/dev/null", "link"] {
        tool.run(&format!("-s s snapshot {name}")).said();
    }
    tool.run("-s s snapshot /dev/full")
        .failed(1, &["can't access /dev/full", "No space left"]);
    for name in ["/dev/null", "/dev/full"] {
        let kind = fs::metadata(name).unwrap().file_type();
        assert!(kind.is_char_device(), "{name}");
    }
    assert!(path("link").is_symlink());
    tool.run("-s s snapshot .").failed(1, &["directory"]);
    let script = "mkfifo pipe; atomikctl -s s restore pipe & atomikctl -s s snapshot pipe; wait $!";
    let (printed, _) = tool.shell(script).said();
    assert_eq!(printed, "table 1\n");
    assert!(fs::metadata(path("pipe")).unwrap().file_type().is_fifo());
    // The only other file is the directory of the sockets.
    assert_eq!(fs::read_dir(tool.directory()).unwrap().count(), 3);
}

/// The new file has the owner and mode of the old one, and its path.
#[test]
fn a_replaced_file_keeps_what_it_had() {
    let tool = tool();
    let path = |name| tool.directory().join(name);
    fs::create_dir(path("sub")).unwrap();
    fs::write(path("sub/file"), "old").unwrap();
    unix::fs::chown(path("sub/file"), Some(65534), Some(65533)).unwrap();
    fs::set_permissions(path("sub/file"), Permissions::from_mode(0o640)).unwrap();
    unix::fs::symlink("sub/file", path("link")).unwrap();
    tool.run("-s s snapshot link").said();
    assert!(path("link").is_symlink());
    let found = fs::metadata(path("sub/file")).unwrap();
    assert_eq!(
        (found.uid(), found.gid(), found.mode() & 0o7777),
        (65534, 65533, 0o640)
    );
    assert!(Snapshot::read_file(path("sub/file")).is_ok());
}

#[test]
fn the_largest_table() {
    let tool = Tool::with_session();
    tool.run("-s s create 65536").ok();
    tool.run("-s s load 65535 7").ok();
    tool.run("-s s snapshot a").said();
    assert_eq!(
        fs::metadata(tool.directory().join("a")).unwrap().len(),
        36 + 16 * 65536
    );
    tool.run("-s s restore --create a").ok();
    assert_eq!(tool.run("-s s -t 2 read 65535 -f dec").ok(), "7\n");
}

#[test]
fn by_the_library() {
    let device = Device::open().unwrap();
    let table = device.create_table(4).unwrap();
    table.load(1, 0xff00).unwrap();
    table.accum(1, 0xff).unwrap();
    let expected = Context {
        reference: 0xff00,
        accumulator: 0xff,
    };
    assert_eq!(table.snapshot(1..2).unwrap(), [expected]);
    assert_eq!(table.size().unwrap(), 4);
    assert_eq!(device.table(table.id()).unwrap().size().unwrap(), 4);

    let image = Snapshot::take(&table).unwrap();
    table.restore(0, &[Context::default(); 4]).unwrap();
    assert_eq!(table.read(1).unwrap(), 0);
    image.restore(&table).unwrap();
    assert_eq!(table.read(1).unwrap(), 0xffff);

    // Ranges beyond the file, and beyond the table.
    for range in [0..0, 2..2, 0..5, 4..5, 0..65537, 0..u32::MAX] {
        let error = table.snapshot(range.clone()).unwrap_err();
        assert!(
            matches!(error, Error::Range { table: 1, .. }),
            "{range:?}: {error:?}"
        );
    }
    assert!(matches!(table.restore(0, &[]), Err(Error::Range { .. })));
    assert!(matches!(
        table.restore(3, &[expected; 2]),
        Err(Error::Range { .. })
    ));
    let gone = table.into_ref();
    gone.clone().destroy().unwrap();
    assert!(matches!(
        gone.snapshot(0..1),
        Err(Error::NoSuchTable { .. })
    ));
    assert!(matches!(gone.size(), Ok(4)));
}

#[test]
fn only_tables() {
    let device = Device::open().unwrap();
    assert!(matches!(device.only_table(), Err(Error::NoTable)));
    let first = device.create_table(4).unwrap();
    assert_eq!(device.only_table().unwrap().id(), first.id());
    let second = device.create_table(5).unwrap();
    let Err(Error::SeveralTables { ids }) = device.only_table() else {
        panic!("two tables")
    };
    assert_eq!(ids, [first.id(), second.id()]);
    let sizes: Vec<_> = device
        .tables()
        .unwrap()
        .iter()
        .map(|t| t.contexts())
        .collect();
    assert_eq!(sizes, [Some(4), Some(5)]);
    assert_eq!(device.usage().unwrap().contexts(), 9);
}
