// SPDX-License-Identifier: MIT OR Apache-2.0
//! The constraints of an object, as the tools of its device take them, and how yosys maps it.

use super::comment;
use super::design::Design;
use crate::languages::made;

/// What tools are for the device.
enum Device {
    Gowin,
    Xilinx,
    Other,
}

impl Device {
    fn of(design: &Design<'_>) -> Device {
        let name = design
            .schema
            .hardware
            .target_device
            .as_deref()
            .unwrap_or_default();
        let name = name.to_ascii_lowercase();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if begins(&["gw1", "gw2", "gw5"]) {
            Device::Gowin
        } else if begins(&["artix", "xc7", "kintex", "spartan-7", "virtex-7", "zynq"]) {
            Device::Xilinx
        } else {
            Device::Other
        }
    }
}

/// Bits of the largest history that is mapped: more don't fit into small devices, and yosys would
/// need minutes or more for them.
const MAPPED_BITS: u64 = 1 << 20;

/// The command of yosys. Without a device the history stays a memory, as nothing says of what.
pub(super) fn synthesis(design: &Design<'_>) -> String {
    let name = &design.name;
    let entry = u64::from(design.width + design.number_bits);
    let device = match u64::from(design.depth().unwrap_or(0)) * entry {
        0..=MAPPED_BITS => Device::of(design),
        _ => Device::Other,
    };
    match device {
        Device::Gowin => format!("synth_gowin -noiopads -top {name}"),
        Device::Xilinx => format!("synth_xilinx -family xc7 -noiopad -top {name}"),
        Device::Other => format!(
            "synth -run begin:fine -top {name}; opt -fast -full; techmap; abc -fast; opt_clean"
        ),
    }
}

/// Name of the file's kind, and content.
pub(super) fn files(design: &Design<'_>, clock: &str) -> Vec<(&'static str, String)> {
    let timing = timing(design, clock);
    match Device::of(design) {
        Device::Xilinx => vec![("xdc", timing)],
        Device::Other => vec![("sdc", timing)],
        Device::Gowin => {
            let places = made("//")
                + "// Places of pins are the board's. Without them the tools choose. Such as:\n"
                + &format!("// IO_LOC \"{clock}\" 52;\n// IO_PORT \"{clock}\" IO_TYPE=LVCMOS33;\n");
            vec![("sdc", timing), ("cst", places)]
        }
    }
}

fn timing(design: &Design<'_>, clock: &str) -> String {
    let schema = design.schema;
    let constraints = &schema.constraints;
    let mhz = constraints.target_frequency_mhz;
    let period = 1000.0 / mhz;
    let mut text = made("#");
    text += &format!("# {}, {mhz} MHz.\n", schema.full_name());
    text += &format!(
        "create_clock -name {clock} -period {period:.3} -waveform {{0 {:.3}}} \
         [get_ports {{{clock}}}]\n",
        period / 2.0
    );
    let mut limits = String::new();
    for (what, value, unit) in [
        ("max_memory_mb", constraints.max_memory_mb, "MiB"),
        ("max_power_mw", constraints.max_power_mw, "mW"),
        ("update_latency_ms", constraints.update_latency_ms, "ms"),
    ] {
        if let Some(value) = value {
            limits += &format!("# {what}: {value} {unit}\n");
        }
    }
    if !limits.is_empty() {
        text += "\n# Limits of the schema, which no tool checks:\n";
        text += &limits;
    }
    if let Some(device) = &schema.hardware.target_device {
        text += "\n# hardware.target_device:\n";
        text += &comment("#", device);
    }
    if let Some(values) = &schema.hardware.timing_constraints {
        text += "\n# hardware.synthesis_options.timing_constraints, which may be of any content:\n";
        text += &comment("#", values);
    }
    text
}
