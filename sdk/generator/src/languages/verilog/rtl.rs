// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module of an object.

use std::collections::BTreeSet;

use super::design::{Design, Operation, bits, constant, extended, range};
use crate::encoding::lay;
use crate::layout::Layout;
use crate::schema::{Encoding, Field, FieldType, Goal};

/// The clock, until its name is known. No other name has capitals and no underscore.
const CLOCK: &str = "CLOCK";

/// The module, without what comes before it, and the name of its clock.
pub(super) fn module(design: &Design<'_>) -> (String, String) {
    let text = [
        ports(design),
        constants(design),
        registers(design),
        operands(design),
        selection(design),
        datapaths(design),
        expectations(design),
        history(design),
        control(design),
        state(design),
    ]
    .concat();
    let clock = clock(design, &text);
    let name = &design.name;
    let text = text.replace(CLOCK, &clock);
    let text = format!(
        "`default_nettype none\n\nmodule {name}{text}\n`ifdef FORMAL\n\
         `include \"{name}.vh\"\n`endif\nendmodule\n\n`default_nettype wire\n"
    );
    (text, clock)
}

/// CLOCK_DOMAIN. Where a signal is called that, `_clk` comes behind it.
fn clock(design: &Design<'_>, text: &str) -> String {
    let names: BTreeSet<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let mut clock = design
        .schema
        .hardware
        .clock_domain
        .clone()
        .unwrap_or_else(|| "clk".into());
    while names.contains(clock.as_str()) || clock == design.name {
        clock += "_clk";
    }
    clock
}

fn ports(design: &Design<'_>) -> String {
    let mut ports = vec![format!("input  wire {CLOCK}"), "input  wire rst".into()];
    let mut add = |direction: &str, width: u32, name: String| {
        ports.push(format!("{direction} {} {name}", range(width)));
    };
    ports_of(design, &mut add);
    let parameters = match design.depth() {
        Some(depth) => format!(" #(\n    parameter HISTORY_DEPTH = {depth}\n)"),
        None => String::new(),
    };
    format!("{parameters} (\n    {}\n);\n", ports.join(",\n    "))
}

/// Ports but for the clock and the reset: direction, width and name.
pub(super) fn ports_of(design: &Design<'_>, add: &mut dyn FnMut(&str, u32, String)) {
    let count = design.count();
    add("input  wire", 1, "cmd_valid".into());
    add("output wire", 1, "cmd_ready".into());
    add("input  wire", 4, "cmd_op".into());
    add("input  wire", count, "cmd_mask".into());
    if design.is_settable() {
        add("input  wire", count, "cmd_expect".into());
    }
    if design.index_bits() > 0 {
        add("input  wire", design.index_bits(), "cmd_index".into());
    }
    if design.depth().is_some() {
        add("input  wire", design.count_bits(), "cmd_steps".into());
    }
    for field in design.fields() {
        add("input  wire", field.width, format!("value_{}", field.name));
    }
    if design.is_settable() {
        for field in design.fields() {
            add("input  wire", field.width, format!("expect_{}", field.name));
        }
    }
    add("output reg ", 1, "rsp_valid".into());
    add("output reg ", design.response_bits(), "rsp_value".into());
    add(
        "output reg ",
        64 * design.schema.contexts(),
        "contexts".into(),
    );
}

fn constants(design: &Design<'_>) -> String {
    let mut text = String::from("    // Values of cmd_op.\n");
    for operation in design.operations() {
        text += &format!(
            "    localparam [3:0] {} = 4'd{};\n",
            operation.name(),
            operation as u8
        );
    }
    text += "\n    localparam [2:0] IDLE = 3'd0;\n    localparam [2:0] WORK = 3'd1;\n";
    for (is_there, name, number) in phases(design) {
        if is_there {
            text += &format!("    localparam [2:0] {name} = 3'd{number};\n");
        }
    }
    text
}

/// Phases besides IDLE and WORK.
fn phases(design: &Design<'_>) -> [(bool, &'static str, u32); 4] {
    let history = design.depth().is_some();
    [
        (checks(design), "CHECK", 2),
        (history, "UNDO", 3),
        (forgets(design), "FORGET", 4),
        (pushes(design), "PUSH", 5),
    ]
}

/// Expectations are looked at one after another.
pub(super) fn checks(design: &Design<'_>) -> bool {
    design.is_settable() && !design.parallel
}

/// Entries of some fields are taken out of the history, those of others stay.
pub(super) fn forgets(design: &Design<'_>) -> bool {
    design.depth().is_some() && design.count() > 1
}

