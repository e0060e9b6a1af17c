// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors of an object, as a program.

use std::collections::BTreeMap;

use super::code::wrap;
use super::words;
use crate::escape;
use crate::languages::made_block;
use crate::schema::Schema;
use crate::vectors::{Bytes, Hex, Step, Vectors};

pub(super) fn test(schema: &Schema, vectors: &Vectors) -> String {
    let places = schema.places();
    let p = &places.c_prefix;
    let upper = p.to_uppercase();
    let mut text = made_block();
    text += &format!(
        "/* The vectors of {}, which all languages are tested with. */\n\
         #include <{}>\n\n#include \"check.h\"\n\n\
         static void begin({p}_t *object)\n{{\n\tif (store.run == NULL) {{\n\
         \t\t{p}_init(object);\n\t\treturn;\n\t}}\n\
         \t{p}_attach(object, store, 1);\n\t{p}_reset(object);\n}}\n",
        vectors.object, places.c_header
    );
    for (number, case) in vectors.cases.iter().enumerate() {
        text += &format!(
            "\nstatic void case_{number}(void)\n{{\n\tstatic const char name[] = \"{}\";\n\
             \tstatic {p}_t object;\n\n\tbegin(&object);\n",
            escape::json(&case.name)
        );
        for (at, step) in case.steps.iter().enumerate() {
            text += &call(schema, step, at + 1);
        }
        text += "}\n";
    }
    text += "\nstatic void cases(void)\n{\n";
    for number in 0..vectors.cases.len() {
        text += &format!("\tcase_{number}();\n");
    }
    text += &format!(
        "}}\n\nint main(void)\n{{\n\tcheck(strcmp({upper}_VERSION, \"{}\") == 0, \"version\", 0);\n\
         \treturn check_all(cases, {upper}_CONTEXTS);\n}}\n",
        escape::json(&vectors.version)
    );
    wrap(&text)
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
