// SPDX-License-Identifier: MIT OR Apache-2.0
//! The testbench of an object, and its vectors as a file of words that `$readmemh` reads.

use std::collections::BTreeMap;

use num_bigint::BigUint;

use super::design::{Design, Operation, range};
use super::rtl::ports_of;
use crate::encoding::lift;
use crate::generate::Object;
use crate::message;
use crate::schema::Field;
use crate::vectors::{Hex, Step};

/// Numbers of records besides operations.
const RESET: u64 = 0xF0;
const CONTEXTS: u64 = 0xF1;
/// Vectors that nothing can fulfil.
const WRONG: u64 = 0xFE;
const END: u64 = 0xFF;

/// What a record of an operation has besides: operands of the fields of the mask, a result.
const HAS_OPERANDS: u64 = 1 << 8;
const HAS_RESULT: u64 = 1 << 9;
/// The operation takes the latency of its kind, and no cycle more.
const IS_EXACT: u64 = 1 << 10;

/// The words of the vectors, a line each.
pub(super) fn words(design: &Design<'_>, object: &Object<'_>) -> Vec<u64> {
    let mut words = Vec::new();
    for (number, case) in object.vectors.cases.iter().enumerate() {
        words.push(RESET | ((number as u64) << 32));
        for step in &case.steps {
            match record(design, step) {
                Some(record) => words.extend(record),
                None => words.push(WRONG),
            }
        }
    }
    words.push(END);
    words
}

/// One step. There is none where a step names what the object doesn't have.
fn record(design: &Design<'_>, step: &Step) -> Option<Vec<u64>> {
    use Operation as O;
    let one = |name: &str| design.fields().iter().position(|field| field.name == name);
    let mut command = Command::new(design);
    match step {
        Step::Load { field, value } => command.operate(O::Load, one(field)?, value)?,
        Step::Accum { field, delta, .. } => command.operate(O::Accum, one(field)?, delta)?,
        Step::Read { field, expect } => command.ask(O::Read, one(field)?, 0, &expect.0),
        Step::Swap { field, expect } => command.ask(O::Swap, one(field)?, 0, &expect.0),
        Step::Set {
            field,
            value,
            expect,
        } => {
            command.operate(O::Set, one(field)?, value)?;
            command.result = Some(expect.0.clone());
        }
        Step::SetBit { field, bit, expect } => {
            command.ask(O::SetBit, one(field)?, *bit, &expect.0);
        }
        Step::ClearBit { field, bit, expect } => {
            command.ask(O::ClearBit, one(field)?, *bit, &expect.0);
        }
        Step::ToggleBit { field, bit, expect } => {
            command.ask(O::ToggleBit, one(field)?, *bit, &expect.0);
        }
        Step::TestBit { field, bit, expect } => {
            command.ask(O::TestBit, one(field)?, *bit, &u8::from(*expect).into());
        }
        Step::ReadCell {
            field,
            cell,
            expect,
        } => {
            command.ask(O::ReadCell, one(field)?, number(*cell), &expect.0);
        }
        Step::AccumCell {
            field, cell, delta, ..
        } => {
            command.operate(O::AccumCell, one(field)?, delta)?;
            command.index = number(*cell);
        }
        Step::Update { values } => {
            command.operation = O::Set;
            command.operands = fields(design, values)?;
        }
        Step::CompareUpdate {
            expected,
            values,
            expect,
        } => {
            command.operation = O::Update;
            command.operands = fields(design, values)?;
            command.expected = fields(design, expected)?;
            command.result = Some(u8::from(*expect).into());
        }
        Step::Rollback { steps, expect } => {
            command.operation = O::Rollback;
            command.steps = (*steps).min(design.depth()?);
            command.result = Some((*expect).into());
        }
        Step::Apply {
            field,
            message,
            error,
        } => {
            let field_at = one(field)?;
            let field = &design.fields()[field_at];
            let found = message::decode(design.schema, field, &message.0);
            match (found, error) {
                (Ok(delta), None) => {
                    let value = Hex(lift(field, &delta));
                    command.operate(O::Accum, field_at, &value)?;
                }
                // Hardware has no messages.
                (Err(refused), Some(error)) if refused.name() == error => return Some(vec![]),
                _ => return None,
            }
        }
        Step::Contexts { expect } => {
            let mut words = vec![CONTEXTS];
            for word in expect {
                words.push(u64::try_from(&word.0).ok()?);
            }
            let right = expect.len() == design.schema.contexts() as usize;
            return right.then_some(words);
        }
    }
    command.words()
}

