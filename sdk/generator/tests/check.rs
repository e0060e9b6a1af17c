// SPDX-License-Identifier: MIT OR Apache-2.0
//! Schemas that are right and wrong, and what is said of them.

mod cases;

use atomik_sdk_generator::{MAX_BYTES, Problem, Source, check};
use cases::{BASE, MINIMAL, base_with};

fn problems(text: &str) -> Vec<Problem> {
    check(&[Source::new("a.json", text)])
        .err()
        .unwrap_or_default()
}

fn only(text: &str) -> Problem {
    let mut problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.remove(0)
}

#[test]
fn right_schemas() {
    for text in cases::right() {
        let result = check(&[Source::new("a.json", text.as_str())]);
        assert!(result.is_ok(), "{text}\n{result:#?}");
    }
}

#[test]
fn wrong_schemas() {
    for wrong in cases::wrong() {
        let problems = problems(&wrong.text);
        let at: Vec<_> = problems.iter().map(|p| (p.line, p.path.as_str())).collect();
        assert_eq!(at, wrong.at, "{}\n{problems:#?}", wrong.text);
        for problem in problems {
            let shown = problem.render(&Source::new("a.json", wrong.text.as_str()), false);
            assert!(shown.contains("a.json:"), "{shown}");
            assert!(shown.contains(&problem.message), "{shown}");
        }
    }
}

#[test]
fn defaults_are_filled_in() {
    let schema = check(&[Source::new("a.json", MINIMAL)]).unwrap().remove(0);
    assert_eq!(schema.full_name(), "Edge.Imu.IMUFusion");
    assert_eq!(schema.operations.accumulate, 1);
    assert_eq!(schema.operations.reconstruct, Some(1));
    assert_eq!(schema.operations.rollback, None);
    assert_eq!(schema.constraints.target_frequency_mhz, 94.5);
    assert_eq!(schema.fields[0].default, 0u8.into());
    assert_eq!(schema.fields[0].encoding.name(), "raw");
    assert_eq!(schema.fields[0].compression.name(), "none");
}

/// Some editors begin files with U+FEFF.
#[test]
fn a_mark_at_the_start_is_no_mistake() {
    let marked = format!("\u{FEFF}// a comment\n{MINIMAL}");
    assert!(check(&[Source::new("a.json", marked)]).is_ok());
}

#[test]
fn a_comma_too_many_is_called_so() {
    let problem = problems("{\n  \"catalogue\": {},\n}").remove(0);
    assert_eq!(problem.message, "this is no JSON: a comma before the end");
    assert_eq!((problem.line, problem.column), (3, 1));
}

#[test]
fn what_is_said_of_a_typo() {
    let text = base_with(&[("\"Video\"", "\"vidoe\""), ("\"author\"", "\"auhtor\"")]);
    let problems = problems(&text);
    let source = Source::new("a.json", text);
    assert_eq!(
        problems[0].render(&source, false),
        r#"error: catalogue.vertical: "vidoe" is none of the choices
 --> a.json:4:17
  |
4 |     "vertical": "vidoe",
  |                 ^^^^^^^
  |
  = note: allowed: Video, Edge, Network, Finance, Science, Compute, System, Storage
  = help: did you mean `Video`?"#
    );
    assert_eq!(problems[1].suggestion.as_deref(), Some("author"));
    assert_eq!(
        serde_json::to_value(&problems[0]).unwrap(),
        serde_json::json!({
            "file": "a.json", "line": 4, "column": 17, "path": "catalogue.vertical",
            "message": "\"vidoe\" is none of the choices",
            "allowed": "Video, Edge, Network, Finance, Science, Compute, System, Storage",
            "suggestion": "Video",
        })
    );
}

#[test]
fn the_largest_default_of_each_width() {
    let mut most = num_bigint::BigUint::from(1u8);
    for bits in 1..=256u32 {
        most <<= 1;
        if ![8, 16, 32, 64, 128, 256].contains(&bits) {
            continue;
        }
        let with = |value: String| {
            MINIMAL.replace(
                "\"width\": 32",
                &format!("\"width\": {bits}, \"default_value\": {value}"),
            )
        };
        let (largest, beyond) = (with((&most - 1u8).to_string()), with(most.to_string()));
        let schema = check(&[Source::new("a", largest)]).unwrap().remove(0);
        assert_eq!(schema.fields[0].default, &most - 1u8);
        let problem = only(&beyond);
        assert_eq!(problem.path, "schema.delta_fields.state.default_value");
        assert_eq!(problem.allowed, Some(format!("0 to {}", &most - 1u8)));
    }
}

#[test]
fn memory_is_counted_with_the_history() {
    // 16 * 6 + 65536 * 40 bytes.
    let problem = only(&base_with(&[(
        "\"max_memory_mb\": 3",
        "\"max_memory_mb\": 2.5",
    )]));
    assert_eq!(
        problem.message,
        "an object and its history need 2621536 bytes"
    );
}

