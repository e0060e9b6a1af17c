// SPDX-License-Identifier: MIT OR Apache-2.0
//! Schemas that are right, and schemas with mistakes: changes of one schema that has each key.

// Each test file uses a part of it.
#![allow(dead_code)]

use atomik_sdk_generator::vectors::Step;
use num_bigint::BigUint;

pub const BASE: &str = include_str!("base.json");

/// A schema with mistakes.
pub struct Wrong {
    pub text: String,
    /// Where the mistakes are, in their order: line, and path of the key.
    pub at: Vec<(usize, &'static str)>,
    /// A JSON Schema can say that this is wrong.
    pub for_editors: bool,
}

/// `BASE` with the only occurrence of `old` replaced.
pub fn base_with(changes: &[(&str, &str)]) -> String {
    let mut text = BASE.to_string();
    for (old, new) in changes {
        assert_eq!(text.matches(old).count(), 1, "{old} is once in {text}");
        text = text.replace(old, new);
    }
    text
}

/// Changes what a step expects; false where it expects nothing.
pub fn spoil(step: &mut Step) -> bool {
    let one = BigUint::from(1u8);
    match step {
        Step::Read { expect, .. }
        | Step::Swap { expect, .. }
        | Step::Set { expect, .. }
        | Step::SetBit { expect, .. }
        | Step::ClearBit { expect, .. }
        | Step::ToggleBit { expect, .. }
        | Step::ReadCell { expect, .. } => expect.0 ^= one,
        Step::TestBit { expect, .. } | Step::CompareUpdate { expect, .. } => *expect = !*expect,
        Step::Rollback { expect, .. } => *expect += 1,
        Step::Contexts { expect } => expect[0].0 ^= one,
        Step::Apply { error, .. } => match error {
            Some(_) => *error = None,
            None => *error = Some("damaged".into()),
        },
        Step::Accum {
            message: Some(message),
            ..
        }
        | Step::AccumCell {
            message: Some(message),
            ..
        } => message.0[0] ^= 1,
        _ => return false,
    }
    true
}

pub fn right() -> Vec<String> {
    let with = base_with;
    let mut right = vec![
        BASE.to_string(),
        MINIMAL.to_string(),
        with(&[(r#""author": "A. Author","#, "")]),
        with(&[(r#"1.2.0"#, "1.2.0-rc.1+build.5")]),
        with(&[
            ("94.5", "94"),
            ("0.5", "0"),
            (r#""max_memory_mb": 3"#, r#""max_memory_mb": 65536"#),
        ]),
        with(&[(r#""width": 256"#, r#""width": 2.56e2"#)]),
        with(&[(r#""history_depth": 65536"#, r#""history_depth": 1"#)]),
        with(&[(
            r#""enabled": true, "history_depth": 65536"#,
            r#""enabled": false"#,
        )]),
        with(&[("A. Author", "\\u00e9".repeat(256).as_str())]),
        with(&[(
            "Macroblocks of a stream",
            "*/ \\\" \\n \\u2028 ''' ``` --> ",
        )]),
        with(&[("\"H264Delta\"", &format!("\"H{}\"", "a".repeat(63)))]),
        with(&[("gain", "a_long_name_2_")]),
        with(&[("gain", &"a".repeat(64))]),
        // As many sources have it, with another width for all.
        with(&[
            (
                r#""width": 8, "encoding": "rle", "default_value": 255"#,
                r#""width": 64"#,
            ),
            (r#""width": 256"#, r#""width": 64"#),
            (r#""ENABLE_PARALLEL": true"#, r#""DATA_WIDTH": 64"#),
        ]),
    ];
    for (width, most) in [(8, "255"), (16, "65535"), (32, "4294967295")] {
        let field = format!(r#""width": {width}, "encoding": "rle", "default_value": {most}"#);
        right.push(with(&[(
            r#""width": 8, "encoding": "rle", "default_value": 255"#,
            &field,
        )]));
    }
    right
}

pub const MINIMAL: &str = r#"{
  "catalogue": {"vertical": "Edge", "field": "Imu", "object": "IMUFusion", "version": "0.1.0"},
  "schema": {
    "delta_fields": {"state": {"type": "parameter_delta", "width": 32}},
    "operations": {"accumulate": {"enabled": true}}
  }
}"#;

pub fn wrong() -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut add = |for_editors, changes: &[(&str, &str)], at: &[(usize, &'static str)]| {
        wrong.push(Wrong {
            text: base_with(changes),
            at: at.to_vec(),
            for_editors,
        });
    };
    let flags = "schema.delta_fields.flags";
    let [blocks_width, blocks_default] = [
        "schema.delta_fields.blocks.width",
        "schema.delta_fields.blocks.default_value",
    ];
    let [flags_width, flags_default] = [
        "schema.delta_fields.flags.width",
        "schema.delta_fields.flags.default_value",
    ];

    // catalogue
    add(
        true,
        &[("\"Video\"", "\"Vidoe\"")],
        &[(4, "catalogue.vertical")],
    );
    add(true, &[("\"Video\"", "7")], &[(4, "catalogue.vertical")]);
    add(
        true,
        &[("\"vertical\": \"Video\",", "")],
        &[(3, "catalogue.vertical")],
    );
    add(
        true,
        &[("\"Stream\"", "\"stream\"")],
        &[(5, "catalogue.field")],
    );
    add(
        true,
        &[("\"Stream\"", "\"Type\"")],
        &[(5, "catalogue.field")],
    );
    add(
        true,
        &[("\"H264Delta\"", "\"None\"")],
        &[(6, "catalogue.object")],
    );
    add(
        true,
        &[("\"H264Delta\"", "\"Self\"")],
        &[(6, "catalogue.object")],
    );
    add(
        true,
        &[("\"H264Delta\"", "\"H_264\"")],
        &[(6, "catalogue.object")],
    );
    add(
        true,
        &[("\"H264Delta\"", "\"H\\n264\"")],
        &[(6, "catalogue.object")],
    );
    add(
        true,
        &[("\"H264Delta\"", "\"Delta\\n\"")],
        &[(6, "catalogue.object")],
    );
    for name in [
        "D\\\"", "D'", "D*/", "D\\\\", "D//", "D`", "../D", "D\\u0000", "D;",
    ] {
        add(
            true,
            &[("\"H264Delta\"", &format!("\"{name}\""))],
            &[(6, "catalogue.object")],
        );
        add(
            true,
            &[("\"Stream\"", &format!("\"{name}\""))],
            &[(5, "catalogue.field")],
        );
    }
    add(
        true,
        &[("\"H264Delta\"", "\"Dé\"")],
        &[(6, "catalogue.object")],
    );
    let long = format!("\"H{}\"", "a".repeat(64));
    add(
        true,
        &[("\"H264Delta\"", &long)],
        &[(6, "catalogue.object")],
    );
    add(
        true,
        &[("\"1.2.0\"", "\"1.2\"")],
        &[(7, "catalogue.version")],
    );
    add(
        true,
        &[("\"1.2.0\"", "\"01.2.0\"")],
        &[(7, "catalogue.version")],
    );
    add(true, &[("A. Author", "")], &[(8, "catalogue.author")]);
    add(
        true,
        &[("A. Author", &"x".repeat(257))],
        &[(8, "catalogue.author")],
    );
    add(
        false,
        &[("MIT OR Apache-2.0", "MIT and so on")],
        &[(9, "catalogue.license")],
    );
    add(
        false,
        &[("MIT OR Apache-2.0", "")],
        &[(9, "catalogue.license")],
    );
    add(
        true,
        &[("Macroblocks of a stream", &"x".repeat(1025))],
        &[(10, "catalogue.description")],
    );
    add(
        true,
        &[("\"author\"", "\"auhtor\"")],
        &[(8, "catalogue.auhtor")],
    );

    // fields
    add(
        true,
        &[("\"delta_stream\"", "\"delta\"")],
        &[(15, "schema.delta_fields.blocks.type")],
    );
    add(
        true,
        &[("\"width\": 256", "\"width\": 24")],
        &[(22, "schema.delta_fields.gain.width")],
    );
    add(
        true,
        &[("\"width\": 256", "\"width\": \"64\"")],
        &[(22, "schema.delta_fields.gain.width")],
    );
    add(
        true,
        &[("\"width\": 256", "\"width\": 8.5")],
        &[(22, "schema.delta_fields.gain.width")],
    );
    add(
        true,
        &[(", \"width\": 256", "")],
        &[(22, "schema.delta_fields.gain.width")],
    );
    add(
        true,
        &[("\"gain\"", "\"Gain\"")],
        &[(22, "schema.delta_fields.Gain")],
    );
    add(
        true,
        &[("\"gain\"", "\"\"")],
        &[(22, "schema.delta_fields[\"\"]")],
    );
    add(
        true,
        &[("\"gain\"", "\"a\\nb\"")],
        &[(22, "schema.delta_fields[\"a\\nb\"]")],
    );
    add(
        true,
        &[("\"gain\"", "\"a\\\"*/b\"")],
        &[(22, "schema.delta_fields[\"a\\\"*/b\"]")],
    );
    for word in [
        "class",
        "fn",
        "int",
        "typeof",
        "reg",
        "endmodule",
        "lambda",
        "namespace",
    ] {
        let name: &str = format!("\"{word}\"").leak();
        let path: &str = format!("schema.delta_fields.{word}").leak();
        add(true, &[("\"gain\"", name)], &[(22, path)]);
    }
    let long: &str = "a".repeat(65).leak();
    add(
        true,
        &[("\"gain\"", &format!("\"{long}\""))],
        &[(22, format!("schema.delta_fields[{:?}…]", &long[1..]).leak())],
    );
    // Case collides in JavaScript, and names of operations with each other.
    add(
        false,
        &[("\"gain\"", "\"flags_\"")],
        &[(22, "schema.delta_fields.flags_")],
    );
    add(
        false,
        &[("\"gain\"", "\"flags_bit\"")],
        &[(22, "schema.delta_fields.flags_bit")],
    );
    add(
        false,
        &[("\"gain\"", "\"blocks_cell\"")],
        &[(22, "schema.delta_fields.blocks_cell")],
    );
    add(
        true,
        &[("\"width\": 8,", "\"width\": 8, \"compression\": \"xro\",")],
        &[(21, "schema.delta_fields.flags.compression")],
    );
    add(
        true,
        &[("\"rle\", \"default_value\": 255", "\"RLE\"")],
        &[(21, "schema.delta_fields.flags.encoding")],
    );
    add(
        true,
        &[("\"default_value\": 255", "\"default_value\": 256")],
        &[(21, flags_default)],
    );
    add(
        true,
        &[("\"default_value\": 255", "\"default_value\": -1")],
        &[(21, flags_default)],
    );
    add(
        true,
        &[("\"default_value\": 255", "\"default_value\": 0.5")],
        &[(21, flags_default)],
    );
    add(
        true,
        &[("\"default_value\": 255", "\"default_value\": \"255\"")],
        &[(21, flags_default)],
    );
    add(
        true,
        &[("18446744073709551615", "18446744073709551616")],
        &[(19, blocks_default)],
    );
    add(
        true,
        &[("18446744073709551615", "1e999")],
        &[(19, blocks_default)],
    );
    add(
        true,
        &[
            ("\"width\": 64", "\"width\": 32"),
            ("18446744073709551615", "1"),
        ],
        &[(16, blocks_width)],
    );
    add(
        true,
        &[("\"ENABLE_PARALLEL\": true", "\"DATA_WIDTH\": 64")],
        &[(21, flags_width), (22, "schema.delta_fields.gain.width")],
    );

    // operations
    add(
        true,
        &[(
            "\"accumulate\": { \"enabled\": true",
            "\"accumulate\": { \"enabled\": false",
        )],
        &[(25, "schema.operations.accumulate.enabled")],
    );
    add(
        true,
        &[(
            "\"accumulate\": { \"enabled\": true, \"latency_cycles\": 1 },",
            "",
        )],
        &[(24, "schema.operations.accumulate")],
    );
    add(
        true,
        &[("\"latency_cycles\": 1", "\"latency_cycles\": 0")],
        &[(25, "schema.operations.accumulate.latency_cycles")],
    );
    add(
        true,
        &[("\"latency_cycles\": 2", "\"latency_cycles\": 1.5")],
        &[(26, "schema.operations.reconstruct.latency_cycles")],
    );
    add(
        true,
        &[(", \"history_depth\": 65536", "")],
        &[(27, "schema.operations.rollback.history_depth")],
    );
    for depth in ["0", "65537", "null", "[]"] {
        add(
            true,
            &[(
                "\"history_depth\": 65536",
                &format!("\"history_depth\": {depth}"),
            )],
            &[(27, "schema.operations.rollback.history_depth")],
        );
    }
    add(
        true,
        &[("\"rollback\"", "\"rolback\"")],
        &[(27, "schema.operations.rolback")],
    );

    // constraints and hardware
    add(
        true,
        &[("\"max_memory_mb\": 3", "\"max_memory_mb\": 65537")],
        &[(30, "schema.constraints.max_memory_mb")],
    );
    add(
        false,
        &[("\"max_memory_mb\": 3", "\"max_memory_mb\": 2")],
        &[(30, "schema.constraints.max_memory_mb")],
    );
    add(
        true,
        &[("\"max_power_mw\": 500", "\"max_power_mw\": 0")],
        &[(31, "schema.constraints.max_power_mw")],
    );
    add(
        true,
        &[("0.5", "10000.5")],
        &[(32, "schema.constraints.update_latency_ms")],
    );
    add(
        true,
        &[
            ("94.5", "0.5e0"),
            ("\"update_latency_ms\": 0.5", "\"update_latency_ms\": 1"),
        ],
        &[(33, "schema.constraints.target_frequency_mhz")],
    );
    add(
        true,
        &[("\"GW1NR-9\"", "9")],
        &[(37, "hardware.target_device")],
    );
    add(
        true,
        &[("\"clk\" },", "\"Clk\" },")],
        &[(38, "hardware.rtl_params.CLOCK_DOMAIN")],
    );
    add(
        true,
        &[("\"clk\" },", "\"wire\" },")],
        &[(38, "hardware.rtl_params.CLOCK_DOMAIN")],
    );
    add(
        true,
        &[("\"clk\" },", &format!("\"{long}\" }},"))],
        &[(38, "hardware.rtl_params.CLOCK_DOMAIN")],
    );
    add(
        true,
        &[("\"speed\"", "\"seed\"")],
        &[(40, "hardware.synthesis_options.optimization_goal")],
    );
    add(
        true,
        &[("{ \"clk\": [1, null, { \"deep\": \"x\" }] }", "[]")],
        &[(41, "hardware.synthesis_options.timing_constraints")],
    );
    add(
        true,
        &[("  \"hardware\"", "  \"hradware\"")],
        &[(36, "hradware")],
    );

    // Keys that are there twice.
    add(
        false,
        &[(
            "\"vertical\": \"Video\",",
            "\"vertical\": \"Edge\", \"vertical\": \"Video\",",
        )],
        &[(4, "catalogue.vertical")],
    );
    add(false, &[("\"gain\"", "\"flags\"")], &[(22, flags)]);

    // Many at once, by place.
    add(
        true,
        &[
            ("\"Video\"", "\"Vidoe\""),
            ("\"1.2.0\"", "1"),
            ("\"delta_stream\"", "\"delta_steam\""),
            ("\"default_value\": 255", "\"default_value\": 256"),
            ("\"gain\": {", "\"gain\": { \"wdith\": 8,"),
            (", \"history_depth\": 65536", ""),
        ],
        &[
            (4, "catalogue.vertical"),
            (7, "catalogue.version"),
            (15, "schema.delta_fields.blocks.type"),
            (21, flags_default),
            (22, "schema.delta_fields.gain.wdith"),
            (27, "schema.operations.rollback.history_depth"),
        ],
    );

    let mut whole = |text: &str, at: &[(usize, &'static str)]| {
        wrong.push(Wrong {
            text: text.into(),
            at: at.to_vec(),
            for_editors: true,
        });
    };
    for text in [
        "",
        " \n\t",
        "// nothing\n",
        "/* no end",
        "{",
        "{]",
        "{\"a\" 1}",
        "nul",
        "{} {}",
    ] {
        whole(text, &[(1, "")]);
    }
    for text in ["[]", "1", "null", "\"\"", "true"] {
        whole(text, &[(1, "")]);
    }
    whole("{}", &[(1, "catalogue"), (1, "schema")]);
    whole("{\n\n 'a': 1}", &[(3, "")]);
    whole(
        &MINIMAL.replace(
            "\"state\": {\"type\": \"parameter_delta\", \"width\": 32}",
            "",
        ),
        &[(4, "schema.delta_fields")],
    );
    wrong
}