/// Deltas of several fields are accumulated at once, and become entries one after another.
pub(super) fn pushes(design: &Design<'_>) -> bool {
    design.depth().is_some() && design.parallel
}

fn registers(design: &Design<'_>) -> String {
    let count = range(design.count());
    let mut text = format!(
        "\n    reg [2:0] phase;\n    // Fields that are still to be worked on.\n    \
         reg {count} todo;\n"
    );
    if targeted(design) {
        text += &format!("    // Fields of the command.\n    reg {count} targeted;\n");
    }
    if wait_bits(design) > 0 {
        text += &format!(
            "    // Cycles until the operation has taken its latency.\n    reg {} waits;\n",
            range(wait_bits(design))
        );
    }
    if design.depth().is_some() {
        text += &format!(
            "    // The entry of the history that was read, if one was.\n    \
             reg {} entry;\n    reg fetched;\n",
            range(design.width + design.number_bits)
        );
    }
    for field in design.fields() {
        let (name, range) = (&field.name, range(field.width));
        text += &format!(
            "    reg {range} reference_{name};\n    reg {range} accumulator_{name};\n    \
             wire {range} state_{name} = reference_{name} ^ accumulator_{name};\n"
        );
    }
    text
}

/// The fields of a command are needed after those that are left.
pub(super) fn targeted(design: &Design<'_>) -> bool {
    checks(design) || forgets(design)
}

fn wait_bits(design: &Design<'_>) -> u32 {
    let operations = design.operations();
    let latencies = operations.iter().map(|&one| design.latency(one));
    bits(latencies.max().unwrap_or(1) - 1)
}

/// Operands of the command that is being worked on: name, width and port.
pub(super) fn kept(design: &Design<'_>) -> Vec<(String, u32, String)> {
    let mut kept = vec![("op".to_string(), 4, "cmd_op".to_string())];
    if design.is_settable() && !checks(design) {
        kept.push(("expects".into(), design.count(), "cmd_expect".into()));
    }
    if design.index_bits() > 0 {
        kept.push(("index".into(), design.index_bits(), "cmd_index".into()));
    }
    if design.depth().is_some() {
        kept.push(("steps".into(), design.count_bits(), "cmd_steps".into()));
    }
    kept
}

/// The same of each field: name, port, and the mask that says whether it matters.
pub(super) fn kept_of(design: &Design<'_>, field: &Field) -> Vec<(String, String, &'static str)> {
    let name = &field.name;
    let mut kept = vec![(
        format!("operand_{name}"),
        format!("value_{name}"),
        "cmd_mask",
    )];
    if design.is_settable() {
        kept.push((
            format!("expected_{name}"),
            format!("expect_{name}"),
            "cmd_expect",
        ));
    }
    kept
}

fn operands(design: &Design<'_>) -> String {
    if !design.held {
        let mut text = String::from(
            "\n    // Operands are not kept: they stay on the ports until cmd_ready.\n",
        );
        for (name, width, port) in kept(design) {
            text += &format!("    wire {} {name} = {port};\n", range(width));
        }
        for field in design.fields() {
            for (name, port, _) in kept_of(design, field) {
                text += &format!("    wire {} {name} = {port};\n", range(field.width));
            }
        }
        return text;
    }
    let isolated = design.schema.hardware.goal == Goal::Power;
    let mut text = String::from("\n    assign cmd_ready = phase == IDLE;\n");
    let mut loads = String::new();
    let takes = "if (cmd_valid && cmd_ready";
    for (name, width, port) in kept(design) {
        text += &format!("    reg {} {name};\n", range(width));
        loads += &format!("            {name} <= {port};\n");
    }
    let mut single = String::new();
    for (at, field) in design.fields().iter().enumerate() {
        for (name, port, mask) in kept_of(design, field) {
            let range = range(field.width);
            if isolated {
                // The datapath doesn't see it, but for the cycles of work.
                let width = field.width;
                text += &format!(
                    "    reg {range} held_{name};\n    wire {range} {name} = \
                     {{{width}{{works}}}} & held_{name};\n"
                );
                single += &format!("        {takes} && {mask}[{at}]) held_{name} <= {port};\n");
            } else {
                text += &format!("    reg {range} {name};\n");
                loads += &format!("            {name} <= {port};\n");
            }
        }
    }
    if isolated {
        let check = if checks(design) {
            " || phase == CHECK"
        } else {
            ""
        };
        text = format!("\n    wire works = phase == WORK{check};\n") + &text[1..];
    }
    text + &format!(
        "\n    always @(posedge {CLOCK}) begin\n        {takes}) begin\n{loads}        end\n\
         {single}    end\n"
    )
}

