// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/growth.svg`: an operation's cost by the number of processors, on logarithmic scales.

use crate::growth::{Row, find, plain_use};
use crate::picture::{STYLE, text};
use crate::table::plain_name;
use anyhow::Result;
use atomik_bench::Use;
use std::fmt::Write;

const WIDTH: f64 = 980.0;
const HEIGHT: f64 = 380.0;
/// Corners of a panel's plot, and distance from one panel to the next.
const LEFT: f64 = 70.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 320.0;
const PANEL: f64 = 210.0;
const STEP: f64 = 300.0;
/// Ends of the scales: processors and instructions.
const PROCESSORS: (f64, f64) = (1.0, 64.0);
const INSTRUCTIONS: (f64, f64) = (500.0, 500_000.0);

/// Operations, each with a panel of its own.
const PANELS: [&str; 3] = ["single/accum", "batch/accum/16", "batch/accum/256"];
/// Lines: the driver, how the table is used, and the line's style.
const LINES: [(&str, Use, &str); 5] = [
    ("", Use::One, "mine"),
    ("", Use::Turns, "mine dashed"),
    ("", Use::All, "mine dotted"),
    ("conventional/", Use::One, "theirs"),
    ("conventional/", Use::All, "theirs dotted"),
];

const LINE_STYLE: &str = "\
.mine { stroke: #b7410e }
.theirs { stroke: #8c959f }
.line { fill: none; stroke-width: 2 }
.dashed { stroke-dasharray: 7 4 }
.dotted { stroke-dasharray: 2 4 }
@media (prefers-color-scheme: dark) {
.mine { stroke: #f0883e }
.theirs { stroke: #6e7681 }
}
";

/// Draws the plot.
pub fn draw(rows: &[Row]) -> Result<String> {
    let mut svg = format!(
        "<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n\
         <!-- Drawn by `make bench-document` from the last `make bench`. -->\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\">\n\
         <title>Instructions of a call by the number of processors</title>\n\
         <style>\n{STYLE}{LINE_STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n"
    );
    let title = "Instructions of one call, the floor included, by the guest's processors";
    text(&mut svg, "title", 32.0, 36.0, title)?;
    for (index, (whose, table_use, style)) in LINES.iter().enumerate() {
        let x = 32.0 + index as f64 * 185.0;
        writeln!(svg, r#"<path class="line {style}" d="M{x} 60h28"/>"#)?;
        let driver = if whose.is_empty() {
            "atomik"
        } else {
            "C driver"
        };
        let name = format!("{driver}: {}", plain_use(*table_use));
        text(&mut svg, "", x + 34.0, 64.0, &name)?;
    }
    for (index, operation) in PANELS.iter().enumerate() {
        panel(&mut svg, LEFT + index as f64 * STEP, operation, rows)?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn panel(svg: &mut String, left: f64, operation: &str, rows: &[Row]) -> Result<()> {
    let right = left + PANEL;
    writeln!(
        svg,
        r#"<path class="line axis" d="M{left} {TOP}V{BOTTOM}H{right}"/>"#
    )?;
    for instructions in [1e3, 1e4, 1e5] {
        let at = y(instructions);
        writeln!(svg, r#"<path class="axis" d="M{left} {at:.1}h-5"/>"#)?;
        let label = format!("{:.0}k", instructions / 1e3);
        text(svg, "value", left - 38.0, at + 4.0, &label)?;
    }
    for processors in [1.0, 4.0, 16.0, 64.0] {
        let label = format!("{processors:.0}");
        text(
            svg,
            "value middle",
            x(left, processors),
            BOTTOM + 18.0,
            &label,
        )?;
    }
    let middle = left + PANEL / 2.0;
    text(svg, "middle", middle, BOTTOM + 42.0, &plain_name(operation))?;

    let mut processors: Vec<u16> = rows.iter().map(|row| row.processors).collect();
    processors.dedup();
    for (whose, table_use, style) in LINES {
        let operation = format!("{whose}{operation}");
        // On one processor there is nobody else.
        let on = |number: u16| {
            let table_use = if number == 1 { Use::One } else { table_use };
            find(rows, number, table_use, &operation)
        };
        let points: Vec<String> = processors
            .iter()
            .filter_map(|&number| {
                let row = on(number)?;
                let x = x(left, f64::from(number));
                Some(format!("{x:.1},{:.1}", y(row.instructions)))
            })
            .collect();
        if !points.is_empty() {
            let points = points.join(" ");
            writeln!(svg, r#"<polyline class="line {style}" points="{points}"/>"#)?;
        }
    }
    Ok(())
}

fn x(left: f64, processors: f64) -> f64 {
    left + share(PROCESSORS, processors) * PANEL
}

fn y(instructions: f64) -> f64 {
    BOTTOM - share(INSTRUCTIONS, instructions) * (BOTTOM - TOP)
}

/// How far along a logarithmic scale.
fn share((low, high): (f64, f64), value: f64) -> f64 {
    (value / low).ln() / (high / low).ln()
}
