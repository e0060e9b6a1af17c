// SPDX-License-Identifier: MIT OR Apache-2.0

//! JSON as the files have it: fields in the order in which they are given, one step a line.

use serde_json::Value as Json;

use crate::model::Value;

/// An object, or the step of a case.
#[derive(Clone)]
pub struct Object(String);

/// A step.
pub fn op(name: &str) -> Object {
    Object::first("op", name)
}

impl Object {
    /// Adds a field that is what it is in JSON.
    pub fn with(mut self, name: &str, json: impl Into<Json>) -> Self {
        self.0 += &format!(", {}: {}", Json::from(name), json.into());
        self
    }

    /// Adds a number of any width.
    pub fn value(self, name: &str, value: &Value) -> Self {
        self.with(name, hex(value))
    }

    /// Adds bytes.
    pub fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        self.with(name, hex_bytes(bytes))
    }

    /// Adds an object.
    pub fn object(mut self, name: &str, object: Object) -> Self {
        self.0 += &format!(", {}: {}", Json::from(name), object.end());
        self
    }

    /// Adds objects.
    pub fn array(mut self, name: &str, objects: Vec<Object>) -> Self {
        let objects: Vec<_> = objects.into_iter().map(Object::end).collect();
        self.0 += &format!(", {}: [{}]", Json::from(name), objects.join(", "));
        self
    }

    /// Adds what an operation returns, or the error that it ends with.
    pub fn result(self, result: Result<impl Into<Json>, &str>) -> Self {
        match result {
            Ok(value) => self.with("expect", value),
            Err(error) => self.with("error", error),
        }
    }

    /// An object that starts with a field.
    pub fn first(name: &str, json: impl Into<Json>) -> Self {
        Object(format!("{{{}: {}", Json::from(name), json.into()))
    }

    /// A case, which starts with its name.
    pub fn named(name: impl Into<String>) -> Self {
        Self::first("name", name.into())
    }

    /// A case's object ends with its steps.
    pub fn steps(self, steps: Vec<Object>) -> String {
        let lines: Vec<String> = steps
            .into_iter()
            .map(|s| format!("    {}", s.end()))
            .collect();
        format!("{}, \"steps\": [\n{}\n  ]}}", self.0, lines.join(",\n"))
    }

    pub fn end(self) -> String {
        self.0 + "}"
    }
}

pub fn hex(value: &Value) -> Json {
    format!("{value:#x}").into()
}

pub fn hex_bytes(bytes: &[u8]) -> Json {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat().into()
}

/// `[[addr, value], …]`
pub fn states(states: impl IntoIterator<Item = (u32, Value)>) -> Json {
    let pair = |(addr, value): (u32, Value)| Json::from(vec![Json::from(addr), hex(&value)]);
    states.into_iter().map(pair).collect()
}

/// A whole file.
pub fn file(kind: &str, about: &str, cases: Vec<String>) -> String {
    format!(
        "{{\"format\": 1, \"kind\": {}, \"about\": {}, \"cases\": [\n  {}\n]}}\n",
        Json::from(kind),
        Json::from(about),
        cases.join(",\n  ")
    )
}
