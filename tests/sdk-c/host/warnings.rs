// SPDX-License-Identifier: MIT OR Apache-2.0

//! No compiler warns about the header, with any of its macros.

use crate::compile::{BUILDS, Build, output, program};

/// The macros to include it with.
const MACROS: &[&[&str]] = &[
    &[],
    &["-DATOMIK_NO_MALLOC"],
    &["-DATOMIK_STATIC"],
    &["-DATOMIK_DEVICE"],
    &["-DATOMIK_DEVICE", "-DATOMIK_STATIC"],
    &["-DATOMIK_DEVICE", "-DATOMIK_NO_MALLOC"],
    &["-ffreestanding"],
];

#[test]
fn none_of_the_compilers_warns() {
    let source = program("implementation.c");
    // The newest standards as well.
    let more = [
        ("gcc", "gnu23"),
        ("clang", "gnu23"),
        ("g++", "c++20"),
        ("clang++", "c++20"),
    ];
    let more = more.map(|(compiler, standard)| Build { compiler, standard });
    for build in BUILDS.iter().chain(&more) {
        for macros in MACROS {
            // Some warnings come only with optimization.
            let flags = [*macros, &["-c", "-O2"]].concat();
            let out = output("object");
            let said = build.compile(&flags, &[&source], &out);
            let text = String::from_utf8_lossy(&said.stderr);
            assert!(
                said.status.success() && text.is_empty(),
                "{build:?} {flags:?}: {text}"
            );
            std::fs::remove_file(out).unwrap();
        }
    }
}

/// With a size_t of 32 bits, other comparisons are always true.
#[test]
fn none_warns_for_32_bits_either() {
    for compiler in ["gcc", "clang"] {
        let build = Build {
            compiler,
            standard: "c99",
        };
        let flags = ["-m32", "-O2", "-DATOMIK_DEVICE"];
        let units = build.link(&flags, &[&program("units.c"), &program("implementation.c")]);
        assert_eq!(crate::compile::run(&units), "ok\n");
    }
}

/// The C library of embedded systems and containers.
#[test]
fn another_c_library() {
    let build = Build {
        compiler: "musl-gcc",
        standard: "c99",
    };
    let flags = ["-static", "-O2", "-DATOMIK_DEVICE"];
    let units = build.link(&flags, &[&program("units.c"), &program("implementation.c")]);
    assert_eq!(crate::compile::run(&units), "ok\n");
}

/// The tests above would notice a warning.
#[test]
fn a_warning_fails() {
    for build in BUILDS {
        let source = output("warning");
        let text = "#include \"atomik_core.h\"\nint cut(long long n);\n\
                    int cut(long long n)\n{\n\treturn n;\n}\n";
        std::fs::write(&source, text).unwrap();
        let said = build.compile(&["-fsyntax-only"], &[&source], &output("nothing"));
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(
            !said.status.success() && text.contains("conversion"),
            "{build:?}: {text}"
        );
        std::fs::remove_file(source).unwrap();
    }
}