/// Names of several operations, compared with `op`.
fn is(design: &Design<'_>, of: &str, which: impl Fn(Operation) -> bool) -> String {
    let operations = design.operations().into_iter().filter(|&one| which(one));
    let tests: Vec<_> = operations
        .map(|one| format!("{of} == {}", one.name()))
        .collect();
    if tests.is_empty() {
        "1'b0".into()
    } else {
        tests.join(" || ")
    }
}

fn selection(design: &Design<'_>) -> String {
    let count = design.count();
    let n = range(count);
    let mut text = format!(
        "\n    // Fields that an operation concerns.\n    reg {n} targets;\n    \
         always @* begin\n        case (cmd_op)\n"
    );
    let mut case = |operations: &[Operation], value: &str| {
        let names: Vec<_> = operations
            .iter()
            .filter(|&&one| design.has(one))
            .map(|one| one.name())
            .collect();
        if !names.is_empty() {
            text += &format!("            {}: targets = {value};\n", names.join(", "));
        }
    };
    use Operation as O;
    let masked = |mask: String| format!("cmd_mask & {mask}");
    case(&[O::Load, O::Accum, O::Read, O::Swap], "cmd_mask");
    let settable = design.mask(|field| field.kind != FieldType::DeltaStream);
    case(&[O::Set, O::Update], &masked(settable));
    let bitmasks = design.mask(|field| field.kind == FieldType::BitmaskDelta);
    case(
        &[O::SetBit, O::ClearBit, O::ToggleBit, O::TestBit],
        &masked(bitmasks),
    );
    case(
        &[O::AccumCell, O::ReadCell],
        &masked(design.mask(Field::has_cells)),
    );
    text += &format!("            default: targets = {count}'b0;\n        endcase\n    end\n\n");
    let ready = if wait_bits(design) > 0 {
        format!(" && waits == {}'b0", wait_bits(design))
    } else {
        String::new()
    };
    text += &format!("    wire acts = phase == WORK{ready};\n");
    if checks(design) {
        text += &format!("    wire looks = phase == CHECK{ready};\n");
    }
    text += &format!(
        "    wire loads = {};\n",
        is(design, "op", |one| one == O::Load)
    );
    text += &format!(
        "    wire restarts = {};\n",
        is(design, "op", |one| matches!(one, O::Load | O::Swap))
    );
    text += &format!(
        "    wire accumulates = {};\n",
        is(design, "op", O::accumulates)
    );

    let lowest = match count {
        1 => "todo".to_string(),
        _ => format!("todo & (~todo + {count}'b1)"),
    };
    if !design.parallel || pushes(design) {
        text += &format!("    wire {n} lowest = {lowest};\n");
    }
    let fields = match (design.parallel, design.is_settable()) {
        (false, _) => "lowest".to_string(),
        (true, false) => "todo".into(),
        (true, true) => {
            text += "    wire as_expected;\n";
            format!("todo & {{{count}{{as_expected}}}}")
        }
    };
    if design.depth().is_some() {
        text += "    wire undoes = phase == UNDO && fetched;\n";
        let of_entry = match count {
            1 => "1'b1".to_string(),
            _ => format!(
                "{count}'b1 << entry[{} -: {}]",
                design.width + design.number_bits - 1,
                design.number_bits
            ),
        };
        text += &format!("    wire {n} of_entry = {of_entry};\n");
        text += &format!("    wire {n} selected = undoes ? of_entry : {fields};\n");
    } else {
        text += &format!("    wire {n} selected = {fields};\n");
    }
    let rest = if design.parallel {
        format!("{count}'b0")
    } else {
        "todo & ~lowest".into()
    };
    text + &format!("    wire {n} remaining = {rest};\n")
}

/// All expectations are looked at in the cycle of the work.
fn expectations(design: &Design<'_>) -> String {
    if !(design.parallel && design.is_settable()) {
        return String::new();
    }
    let fields = design.fields().iter().enumerate();
    let tests: Vec<_> = fields
        .map(|(at, field)| {
            let name = &field.name;
            format!("(!expects[{at}] || expected_{name} == read_{name})")
        })
        .collect();
    format!(
        "    wire agrees =\n        {};\n    \
         assign as_expected = op != UPDATE || agrees;\n",
        tests.join(" &&\n        ")
    )
}

/// Names and properties of a datapath: a field's own, or the one that all share.
struct Lane<'a> {
    /// `read_gain`, or `lane_read`.
    name: Box<dyn Fn(&str) -> String + 'a>,
    fields: Vec<(usize, &'a Field)>,
    width: u32,
}

