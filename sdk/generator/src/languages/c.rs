// SPDX-License-Identifier: MIT OR Apache-2.0
//! C: a header for each object, which C++ takes too.

mod code;
mod header;
mod readme;
mod vectors;

use num_bigint::BigUint;

use super::made;
use crate::generate::Object;
use crate::output::Files;
use crate::schema::Field;

pub(crate) fn package(objects: &[Object<'_>]) -> Files {
    let mut files = Files::new();
    let mut add = |path: String, text: String| files.insert(path, text);
    add("README.md".into(), readme::readme(objects));
    for (path, text) in [
        ("include/atomik/object.h", include_str!("c/object.h")),
        ("include/atomik/table.h", include_str!("c/table.h")),
        ("tests/check.h", include_str!("c/check.h")),
    ] {
        add(path.into(), text.into());
    }
    let mut tests = Vec::new();
    for object in objects {
        let places = object.schema.places();
        add(
            format!("include/{}", places.c_header),
            header::header(object.schema),
        );
        add(
            format!("tests/{}.c", places.verilog),
            vectors::test(object.schema, object.vectors),
        );
        tests.push(places.verilog);
    }
    add("Makefile".into(), makefile(&tests));
    files
}

/// The type of a field's values.
fn value_type(field: &Field) -> String {
    match field.width {
        width @ (128 | 256) => format!("atomikobj_u{width}_t"),
        width => format!("uint{width}_t"),
    }
}

/// The initializer of a value of `count` words.
fn words(value: &BigUint, count: usize) -> String {
    let mut words = value.to_u64_digits();
    words.resize(count, 0);
    let words: Vec<_> = words
        .iter()
        .map(|word| format!("UINT64_C({word:#x})"))
        .collect();
    format!("{{ {{ {} }} }}", words.join(", "))
}

fn makefile(tests: &[String]) -> String {
    let mut text = made("#");
    text += "CFLAGS = -std=c99 -O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror\n\
             # The directory of atomik_core.h, to test the objects in a table as well.\n\
             CORE =\n\
             tests =";
    for test in tests {
        text += &format!(" \\\n\ttests/{test}");
    }
    text += "\n\n.PHONY: test clean\n\n\
             # The headers, held to the vectors that all languages are tested with.\n\
             test: $(tests)\n\t@set -e; for test in $(tests); do ./$$test; done\n\n\
             $(tests): %: %.c tests/check.h \
             $(wildcard include/atomik/*.h include/atomik/*/*/*.h)\n\
             \t$(CC) $(CFLAGS) -Iinclude $(if $(CORE),-I$(CORE) -DTEST_TABLE) -o $@ $<\n\n\
             clean:\n\trm -f $(tests)\n";
    text
}
