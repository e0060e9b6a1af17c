// SPDX-License-Identifier: MIT OR Apache-2.0
//! The format as a JSON Schema, for editors.
//!
//! It is draft 7, which editors know best. It says all but what no JSON Schema can say: keys that
//! are there twice, names of operations that collide, memory, and SPDX expressions.

use num_bigint::BigUint;
use serde_json::{Map, Number, Value, json};

use crate::format::{CELL_WIDTHS, CELLS, FORMAT, Rule, WIDTHS, Word};

/// The JSON Schema, as the text of a file.
pub fn json_schema() -> String {
    let mut schema = rule(&FORMAT);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("A schema of atomik, version 1");
    let at = |path: &str| format!("/properties/{}", path.replace('.', "/properties/"));
    let field = at("schema.delta_fields") + "/additionalProperties";
    add(&mut schema, &field, "allOf", field_rules());
    add(
        &mut schema,
        &at("schema.operations.rollback"),
        "allOf",
        json!([{
            "if": {"properties": {"enabled": {"const": true}}, "required": ["enabled"]},
            "then": {"required": ["history_depth"]},
        }]),
    );
    add(&mut schema, "", "allOf", data_width_rules());
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

fn add(schema: &mut Value, pointer: &str, key: &str, value: Value) {
    if let Some(at) = schema.pointer_mut(pointer) {
        at[key] = value;
    }
}

/// Defaults that fit the width, and widths that have cells.
fn field_rules() -> Value {
    let of_width = |width: u32| json!({"properties": {"width": {"const": width}}});
    let mut rules: Vec<Value> = WIDTHS
        .iter()
        .map(|&width| {
            let most = (BigUint::from(1u8) << width) - 1u8;
            json!({
                "if": of_width(width),
                "then": {"properties": {"default_value": {"maximum": number(&most)}}},
            })
        })
        .collect();
    rules.push(json!({
        "if": {"properties": {"encoding": {"const": CELLS}}, "required": ["encoding"]},
        "then": {"properties": {"width": {"enum": CELL_WIDTHS}}},
    }));
    Value::Array(rules)
}

/// A number of any size. Readers that have no such numbers take the nearest that they have.
fn number(value: &BigUint) -> Value {
    match u64::try_from(value) {
        Ok(value) => json!(value),
        Err(_) => Number::from_f64(value.to_string().parse().unwrap_or(f64::MAX))
            .map_or(Value::Null, Value::Number),
    }
}

fn data_width_rules() -> Value {
    let rules = WIDTHS.iter().map(|width| {
        let required =
            |inner: Value, key: &str| json!({"properties": {key: inner}, "required": [key]});
        let data_width = required(json!({"const": width}), "DATA_WIDTH");
        let field = json!({"properties": {"width": {"const": width}}});
        let fields = json!({"properties": {"delta_fields": {"additionalProperties": field}}});
        json!({
            "if": required(required(data_width, "rtl_params"), "hardware"),
            "then": {"properties": {"schema": fields}},
        })
    });
    rules.collect()
}

fn rule(rule: &Rule) -> Value {
    match rule {
        Rule::Keys(keys) => {
            let properties: Map<String, Value> = keys
                .iter()
                .map(|key| {
                    let mut value = self::rule(&key.rule);
                    value["description"] = json!(key.about);
                    (key.name.to_string(), value)
                })
                .collect();
            let required: Vec<_> = keys
                .iter()
                .filter(|key| key.required)
                .map(|key| key.name)
                .collect();
            json!({
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            })
        }
        Rule::Names(word, rule) => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": self::word(word),
            "additionalProperties": self::rule(rule),
        }),
        Rule::AnyObject => json!({"type": "object"}),
        Rule::Word(word) => self::word(word),
        Rule::Text { min: 0, .. } => json!({"type": "string"}),
        Rule::Text { min, max } => json!({"type": "string", "minLength": min, "maxLength": max}),
        Rule::Choice(choices) => json!({"enum": choices}),
        Rule::OneOf(numbers) => json!({"enum": numbers}),
        Rule::Whole {
            min,
            max: Some(max),
        } => {
            json!({"type": "integer", "minimum": min, "maximum": max})
        }
        Rule::Whole { min, max: None } => json!({"type": "integer", "minimum": min}),
        Rule::Number { min, max } => json!({"type": "number", "minimum": min, "maximum": max}),
        Rule::Bool => json!({"type": "boolean"}),
        Rule::True => json!({"const": true}),
    }
}

fn word(word: &Word) -> Value {
    let mut schema = json!({"type": "string"});
    if let Some(pattern) = word.pattern {
        schema["pattern"] = json!(pattern);
    }
    if let Some(max) = word.max {
        schema["maxLength"] = json!(max);
    }
    if !word.reserved.is_empty() {
        schema["not"] = json!({"enum": **word.reserved});
    }
    schema
}