impl Lane<'_> {
    fn all(&self, which: impl Fn(&Field) -> bool) -> bool {
        self.fields.iter().all(|(_, field)| which(field))
    }

    fn any(&self, which: impl Fn(&Field) -> bool) -> bool {
        self.fields.iter().any(|(_, field)| which(field))
    }

    /// The value of the field that is selected, of those that have one.
    fn chosen(&self, width: u32, value: impl Fn(&Field) -> Option<(String, u32)>) -> String {
        let values = self.fields.iter().filter_map(|(at, field)| {
            let (value, bits) = value(field)?;
            let value = extended(&value, bits, width);
            Some(match self.fields.len() {
                1 => value,
                _ => format!("({{{width}{{selected[{at}]}}}} & {value})"),
            })
        });
        values.collect::<Vec<_>>().join(" |\n        ")
    }
}

fn lanes<'a>(design: &'a Design<'a>) -> Vec<Lane<'a>> {
    let fields: Vec<_> = design.fields().iter().enumerate().collect();
    if !design.parallel {
        return vec![Lane {
            name: Box::new(|what| format!("lane_{what}")),
            fields,
            width: design.width,
        }];
    }
    let lane = |(at, field): (usize, &'a Field)| Lane {
        name: Box::new(move |what| format!("{what}_{}", field.name)),
        fields: vec![(at, field)],
        width: field.width,
    };
    fields.into_iter().map(lane).collect()
}

/// Signals that proofs take as anything, so that no bit depends on all others: the comparison of
/// UPDATE, results but for that of ROLLBACK, the bits and cells that an index chooses, and values
/// of rle.
pub(super) fn cuts(design: &Design<'_>) -> Vec<String> {
    let mut cuts = Vec::new();
    if design.is_settable() {
        cuts.push("agrees".to_string());
    }
    for lane in lanes(design) {
        let mut cut = |is_there: bool, what: &str| {
            if is_there {
                cuts.push((lane.name)(what));
            }
        };
        cut(true, "answer");
        cut(lane.any(|field| field.encoding == Encoding::Rle), "read");
        cut(
            lane.any(|field| field.kind == FieldType::BitmaskDelta),
            "bit",
        );
        cut(lane.any(Field::has_cells), "spread");
    }
    cuts
}

fn datapaths(design: &Design<'_>) -> String {
    let mut text = String::new();
    let lifted: BTreeSet<u32> = lanes(design)
        .iter()
        .filter(|lane| lane.any(|field| field.encoding == Encoding::Rle))
        .map(|lane| lane.width)
        .collect();
    for width in lifted {
        text += &lift(width);
    }
    for lane in lanes(design) {
        text += &datapath(design, &lane);
    }
    text
}

/// Each bit XOR all below it.
fn lift(width: u32) -> String {
    let mut steps = String::new();
    let mut shift = 1;
    while shift < width {
        steps += &format!("            lift{width} = lift{width} ^ (lift{width} << {shift});\n");
        shift *= 2;
    }
    let range = range(width);
    format!(
        "\n    // The value of bits that lie as rle has them: each bit XOR all below it.\n    \
         function {range} lift{width};\n        input {range} bits;\n        begin\n            \
         lift{width} = bits;\n{steps}        end\n    endfunction\n"
    )
}