/// The number of a cell.
fn number([x, y, t]: [u32; 3]) -> u32 {
    x + 4 * y + 16 * t
}

type Values = BTreeMap<usize, BigUint>;

fn fields(design: &Design<'_>, values: &BTreeMap<String, Hex>) -> Option<Values> {
    let at = |name: &str| design.fields().iter().position(|field| field.name == name);
    values
        .iter()
        .map(|(name, value)| Some((at(name)?, value.0.clone())))
        .collect()
}

struct Command<'a> {
    design: &'a Design<'a>,
    operation: Operation,
    /// Operands by field.
    operands: Values,
    /// Fields without an operand.
    asked: Option<usize>,
    expected: Values,
    index: u32,
    steps: u32,
    result: Option<BigUint>,
}

impl<'a> Command<'a> {
    fn new(design: &'a Design<'a>) -> Self {
        Command {
            design,
            operation: Operation::Read,
            operands: Values::new(),
            asked: None,
            expected: Values::new(),
            index: 0,
            steps: 0,
            result: None,
        }
    }

    fn operate(&mut self, operation: Operation, field: usize, value: &Hex) -> Option<()> {
        self.operation = operation;
        self.operands.insert(field, value.0.clone());
        Some(())
    }

    fn ask(&mut self, operation: Operation, field: usize, index: u32, result: &BigUint) {
        self.operation = operation;
        self.asked = Some(field);
        self.index = index;
        self.result = Some(result.clone());
    }

    fn words(self) -> Option<Vec<u64>> {
        let design = self.design;
        let named: Vec<_> = self.operands.keys().copied().chain(self.asked).collect();
        let mut first = self.operation as u64;
        first |= (u64::from(self.index) << 16) | (u64::from(self.steps) << 32);
        if !self.operands.is_empty() {
            first |= HAS_OPERANDS;
        }
        if self.result.is_some() {
            first |= HAS_RESULT;
        }
        // One field is one cycle of work.
        if design.held && named.len() == 1 && self.expected.is_empty() {
            first |= IS_EXACT;
        }
        let mut words = vec![first];
        words.extend(mask(design, &named));
        let expected: Vec<_> = self.expected.keys().copied().collect();
        words.extend(mask(design, &expected));
        for values in [&self.operands, &self.expected] {
            for (&at, value) in values {
                words.extend(digits(value, design.fields()[at].width)?);
            }
        }
        if let Some(result) = self.result {
            words.extend(digits(&result, design.response_bits())?);
        }
        design.has(self.operation).then_some(words)
    }
}

fn mask(design: &Design<'_>, fields: &[usize]) -> Vec<u64> {
    let mut words = vec![0; design.count().div_ceil(64) as usize];
    for field in fields {
        words[field / 64] |= 1 << (field % 64);
    }
    words
}

/// The words of a value of that many bits.
fn digits(value: &BigUint, width: u32) -> Option<Vec<u64>> {
    let mut words = value.to_u64_digits();
    words.resize(width.div_ceil(64) as usize, 0);
    (value.bits() <= u64::from(width)).then_some(words)
}

