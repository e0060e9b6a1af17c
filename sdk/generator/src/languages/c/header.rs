// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header of an object.

use super::code::{comment, wrap};
use super::{value_type, words};
use crate::languages::{description, is_settable, made_block, settable};
use crate::layout::Layout;
use crate::message;
use crate::schema::{Compression, Encoding, Field, FieldType, Schema};

pub(super) fn header(schema: &Schema) -> String {
    let places = schema.places();
    let guard = format!("{}_H", places.verilog.to_uppercase());
    let mut text = made_block() + &comment(&description(schema));
    text += &format!(
        "#ifndef {guard}\n#define {guard}\n\n#include <atomik/object.h>\n\n\
         #ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n"
    );
    let header = Header {
        schema,
        p: places.c_prefix,
        contexts: schema.contexts(),
        depth: schema.operations.rollback.unwrap_or(0),
        widest: schema.fields.iter().map(Field::contexts).max().unwrap_or(1),
    };
    text += &header.types();
    text += &header.whole();
    for (number, field) in schema.fields.iter().enumerate() {
        text += &header.functions(field, number);
    }
    if !settable(schema).is_empty() {
        text += &header.update();
    }
    if schema.operations.rollback.is_some() {
        text += &header.rollback();
    }
    wrap(&text) + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n"
}

struct Header<'a> {
    schema: &'a Schema,
    /// Prefix of all names.
    p: String,
    contexts: u32,
    depth: u32,
    /// Contexts of the widest field.
    widest: u32,
}

/// The words of an expression of a field's value.
fn from(field: &Field, value: &str) -> String {
    match field.width {
        256 => value.to_string(),
        128 => format!("atomikobj_from_u128_({value})"),
        _ => format!("atomikobj_from_u64_({value})"),
    }
}

/// The value of an expression of words.
fn to(field: &Field, words: &str) -> String {
    match field.width {
        256 => words.to_string(),
        128 => format!("atomikobj_to_u128_({words})"),
        64 => format!("{words}.word[0]"),
        width => format!("(uint{width}_t){words}.word[0]"),
    }
}

