// SPDX-License-Identifier: MIT OR Apache-2.0

//! `units.c`, which tests what the vectors don't, with each compiler and with the sanitizers.

use crate::compile::{BUILDS, Build, output, program, run};

/// Options with which undefined behaviour, bad accesses to memory and leaks end a program.
pub const SANITIZED: &[&str] = &[
    "-g",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
];

#[test]
fn each_compiler() {
    for build in BUILDS {
        for flags in [
            &["-O2"] as &[_],
            &["-O2", "-DATOMIK_DEVICE"],
            &["-O2", "-DATOMIK_NO_MALLOC"],
        ] {
            let units = build.link(flags, &[&program("units.c"), &program("implementation.c")]);
            assert_eq!(run(&units), "ok\n", "{build:?} {flags:?}");
        }
        let units = build.link(
            &["-O2", "-DATOMIK_DEVICE", "-DATOMIK_STATIC"],
            &[&program("units.c")],
        );
        assert_eq!(run(&units), "ok\n", "{build:?}");
    }
}

#[test]
fn the_sanitizers_find_nothing() {
    for build in sanitized() {
        let flags = [SANITIZED, &["-DATOMIK_DEVICE"]].concat();
        let units = build.link(&flags, &[&program("units.c"), &program("implementation.c")]);
        assert_eq!(run(&units), "ok\n", "{build:?}");
    }
}

/// Memory that others write to during a call leads it nowhere beyond the table.
#[test]
fn memory_that_changes() {
    for build in BUILDS {
        let changing = build.link(&["-O2"], &[&program("changing.c")]);
        assert_eq!(run(&changing), "ok\n", "{build:?}");
    }
    for build in sanitized() {
        let changing = build.link(SANITIZED, &[&program("changing.c")]);
        assert_eq!(run(&changing), "ok\n", "{build:?}");
    }
}

/// A mapped table whose states change between any two loads is still read as of one moment.
#[test]
fn consistent_reads() {
    for build in BUILDS {
        for flags in [&["-O2"] as &[_], &["-O2", "-DATOMIK_NO_MALLOC"]] {
            let consistent = build.link(flags, &[&program("consistent.c")]);
            assert_eq!(run(&consistent), "ok\n", "{build:?} {flags:?}");
        }
    }
    for build in sanitized() {
        let consistent = build.link(SANITIZED, &[&program("consistent.c")]);
        assert_eq!(run(&consistent), "ok\n", "{build:?}");
    }
}

/// The sanitizers would find a fault. Which of them is first differs.
#[test]
fn the_sanitizers_do_find() {
    for build in sanitized() {
        for (what, complaints) in [
            (
                "atomik_table_t t; atomik_table_init(&t, 2); return (int)(t.words[4] & 1);",
                ["heap-buffer-overflow", "insufficient space"],
            ),
            (
                "atomik_table_t t; return atomik_table_init(&t, 2);",
                ["LeakSanitizer"; 2],
            ),
            (
                "int i = 0x7fffffff; i += argc; return i == argc;",
                ["signed integer overflow"; 2],
            ),
        ] {
            let source = output("fault.c");
            let text = format!(
                "#define ATOMIK_IMPLEMENTATION\n#include \"atomik_core.h\"\n\
                 int main(int argc, char **argv)\n{{\n\t(void)argc;\n\t(void)argv;\n\t{what}\n}}\n"
            );
            std::fs::write(&source, text).unwrap();
            let fault = build.link(SANITIZED, &[&source]);
            let output = std::process::Command::new(&fault).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success()
                    && complaints.iter().any(|complaint| said.contains(complaint)),
                "{build:?} {what}: {said}"
            );
            for file in [source, fault] {
                std::fs::remove_file(file).unwrap();
            }
        }
    }
}

/// A program's own allocator is the only one used. An error says that it has no memory.
#[test]
fn an_allocator_of_the_callers() {
    let source = output("allocator.c");
    let text = r#"
#include <stddef.h>
static unsigned long asked, given_back;
static int exhausted;
static unsigned long long room[8];
static void *get(size_t n) { asked += n; return exhausted ? NULL : room; }
static void put(void *p) { given_back += p == room; }
#define ATOMIK_MALLOC(n) get(n)
#define ATOMIK_FREE(p) put(p)
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"
#ifdef EXIT_FAILURE
#error "<stdlib.h> isn't needed"
#endif
int main(void)
{
	atomik_table_t t;

	if (atomik_table_init(&t, 4) != ATOMIK_OK || asked != 64)
		return 1;
	atomik_table_free(&t);
	atomik_table_free(&t);
	if (given_back != 1)
		return 2;
	exhausted = 1;
	if (atomik_table_init(&t, 4) != ATOMIK_ENOMEM || atomik_table_error(&t) != ATOMIK_ENOMEM)
		return 3;
	if (atomik_table_read(&t, 0) != 0 || t.num_contexts != 0)
		return 4;
	atomik_table_free(&t);
	return given_back == 1 ? 0 : 5;
}
"#;
    std::fs::write(&source, text).unwrap();
    for build in BUILDS {
        assert_eq!(run(&build.link(SANITIZED, &[&source])), "", "{build:?}");
    }
    std::fs::remove_file(source).unwrap();
}

/// One file in C has the implementation; a program in C++ uses it.
#[test]
fn c_and_cpp_in_one_program() {
    for (c, cpp) in [("gcc", "g++"), ("clang", "clang++")] {
        let object = output("implementation.o");
        let build = Build {
            compiler: c,
            standard: "c99",
        };
        let said = build.compile(&["-c", "-O2"], &[&program("implementation.c")], &object);
        assert!(said.status.success());
        // The object comes before the language is said.
        let path = object.to_str().expect("text").to_owned();
        let build = Build {
            compiler: cpp,
            standard: "c++17",
        };
        assert_eq!(
            run(&build.link(&["-O2", &path], &[&program("units.c")])),
            "ok\n"
        );
        std::fs::remove_file(object).unwrap();
    }
}

/// The oldest and the newest language, with each compiler.
pub fn sanitized() -> impl Iterator<Item = Build> {
    BUILDS
        .iter()
        .copied()
        .filter(|build| matches!(build.standard, "c99" | "c++17"))
}
