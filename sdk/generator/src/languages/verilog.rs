// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verilog: a module for each object, its testbench, proofs and constraints.

mod constraints;
mod design;
mod proofs;
mod readme;
mod rtl;
mod testbench;

use self::design::Design;
use super::{description, made};
use crate::escape;
use crate::generate::Object;
use crate::output::Files;

/// Entries of the history in proofs. Those of more are the same to z3, but take it longer.
const PROVEN_DEPTH: u32 = 2;

pub(crate) fn package(objects: &[Object<'_>]) -> Files {
    let mut files = Files::new();
    let mut add = |path: String, text: String| files.insert(path, text);
    for object in objects {
        let design = Design::of(object.schema);
        let name = &design.name;
        let (module, clock) = rtl::module(&design);
        add(format!("rtl/{name}.v"), head(object) + &module);
        add(
            format!("formal/{name}.vh"),
            made("//") + &proofs::assertions(&design, &clock),
        );
        for (kind, text) in constraints::files(&design, &clock) {
            add(format!("constraints/{name}.{kind}"), text);
        }
        let words = testbench::words(&design, object);
        let lines = words.iter().map(|word| format!("{word:x}\n"));
        add(format!("tb/{name}.hex"), lines.collect::<Vec<_>>().concat());
        let testbench = testbench::testbench(&design, &clock, words.len());
        add(format!("tb/{name}_tb.v"), made("//") + &testbench);
    }
    add("Makefile".into(), include_str!("verilog/Makefile").into());
    add("README.md".into(), readme::readme(objects));
    add("objects.mk".into(), objects_mk(objects));
    files
}

/// What a file begins with. Text of people follows a mark of ours on each line, as tools take
/// orders from comments that begin with certain words.
fn head(object: &Object<'_>) -> String {
    let schema = object.schema;
    let mut text = made("//");
    text += &format!(
        "// {}, version {}.\n//\n",
        schema.full_name(),
        schema.catalogue.version
    );
    text += &comment("//", &description(schema));
    text + "\n"
}

/// Text of people in comments of Verilog, Tcl and make. It never ends in what joins lines.
fn comment(mark: &str, text: &str) -> String {
    let lines = escape::wrap(&escape::line(text), 90);
    lines
        .iter()
        .map(|line| format!("{mark} | {line} |\n"))
        .collect::<Vec<_>>()
        .concat()
}

fn objects_mk(objects: &[Object<'_>]) -> String {
    let mut text = made("#") + "OBJECTS :=";
    for object in objects {
        text += &format!(" \\\n    {}", object.schema.places().verilog);
    }
    text += "\n\nPROOF_CYCLES := 2\n";
    for object in objects {
        let design = Design::of(object.schema);
        let name = &design.name;
        text += &format!("\n{name}_SYNTH := {}\n", constraints::synthesis(&design));
        let cuts = rtl::cuts(&design);
        let cuts: Vec<_> = cuts.iter().map(|cut| format!("w:{cut}")).collect();
        text += &format!("{name}_CUTS := cutpoint {}\n", cuts.join(" "));
        let slices = proofs::slices(&design).join(" ");
        text += &format!("{name}_SLICES := {slices}\n");
        if let Some(depth) = design.depth() {
            let depth = depth.min(PROVEN_DEPTH);
            text += &format!("{name}_DEPTH := chparam -set HISTORY_DEPTH {depth} {name}\n");
        }
    }
    text
}
