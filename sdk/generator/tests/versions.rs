// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names, layouts, what `diff` says, and the schema that `init` makes.

mod cases;

use atomik_sdk_generator::names::{Places, camel, snake};
use atomik_sdk_generator::{Effect, Layout, Part, Schema, Source, check, diff, init};
use cases::{BASE, base_with};

fn schema(text: &str) -> Schema {
    check(&[Source::new("a.json", text)]).unwrap().remove(0)
}

#[test]
fn names_are_split() {
    for (name, words) in [
        ("H264Delta", "h264_delta"),
        ("IMUFusion", "imu_fusion"),
        ("P2PLink", "p2p_link"),
        ("PageMap2X", "page_map2x"),
        ("A", "a"),
        ("AB", "ab"),
        ("ABc", "a_bc"),
        ("AbC", "ab_c"),
        ("X9", "x9"),
    ] {
        assert_eq!(snake(name), words, "{name}");
    }
    assert_eq!(camel("load_some_field_2"), "loadSomeField2");
    assert_eq!(camel("_a__b_"), "aB");
}

#[test]
fn places_in_the_languages() {
    assert_eq!(
        schema(BASE).places(),
        Places {
            python: "atomik.Video.Stream".into(),
            rust: "video::stream::H264Delta".into(),
            c_header: "atomik/video/stream/h264_delta.h".into(),
            c_prefix: "atomik_h264_delta".into(),
            javascript: "@atomik/video/stream".into(),
            verilog: "atomik_video_stream_h264_delta".into(),
        }
    );
}

#[test]
fn fields_lie_one_after_another() {
    let layout = Layout::of(&schema(BASE));
    let part = |context, bits, from| Part {
        context,
        bits,
        from,
    };
    assert_eq!(layout.contexts, 6);
    assert_eq!(layout.starts(), [0, 1, 2]);
    assert_eq!(layout.fields[1].parts, [part(1, 8, 0)]);
    let parts = [
        part(2, 64, 0),
        part(3, 64, 64),
        part(4, 64, 128),
        part(5, 64, 192),
    ];
    assert_eq!(layout.fields[2].parts, parts);
    assert_eq!(
        layout.to_string(),
        "Video.Stream.H264Delta: 6 contexts, 48 bytes of state\n\
         context     bits  field\n      \
         0    0..63  blocks\n      \
         1     0..7  flags\n      \
         2    0..63  gain[0..63]\n      \
         3    0..63  gain[64..127]\n      \
         4    0..63  gain[128..191]\n      \
         5    0..63  gain[192..255]\n"
    );
}

