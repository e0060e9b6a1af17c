// SPDX-License-Identifier: MIT OR Apache-2.0
//! C: a header for each object, which C++ takes too.

use std::collections::BTreeMap;

use super::{description, layout_table, made_block, settable};
use crate::escape;
use crate::generate::Object;
use crate::layout::Layout;
use crate::message;
use crate::output::Files;
use crate::schema::{Compression, Encoding, Field, FieldType, Schema};
use crate::vectors::{Bytes, Hex, Step, Vectors};

pub(crate) fn package(objects: &[Object<'_>]) -> Files {
    let mut files = Files::new();
    let mut add = |path: String, text: String| files.insert(path, text);
    add("README.md".into(), readme(objects));
    add(
        "include/atomik/object.h".into(),
        include_str!("c/object.h").into(),
    );
    let mut tests = Vec::new();
    for object in objects {
        let places = object.schema.places();
        add(
            format!("include/{}", places.c_header),
            header(object.schema),
        );
        add(
            format!("tests/{}.c", places.verilog),
            test(object.schema, object.vectors),
        );
        tests.push(places.verilog);
    }
    add("Makefile".into(), makefile(&tests));
    files
}

/// A value's type, and functions from and to words.
fn types(field: &Field) -> (String, &'static str, &'static str) {
    match field.width {
        256 => ("atomikobj_u256_t".into(), "", ""),
        128 => (
            "atomikobj_u128_t".into(),
            "atomikobj_from_u128_",
            "atomikobj_to_u128_",
        ),
        width => (format!("uint{width}_t"), "atomikobj_from_u64_", ""),
    }
}

fn from(field: &Field, value: &str) -> String {
    match types(field).1 {
        "" => value.to_string(),
        function => format!("{function}({value})"),
    }
}

fn to(field: &Field, words: &str) -> String {
    match field.width {
        256 => words.to_string(),
        128 => format!("atomikobj_to_u128_({words})"),
        64 => format!("{words}.word[0]"),
        width => format!("(uint{width}_t){words}.word[0]"),
    }
}

fn words(value: &num_bigint::BigUint, count: usize) -> String {
    let mut words = value.to_u64_digits();
    words.resize(count, 0);
    let words: Vec<_> = words
        .iter()
        .map(|word| format!("UINT64_C({word:#x})"))
        .collect();
    format!("{{ {{ {} }} }}", words.join(", "))
}

fn comment(text: &str) -> String {
    let lines = escape::wrap(text, 90);
    match &lines[..] {
        [line] => format!("/* {line} */\n"),
        _ => {
            let lines: Vec<_> = lines.iter().map(|line| format!(" * {line}\n")).collect();
            format!("/*\n{} */\n", lines.concat())
        }
    }
}

fn header(schema: &Schema) -> String {
    let places = schema.places();
    let p = &places.c_prefix;
    let upper = p.to_uppercase();
    let guard = format!("{}_H", places.verilog.to_uppercase());
    let version = &schema.catalogue.version;
    let layout = Layout::of(schema);
    let depth = schema.operations.rollback.unwrap_or(0);
    let widest = schema.fields.iter().map(Field::contexts).max().unwrap_or(1);
    let mut text = made_block();
    text += &comment(&escape::block_comment(&description(schema)));
    text += &format!(
        "#ifndef {guard}\n#define {guard}\n\n#include <atomik/object.h>\n\n\
         #ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n\
         #define {upper}_VERSION \"{version}\"\n\
         #define {upper}_CONTEXTS {}\n#define {upper}_HISTORY_DEPTH {depth}\n\n",
        layout.contexts
    );
    text += &format!(
        "/* In the process. Contexts: a reference and an accumulator each. */\ntypedef struct {{\n\
         \tuint64_t contexts[{}][2];\n",
        layout.contexts
    );
    if depth > 0 {
        text += &format!(
            "\tsize_t history_first, history_count;\n\tuint64_t history[{depth}][{}];\n",
            widest + 1
        );
    }
    text += &format!("}} {p}_t;\n\n");
    text += &format!(
        "static const atomikobj_field_t {p}_fields_[{}] = {{\n",
        schema.fields.len()
    );
    for (number, (field, first)) in schema.fields.iter().zip(layout.starts()).enumerate() {
        let header = message::header(schema, field, version);
        let bytes: Vec<_> = header.iter().map(|byte| format!("{byte:#04x}")).collect();
        let encoding = match field.encoding {
            Encoding::Rle => "ATOMIKOBJ_RUNS_",
            Encoding::Raw | Encoding::Cells => "ATOMIKOBJ_RAW_",
        };
        let compression = match field.compression {
            Compression::None => "ATOMIKOBJ_NONE_",
            Compression::Xor => "ATOMIKOBJ_XOR_",
            Compression::Rle => "ATOMIKOBJ_RLE_",
        };
        text += &format!(
            "\t{{ {number}, {first}, {}, {encoding}, {compression}, {},\n\t  \
             UINT64_C({}), UINT64_C({}), {}, {{ {} }} }},\n",
            field.width,
            words(&field.default, 4),
            version.major,
            version.minor,
            header.len(),
            bytes.join(", "),
        );
    }
    text += "};\n\n";
    text += &format!(
        "static inline atomikobj_history_t {p}_history_({p}_t *object)\n{{\n\tatomikobj_history_t \
            h = \
         {{ 0, 0, 0, 0, 0 }};\n\n"
    );
    text += &if depth > 0 {
        format!(
            "\th.entries = &object->history[0][0];\n\th.depth = {depth};\n\th.words = {widest};\n\
             \th.first = object->history_first;\n\th.count = object->history_count;\n"
        )
    } else {
        "\t(void)object;\n".to_string()
    };
    text += "\treturn h;\n}\n\n";
    text +=
        &format!("static inline void {p}_keep_({p}_t *object, const atomikobj_history_t *h)\n{{\n");
    text += if depth > 0 {
        "\tobject->history_first = h->first;\n\tobject->history_count = h->count;\n}\n"
    } else {
        "\t(void)object;\n\t(void)h;\n}\n"
    };
    text += &format!(
        "\n/* Gives all fields their default values, and forgets the history. */\n\
         static inline void {p}_init({p}_t *object)\n{{\n\tsize_t at;\n\n\
         \tmemset(object, 0, sizeof(*object));\n\
         \tfor (at = 0; at < {0}; at++) {{\n\t\tatomikobj_history_t h = {p}_history_(object);\n\n\
         \t\tatomikobj_load_(object->contexts, &h, &{p}_fields_[at], {p}_fields_[at].initial);\n\
         \t\t{p}_keep_(object, &h);\n\t}}\n}}\n",
        schema.fields.len()
    );
    text += &format!(
        "\n/* The states of the contexts, as they lie in a table. */\n\
         static inline void {p}_contexts(const {p}_t *object, uint64_t states[{0}])\n{{\n\
         \tsize_t at;\n\n\tfor (at = 0; at < {0}; at++)\n\
         \t\tstates[at] = object->contexts[at][0] ^ object->contexts[at][1];\n}}\n",
        layout.contexts
    );
    for (number, field) in schema.fields.iter().enumerate() {
        text += &functions(schema, field, number);
    }
    text += &object_functions(schema);
    text + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n"
}

/// A function that changes the object: `body` has `h`, the history, and sets `result`.
fn changing(
    p: &str,
    about: &str,
    result: &str,
    name: &str,
    parameters: &str,
    body: &str,
) -> String {
    let (declared, returned) = match result {
        "void" => (String::new(), ""),
        _ => (format!("\t{result} result;\n"), "\treturn result;\n"),
    };
    format!(
        "\n/* {about} */\nstatic inline {result} {p}_{name}({p}_t *object{parameters})\n{{\n\
         \tatomikobj_history_t h = {p}_history_(object);\n{declared}\n\t{body}\n\
         \t{p}_keep_(object, &h);\n{returned}}}\n"
    )
}

fn reading(p: &str, about: &str, result: &str, name: &str, parameters: &str, body: &str) -> String {
    format!(
        "\n/* {about} */\nstatic inline {result} {p}_{name}({p}_t *object{parameters})\n{{\n\
         \treturn {body};\n}}\n"
    )
}

fn functions(schema: &Schema, field: &Field, number: usize) -> String {
    let p = schema.places().c_prefix;
    let f = &field.name;
    let at = format!("&{p}_fields_[{number}]");
    let (ty, ..) = types(field);
    let readable = schema.operations.reconstruct.is_some();
    let stream = field.kind == FieldType::DeltaStream;
    let mut text = changing(
        &p,
        &format!("Makes value the state of {f}, and forgets its history."),
        "void",
        &format!("load_{f}"),
        &format!(", {ty} value"),
        &format!(
            "atomikobj_load_(object->contexts, &h, {at}, {});",
            from(field, "value")
        ),
    );
    let accum = format!(
        "atomikobj_accum_(object->contexts, &h, {at}, {});",
        from(field, "delta")
    );
    text += &if stream {
        changing(
            &p,
            &format!("XORs delta into {f}, and returns the message of it."),
            "atomikobj_message_t",
            &format!("accum_{f}"),
            &format!(", {ty} delta"),
            &format!(
                "{accum}\n\tresult = atomikobj_message_of_({at}, {});",
                from(field, "delta")
            ),
        )
    } else {
        let about = format!("XORs delta into {f}.");
        changing(
            &p,
            &about,
            "void",
            &format!("accum_{f}"),
            &format!(", {ty} delta"),
            &accum,
        )
    };
    if readable {
        text += &reading(
            &p,
            &format!("The state of {f}."),
            &ty,
            &format!("read_{f}"),
            "",
            &to(field, &format!("atomikobj_state_(object->contexts, {at})")),
        );
    }
    text += &changing(
        &p,
        &format!("Returns the state of {f}, begins a new epoch, and forgets its history."),
        &ty,
        &format!("swap_{f}"),
        "",
        &format!(
            "result = {};",
            to(
                field,
                &format!("atomikobj_swap_(object->contexts, &h, {at})")
            )
        ),
    );
    match field.kind {
        FieldType::DeltaStream => {
            text += &changing(
                &p,
                &format!("Accumulates the delta of a message of {f}, if it isn't refused."),
                "atomikobj_message_error_t",
                &format!("apply_{f}"),
                ", const void *bytes, size_t length",
                &format!(
                    "result = atomikobj_apply_(object->contexts, &h, {at}, (const uint8_t \
                        *)bytes, length);"
                ),
            );
        }
        FieldType::BitmaskDelta => {
            for (verb, does, change) in [
                ("clear", "Clears", 0),
                ("set", "Sets", 1),
                ("toggle", "Toggles", 2),
            ] {
                text += &changing(
                    &p,
                    &format!("{does} a bit of {f}, and returns the delta: 0 for a bit beyond it."),
                    &ty,
                    &format!("{verb}_{f}_bit"),
                    ", uint32_t bit",
                    &format!(
                        "result = {};",
                        to(
                            field,
                            &format!(
                                "atomikobj_change_bit_(object->contexts, &h, {at}, bit, {change})"
                            )
                        )
                    ),
                );
            }
            if readable {
                text += &reading(
                    &p,
                    &format!("A bit of {f}; false for one beyond it."),
                    "bool",
                    &format!("test_{f}_bit"),
                    ", uint32_t bit",
                    &format!("atomikobj_test_bit_(object->contexts, {at}, bit)"),
                );
            }
        }
        FieldType::ParameterDelta => {
            text += &changing(
                &p,
                &format!("Accumulates what changes {f} to value, and returns that delta."),
                &ty,
                &format!("set_{f}"),
                &format!(", {ty} value"),
                &format!(
                    "result = {};",
                    to(
                        field,
                        &format!(
                            "atomikobj_set_(object->contexts, &h, {at}, {})",
                            from(field, "value")
                        )
                    )
                ),
            );
        }
    }
    if field.has_cells() {
        let cell = ", uint32_t x, uint32_t y, uint32_t t";
        let (result, ret) = if stream {
            ("atomikobj_message_t", "return ")
        } else {
            ("void", "")
        };
        let delta = to(
            field,
            &format!("atomikobj_cell_delta_({at}, x, y, t, delta)"),
        );
        text += &format!(
            "\n/* XORs delta into the cell (x, y, t), each modulo 4; otherwise as accum. */\n\
             static inline {result} {p}_accum_{f}_cell({p}_t *object{cell}, uint8_t delta)\n{{\n\
             \t{ret}{p}_accum_{f}(object, {delta});\n}}\n"
        );
        if readable {
            text += &reading(
                &p,
                "The cell (x, y, t), each modulo 4.",
                "uint8_t",
                &format!("read_{f}_cell"),
                cell,
                &format!("atomikobj_read_cell_(object->contexts, {at}, x, y, t)"),
            );
        }
    }
    text
}

fn object_functions(schema: &Schema) -> String {
    let p = schema.places().c_prefix;
    let mut text = String::new();
    if !settable(schema).is_empty() {
        for (name, about, fields) in [
            (
                "update",
                "Values that fields are to have, where has_ says so.",
                settable(schema),
            ),
            (
                "expected",
                "States that fields are expected to have, where has_ says so.",
                schema.fields.iter().collect(),
            ),
        ] {
            text += &format!("\n/* {about} */\ntypedef struct {{\n");
            for field in fields {
                text += &format!(
                    "\tbool has_{0};\n\t{1} value_{0};\n",
                    field.name,
                    types(field).0
                );
            }
            text += &format!("}} {p}_{name}_t;\n");
        }
        let mut sets = Vec::new();
        let mut holds = Vec::new();
        for (number, field) in schema.fields.iter().enumerate() {
            let (f, at) = (&field.name, format!("&{p}_fields_[{number}]"));
            if field.kind != FieldType::DeltaStream {
                sets.push(format!(
                    "if (values->has_{f})\n\t\t(void)atomikobj_set_(object->contexts, &h, {at}, \
                        {});",
                    from(field, &format!("values->value_{f}"))
                ));
            }
            holds.push(format!(
                "\tif (expected->has_{f} \
                    &&\n\t    !atomikobj_equal_(atomikobj_state_(object->contexts, {at}),\n\
                 \t\t\t   {}))\n\t\treturn false;\n",
                from(field, &format!("expected->value_{f}"))
            ));
        }
        text += &changing(
            &p,
            "Sets several fields.",
            "void",
            "update",
            &format!(", const {p}_update_t *values"),
            &sets.join("\n\t"),
        );
        text += &format!(
            "\n/* Does so if all that are expected have these states; returns whether they have. \
                */\n\
             static inline bool {p}_compare_update({p}_t *object, const {p}_expected_t *expected,\n\
             \t\t\t\t\t  const {p}_update_t *values)\n{{\n{}\
             \t{p}_update(object, values);\n\treturn true;\n}}\n",
            holds.concat()
        );
    }
    if schema.operations.rollback.is_some() {
        text += &changing(
            &p,
            "Undoes the last accums, newest first, and returns how many.",
            "size_t",
            "rollback",
            ", size_t steps",
            &format!("result = atomikobj_rollback_(object->contexts, &h, {p}_fields_, steps);"),
        );
    }
    text
}

fn test(schema: &Schema, vectors: &Vectors) -> String {
    let places = schema.places();
    let p = &places.c_prefix;
    let upper = p.to_uppercase();
    let mut text = made_block();
    text += &format!(
        "/* The vectors of {}, which all languages are tested with. */\n\
         #include <{}>\n\n#include <stdio.h>\n\nstatic int failures;\n\n\
         static void check(int holds, const char *name, int step)\n{{\n\tif (!holds) {{\n\
         \t\tprintf(\"%s, step %d\\n\", name, step);\n\t\tfailures++;\n\t}}\n}}\n",
        vectors.object, places.c_header
    );
    for (number, case) in vectors.cases.iter().enumerate() {
        text += &format!(
            "\nstatic void case_{number}(void)\n{{\n\tstatic const char name[] = \"{}\";\n\
             \tstatic {p}_t object;\n\n\t{p}_init(&object);\n",
            escape::json(&case.name)
        );
        for (at, step) in case.steps.iter().enumerate() {
            text += &call(schema, step, at + 1);
        }
        text += "}\n";
    }
    text += &format!(
        "\nint main(void)\n{{\n\tcheck(strcmp({upper}_VERSION, \"{}\") == 0, \"version\", 0);\n",
        escape::json(&vectors.version)
    );
    for number in 0..vectors.cases.len() {
        text += &format!("\tcase_{number}();\n");
    }
    text + "\treturn failures != 0;\n}\n"
}

fn call(schema: &Schema, step: &Step, at: usize) -> String {
    let p = schema.places().c_prefix;
    let width = |name: &String| {
        schema
            .fields
            .iter()
            .find(|field| field.name == *name)
            .map_or(64, |field| field.width)
    };
    // Declarations, then an expression.
    let value = |field: &String, value: &Hex, name: &str| match width(field) {
        256 => (
            format!("const atomikobj_u256_t {name} = {};", words(&value.0, 4)),
            name.to_string(),
        ),
        128 => (
            format!("const atomikobj_u128_t {name} = {};", words(&value.0, 2)),
            name.to_string(),
        ),
        64 => (String::new(), format!("UINT64_C({:#x})", value.0)),
        _ => (String::new(), format!("{:#x}", value.0)),
    };
    let block = |declarations: &[String], body: String| {
        let declarations: Vec<_> = declarations
            .iter()
            .filter(|one| !one.is_empty())
            .map(|one| format!("\t\t{one}\n"))
            .collect();
        format!("\t{{\n{}\t\t{body}\n\t}}\n", declarations.concat())
    };
    let equal = |mut declarations: Vec<String>, call: String, field: &String, expect: &Hex| {
        let (declared, expect) = value(field, expect, "expect");
        declarations.push(declared);
        match width(field) {
            bits @ (128 | 256) => {
                declarations.push(format!("const atomikobj_u{bits}_t got = {call};"));
                let body = format!("check(memcmp(&got, &{expect}, sizeof(got)) == 0, name, {at});");
                block(&declarations, body)
            }
            _ => block(
                &declarations,
                format!("check({call} == {expect}, name, {at});"),
            ),
        }
    };
    let array = |name: &str, bytes: &Bytes| {
        let inner: Vec<_> = bytes.0.iter().map(|byte| byte.to_string()).collect();
        // There are no arrays of nothing.
        let inner = if inner.is_empty() {
            "0".to_string()
        } else {
            inner.join(", ")
        };
        format!("static const uint8_t {name}[] = {{ {inner} }};")
    };
    let sent = |mut declarations: Vec<String>, call: String, message: &Option<Bytes>| match message
    {
        None => block(&declarations, format!("{call};")),
        Some(message) => {
            declarations.push(array("expect", message));
            declarations.push(format!("const atomikobj_message_t got = {call};"));
            let body = format!(
                "check(got.length == {} && memcmp(got.bytes, expect, {0}) == 0, name, {at});",
                message.0.len()
            );
            block(&declarations, body)
        }
    };
    let fill = |name: &str, values: &BTreeMap<String, Hex>| {
        let mut declarations = vec![format!("{p}_{name}_t {name};")];
        let mut body = format!("memset(&{name}, 0, sizeof({name}));");
        for (number, (field, hex)) in values.iter().enumerate() {
            let (declared, expression) = value(field, hex, &format!("{name}_{number}"));
            declarations.push(declared);
            body += &format!(
                "\n\t\t{name}.has_{field} = true;\n\t\t{name}.value_{field} = {expression};"
            );
        }
        (declarations, body)
    };
    match step {
        Step::Load {
            field,
            value: loaded,
        } => {
            let (declared, expression) = value(field, loaded, "value");
            block(
                &[declared],
                format!("{p}_load_{field}(&object, {expression});"),
            )
        }
        Step::Accum {
            field,
            delta,
            message,
        } => {
            let (declared, expression) = value(field, delta, "delta");
            sent(
                vec![declared],
                format!("{p}_accum_{field}(&object, {expression})"),
                message,
            )
        }
        Step::Read { field, expect } => {
            equal(vec![], format!("{p}_read_{field}(&object)"), field, expect)
        }
        Step::Swap { field, expect } => {
            equal(vec![], format!("{p}_swap_{field}(&object)"), field, expect)
        }
        Step::Set {
            field,
            value: new,
            expect,
        } => {
            let (declared, expression) = value(field, new, "value");
            equal(
                vec![declared],
                format!("{p}_set_{field}(&object, {expression})"),
                field,
                expect,
            )
        }
        Step::SetBit { field, bit, expect } => equal(
            vec![],
            format!("{p}_set_{field}_bit(&object, {bit})"),
            field,
            expect,
        ),
        Step::ClearBit { field, bit, expect } => equal(
            vec![],
            format!("{p}_clear_{field}_bit(&object, {bit})"),
            field,
            expect,
        ),
        Step::ToggleBit { field, bit, expect } => equal(
            vec![],
            format!("{p}_toggle_{field}_bit(&object, {bit})"),
            field,
            expect,
        ),
        Step::TestBit { field, bit, expect } => {
            let call = format!("{p}_test_{field}_bit(&object, {bit})");
            block(&[], format!("check({call} == {expect}, name, {at});"))
        }
        Step::ReadCell {
            field,
            cell: [x, y, t],
            expect,
        } => {
            let call = format!("{p}_read_{field}_cell(&object, {x}, {y}, {t})");
            block(
                &[],
                format!("check({call} == {:#x}, name, {at});", expect.0),
            )
        }
        Step::AccumCell {
            field,
            cell: [x, y, t],
            delta,
            message,
        } => {
            let call = format!(
                "{p}_accum_{field}_cell(&object, {x}, {y}, {t}, {:#x})",
                delta.0
            );
            sent(vec![], call, message)
        }
        Step::Update { values } => {
            let (declarations, body) = fill("update", values);
            block(
                &declarations,
                format!("{body}\n\t\t{p}_update(&object, &update);"),
            )
        }
        Step::CompareUpdate {
            expected,
            values,
            expect,
        } => {
            let (mut declarations, body) = fill("expected", expected);
            let (more, rest) = fill("update", values);
            declarations.extend(more);
            let call = format!("{p}_compare_update(&object, &expected, &update)");
            block(
                &declarations,
                format!("{body}\n\t\t{rest}\n\t\tcheck({call} == {expect}, name, {at});"),
            )
        }
        Step::Rollback { steps, expect } => {
            let call = format!("{p}_rollback(&object, {steps}u)");
            block(&[], format!("check({call} == {expect}u, name, {at});"))
        }
        Step::Apply {
            field,
            message,
            error,
        } => {
            let reason = match error.as_deref() {
                None => "OK",
                Some("damaged") => "DAMAGED",
                Some("other") => "OTHER",
                Some(_) => "VERSION",
            };
            let call = format!("{p}_apply_{field}(&object, message, {})", message.0.len());
            block(
                &[array("message", message)],
                format!("check({call} == ATOMIKOBJ_MESSAGE_{reason}, name, {at});"),
            )
        }
        Step::Contexts { expect } => {
            let inner: Vec<_> = expect
                .iter()
                .map(|word| format!("UINT64_C({:#x})", word.0))
                .collect();
            block(
                &[
                    format!(
                        "static const uint64_t expect[] = {{ {} }};",
                        inner.join(", ")
                    ),
                    format!("uint64_t got[{}];", schema.contexts()),
                ],
                format!(
                    "{p}_contexts(&object, got);\n\t\t\
                     check(memcmp(got, expect, sizeof(got)) == 0 && sizeof(got) == \
                     sizeof(expect), name, {at});"
                ),
            )
        }
    }
}

fn makefile(tests: &[String]) -> String {
    let mut text = super::made("#");
    text += "CFLAGS = -std=c99 -O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror\n\
             tests =";
    for test in tests {
        text += &format!(" \\\n\ttests/{test}");
    }
    text += "\n\n.PHONY: test clean\n\n\
             # The headers, held to the vectors that all languages are tested with.\n\
             test: $(tests)\n\t@set -e; for test in $(tests); do ./$$test; done\n\n\
             $(tests): %: %.c $(wildcard include/atomik/*.h include/atomik/*/*/*.h)\n\
             \t$(CC) $(CFLAGS) -Iinclude -o $@ $<\n\nclean:\n\trm -f $(tests)\n";
    text
}

fn readme(objects: &[Object<'_>]) -> String {
    let mut text = String::from(
        "# Objects of schemas in C\n\nHeaders for C99 and C++17, in `include`: nothing to link, \
            and no memory but the \
         objects' own.\n`make test` holds them to the vectors, which all languages are tested \
         with.\n",
    );
    for object in objects {
        let schema = object.schema;
        let places = schema.places();
        let p = &places.c_prefix;
        let name = &schema.catalogue.object;
        text += &format!(
            "\n## {name}\n\n{}\n\n",
            escape::markdown(&description(schema))
        );
        text += &format!(
            "```c\n#include <{}>\n\nstatic {p}_t \
                object;\n\n{p}_init(&object);\n{p}_swap_{}(&object);\n```\n\n",
            places.c_header, schema.fields[0].name
        );
        text += &layout_table(schema);
    }
    text
}