fn datapath(design: &Design<'_>, lane: &Lane<'_>) -> String {
    use Operation as O;
    let width = lane.width;
    let r = range(width);
    let n = |what: &str| (lane.name)(what);
    let mut text = String::from("\n");
    let mut wire = |name: &str, value: String| {
        text += &format!("    wire {r} {} = {value};\n", n(name));
    };
    if !design.parallel {
        let of = |what: &'static str| {
            lane.chosen(width, move |field| {
                Some((format!("{what}_{}", field.name), field.width))
            })
        };
        wire("state", of("state"));
        wire("operand", of("operand"));
        if checks(design) {
            wire("expected", of("expected"));
        }
    }
    let is_rle = |field: &Field| field.encoding == Encoding::Rle;
    // Bits above a narrow field, which rle would set.
    let spills = lane.any(|field| is_rle(field) && field.width < width);
    if spills {
        let ones = |field: &Field| Some((constant(field.width, &field.mask()), field.width));
        wire("bits", lane.chosen(width, ones));
    }
    let clean = |value: String| match spills {
        true => format!("({value}) & {}", n("bits")),
        false => value,
    };
    let (state, read, change) = (n("state"), n("read"), n("change"));
    // Where only some are rle, those choose.
    let rle = design.mask(is_rle);
    let mixed = lane.any(is_rle) && !lane.all(is_rle);
    let lifts = format!("lift{width}({state})");
    wire(
        "read",
        clean(match (lane.any(is_rle), mixed) {
            (false, _) => state.clone(),
            (true, false) => lifts,
            (true, true) => format!("|(selected & {rle}) ? {lifts} : {state}"),
        }),
    );

    let operand = n("operand");
    let mut changes = Vec::new();
    let mut answers = Vec::new();
    if lane.any(|field| field.kind == FieldType::BitmaskDelta) {
        let at = lane.chosen(8, |field| {
            let bits = bits(field.width - 1);
            (field.kind == FieldType::BitmaskDelta)
                .then(|| (format!("index[{}:0]", bits - 1), bits))
        });
        let (bit, at_name) = (n("bit"), n("bit_at"));
        text += &format!("    wire [7:0] {at_name} = {at};\n");
        text += &format!("    wire {r} {bit} = {width}'b1 << {at_name};\n");
        changes.push((O::SetBit, format!("{bit} & ~{read}")));
        changes.push((O::ClearBit, format!("{bit} & {read}")));
        changes.push((O::ToggleBit, bit.clone()));
        answers.push((
            O::TestBit,
            extended(&format!("|({bit} & {read})"), 1, width),
        ));
    }
    if lane.any(|field| field.kind != FieldType::DeltaStream) {
        changes.push((O::Set, format!("{operand} ^ {read}")));
        changes.push((O::Update, format!("{operand} ^ {read}")));
    }
    if lane.any(Field::has_cells) {
        let cell_bits = |field: &Field| field.width / 64;
        let at = lane.chosen(8, |field| {
            let zeros = bits(cell_bits(field)).saturating_sub(1);
            let at = match zeros {
                0 => "index[5:0]".to_string(),
                _ => format!("{{index[5:0], {zeros}'b0}}"),
            };
            field.has_cells().then_some((at, 6 + zeros))
        });
        let cell = lane.chosen(width, |field| {
            let ones = (num_bigint::BigUint::from(1u8) << cell_bits(field)) - 1u8;
            field.has_cells().then(|| (constant(width, &ones), width))
        });
        let (cell_name, at_name) = (n("cell"), n("cell_at"));
        text += &format!("    wire [7:0] {at_name} = {at};\n");
        text += &format!("    wire {r} {cell_name} = {cell};\n");
        let spread = n("spread");
        text += &format!("    wire {r} {spread} = ({operand} & {cell_name}) << {at_name};\n");
        changes.push((O::AccumCell, spread));
        answers.push((O::ReadCell, format!("({read} >> {at_name}) & {cell_name}")));
    }
    answers.extend([(O::Read, read.clone()), (O::Swap, read.clone())]);
    let choose = |choices: Vec<(O, String)>, otherwise: &str| {
        let choices = choices.into_iter().filter(|(one, _)| design.has(*one));
        let choices = choices.map(|(one, value)| format!("op == {} ? {value} :", one.name()));
        choices
            .chain([otherwise.to_string()])
            .collect::<Vec<_>>()
            .join("\n        ")
    };
    let mut wire = |name: &str, value: String| {
        text += &format!("    wire {r} {} = {value};\n", n(name));
    };
    // What the operation changes in the value, and in the bits that lie there.
    wire("change", choose(changes, &operand));
    let shifted = format!("({change} << 1)");
    let delta = clean(match (lane.any(is_rle), mixed) {
        (false, _) => change.clone(),
        (true, false) => format!("{change} ^ {shifted}"),
        (true, true) => format!("{change} ^ (|(selected & {rle}) ? {shifted} : {width}'b0)"),
    });
    let (adds, delta) = match design.depth() {
        Some(_) => (
            "loads || accumulates || undoes",
            format!("undoes ? entry{r} : ({delta})"),
        ),
        None => ("loads || accumulates", delta),
    };
    wire("delta", delta);
    let delta = n("delta");
    // The state that comes after.
    wire(
        "fresh",
        format!("({{{width}{{!loads}}}} & {state}) ^ ({{{width}{{{adds}}}}} & {delta})"),
    );
    wire("answer", choose(answers, &change));
    text
}

