// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plot: what an entry costs in batches of each size, and how throughput grows with threads.

use crate::counts::Counts;
use crate::table::growth;
use anyhow::{Result, anyhow};
use atomik_bench::{ThreadsReport, median};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (1200, 520);
const COLORS: [RGBColor; 8] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(255, 127, 14),
    RGBColor(23, 190, 207),
    RGBColor(140, 86, 75),
    RGBColor(127, 127, 127),
];

/// A line of a chart.
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

pub fn save(path: &Path, counts: &Counts, threads: &[ThreadsReport]) -> Result<()> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    chart(
        &left,
        "instructions of a batch entry",
        "entries",
        &by_batch(counts),
        true,
    )?;
    chart(
        &right,
        "throughput, in that of one thread",
        "threads",
        &by_threads(threads),
        false,
    )?;
    area.present()?;
    Ok(())
}

fn by_batch(counts: &Counts) -> Vec<Series> {
    let mut series: Vec<Series> = ["load", "accum", "read", "swap"]
        .map(|name| {
            let prefix = format!("batch/{name}/");
            let point = |line: &crate::counts::Line| {
                let size: f64 = line.id.strip_prefix(&prefix)?.parse().ok()?;
                Some((size, line.all()))
            };
            Series {
                name: name.to_uppercase(),
                points: counts.lines.iter().filter_map(point).collect(),
            }
        })
        .into();
    if let Some(bpf) = counts
        .lines
        .iter()
        .find(|line| line.id.starts_with("bpf/update-batch"))
    {
        let points = vec![(1.0, bpf.all()), (4096.0, bpf.all())];
        series.push(Series {
            name: "BPF array map, 4096".to_owned(),
            points,
        });
    }
    series
}

fn by_threads(reports: &[ThreadsReport]) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for report in reports {
        let point = (report.threads as f64, median(growth(reports, report)));
        match series
            .iter_mut()
            .find(|series| series.name == report.scenario)
        {
            Some(series) => series.points.push(point),
            None => series.push(Series {
                name: report.scenario.clone(),
                points: vec![point],
            }),
        }
    }
    series
}

/// Draws lines over a logarithmic axis; `log` makes the other one logarithmic as well.
fn chart(
    area: &DrawingArea<SVGBackend, plotters::coord::Shift>,
    title: &str,
    x_name: &str,
    series: &[Series],
    log: bool,
) -> Result<()> {
    let points = || series.iter().flat_map(|series| &series.points);
    let x_end = points().map(|point| point.0).fold(2.0, f64::max);
    let y_end = points().map(|point| point.1).fold(1.0, f64::max) * 1.1;
    let mut builder = ChartBuilder::on(area);
    builder
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48);
    // The two kinds of axes are different types.
    macro_rules! draw {
        ($y:expr) => {{
            let mut chart = builder.build_cartesian_2d((1.0..x_end).log_scale().base(2.0), $y)?;
            let count = |x: &f64| format!("{x:.0}");
            chart
                .configure_mesh()
                .x_desc(x_name)
                .x_label_formatter(&count)
                .draw()?;
            for (series, color) in series.iter().zip(COLORS) {
                chart
                    .draw_series(
                        LineSeries::new(series.points.iter().copied(), color.stroke_width(2))
                            .point_size(3),
                    )?
                    .label(&series.name)
                    .legend(move |(x, y)| {
                        PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2))
                    });
            }
            let position = if log {
                SeriesLabelPosition::UpperRight
            } else {
                SeriesLabelPosition::UpperLeft
            };
            chart
                .configure_series_labels()
                .position(position)
                .background_style(WHITE.mix(0.8))
                .border_style(BLACK)
                .draw()
                .map_err(|error| anyhow!("{error}"))?;
        }};
    }
    if log {
        draw!((1.0..y_end).log_scale());
    } else {
        draw!(0.0..y_end);
    }
    Ok(())
}