#[test]
fn objects_of_several_files() {
    let object = |field: &str, object: &str| {
        BASE.replace("\"Stream\"", &format!("\"{field}\""))
            .replace("\"H264Delta\"", &format!("\"{object}\""))
    };
    let both = |one: String, other: String| {
        check(&[Source::new("a.json", one), Source::new("b.json", other)]).map_err(|problems| {
            problems
                .into_iter()
                .map(|p| (p.file, p.message))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(
        both(object("Stream", "A"), object("Stream", "B"))
            .unwrap()
            .len(),
        2
    );
    let refused = |message: &str| Err(vec![("b.json".to_string(), message.to_string())]);
    assert_eq!(
        both(object("Stream", "A"), object("Stream", "A")),
        refused("the object Video.Stream.A is in a.json already")
    );
    // One type of C, though the fields differ; one directory of C and JavaScript, though they
    // differ.
    assert_eq!(
        both(object("Stream", "A"), object("Other", "A")),
        refused("`atomik_a_t` would belong to the object Video.Stream.A of a.json, too")
    );
    assert_eq!(
        both(object("Stream", "AB"), object("Stream", "Ab")),
        refused("`atomik_ab_t` would belong to the object Video.Stream.AB of a.json, too")
    );
    assert_eq!(
        both(object("AB", "C"), object("Ab", "D")),
        refused("`video::ab` would belong to the field AB of a.json, too")
    );
    // Types of parameters are called after their object.
    assert_eq!(
        both(object("Stream", "A"), object("Other", "AUpdate")),
        refused("`atomik_a_update_t` would belong to the object Video.Stream.A of a.json, too")
    );
    assert!(both(object("Stream", "AExpected"), object("Other", "A")).is_err());
    // As a function of the field init of one, and of any object of the other's name.
    let field = |object: String| object.replace("\"gain\"", "\"init\"");
    assert_eq!(
        both(field(object("Stream", "A")), object("Stream", "ALoad")),
        refused("`atomik_a_load_init` would belong to the object Video.Stream.A of a.json, too")
    );
    assert!(both(object("Stream", "A"), object("Stream", "ALoad")).is_ok());
    // One module of Verilog.
    assert_eq!(
        both(object("StreamOne", "A"), object("Stream", "OneA")),
        refused(
            "`atomik_video_stream_one_a` would belong to the object Video.StreamOne.A of a.json, \
             too"
        )
    );
}

/// Names that our own header for C has, and only those.
#[test]
fn objects_of_our_own_names() {
    for (object, taken) in [
        ("Table", "atomik_table_t"),
        ("Ctx", "atomik_ctx_t"),
        ("Op", "atomik_op_t"),
        ("Fingerprint", "atomik_fingerprint_t"),
        ("Ordered", "atomik_ordered_t"),
        ("Fp", "atomik_fp_init"),
        ("Core", "ATOMIK_CORE_VERSION"),
        ("Max", "ATOMIK_MAX_CONTEXTS"),
    ] {
        let problem = only(&base_with(&[("\"H264Delta\"", &format!("\"{object}\""))]));
        assert_eq!(problem.path, "catalogue.object");
        let message = format!("`{taken}` is a name that atomik's own header for C has, too");
        assert_eq!(problem.message, message);
    }
    for object in [
        "Tables", "Batch", "Device", "Load", "Obj", "Core2", "TableX",
    ] {
        let text = base_with(&[("\"H264Delta\"", &format!("\"{object}\""))]);
        assert_eq!(problems(&text), [], "{object}");
    }
}

#[test]
fn the_same_object_in_files_with_other_mistakes() {
    let text = BASE.replace("\"1.2.0\"", "\"x\"");
    let sources = [Source::new("a.json", text), Source::new("b.json", BASE)];
    let problems = check(&sources).unwrap_err();
    let at: Vec<_> = problems
        .iter()
        .map(|p| (p.file.as_str(), p.path.as_str()))
        .collect();
    assert_eq!(
        at,
        [
            ("a.json", "catalogue.version"),
            ("b.json", "catalogue.object")
        ]
    );
}

#[test]
fn large_and_deep_input() {
    assert!(
        only(&" ".repeat(10 << 20))
            .message
            .contains("at most 1048576 bytes")
    );
    for unit in ["[", "{\"a\":", "[[{\"a\":["] {
        assert!(
            only(&unit.repeat(MAX_BYTES / unit.len()))
                .message
                .contains("no JSON")
        );
    }
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    assert!(only(&deep).message.contains("an array"));
    let deep = format!("{{\"a\": {deep}}}");
    assert_eq!(problems(&deep).len(), 3);
    // As deep as it can be where anything goes.
    let text = base_with(&[("[1, null, { \"deep\": \"x\" }]", &deep[6..deep.len() - 1])]);
    assert!(check(&[Source::new("a", text)]).is_ok());
    // Mistakes without end.
    let text = format!("{{{}\"a\": 1}}", "\"a\":1,".repeat(170_000));
    assert_eq!(problems(&text).len(), 1000);
    let text = format!("{{{}\n\"a\": 1}}", "\"a\":1,\n".repeat(140_000));
    assert_eq!(problems(&text).len(), 1000);
    // Names and lines without end.
    for letter in ["g", "G"] {
        let name = format!("\"{}\"", letter.repeat(900_000));
        let text = base_with(&[("\"gain\"", &name)]);
        let problem = only(&text);
        assert!(problem.message.len() < 200, "{}", problem.message);
        let shown = problem.render(&Source::new("a.json", text), false);
        assert!(
            shown.contains("a.json:22:7") && shown.len() < 500,
            "{shown}"
        );
    }
}

#[test]
fn text_that_is_no_unicode() {
    let problem = only(&base_with(&[("A. Author", "\\ud800")]));
    assert_eq!(
        (problem.line, problem.path.as_str()),
        (8, "catalogue.author")
    );
    let bytes = base_with(&[("\"H264Delta\"", "\"H?\"")]).replace('?', "\u{1}");
    let mut bytes = bytes.into_bytes();
    bytes
        .iter_mut()
        .filter(|b| **b == 1)
        .for_each(|b| *b = 0xFF);
    let problems = check(&[Source::from_bytes("a", &bytes)]).unwrap_err();
    assert_eq!(problems[0].path, "catalogue.object");
}

#[test]
fn a_terminal_is_not_told_what_to_do() {
    let text = base_with(&[("\"gain\"", "\"\\u001b[2J\"")]);
    let shown = only(&text).render(&Source::new("a.json", text), false);
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}