fn history(design: &Design<'_>) -> String {
    if design.depth().is_none() {
        return String::new();
    }
    let (width, numbers) = (design.width, design.number_bits);
    let entry = range(width + numbers);
    let c = range(design.count_bits());
    let numbered = |of: &str, delta: &str| match numbers {
        0 => delta.to_string(),
        _ => {
            let numbers: Vec<_> = (0..design.count())
                .map(|at| format!("({{{numbers}{{{of}[{at}]}}}} & {numbers}'d{at})"))
                .collect();
            format!("{{{},\n        {delta}}}", numbers.join(" |\n        "))
        }
    };
    let (when, what) = if pushes(design) {
        let deltas: Vec<_> = design
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| {
                let pending = extended(&format!("pending_{}", field.name), field.width, width);
                format!("({{{width}{{lowest[{at}]}}}} & {pending})")
            })
            .collect();
        let deltas = format!("({})", deltas.join(" |\n        "));
        ("phase == PUSH", numbered("lowest", &deltas))
    } else {
        (
            "acts && accumulates && |lowest",
            numbered("lowest", "lane_delta"),
        )
    };
    let (keeps, pushed) = if forgets(design) {
        (
            "    wire keeps = phase == FORGET && fetched && !(|(of_entry & targeted));\n",
            "keeps ? entry : added",
        )
    } else {
        ("", "added")
    };
    let or_keeps = if forgets(design) { " || keeps" } else { "" };
    let read = if forgets(design) {
        "phase == UNDO || phase == FORGET"
    } else {
        "phase == UNDO"
    };
    let mut text = format!(
        "\n    // The history: a ring, from `tail`, the oldest, to before `head`. It is read one \
         cycle after\n    // `walk`.\n    \
         localparam INDEX_BITS = HISTORY_DEPTH > 1 ? $clog2(HISTORY_DEPTH) : 1;\n    \
         localparam COUNT_BITS = {};\n    \
         localparam [COUNT_BITS-1:0] DEPTH = HISTORY_DEPTH[COUNT_BITS-1:0];\n    \
         localparam [31:0] LAST_INDEX = HISTORY_DEPTH - 1;\n    \
         localparam [INDEX_BITS-1:0] LAST = LAST_INDEX[INDEX_BITS-1:0];\n    \
         reg {entry} history [0:HISTORY_DEPTH-1];\n    \
         reg [INDEX_BITS-1:0] head;\n    reg [INDEX_BITS-1:0] tail;\n    \
         reg [INDEX_BITS-1:0] walk;\n    reg {c} entries;\n    reg {c} left;\n",
        design.count_bits(),
    );
    if pushes(design) {
        for field in design.fields() {
            text += &format!("    reg {} pending_{};\n", range(field.width), field.name);
        }
    }
    for (name, from) in [
        ("next_head", "head"),
        ("next_tail", "tail"),
        ("next_walk", "walk"),
    ] {
        if name == "next_walk" && !forgets(design) {
            continue;
        }
        text += &format!(
            "    wire [INDEX_BITS-1:0] {name} = {from} == LAST ? {{INDEX_BITS{{1'b0}}}} : \
             {from} + 1'b1;\n"
        );
    }
    for (name, from) in [("newest", "head"), ("former_walk", "walk")] {
        text += &format!(
            "    wire [INDEX_BITS-1:0] {name} = {from} == {{INDEX_BITS{{1'b0}}}} ? LAST : \
             {from} - 1'b1;\n"
        );
    }
    text += &format!(
        "    wire {c} undoable = steps < entries ? steps : entries;\n{keeps}    \
         wire adds_entry = {when};\n    wire {entry} added = {what};\n    \
         wire puts = adds_entry{or_keeps};\n\n    \
         always @(posedge {CLOCK}) begin\n        if (puts) history[head] <= {pushed};\n        \
         if ({read}) entry <= history[walk];\n    end\n"
    );
    text
}

fn control(design: &Design<'_>) -> String {
    let history = design.depth().is_some();
    let count = design.count();
    let none = format!("{count}'b0");
    let mut done = vec![match history {
        true => format!(
            "(acts && remaining == {none} && (op != ROLLBACK || undoable == {}'b0))",
            design.count_bits()
        ),
        false => format!("(acts && remaining == {none})"),
    }];
    if history {
        done.push(format!("(undoes && left == {}'b1)", design.count_bits()));
    }
    let mut text = String::from("\n");
    if checks(design) {
        text += "    wire agrees = lane_expected == lane_read;\n    \
                 wire differs = looks && !agrees;\n";
        done.push("differs".into());
    }
    text += &format!(
        "    // The last cycle of a command: its result comes, and its effect is seen.\n    \
         wire finishes = {};\n",
        done.join(" ||\n        ")
    );
    if !design.held {
        text += "    assign cmd_ready = finishes;\n";
    }
    text
}

