// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl info`.

use atomik::Rights;
use serde::Serialize;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;
use crate::target::{AnyFile, Chosen, name_of};

/// Show the driver's version and counters
///
/// Of a descriptor of an exported table, `export` says whether it is read-only or read-write.
/// ops_total counts the operations served through ioctls since the module was loaded, for all
/// files together; the entries of a batch count one by one.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: AnyFile,
}

/// The output; the names are the interface's.
#[derive(Serialize)]
struct Report {
    /// The opened device, session or descriptor: one of the three.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fd: Option<i32>,
    /// The rights of an exported table's descriptor.
    #[serde(skip_serializing_if = "Option::is_none")]
    export: Option<&'static str>,
    version: String,
    backend: String,
    hw_banks: u32,
    fp_enabled: bool,
    ops_total: u64,
    fp_checks: u64,
    fp_bytes_saved: u64,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let chosen = self.target.chosen()?;
        let device = chosen.open()?;
        let info = device.info().map_err(|e| Failure::operation("info", &e))?;
        // Without /proc, the rest is told.
        let export = device.usage().ok().and_then(|usage| usage.export);
        let report = Report::new(&chosen, export, &info);
        let mut out = Output::new(global.json);
        out.whole(&report, report.table())?;
        out.flush()
    }
}

impl Report {
    fn new(chosen: &Chosen, export: Option<Rights>, info: &atomik::Info) -> Self {
        let (mut device, mut session, mut fd) = (None, None, None);
        match chosen {
            Chosen::Device(path) => device = Some(path.display().to_string()),
            Chosen::Session(name) => session = Some(name.to_string()),
            Chosen::Descriptor(number) => fd = Some(*number),
        }
        Self {
            device,
            session,
            fd,
            export: export.map(name_of),
            version: info.version.to_string(),
            backend: info.backend.to_string(),
            hw_banks: info.hw_banks,
            fp_enabled: info.fp_enabled,
            ops_total: info.ops_total,
            fp_checks: info.fp_checks,
            fp_bytes_saved: info.fp_bytes_saved,
        }
    }

    fn table(&self) -> Vec<String> {
        let opened = [
            ("device", self.device.clone()),
            ("session", self.session.clone()),
            ("fd", self.fd.map(|fd| fd.to_string())),
            ("export", self.export.map(String::from)),
        ];
        let opened = opened
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let rows = [
            ("version", self.version.clone()),
            ("backend", self.backend.clone()),
            ("hw_banks", self.hw_banks.to_string()),
            ("fp_enabled", self.fp_enabled.to_string()),
            ("ops_total", self.ops_total.to_string()),
            ("fp_checks", self.fp_checks.to_string()),
            ("fp_bytes_saved", self.fp_bytes_saved.to_string()),
        ];
        let line = |(name, value)| format!("{name:<14}  {value}");
        opened.chain(rows).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            device: Some("/dev/atomik".into()),
            session: None,
            fd: None,
            export: None,
            version: env!("CARGO_PKG_VERSION").into(),
            backend: "software".into(),
            hw_banks: 0,
            fp_enabled: false,
            ops_total: 12,
            fp_checks: 0,
            fp_bytes_saved: 0,
        }
    }

    #[test]
    fn columns_line_up() {
        let table = report().table();
        assert_eq!(table.len(), 8);
        for line in &table {
            assert_eq!(&line[14..16], "  ", "{line}");
            assert_ne!(&line[16..17], " ", "{line}");
        }
        assert!(table.contains(&"ops_total       12".into()));
    }

    #[test]
    fn json_has_the_same_names() {
        let json = serde_json::to_value(report()).unwrap();
        for line in report().table() {
            let (name, value) = line.split_once(' ').unwrap();
            let shown = json[name]
                .as_str()
                .map_or(json[name].to_string(), Into::into);
            assert_eq!(shown, value.trim());
        }
    }
}
