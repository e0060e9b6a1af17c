// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/speed.svg`: the counts of `bench/expected`, the conventional driver's among them.

use crate::check::Expected;
use crate::table::figure;
use anyhow::{Context, Result};
use atomik_bench::CONVENTIONAL;
use std::fmt::Write;

const HEIGHT: f64 = 360.0;
/// Height at which the bars stand, and of the highest bar.
const BASE: f64 = 292.0;
const TALLEST: f64 = 170.0;
const BAR: f64 = 34.0;
/// Distance between pairs of bars.
const PAIR: f64 = 88.0;
const MARGIN: f64 = 32.0;
/// Distance between panels.
const GAP: f64 = 40.0;

/// Bars of one scale.
struct Panel {
    title: &'static str,
    /// The value of the highest bar that it has room for.
    top: f64,
    /// Name below a pair, and the count's in `bench/expected`.
    pairs: &'static [(&'static str, &'static str)],
}

const PANELS: [Panel; 3] = [
    Panel {
        title: "one ioctl, above one that does nothing",
        top: 230.0,
        pairs: &[
            ("LOAD", "single/load"),
            ("ACCUM", "single/accum"),
            ("READ", "single/read"),
            ("SWAP", "single/swap"),
        ],
    },
    Panel {
        title: "one entry of a batch of 4096",
        top: 60.0,
        pairs: &[
            ("LOAD", "batch/load/4096"),
            ("ACCUM", "batch/accum/4096"),
            ("READ", "batch/read/4096"),
            ("SWAP", "batch/swap/4096"),
        ],
    },
    Panel {
        title: "mapped: no system call",
        top: 60.0,
        pairs: &[("ACCUM", "mapped/accum"), ("READ", "mapped/read")],
    },
];

/// Colours for light and dark pages. The picture has its own background, so it can be read on any.
pub const STYLE: &str = "\
text { font: 13px sans-serif; fill: #1f2328 }
.title { font-size: 18px; font-weight: bold }
.value { font-size: 12px }
.middle { text-anchor: middle }
.page { fill: #ffffff }
.atomik { fill: #b7410e }
.other { fill: #8c959f }
.axis { stroke: #8c959f }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
.atomik { fill: #f0883e }
.other { fill: #6e7681 }
}
";

/// Draws the picture.
pub fn draw(expected: &Expected) -> Result<String> {
    let widths = PANELS.map(|panel| panel.pairs.len() as f64 * PAIR);
    let width = 2.0 * MARGIN + GAP * (PANELS.len() - 1) as f64 + widths.iter().sum::<f64>();
    let mut svg = format!(
        "<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n\
         <!-- Drawn by `make bench-picture` from bench/expected. -->\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\">\n\
         <title>Guest instructions of atomik and of a conventional driver in C</title>\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"8\"/>\n"
    );
    text(
        &mut svg,
        "title",
        MARGIN,
        36.0,
        "Guest instructions: fewer is better",
    )?;
    legend(&mut svg, MARGIN, "atomik", "atomik")?;
    legend(
        &mut svg,
        MARGIN + 100.0,
        "other",
        "a conventional driver in C: one mutex and one IDR a file",
    )?;
    let mut left = MARGIN;
    for (panel, width) in PANELS.iter().zip(widths) {
        panel.draw(&mut svg, left, width, expected)?;
        left += width + GAP;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

impl Panel {
    fn draw(&self, svg: &mut String, left: f64, width: f64, expected: &Expected) -> Result<()> {
        let right = left + width;
        writeln!(
            svg,
            r#"<line class="axis" x1="{left}" x2="{right}" y1="{BASE}" y2="{BASE}"/>"#
        )?;
        for (index, &(name, id)) in self.pairs.iter().enumerate() {
            let middle = left + (index as f64 + 0.5) * PAIR;
            let ours = *expected.get(id).with_context(|| format!("no {id}"))?;
            match expected.get(&format!("{CONVENTIONAL}{id}")) {
                Some(&theirs) => {
                    self.bar(svg, "atomik", middle - BAR - 1.0, ours)?;
                    self.bar(svg, "other", middle + 1.0, theirs)?;
                }
                None => self.bar(svg, "atomik", middle - BAR / 2.0, ours)?,
            }
            text(svg, "middle", middle, BASE + 20.0, name)?;
        }
        text(svg, "middle", left + width / 2.0, BASE + 46.0, self.title)
    }

    fn bar(&self, svg: &mut String, class: &str, left: f64, value: f64) -> Result<()> {
        let height = value / self.top * TALLEST;
        let top = BASE - height;
        writeln!(
            svg,
            r#"<rect class="{class}" x="{left}" y="{top:.1}" width="{BAR}" height="{height:.1}"/>"#
        )?;
        let value = if value < 50.0 {
            figure(value)
        } else {
            format!("{value:.0}")
        };
        text(svg, "value middle", left + BAR / 2.0, top - 5.0, &value)
    }
}

fn legend(svg: &mut String, left: f64, class: &str, name: &str) -> Result<()> {
    writeln!(
        svg,
        r#"<rect class="{class}" x="{left}" y="54" width="14" height="14" rx="2"/>"#
    )?;
    text(svg, "", left + 21.0, 66.0, name)
}

pub fn text(svg: &mut String, class: &str, x: f64, y: f64, text: &str) -> Result<()> {
    writeln!(
        svg,
        r#"<text class="{class}" x="{x}" y="{y:.1}">{text}</text>"#
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::check::parse;

    #[test]
    fn the_committed_picture_shows_the_expected_counts() {
        let expected = parse(include_str!("../../../expected")).unwrap();
        let committed = include_str!("../../../../docs/speed.svg");
        assert_eq!(
            super::draw(&expected).unwrap(),
            committed,
            "`make bench-picture` draws it anew"
        );
    }
}