pub(super) fn testbench(design: &Design<'_>, clock: &str, words: usize) -> String {
    let name = &design.name;
    let count = design.count();
    let mut signals = String::new();
    let mut connections = vec![format!(".{clock}(clk)"), ".rst(rst)".to_string()];
    ports_of(design, &mut |direction, width, port| {
        let kind = if direction.starts_with("input") {
            "reg"
        } else {
            "wire"
        };
        signals += &format!("    {kind} {} {port};\n", range(width));
        connections.push(format!(".{port}({port})"));
    });
    let mut zero = String::new();
    ports_of(design, &mut |direction, width, port| {
        if direction.starts_with("input") {
            zero += &format!("        {port} = {width}'h0;\n");
        }
    });
    let fetches = fetches(design);
    let response = design.response_bits();
    let latencies = latencies(design);
    let cases = (
        design.response_bits().div_ceil(64),
        design.schema.contexts(),
    );
    format!(
        r#"`default_nettype none

module {name}_tb;
    parameter VECTORS = "tb/{name}.hex";

    reg clk;
    initial begin
        clk = 1'b0;
        forever #5 clk = !clk;
    end

    reg rst;
{signals}
    {name} dut (
        {connections}
    );

    reg [63:0] words [0:{last}];
    reg [63:0] first;
    reg [63:0] word;
    reg {masks} mask;
    reg {masks} expected_mask;
    reg {contexts} contexts_wanted;
    reg {results} wanted;
    reg [63:0] cycles;
    reg [63:0] latency;
    reg taken;
    // Not all bits of these are looked at.
    wire unused = &{{1'b0, first, mask, expected_mask}};
    integer at;
    integer step;
    integer commands;
    integer number;

    task fetch;
        begin
            word = words[at];
            at = at + 1;
        end
    endtask

    task wrong;
        begin
            $display("FAIL {name}: case %0d, step %0d, op %0d", number, step, first[7:0]);
            $stop;
            $finish;
        end
    endtask

    // Signals change at the falling edge. A command stays until it has been taken.
    task command;
        begin
            commands = commands + 1;
            cmd_valid = 1'b1;
            cmd_op = first[3:0];
            taken = 1'b0;
            cycles = 64'd0;
            while (!taken) begin
                @(posedge clk);
                taken = cmd_ready;
                cycles = cycles + 64'd1;
                if (cycles > 64'd{limit}) wrong;
                @(negedge clk);
            end
            cmd_valid = 1'b0;
            cycles = 64'd0;
            while (!rsp_valid) begin
                cycles = cycles + 64'd1;
                if (cycles > 64'd{limit}) wrong;
                @(negedge clk);
            end
            case (first[7:0])
{latencies}
            endcase
            if (first[10] && cycles != latency) begin
                $display("%0d cycles", cycles);
                wrong;
            end
        end
    endtask

    initial begin
{zero}        $readmemh(VECTORS, words);
        rst = 1'b1;
        at = 0;
        step = 0;
        commands = 0;
        number = 0;
        first = 64'h0;
        latency = 64'd0;
        mask = {count_bits}'h0;
        expected_mask = {count_bits}'h0;
        contexts_wanted = {contexts_bits}'h0;
        wanted = {results_bits}'h0;
        @(negedge clk);
        while (first[7:0] != 8'hff) begin
            fetch;
            first = word;
            step = step + 1;
            case (first[7:0])
                8'hff: ;
                8'hf0: begin
                    number = first[63:32];
                    step = 0;
                    rst = 1'b1;
                    @(negedge clk);
                    rst = 1'b0;
                end
                8'hf1: begin
{context_words}                    if (contexts !== contexts_wanted) begin
                        $display("contexts %h, expected %h", contexts, contexts_wanted);
                        wrong;
                    end
                end
                8'hfe: wrong;
                default: begin
{fetches}                    command;
                    if (first[9]) begin
{result_words}                        if (rsp_value !== wanted{wanted_range}) begin
                            $display("result %h, expected %h", rsp_value, wanted);
                            wrong;
                        end
                    end
                end
            endcase
        end
        $display("PASS {name}: %0d commands", commands);
        $finish;
    end
endmodule

`default_nettype wire
"#,
        connections = connections.join(",\n        "),
        last = words - 1,
        masks = range(64 * count.div_ceil(64)),
        contexts = range(64 * cases.1),
        results = range(64 * cases.0),
        count_bits = 64 * count.div_ceil(64),
        contexts_bits = 64 * cases.1,
        results_bits = 64 * cases.0,
        limit = limit(design),
        context_words = all_words("contexts_wanted", cases.1, 20),
        result_words = all_words("wanted", cases.0, 24),
        wanted_range = if response % 64 == 0 {
            String::new()
        } else {
            range(response)
        },
    )
}

/// More cycles than any command takes.
fn limit(design: &Design<'_>) -> u64 {
    let latency = [Operation::Accum, Operation::Read].map(|one| u64::from(design.latency(one)));
    latency[0].max(latency[1])
        + 4 * u64::from(design.depth().unwrap_or(0))
        + 4 * u64::from(design.count())
        + 16
}

fn all_words(target: &str, count: u32, indent: usize) -> String {
    let indent = " ".repeat(indent);
    let words = (0..count).map(|at| {
        format!(
            "{indent}fetch;\n{indent}{target}[{} +: 64] = word;\n",
            64 * at
        )
    });
    words.collect::<Vec<_>>().concat()
}

fn latencies(design: &Design<'_>) -> String {
    let line = |operations: Vec<Operation>, latency: u32| {
        let numbers: Vec<_> = operations
            .iter()
            .map(|&one| format!("8'd{}", one as u8))
            .collect();
        format!(
            "                {}: latency = 64'd{latency};\n",
            numbers.join(", ")
        )
    };
    let reads = |one: &Operation| {
        matches!(
            one,
            Operation::Read | Operation::TestBit | Operation::ReadCell
        )
    };
    let (reading, _): (Vec<_>, Vec<_>) = design.operations().into_iter().partition(reads);
    let mut text = String::new();
    if !reading.is_empty() {
        text += &line(reading, design.latency(Operation::Read));
    }
    let latency = design.latency(Operation::Accum);
    text + &format!("                default: latency = 64'd{latency};")
}

/// Operands of a record to the ports.
fn fetches(design: &Design<'_>) -> String {
    let mask_words = design.count().div_ceil(64);
    let mut text = all_words("mask", mask_words, 20) + &all_words("expected_mask", mask_words, 20);
    let n = design.count() - 1;
    text += &format!("                    cmd_mask = mask[{n}:0];\n");
    if design.is_settable() {
        text += &format!("                    cmd_expect = expected_mask[{n}:0];\n");
    }
    if design.index_bits() > 0 {
        let last = 16 + design.index_bits() - 1;
        text += &format!("                    cmd_index = first[{last}:16];\n");
    }
    if design.depth().is_some() {
        let last = 32 + design.count_bits() - 1;
        text += &format!("                    cmd_steps = first[{last}:32];\n");
    }
    for (at, field) in design.fields().iter().enumerate() {
        text += &fetch(field, "value", &format!("first[8] && mask[{at}]"));
    }
    if design.is_settable() {
        for (at, field) in design.fields().iter().enumerate() {
            text += &fetch(field, "expect", &format!("expected_mask[{at}]"));
        }
    }
    text
}

fn fetch(field: &Field, what: &str, when: &str) -> String {
    let port = format!("{what}_{}", field.name);
    let words = (0..field.contexts())
        .map(|at| {
            let bits = (field.width - 64 * at).min(64);
            let low = 64 * at;
            format!(
                "                        fetch;\n                        \
                 {port}[{low} +: {bits}] = word[{}:0];\n",
                bits - 1
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!("                    if ({when}) begin\n{words}                    end\n")
}