#[test]
fn what_a_change_breaks() {
    use Effect::*;
    let field = r#""gain": { "type": "parameter_delta", "width": 256, "compression": "rle" }"#;
    let more = format!(r#"{field}, "more": {{ "type": "bitmask_delta", "width": 8 }}"#);
    let flags = cases::BASE
        .lines()
        .find(|line| line.contains("\"flags\""))
        .unwrap();
    let gain = "schema.delta_fields.gain";
    for (changes, path, effect, needed) in [
        (
            vec![("\"H264Delta\"", "\"Other\"")],
            "catalogue",
            Api,
            "2.0.0",
        ),
        (
            vec![("A. Author", "B. Author")],
            "catalogue.author",
            None,
            "1.2.1",
        ),
        (
            vec![(field, &more)],
            "schema.delta_fields.more",
            Layout,
            "2.0.0",
        ),
        (
            vec![(flags, "")],
            "schema.delta_fields.flags",
            Layout,
            "2.0.0",
        ),
        (
            vec![("\"width\": 256", "\"width\": 128")],
            &format!("{gain}.width"),
            Layout,
            "2.0.0",
        ),
        (
            vec![("\"parameter_delta\"", "\"delta_stream\"")],
            &format!("{gain}.type"),
            Api,
            "2.0.0",
        ),
        (
            vec![("\"xor\"", "\"rle\"")],
            "schema.delta_fields.blocks.compression",
            Layout,
            "2.0.0",
        ),
        (
            vec![(": 255", ": 254")],
            "schema.delta_fields.flags.default_value",
            Api,
            "2.0.0",
        ),
        (
            vec![("\"latency_cycles\": 2", "\"latency_cycles\": 3")],
            "schema.operations.reconstruct.latency_cycles",
            Api,
            "2.0.0",
        ),
        (
            vec![("65536", "65535")],
            "schema.operations.rollback.history_depth",
            Api,
            "2.0.0",
        ),
        (
            vec![("\"enabled\": true, \"history_depth\": 65536", "")],
            "schema.operations.rollback",
            Api,
            "2.0.0",
        ),
        (vec![("500", "501")], "schema.constraints", None, "1.2.1"),
        (vec![("GW1NR-9", "Artix-7")], "hardware", None, "1.2.1"),
    ] {
        let diff = diff(&schema(BASE), &schema(&base_with(&changes)));
        let change = &diff.changes[0];
        assert_eq!(
            (diff.changes.len(), change.path.as_str(), change.effect),
            (1, path, effect)
        );
        assert_eq!(diff.needed.to_string(), needed, "{changes:?}");
        assert!(!diff.is_versioned());
        assert_eq!(
            (diff.breaks_api(), diff.breaks_layout()),
            (effect >= Api, effect == Layout)
        );
    }
}

#[test]
fn versions_that_a_change_asks_for() {
    let version = |version: &str| BASE.replace("1.2.0", version);
    let author = |text: String| text.replace("A. Author", "B. Author");
    let deeper = |text: String| text.replace("65536", "9");
    let depth = |text: String, depth: &str| deeper(text).replace(": 9 }", depth);
    let ask = |old: String, new: String| {
        let diff = diff(&schema(&old), &schema(&new));
        (diff.needed.to_string(), diff.is_versioned())
    };
    assert_eq!(
        ask(version("1.2.0"), version("1.2.0")),
        ("1.2.0".into(), true)
    );
    assert_eq!(
        ask(version("1.2.0"), version("1.1.0")),
        ("1.2.0".into(), false)
    );
    assert_eq!(
        ask(version("1.2.3"), author(version("1.2.4"))),
        ("1.2.4".into(), true)
    );
    assert_eq!(
        ask(version("1.2.3"), deeper(version("1.9.0"))),
        ("2.0.0".into(), false)
    );
    assert_eq!(
        ask(version("0.2.3"), deeper(version("0.3.0"))),
        ("0.3.0".into(), true)
    );
    let more = depth(version("1.3.0"), ": 10 }");
    assert_eq!(
        ask(deeper(version("1.2.3")), more.clone()),
        ("1.3.0".into(), true)
    );
    assert_eq!(ask(deeper(version("0.2.3")), more), ("0.2.4".into(), true));
    assert_eq!(
        ask(version("1.0.0-rc.1"), author(version("1.0.0"))),
        ("1.0.0".into(), true)
    );
    let most = u64::MAX.to_string();
    let last = version(&format!("{most}.0.0"));
    assert_eq!(ask(last.clone(), deeper(last)).0, format!("{most}.0.0"));
}

#[test]
fn a_schema_to_begin_with() {
    let start = schema(&init("Finance.Market.P2PLink").unwrap());
    assert_eq!(start.full_name(), "Finance.Market.P2PLink");
    assert_eq!(
        schema(&init("P2PLink").unwrap()).full_name(),
        "System.Example.P2PLink"
    );
    for name in [
        "",
        "p2p",
        "A.B",
        "Video.Stream.None",
        "A.B.C.D",
        "\",\n",
        "Vidoe.Stream.A",
        "A\", \"author\": \"B",
        "Video.Stream\", \"author\": \"B.A",
    ] {
        assert!(init(name).is_err(), "{name}");
    }
}