fn state(design: &Design<'_>) -> String {
    let history = design.depth().is_some();
    let mut reset = format!(
        "            phase <= IDLE;\n            todo <= {0}'b0;\n            rsp_value <= {1}'b0;\n",
        design.count(),
        design.response_bits()
    );
    if targeted(design) {
        reset += &format!("            targeted <= {}'b0;\n", design.count());
    }
    if wait_bits(design) > 0 {
        reset += &format!("            waits <= {}'b0;\n", wait_bits(design));
    }
    if history {
        let c = design.count_bits();
        for name in ["head", "tail", "walk"] {
            reset += &format!("            {name} <= {{INDEX_BITS{{1'b0}}}};\n");
        }
        reset += &format!(
            "            entries <= {c}'b0;\n            left <= {c}'b0;\n            \
             fetched <= 1'b0;\n"
        );
    }
    let mut writes = String::new();
    let mut publish = String::new();
    let layout = Layout::of(design.schema);
    for (at, (field, place)) in design.fields().iter().zip(&layout.fields).enumerate() {
        let (name, width) = (&field.name, field.width);
        let default = constant(width, &lay(field, &field.default));
        reset += &format!(
            "            reference_{name} <= {default};\n            \
             accumulator_{name} <= {width}'h0;\n"
        );
        let of = |what: &str| match design.parallel {
            true => format!("{what}_{name}"),
            false if width == design.width => format!("lane_{what}"),
            false => format!("lane_{what}[{}:0]", width - 1),
        };
        let (fresh, delta) = (of("fresh"), of("delta"));
        writes += &format!(
            "            if (writes && selected[{at}]) begin\n                \
             if (restarts) reference_{name} <= {fresh};\n                \
             accumulator_{name} <= restarts ? {width}'h0 : accumulator_{name} ^ {delta};\n            \
             end\n"
        );
        let (low, bits) = (64 * place.parts[0].context, field.contexts() * 64);
        let state = format!("selected[{at}] ? {fresh} : state_{name}");
        let state = match bits - width {
            0 => state,
            zeros => format!("{{{zeros}'b0, {state}}}"),
        };
        publish += &format!("                contexts[{low} +: {bits}] <= {state};\n");
        reset += &format!(
            "            contexts[{low} +: {bits}] <= {};\n",
            constant(bits, &lay(field, &field.default))
        );
    }
    let undoing = if history { " || undoes" } else { "" };
    let publishing = match (checks(design), history) {
        (false, false) => "finishes",
        (false, true) => "finishes && (acts || undoes)",
        (true, false) => "finishes && acts",
        (true, true) => "finishes && (acts || undoes)",
    };
    format!(
        "    wire writes = (acts && (restarts || accumulates)){undoing};\n{}\n    \
         always @(posedge {CLOCK}) begin\n        rsp_valid <= finishes && !rst;\n        \
         if (rst) begin\n{reset}        end else begin\n{}{writes}            \
         // Whatever a command changes is seen at once.\n            \
         if ({publishing}) begin\n{publish}            end\n{}        end\n    end\n",
        answer(design),
        machine(design),
        ring(design),
    )
}

/// The result: that of the last field that was worked on.
fn answer(design: &Design<'_>) -> String {
    let width = design.response_bits();
    if !design.parallel {
        return String::new();
    }
    let mut text = format!("    reg {} answer;\n    always @* begin\n", range(width));
    text += &format!("        answer = {width}'b0;\n");
    for (at, field) in design.fields().iter().enumerate() {
        let answer = extended(&format!("answer_{}", field.name), field.width, width);
        text += &format!("        if (selected[{at}]) answer = {answer};\n");
    }
    text + "    end\n"
}