impl Header<'_> {
    fn types(&self) -> String {
        let Header {
            p,
            contexts,
            depth,
            widest,
            schema,
        } = self;
        let upper = p.to_uppercase();
        let version = &schema.catalogue.version;
        let mut text = format!(
            "#define {upper}_VERSION \"{version}\"\n#define {upper}_CONTEXTS {contexts}\n\
             #define {upper}_HISTORY_DEPTH {depth}\n\n\
             typedef struct {{\n\tatomikobj_place_t place;\n\
             \tatomikobj_context_t contexts[{contexts}];\n"
        );
        if *depth > 0 {
            text += &format!("\tuint64_t history[{depth}][{}];\n", widest + 1);
        }
        text += &format!("}} {p}_t;\n\n");
        let count = schema.fields.len();
        text += &format!("static const atomikobj_field_t {p}_fields_[{count}] = {{\n");
        let starts = Layout::of(schema).starts();
        for (number, (field, first)) in schema.fields.iter().zip(starts).enumerate() {
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
                "\t{{\n\t\t{number}, {first}, {}, {encoding}, {compression},\n\t\t{},\n\
                 \t\tUINT64_C({}), UINT64_C({}), {},\n\t\t{{ {} }},\n\t}},\n",
                field.width,
                words(&field.default, 4),
                version.major,
                version.minor,
                header.len(),
                bytes.join(", "),
            );
        }
        text + "};\n"
    }

    /// What all objects have.
    fn whole(&self) -> String {
        let Header {
            p,
            contexts,
            depth,
            widest,
            schema,
        } = self;
        let count = schema.fields.len();
        let history = match depth {
            0 => "NULL",
            _ => "&object->history[0][0]",
        };
        let mut text = format!(
            "\nstatic inline atomikobj_object_t {p}_object_({p}_t *object)\n{{\n\
             \tatomikobj_object_t o;\n\n\to.place = &object->place;\n\
             \to.contexts = object->contexts;\n\to.history = {history};\n\to.depth = {depth};\n\
             \to.words = {widest};\n\treturn o;\n}}\n"
        );
        text += &self.changing(
            "Gives all fields their default values, at once, and forgets the history.",
            ("void", "reset", ""),
            &format!(
                "\tatomikobj_op_t ops[{contexts}];\n\n\
                 \tatomikobj_reset_(&o, ops, {p}_fields_, {count});\n"
            ),
        );
        text += &self.function(
            "A new object in the process, with the default values.",
            ("void", "init", ""),
            &format!("\tmemset(&object->place, 0, sizeof(object->place));\n\t{p}_reset(object);\n"),
        );
        text += &self.function(
            "An object in a store, the first at index 0. It has what is there, and no history.",
            ("void", "attach", ", atomikobj_store_t store, size_t index"),
            &format!("\tatomikobj_attach_(&object->place, store, index, {contexts});\n"),
        );
        text += &self.reading(
            "The states of the contexts, all of one moment, as they lie in a table.",
            (
                "void",
                "contexts",
                &format!(", uint64_t states[{contexts}]"),
            ),
            &format!(
                "\tatomikobj_op_t ops[{contexts}];\n\n\tatomikobj_states_(&object->place, \
                 object->contexts, ops, 0, {contexts}, states);\n"
            ),
        );
        text
    }

    /// A function of the object: its result, name, and parameters.
    fn function(&self, about: &str, declared: (&str, &str, &str), body: &str) -> String {
        let (p, (result, name, parameters)) = (&self.p, declared);
        format!(
            "\n/* {about} */\nstatic inline {result} {p}_{name}({p}_t *object{parameters})\n\
             {{\n{body}}}\n"
        )
    }

    /// One that changes contexts or history: its body has both as `o`.
    fn changing(&self, about: &str, declared: (&str, &str, &str), body: &str) -> String {
        let separator = if body.contains("\n\n") { "" } else { "\n" };
        let p = &self.p;
        let body =
            format!("\tconst atomikobj_object_t o = {p}_object_(object);\n{separator}{body}");
        self.function(about, declared, &body)
    }

    fn reading(&self, about: &str, declared: (&str, &str, &str), body: &str) -> String {
        let p = &self.p;
        self.function(about, declared, body).replacen(
            &format!("({p}_t *object"),
            &format!("(const {p}_t *object"),
            1,
        )
    }

    fn functions(&self, field: &Field, number: usize) -> String {
        let p = &self.p;
        let f = &field.name;
        let at = format!("&{p}_fields_[{number}]");
        let ty = value_type(field);
        let readable = self.schema.operations.reconstruct.is_some();
        let stream = field.kind == FieldType::DeltaStream;
        let place = "&object->place, object->contexts";
        let mut text = self.changing(
            &format!("Makes value the state of {f}, and forgets its history."),
            ("void", &format!("load_{f}"), &format!(", {ty} value")),
            &format!("\tatomikobj_load_(&o, {at}, {});\n", from(field, "value")),
        );
        let delta = from(field, "delta");
        let (about, result, call) = if stream {
            (
                "and returns the message of it.",
                "atomikobj_message_t",
                format!("\treturn atomikobj_send_(&o, {at}, {delta});\n"),
            )
        } else {
            (
                "",
                "void",
                format!("\t(void)atomikobj_accum_(&o, {at}, {delta});\n"),
            )
        };
        let about = match about {
            "" => format!("XORs delta into {f}."),
            _ => format!("XORs delta into {f}, {about}"),
        };
        let parameter = format!(", {ty} delta");
        text += &self.changing(&about, (result, &format!("accum_{f}"), &parameter), &call);
        if readable {
            let state = to(field, &format!("atomikobj_read_({place}, {at})"));
            text += &self.reading(
                &format!("The state of {f}."),
                (&ty, &format!("read_{f}"), ""),
                &format!("\treturn {state};\n"),
            );
        }
        let state = to(field, &format!("atomikobj_swap_(&o, {at})"));
        text += &self.changing(
            &format!("Returns the state of {f}, begins a new epoch, and forgets its history."),
            (&ty, &format!("swap_{f}"), ""),
            &format!("\treturn {state};\n"),
        );
        match field.kind {
            FieldType::DeltaStream => {
                text += &self.changing(
                    &format!("Accumulates the delta of a message of {f}, if it isn't refused."),
                    (
                        "atomikobj_message_error_t",
                        &format!("apply_{f}"),
                        ", const void *bytes, size_t length",
                    ),
                    &format!("\treturn atomikobj_apply_(&o, {at}, bytes, length);\n"),
                );
            }
            FieldType::BitmaskDelta => {
                for (verb, does, call) in [
                    ("clear", "Clears", "make_bit_(&o, FIELD, bit, false)"),
                    ("set", "Sets", "make_bit_(&o, FIELD, bit, true)"),
                    ("toggle", "Toggles", "toggle_bit_(&o, FIELD, bit)"),
                ] {
                    let call = format!("atomikobj_{}", call.replace("FIELD", &at));
                    text += &self.changing(
                        &format!(
                            "{does} a bit of {f}, and returns the delta: 0 for a bit beyond it."
                        ),
                        (&ty, &format!("{verb}_{f}_bit"), ", uint32_t bit"),
                        &format!("\treturn {};\n", to(field, &call)),
                    );
                }
                if readable {
                    text += &self.reading(
                        &format!("A bit of {f}; false for one beyond it."),
                        ("bool", &format!("test_{f}_bit"), ", uint32_t bit"),
                        &format!("\treturn atomikobj_test_bit_({place}, {at}, bit);\n"),
                    );
                }
            }
            FieldType::ParameterDelta => {
                let value = from(field, "value");
                let delta = to(field, &format!("atomikobj_set_(&o, {at}, {value})"));
                text += &self.changing(
                    &format!("Accumulates what changes {f} to value, and returns that delta."),
                    (&ty, &format!("set_{f}"), &format!(", {ty} value")),
                    &format!("\treturn {delta};\n"),
                );
            }
        }
        if field.has_cells() {
            let cell = ", uint32_t x, uint32_t y, uint32_t t";
            let delta = to(
                field,
                &format!("atomikobj_cell_delta_({at}, x, y, t, delta)"),
            );
            let result = if stream { "return " } else { "" };
            let kind = if stream {
                "atomikobj_message_t"
            } else {
                "void"
            };
            text += &self.function(
                "XORs delta into the cell (x, y, t), each modulo 4; otherwise as accum.",
                (
                    kind,
                    &format!("accum_{f}_cell"),
                    &format!("{cell}, uint8_t delta"),
                ),
                &format!("\t{result}{p}_accum_{f}(object, {delta});\n"),
            );
            if readable {
                text += &self.reading(
                    "The cell (x, y, t), each modulo 4.",
                    ("uint8_t", &format!("read_{f}_cell"), cell),
                    &format!("\treturn atomikobj_read_cell_({place}, {at}, x, y, t);\n"),
                );
            }
        }
        text
    }

    /// `update` and `compare_update`, and the types of what they take.
    fn update(&self) -> String {
        let p = &self.p;
        let set: Vec<&Field> = settable(self.schema);
        let all: Vec<&Field> = self.schema.fields.iter().collect();
        let words = |fields: &[&Field]| fields.iter().map(|field| field.contexts()).sum::<u32>();
        let (set_words, all_words) = (2 * words(&set), words(&all));
        let mut text = self.values("update", "Values that fields are to have", &set);
        text += &self.values("expected", "States that fields are expected to have", &all);
        text += &self.changing(
            "Sets several fields, at once.",
            ("void", "update", &format!(", const {p}_update_t *values")),
            &format!(
                "\tatomikobj_laid_t laid[{}];\n\tatomikobj_op_t ops[{set_words}];\n\
                 \tconst size_t sets = {p}_update_(values, laid);\n\n\
                 \t(void)atomikobj_update_(&o, ops, laid, 0, sets);\n",
                set.len()
            ),
        );
        text += &self.changing(
            "Does so if all that are expected have these states; returns whether they have.",
            (
                "bool",
                "compare_update",
                &format!(", const {p}_expected_t *expected, const {p}_update_t *values"),
            ),
            &format!(
                "\tatomikobj_laid_t laid[{}];\n\tatomikobj_op_t ops[{}];\n\
                 \tconst size_t expects = {p}_expected_(expected, laid);\n\
                 \tconst size_t sets = {p}_update_(values, laid + expects);\n\n\
                 \treturn atomikobj_update_(&o, ops, laid, expects, sets);\n",
                all.len() + set.len(),
                all_words + set_words
            ),
        );
        text
    }

    /// A type of values that may be there, and the function that lists those which are.
    fn values(&self, name: &str, about: &str, fields: &[&Field]) -> String {
        let p = &self.p;
        let mut text = format!("\n/* {about}, where has_ says so. */\ntypedef struct {{\n");
        for field in fields {
            text += &format!(
                "\tbool has_{0};\n\t{1} value_{0};\n",
                field.name,
                value_type(field)
            );
        }
        text += &format!(
            "}} {p}_{name}_t;\n\nstatic inline size_t {p}_{name}_(const {p}_{name}_t *values, \
             atomikobj_laid_t *laid)\n{{\n\tsize_t count = 0;\n\n"
        );
        for (number, field) in self.schema.fields.iter().enumerate() {
            if name == "expected" || is_settable(field) {
                let value = from(field, &format!("values->value_{}", field.name));
                text += &format!(
                    "\tif (values->has_{})\n\t\tlaid[count++] = \
                     atomikobj_laid_(&{p}_fields_[{number}], {value});\n",
                    field.name
                );
            }
        }
        text + "\treturn count;\n}\n"
    }

    fn rollback(&self) -> String {
        let (p, contexts) = (&self.p, self.contexts);
        self.changing(
            "Undoes the last accums, newest first, at once, and returns how many.",
            ("size_t", "rollback", ", size_t steps"),
            &format!(
                "\tatomikobj_op_t ops[{contexts}];\n\n\
                 \treturn atomikobj_rollback_(&o, ops, {contexts}, {p}_fields_, steps);\n"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{c_names, field_operations};
    use crate::{Source, check};

    /// `check` knows all names that a header defines.
    #[test]
    fn names() {
        let base = include_str!("../../../tests/cases/base.json");
        let stream = r#""type": "delta_stream""#;
        let streams = base
            .replace(r#""type": "bitmask_delta""#, stream)
            .replace(r#""type": "parameter_delta""#, stream)
            .replace(
                r#""enabled": true, "history_depth": 65536"#,
                r#""enabled": false"#,
            );
        let unread = base.replace(
            r#""enabled": true, "latency_cycles": 2"#,
            r#""enabled": false"#,
        );
        for text in [base, &streams, &unread] {
            let schema = check(&[Source::new("a", text)]).unwrap().remove(0);
            let places = schema.places();
            let guard = format!("{}_H", places.verilog.to_uppercase());
            let code = header(&schema).replace(&guard, "");
            let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let found: BTreeSet<_> = words
                .filter(|word| word.to_lowercase().starts_with("atomik_"))
                .map(str::to_string)
                .collect();
            let operations = schema
                .fields
                .iter()
                .flat_map(|field| field_operations(&schema, field));
            let known = c_names(
                &places.c_prefix,
                operations,
                !settable(&schema).is_empty(),
                schema.operations.rollback.is_some(),
            );
            assert_eq!(found, known.into_iter().collect());
        }
    }
}
