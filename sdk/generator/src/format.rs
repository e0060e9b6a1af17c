// SPDX-License-Identifier: MIT OR Apache-2.0
//! The format of a schema, as a table: `check` and the JSON Schema are both made from it.

use std::sync::LazyLock;

/// Rule of one value.
pub(crate) enum Rule {
    /// An object of these keys, and no others.
    Keys(&'static [Key]),
    /// An object of names of the author's, one at least, whose values all have one rule.
    Names(&'static Word, &'static Rule),
    /// An object of any content.
    AnyObject,
    Word(&'static Word),
    /// A string of that many characters.
    Text {
        min: usize,
        max: usize,
    },
    Choice(&'static [&'static str]),
    /// One of these numbers.
    OneOf(&'static [u32]),
    /// A whole number. Without a maximum here, another rule of `check` has it.
    Whole {
        min: u32,
        max: Option<u32>,
    },
    Number {
        min: u32,
        max: u32,
    },
    Bool,
    True,
}

pub(crate) struct Key {
    pub name: &'static str,
    pub required: bool,
    pub about: &'static str,
    pub rule: Rule,
}

/// A string of a certain form.
pub(crate) struct Word {
    pub is: fn(&str) -> bool,
    /// The form in words.
    pub allowed: &'static str,
    /// The same as a regular expression of JSON Schema, where one can say it.
    pub pattern: Option<&'static str>,
    pub max: Option<usize>,
    /// Words of the form that are not allowed all the same, in order.
    pub reserved: &'static LazyLock<Vec<String>>,
    pub why_reserved: &'static str,
}

pub(crate) const WIDTHS: &[u32] = &[8, 16, 32, 64, 128, 256];
pub(crate) const CELLS: &str = "spatiotemporal_4x4x4";
/// Widths that have 64 cells.
pub(crate) const CELL_WIDTHS: &[u32] = &[64, 128, 256];
/// The most characters of a name. The texts below have it, too.
const MAX_NAME: usize = 64;
/// The most accums that an object remembers.
pub(crate) const MAX_DEPTH: u32 = 65536;

const fn required(name: &'static str, about: &'static str, rule: Rule) -> Key {
    Key {
        name,
        required: true,
        about,
        rule,
    }
}

const fn optional(name: &'static str, about: &'static str, rule: Rule) -> Key {
    Key {
        name,
        required: false,
        about,
        rule,
    }
}

static NONE: LazyLock<Vec<String>> = LazyLock::new(Vec::new);

fn is_type_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_field_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && is_lower(text)
}

fn is_clock_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && is_lower(text)
}

fn is_lower(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

const RESERVED: &str = "a reserved word of a language that code is written in";

const fn type_name(reserved: &'static LazyLock<Vec<String>>) -> Word {
    Word {
        is: is_type_name,
        allowed: "a capital letter, then letters and digits; 64 characters at most",
        pattern: Some("^[A-Z][A-Za-z0-9]*$"),
        max: Some(MAX_NAME),
        reserved,
        why_reserved: RESERVED,
    }
}

static OBJECT_NAME: Word = type_name(&crate::reserved::OBJECTS);
static GROUP_NAME: Word = type_name(&crate::reserved::GROUPS);

static FIELD_NAME: Word = Word {
    is: is_field_name,
    allowed: "a small letter, then small letters, digits and _; 64 characters at most",
    pattern: Some("^[a-z][a-z0-9_]*$"),
    max: Some(MAX_NAME),
    reserved: &crate::reserved::FIELDS,
    why_reserved: RESERVED,
};

static CLOCK_NAME: Word = Word {
    is: is_clock_name,
    allowed: "a small letter or _, then small letters, digits and _; 64 characters at most",
    pattern: Some("^[a-z_][a-z0-9_]*$"),
    max: Some(MAX_NAME),
    reserved: &crate::reserved::CLOCKS,
    why_reserved: "a reserved word of Verilog",
};

static VERSION: Word = Word {
    is: |text| semver::Version::parse(text).is_ok(),
    allowed: "a semantic version, such as 1.0.0",
    pattern: Some(concat!(
        r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)",
        r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)",
        r"(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?",
        r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$",
    )),
    max: None,
    reserved: &NONE,
    why_reserved: "",
};

static LICENSE: Word = Word {
    is: |text| spdx::Expression::parse(text).is_ok(),
    allowed: "an SPDX expression, such as MIT OR Apache-2.0",
    pattern: None,
    max: None,
    reserved: &NONE,
    why_reserved: "",
};

const LATENCY: Key = optional(
    "latency_cycles",
    "Clock cycles that the operation takes in Verilog; 1 where it isn't given.",
    Rule::Whole {
        min: 1,
        max: Some(u32::MAX),
    },
);