fn machine(design: &Design<'_>) -> String {
    let width = design.response_bits();
    let none = format!("{}'b0", design.count());
    let history = design.depth().is_some();
    let checks = checks(design);
    let held = if checks { "1'b1" } else { "as_expected" };
    let mut answer = match design.parallel {
        true => "answer".to_string(),
        false => extended("lane_answer", design.width, width),
    };
    if design.is_settable() {
        answer = format!("op == UPDATE ? {} : {answer}", extended(held, 1, width));
    }
    let mut text = String::from("            case (phase)\n");
    let mut start = String::new();
    let first = if checks {
        start += "                        if (cmd_op == UPDATE && |cmd_expect) begin\n\
                  \u{20}                           todo <= cmd_expect;\n\
                  \u{20}                           phase <= CHECK;\n\
                  \u{20}                       end else begin\n\
                  \u{20}                           todo <= targets;\n\
                  \u{20}                           phase <= WORK;\n\
                  \u{20}                       end\n";
        ""
    } else {
        "                        todo <= targets;\n                        phase <= WORK;\n"
    };
    start += first;
    if targeted(design) {
        start += "                        targeted <= targets;\n";
    }
    let waits = wait_bits(design);
    if waits > 0 {
        let constant = |latency: u32| format!("{waits}'d{}", latency - 1);
        let reads = is(design, "cmd_op", |one| {
            matches!(
                one,
                Operation::Read | Operation::TestBit | Operation::ReadCell
            )
        });
        let [read, rest] = [Operation::Read, Operation::Accum].map(|one| design.latency(one));
        let value = match reads.as_str() {
            "1'b0" => constant(rest),
            _ => format!(
                "({reads}) ?\n                            {} : {}",
                constant(read),
                constant(rest)
            ),
        };
        start += &format!("                        waits <= {value};\n");
    }
    text += &format!(
        "                IDLE:\n                    if (cmd_valid) begin\n{start}                    \
         end\n"
    );
    let count_down = match waits {
        0 => String::new(),
        _ => format!("                    if (waits != {waits}'b0) waits <= waits - {waits}'b1;\n"),
    };
    if checks {
        text += &format!(
            "                CHECK: begin\n{count_down}                    \
             if (differs) begin\n                        rsp_value <= {width}'b0;\n                        \
             phase <= IDLE;\n                    end else if (looks) begin\n                        \
             todo <= remaining;\n                        if (remaining == {none}) begin\n                            \
             todo <= targeted;\n                            phase <= WORK;\n                        \
             end\n                    end\n                end\n"
        );
    }
    let mut after = String::from("phase <= IDLE;");
    if pushes(design) {
        after = format!(
            "phase <= accumulates && |selected ? PUSH : {};",
            "restarts && |selected && |entries ? FORGET : IDLE"
        );
    } else if forgets(design) {
        after = "phase <= restarts && |targeted && |entries ? FORGET : IDLE;".into();
    }
    let mut work = format!("                        rsp_value <= {answer};\n");
    let todo = if pushes(design) {
        "selected"
    } else {
        "remaining"
    };
    work += &format!("                        todo <= {todo};\n");
    work += &format!("                        if (remaining == {none}) {after}\n");
    if pushes(design) {
        for field in design.fields() {
            let name = &field.name;
            work += &format!("                        pending_{name} <= delta_{name};\n");
        }
    }
    if history {
        let steps = extended("undoable", design.count_bits(), width);
        work += &format!(
            "                        if (op == ROLLBACK) begin\n                            \
             rsp_value <= {steps};\n                            \
             phase <= |undoable ? UNDO : IDLE;\n                        end\n"
        );
    }
    text += &format!(
        "                WORK: begin\n{count_down}                    if (acts) begin\n{work}                    \
         end\n                end\n"
    );
    let end = format!("left == {}'b1", design.count_bits());
    if history {
        text += &format!("                UNDO: if (undoes && {end}) phase <= IDLE;\n");
    }
    if forgets(design) {
        text += &format!("                FORGET: if (fetched && {end}) phase <= IDLE;\n");
    }
    if pushes(design) {
        text += &format!(
            "                PUSH: begin\n                    todo <= todo & ~lowest;\n                    \
             if ((todo & ~lowest) == {none}) phase <= IDLE;\n                end\n"
        );
    }
    text + "                default: phase <= IDLE;\n            endcase\n"
}

/// What happens to the ring.
fn ring(design: &Design<'_>) -> String {
    if design.depth().is_none() {
        return String::new();
    }
    let c = design.count_bits();
    let mut text = format!(
        "            if (puts) begin\n                head <= next_head;\n                \
         if (entries == DEPTH) tail <= next_tail;\n                \
         else entries <= entries + {c}'b1;\n            end\n            \
         if (acts && op == ROLLBACK) begin\n                left <= undoable;\n                \
         walk <= newest;\n                fetched <= 1'b0;\n            end\n            \
         if (phase == UNDO) begin\n                walk <= former_walk;\n                \
         fetched <= 1'b1;\n            end\n            if (undoes) begin\n                \
         head <= newest;\n                entries <= entries - {c}'b1;\n                \
         left <= left - {c}'b1;\n            end\n"
    );
    if forgets(design) {
        text += &format!(
            "            // All entries are taken out, and those of other fields put back.\n            \
             if (finishes && acts && restarts && |targeted && |entries) begin\n                \
             left <= entries;\n                walk <= tail;\n                \
             head <= tail;\n                entries <= {c}'b0;\n                \
             fetched <= 1'b0;\n            end\n            \
             if (phase == FORGET) begin\n                walk <= next_walk;\n                \
             fetched <= 1'b1;\n                if (fetched) left <= left - {c}'b1;\n            \
             end\n"
        );
    } else {
        text += &format!(
            "            if (acts && restarts && |selected) begin\n                \
             tail <= head;\n                entries <= {c}'b0;\n            end\n"
        );
    }
    text
}
