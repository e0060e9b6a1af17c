// SPDX-License-Identifier: MIT OR Apache-2.0

//! The checks find what is wrong, and nothing else.

use atomik_docs::{Sources, Tree, check, manual_example, misquoted, rust_blocks, wrong_calls};

/// Complaints about a document in `docs`.
fn complaints(text: &str) -> Vec<String> {
    let mut tree = Tree::default();
    for directory in ["docs", "module"] {
        tree.add(directory, "");
    }
    tree.add("module/lock.rs", "");
    tree.add("docs/picture.svg", "");
    tree.add(
        "README.md",
        "# The top\n\n## Some *words*, `and` code\n\n## The top\n",
    );
    tree.add("Makefile", "test: setup\n\nlint fmt:\n\t@echo all: of it\n");
    tree.add("docs/it.md", text);
    check(&tree, "docs/it.md")
}

#[test]
fn what_is_there_is_accepted() {
    let text = "# Here\n\
        [a](../README.md) [b](../README.md#the-top) [c](../README.md#the-top-1) [d](#here)\n\
        [e](../README.md#some-words-and-code) [f](../module/) ![g](picture.svg)\n\
        [h](https://example.org/x#y) <mailto:a@b>\n\
        `module/lock.rs` `module/` `docs/picture.svg --option` `picture.svg` `other/file.rs`\n\
        `make test KERNEL=7.2` `make lint` `make -C dir` `make NAME=x` `module/*.rs` `module/NAME.rs`\n\n\
        <!-- a comment -->\n\n    make fmt\n";
    assert_eq!(complaints(text), [""; 0]);
}

#[test]
fn what_is_wrong_is_found() {
    for (text, complaint) in [
        (
            "[a](README.md)",
            "1: link to README.md: there is no such file",
        ),
        ("\n[a](../../x)", "2: link to ../../x: it leads out"),
        ("![a](no.svg)", "1: link to no.svg: there is no such file"),
        ("[a](#there)", "1: link to #there: no heading"),
        (
            "[a](../README.md#the-top-2)",
            "no heading has the anchor the-top-2",
        ),
        (
            "[a](picture.svg#x)",
            "1: link to picture.svg#x: it has no headings",
        ),
        ("`module/gone.rs`", "1: there is no module/gone.rs"),
        ("`module/gone --option`", "1: there is no module/gone"),
        ("`make tests`", "1: make has no target tests"),
        ("```console\n$ make all\n```", "make has no target all"),
        ("a <img src=\"x.svg\">", "1: HTML"),
    ] {
        let found = complaints(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(complaint), "{text}: {found:?}");
        assert!(found[0].starts_with("docs/it.md:"), "{found:?}");
    }
}

#[test]
fn lines_have_an_end() {
    let long = "ä ".repeat(50);
    assert_eq!(complaints(&long), [""; 0]);
    let longer = format!("{long}x");
    assert_eq!(
        complaints(&longer),
        ["docs/it.md:1: 101 columns, more than 100"]
    );
    assert_eq!(complaints(&format!("| {longer} |\n| - |\n")), [""; 0]);
    assert_eq!(
        complaints(&format!("{longer} https://example.org")),
        [""; 0]
    );
}

#[test]
fn programs_are_taken_out() {
    let text = "```rust\na()?;\n```\n\n```c\nb();\n```\n\n```rust\nc();\n```\n";
    let blocks = rust_blocks(&[("x.md", text.into())]);
    for wanted in [
        "\"x.md, block 0\"",
        "{\na()?;\nOk(())\n}",
        "\"x.md, block 1\"",
        "{\nc();\nOk(())",
    ] {
        assert!(blocks.contains(wanted), "{wanted} in {blocks}");
    }
    assert!(!blocks.contains("b()"), "{blocks}");
    let manual = ".Bd -literal\nno\n.Ed\n.Sh EXAMPLES\nText\n.Bd -literal\nyes\n.Ed\n.Sh ERRORS\n";
    assert_eq!(manual_example(manual), Some("yes\n"));
    assert_eq!(manual_example(".Sh ERRORS\n"), None);
}

#[test]
fn quotations_are_compared() {
    let programs = [
        ("a", "fn one() {\n}\nfn two() {}\n"),
        ("b", "fn three() {}\n"),
    ];
    let programs = programs.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let text = "```rust\nfn two() {}\n```\n\n```rust\nfn three() {}\n```\n\n```c\nx\n```\n";
    assert_eq!(misquoted(text, &programs), [""; 0]);
    let text = "```rust\nfn  two() {}\n```\n\n```rust\nfn three() {}\n```\n";
    let complaints = ["no program has this:\nfn  two() {}\n", "nothing of a"];
    assert_eq!(misquoted(text, &programs), complaints);
}

const CALLS: &str = "\
| | ioctl | Rust | C | Python | atomikctl | process | device |
| --- | --- | --- | --- | --- | --- | --- | --- |
| LOAD | `LOAD` | `Table::load`, `Table` | `t_load` | `Table.load`, `Table` | `load` | yes | – a |

- **a**: nothing is.
";

#[test]
fn calls_are_compared() {
    let sources = Sources {
        header: "#define ATOMIK_IOC_LOAD 1\n#define ATOMIK_IOC_LOADED 2".into(),
        rust: vec![
            "pub struct Table;\nimpl Table {\n    pub fn load() {}\n}\n\
             impl Other {\n    fn read() {}\n}"
                .into(),
        ],
        c: "int t_load(void); int t_loaded(void);".into(),
        python: vec![
            "class Table:\n    def load(self): ...\nclass Other:\n    def read(): ...".into(),
        ],
        commands: ["load".into()].into(),
    };
    assert_eq!(wrong_calls(CALLS, &sources), [] as [String; 0]);
    for (right, wrong, complaint) in [
        ("`LOAD`", "`LOA`", "LOAD, ioctl: there is no LOA"),
        ("`Table::load`", "`Table::read`", "there is no Table::read"),
        ("`Table::load`", "`Tab::load`", "there is no Tab::load"),
        ("`t_load`", "`t_loa`", "there is no t_loa"),
        ("`Table.load`", "`Table.read`", "there is no Table.read"),
        ("| `load` |", "| `loads` |", "there is no loads"),
        ("`t_load`", "", "LOAD, C: neither a call nor a reason"),
        ("`t_load`", "yes", "LOAD, C: neither a call nor a reason"),
        ("– a |", "– b |", "LOAD, device: no reason b"),
        ("– a |", "yes |", "no cell has the reason a"),
        ("| yes ", "", "LOAD: 6 cells"),
        ("| Rust ", "", "other columns"),
    ] {
        let text = CALLS.replacen(right, wrong, 1);
        let found = wrong_calls(&text, &sources).join("; ");
        assert!(found.contains(complaint), "{complaint}: {found}");
    }
}
