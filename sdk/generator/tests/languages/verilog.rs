// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules of Verilog.

use super::{Source, check, directory, schemas};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, Schema, generate};

/// Small objects of all goals, with one datapath and with several, with names that modules have.
fn variants() -> Vec<Schema> {
    let mut sources = Vec::new();
    for goal in ["area", "speed", "power"] {
        for parallel in [false, true] {
            let number = sources.len();
            let text = format!(
                r#"{{"catalogue": {{"vertical": "Compute", "field": "Variant",
                "object": "Variant{number}", "version": "1.0.0"}},
                "schema": {{"delta_fields": {{
                    "clk": {{"type": "bitmask_delta", "width": 8, "encoding": "rle"}},
                    "op": {{"type": "parameter_delta", "width": 16, "default_value": 7}},
                    "rst": {{"type": "delta_stream", "width": 8}}}},
                "operations": {{"accumulate": {{"enabled": true, "latency_cycles": {}}},
                "reconstruct": {{"enabled": {}, "latency_cycles": 2}},
                "rollback": {{"enabled": true, "history_depth": {}}}}}}},
                "hardware": {{"rtl_params": {{"ENABLE_PARALLEL": {parallel},
                "CLOCK_DOMAIN": "{}"}},
                "synthesis_options": {{"optimization_goal": "{goal}"}}}}}}"#,
                number % 3 + 1,
                number != 3,
                number + 1,
                ["clk", "value_op", "rst", "phase", "pixel_clk", "_"][number],
            );
            sources.push(Source::new(number.to_string(), text));
        }
    }
    check(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn vectors() {
    let schemas = [schemas(), variants()].concat();
    let directory = directory("verilog-tests");
    write(&directory, &generate(&schemas, &[Language::Verilog]), true).unwrap();
}