pub(crate) static FORMAT: Rule = Rule::Keys(&[
    required(
        "catalogue",
        "The object's name, version and origin.",
        Rule::Keys(&[
            required(
                "vertical",
                "The area of use, the first part of the name.",
                Rule::Choice(&[
                    "Video", "Edge", "Network", "Finance", "Science", "Compute", "System",
                    "Storage",
                ]),
            ),
            required(
                "field",
                "The field of that area, the second part.",
                Rule::Word(&GROUP_NAME),
            ),
            required("object", "The object's own name.", Rule::Word(&OBJECT_NAME)),
            required(
                "version",
                "The schema's version. `diff` says which one a change asks for.",
                Rule::Word(&VERSION),
            ),
            optional(
                "author",
                "Shown in packages.",
                Rule::Text { min: 1, max: 256 },
            ),
            optional(
                "license",
                "The license of the generated packages.",
                Rule::Word(&LICENSE),
            ),
            optional(
                "description",
                "Shown in packages and documents.",
                Rule::Text { min: 1, max: 1024 },
            ),
        ]),
    ),
    required(
        "schema",
        "Fields and operations of the object.",
        Rule::Keys(&[
            required(
                "delta_fields",
                "Fields by name. Their order is their order in the table.",
                Rule::Names(
                    &FIELD_NAME,
                    &Rule::Keys(&[
                        required(
                            "type",
                            "The operations besides load, accum, read and swap.",
                            Rule::Choice(&["delta_stream", "bitmask_delta", "parameter_delta"]),
                        ),
                        required("width", "Bits.", Rule::OneOf(WIDTHS)),
                        optional(
                            "encoding",
                            "How a value's bits lie; raw where it isn't given.",
                            Rule::Choice(&["raw", "rle", CELLS]),
                        ),
                        optional(
                            "compression",
                            "How a delta is written into a message; none where it \
                    isn't given.",
                            Rule::Choice(&["none", "xor", "rle"]),
                        ),
                        optional(
                            "default_value",
                            "The state of a new object; 0 where it isn't given.",
                            Rule::Whole { min: 0, max: None },
                        ),
                    ]),
                ),
            ),
            required(
                "operations",
                "Operations that the object has.",
                Rule::Keys(&[
                    required(
                        "accumulate",
                        "accum, which each object has.",
                        Rule::Keys(&[required("enabled", "Always true.", Rule::True), LATENCY]),
                    ),
                    optional(
                        "reconstruct",
                        "read.",
                        Rule::Keys(&[
                            optional("enabled", "true where it isn't given.", Rule::Bool),
                            LATENCY,
                        ]),
                    ),
                    optional(
                        "rollback",
                        "rollback, which undoes the last accums.",
                        Rule::Keys(&[
                            optional("enabled", "false where it isn't given.", Rule::Bool),
                            optional(
                                "history_depth",
                                "The number of accums that can be undone.",
                                Rule::Whole {
                                    min: 1,
                                    max: Some(MAX_DEPTH),
                                },
                            ),
                        ]),
                    ),
                ]),
            ),
            optional(
                "constraints",
                "Limits of the object.",
                Rule::Keys(&[
                    optional(
                        "max_memory_mb",
                        "Memory of an object and its history, in 2^20 bytes.",
                        Rule::Number { min: 1, max: 65536 },
                    ),
                    optional(
                        "max_power_mw",
                        "Power, in milliwatts.",
                        Rule::Number {
                            min: 1,
                            max: 100_000,
                        },
                    ),
                    optional(
                        "update_latency_ms",
                        "Time of an update, in milliseconds.",
                        Rule::Number {
                            min: 0,
                            max: 10_000,
                        },
                    ),
                    optional(
                        "target_frequency_mhz",
                        "The clock, in MHz; 94.5 where it isn't given.",
                        Rule::Number { min: 1, max: 1000 },
                    ),
                ]),
            ),
        ]),
    ),
    optional(
        "hardware",
        "For Verilog.",
        Rule::Keys(&[
            optional(
                "target_device",
                "The FPGA, such as GW1NR-9 or Artix-7.",
                Rule::Text {
                    min: 0,
                    max: usize::MAX,
                },
            ),
            optional(
                "rtl_params",
                "Parameters of the module.",
                Rule::Keys(&[
                    optional(
                        "DATA_WIDTH",
                        "The width of all fields.",
                        Rule::OneOf(WIDTHS),
                    ),
                    optional(
                        "ENABLE_PARALLEL",
                        "Fields work at the same time; false where it isn't given.",
                        Rule::Bool,
                    ),
                    optional("CLOCK_DOMAIN", "The clock's name.", Rule::Word(&CLOCK_NAME)),
                ]),
            ),
            optional(
                "synthesis_options",
                "For the synthesis.",
                Rule::Keys(&[
                    optional(
                        "optimization_goal",
                        "speed where it isn't given.",
                        Rule::Choice(&["area", "speed", "power"]),
                    ),
                    optional("timing_constraints", "Of any content.", Rule::AnyObject),
                ]),
            ),
        ]),
    ),
]);
