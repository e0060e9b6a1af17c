// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is proven of a module, as assertions that it includes where FORMAL is defined.
//!
//! An assertion that holds in each state that follows one in which all assertions hold, and after
//! a reset, holds always. So there are more than what is to be proven: those of what lies in the
//! registers meanwhile. Names begin with a capital, as none of the module's signals does.

use super::design::{Design, laid, range};
use super::rtl::{checks, forgets, kept_of, pushes, targeted};
use crate::layout::Layout;
use crate::schema::{Encoding, Field, Goal};

pub(super) fn assertions(design: &Design<'_>, clock: &str) -> String {
    let text = [
        commands(design, clock),
        published(design),
        held(design),
        swap(design),
        accum(design),
        rollback(design),
    ];
    text.concat()
}

/// Bits of a field that are proven at once. z3's time grows faster than they do.
const SLICE: u32 = 32;

/// The first and the last bit of each slice. Together they have all bits of all fields.
pub(super) fn slices(design: &Design<'_>) -> Vec<String> {
    let mut slices = Vec::new();
    for (field, place) in design.fields().iter().zip(Layout::of(design.schema).fields) {
        let begin = 64 * place.parts[0].context;
        let end = begin + field.width;
        for first in (begin..end).step_by(SLICE as usize) {
            let last = end.min(first + SLICE) - 1;
            slices.push(format!("{first}-{last}"));
        }
    }
    slices
}

/// A statement that always holds, from the first reset on.
fn assert(about: &str, when: &str, what: &str) -> String {
    format!("    // {about}\n    always @* if (F_past && {when}) assert ({what});\n")
}

/// A term for each field, all of which hold.
fn all(design: &Design<'_>, term: impl Fn(usize, &str, &Field) -> String) -> String {
    let fields = design.fields().iter().enumerate();
    let terms = fields.map(|(at, field)| format!("({})", term(at, &field.name, field)));
    terms.collect::<Vec<_>>().join(" &&\n        ")
}

/// Equality of a field's bits, those of the slice that is being proven.
fn same(field: &Field, left: &str, right: &str) -> String {
    format!("((({left}) ^ ({right})) & F_slice_{}) == 0", field.name)
}

/// The delta of a field as it lies, where the mask has the field.
fn delta(prefix: char, mask: &str, at: usize, field: &Field) -> String {
    let value = format!("{prefix}_value_{}", field.name);
    format!(
        "({mask}[{at}] ? {} : {}'h0)",
        laid(field, &value),
        field.width
    )
}

/// The command that is being worked on (F), and the one before (G), as the requester knows them.
fn commands(design: &Design<'_>, clock: &str) -> String {
    let n = range(design.count());
    let mut signals = String::new();
    let mut taken = String::new();
    let mut done = String::new();
    for (field, place) in design.fields().iter().zip(Layout::of(design.schema).fields) {
        let (name, r) = (&field.name, range(field.width));
        let low = 64 * place.parts[0].context;
        signals += &format!(
            "    wire {r} F_slice_{name} = F_slice[{low} +: {0}];\n    \
             wire {r} F_seen_{name} = contexts[{low} +: {0}];\n    reg {r} F_value_{name};\n    \
             reg {r} F_before_{name};\n    reg {r} G_value_{name};\n    reg {r} G_before_{name};\n",
            field.width
        );
        taken += &format!(
            "            F_value_{name} <= value_{name};\n            \
             F_before_{name} <= F_seen_{name};\n"
        );
        done += &format!(
            "            G_value_{name} <= F_value_{name};\n            \
             G_before_{name} <= F_before_{name};\n"
        );
    }
    if design.depth().is_some() {
        let c = range(design.count_bits());
        signals += &format!("    reg {c} F_steps;\n");
        taken += "            F_steps <= cmd_steps;\n";
    }
    let width = 64 * design.schema.contexts();
    format!(
        "    reg F_past = 1'b0;\n    reg F_reset;\n    reg F_active;\n    reg [3:0] F_op;\n    \
         reg {n} F_targets;\n    reg G_valid;\n    reg {n} G_targets;\n    \
         reg {0} F_contexts;\n    \
         // The bits of `contexts` that are being proven: any, unless the Makefile sets them.\n    \
         (* keep, anyseq *) wire [31:0] F_first;\n    \
         (* keep, anyseq *) wire [31:0] F_last;\n    \
         wire {0} F_ones = ~{width}'b0;\n    \
         wire {0} F_slice = (F_ones << F_first) & ~(F_ones << F_last << 1);\n{signals}    wire F_works = F_active && !rsp_valid;\n    \
         wire F_takes = phase == IDLE && cmd_valid;\n\n    always @(posedge {clock}) begin\n        \
         F_past <= 1'b1;\n        F_reset <= rst;\n        F_contexts <= contexts;\n        \
         if (F_takes) begin\n            F_op <= cmd_op;\n            \
         F_targets <= targets;\n{taken}        end\n        if (rsp_valid) begin\n            \
         G_targets <= F_targets;\n{done}        end\n        \
         F_active <= !rst && (F_takes || F_works);\n        \
         G_valid <= !rst && (rsp_valid ? F_op == ACCUM : G_valid);\n    end\n    \
         always @* if (!F_past) assume (rst);\n\n",
        range(width),
    )
}

fn published(design: &Design<'_>) -> String {
    let is = all(design, |_, name, field| {
        same(
            field,
            &format!("F_seen_{name}"),
            &format!("reference_{name} ^ accumulator_{name}"),
        )
    });
    assert(
        "Proven: the state is reference ^ accumulator.",
        "phase != WORK && !(F_works && phase == 3'd3)",
        &is,
    ) + &assert(
        "Proven: a command is seen as a whole, with its result, or not at all.",
        "!F_reset && !rsp_valid",
        "((contexts ^ F_contexts) & F_slice) == 0",
    )
}

/// Registers that belong to the command that is worked on.
fn held(design: &Design<'_>) -> String {
    let mut phases = vec!["phase == WORK"];
    let mut all_phases = vec!["phase == IDLE", "phase == WORK"];
    let mut add = |is_there: bool, phase: &'static str, works: bool| {
        if is_there {
            all_phases.push(phase);
            if works {
                phases.push(phase);
            }
        }
    };
    add(checks(design), "phase == CHECK", true);
    add(design.depth().is_some(), "phase == UNDO", true);
    add(forgets(design), "phase == FORGET", false);
    add(pushes(design), "phase == PUSH", false);
    let mut text = assert("One of the phases.", "1'b1", &all_phases.join(" || "));
    text += &assert(
        "A command is worked on until its result comes.",
        "1'b1",
        &format!("F_works == ({})", phases.join(" || ")),
    );
    if checks(design) {
        text += &assert("Only UPDATE looks.", "phase == CHECK", "F_op == UPDATE");
    }
    if design.depth().is_some() {
        text += &assert("Only ROLLBACK undoes.", "phase == UNDO", "F_op == ROLLBACK");
        text += &assert(
            "It is of no field.",
            "F_works && F_op == ROLLBACK",
            "F_targets == 0",
        );
    }
    text += &assert("A result is that of a command.", "rsp_valid", "F_active");
    let mut kept = vec!["op == F_op".to_string()];
    if design.depth().is_some() {
        kept.push("steps == F_steps".into());
    }
    let isolated = design.schema.hardware.goal == Goal::Power;
    kept.extend(design.fields().iter().enumerate().map(|(at, field)| {
        let operand = kept_of(design, field).swap_remove(0).0;
        let operand = if isolated {
            format!("held_{operand}")
        } else {
            operand
        };
        let value = format!("F_value_{}", field.name);
        // rle has each bit beside the one below it.
        let (operand, value) = match field.encoding {
            Encoding::Rle => (laid(field, &operand), laid(field, &value)),
            Encoding::Raw | Encoding::Cells => (operand, value),
        };
        format!("(!F_targets[{at}] || {})", same(field, &operand, &value))
    }));
    let kept = kept.join(" &&\n        ");
    text += &match design.held {
        true => assert("Operands are kept.", "F_works", &kept),
        false => format!(
            "    // The requester keeps the operands.\n    \
             always @* if (F_works) assume ({kept});\n"
        ),
    };
    text += &assert(
        "Fields that are left are some of the command's.",
        "phase == WORK",
        "(todo & ~F_targets) == 0 && (todo != 0 || F_targets == 0)",
    );
    if design.parallel {
        text += &assert("All at once.", "phase == WORK", "todo == F_targets");
    }
    if targeted(design) {
        text += &assert("These are kept, too.", "F_works", "targeted == F_targets");
    }
    text += &assert(
        "The state before the command is seen until then.",
        "F_works",
        &all(design, |_, name, field| {
            same(
                field,
                &format!("F_before_{name}"),
                &format!("F_seen_{name}"),
            )
        }),
    );
    let still = all(design, |_, name, field| {
        same(field, &format!("state_{name}"), &format!("F_seen_{name}"))
    });
    text + &assert(
        "Reading, SWAP and ROLLBACK change no state in this phase.",
        "phase == WORK && !loads && !accumulates",
        &still,
    )
}

fn swap(design: &Design<'_>) -> String {
    let empty = |mask: &str| {
        all(design, |at, name, field| {
            let zero = same(field, &format!("accumulator_{name}"), "0");
            format!("!({mask}) || {zero}").replace("AT", &at.to_string())
        })
    };
    assert(
        "SWAP empties accumulators, one after another.",
        "phase == WORK && op == SWAP",
        &empty("F_targets[AT] && !todo[AT]"),
    ) + &assert(
        "Proven: SWAP keeps the state.",
        "rsp_valid && F_op == SWAP",
        &all(design, |_, name, field| {
            same(
                field,
                &format!("F_seen_{name}"),
                &format!("F_before_{name}"),
            )
        }),
    ) + &assert(
        "Proven: SWAP makes it the reference.",
        "rsp_valid && F_op == SWAP",
        &empty("F_targets[AT]"),
    )
}

fn accum(design: &Design<'_>) -> String {
    let is = |left: &'static str, base: &'static str, prefix: char, mask: &'static str| {
        all(design, move |at, name, field| {
            same(
                field,
                &format!("{left}_{name}"),
                &format!("{base}_{name} ^ {}", delta(prefix, mask, at, field)),
            )
        })
    };
    // As they lie, which says the same of a whole value.
    let again = all(design, |at, name, field| {
        let values = ["F", "G"].map(|prefix| laid(field, &format!("{prefix}_value_{name}")));
        format!(
            "!F_targets[{at}] || {}",
            same(field, &values[0], &values[1])
        )
    });
    assert(
        "ACCUM has changed the fields that it is done with.",
        "phase == WORK && op == ACCUM",
        &is("state", "F_seen", 'F', "(F_targets & ~todo)")
            .replace("(F_targets & ~todo)[", "F_done["),
    )
    .replacen(
        "    // ACCUM",
        &format!(
            "    wire {} F_done = F_targets & ~todo;\n    // ACCUM",
            range(design.count())
        ),
        1,
    ) + &assert(
        "Proven: ACCUM changes the state by the delta.",
        "rsp_valid && F_op == ACCUM",
        &is("F_seen", "F_before", 'F', "F_targets"),
    ) + &assert(
        "After ACCUM the next command finds that state.",
        "G_valid && !rsp_valid",
        &is("F_seen", "G_before", 'G', "G_targets"),
    ) + &assert(
        "The same, once that command is done.",
        "G_valid && rsp_valid",
        &is("F_before", "G_before", 'G', "G_targets"),
    ) + &assert(
        "Proven: the same delta twice is none.",
        &format!(
            "rsp_valid && F_op == ACCUM && G_valid && F_targets == G_targets &&\n        {again}"
        ),
        &all(design, |_, name, field| {
            same(
                field,
                &format!("F_seen_{name}"),
                &format!("G_before_{name}"),
            )
        }),
    )
}

fn rollback(design: &Design<'_>) -> String {
    if design.depth().is_none() {
        return String::new();
    }
    // An entry of an ACCUM of one field: its number, and its delta.
    let has = |entry: &str, prefix: char| {
        let delta = all(design, |at, name, field| {
            let value = laid(field, &format!("{prefix}_value_{name}"));
            let entry = format!("{entry}{}", range(field.width));
            format!("!{prefix}_targets[{at}] || {}", same(field, &entry, &value))
        });
        match design.number_bits {
            0 => delta,
            bits => {
                let numbers: Vec<_> = (0..design.count())
                    .map(|at| format!("({prefix}_targets[{at}] ? {bits}'d{at} : {bits}'d0)"))
                    .collect();
                let number = format!("{entry}[{} -: {bits}]", design.width + bits - 1);
                format!("{number} == ({}) &&\n        {delta}", numbers.join(" | "))
            }
        }
    };
    let r = range(design.width + design.number_bits);
    let single = |prefix: char| {
        format!("{prefix}_targets != 0 && ({prefix}_targets & ({prefix}_targets - 1'b1)) == 0")
    };
    let newest = |prefix: char| format!("entries != 0 &&\n        {}", has("F_newest", prefix));
    let mut text = format!(
        "    wire {r} F_newest = history[newest];\n    wire F_single = {};\n    \
         wire G_single = G_valid && {};\n",
        single('F'),
        single('G'),
    );
    text += &assert(
        "The ring lies in the memory.",
        "1'b1",
        "entries <= DEPTH && head <= LAST && tail <= LAST",
    );
    text += &assert(
        "No more is undone than there is.",
        "phase == UNDO",
        "left != 0 && left <= entries",
    );
    let remembered = match pushes(design) {
        false => newest('F'),
        true => {
            let pending = all(design, |at, name, field| {
                let value = laid(field, &format!("F_value_{name}"));
                let pending = same(field, &format!("pending_{name}"), &value);
                format!("!F_targets[{at}] || {pending}")
            });
            format!("phase == PUSH && todo == F_targets && {pending}")
        }
    };
    text += &assert(
        "ACCUM becomes the newest entry.",
        "rsp_valid && F_op == ACCUM && F_single",
        &remembered,
    );
    text += &assert(
        "It is that until the next command works.",
        "G_single && !rsp_valid && (phase == IDLE || (phase == WORK && op == ROLLBACK))",
        &newest('G'),
    );
    if forgets(design) {
        text += &assert(
            "Entries are forgotten after another command than ACCUM.",
            "phase == FORGET",
            "rsp_valid ? F_op != ACCUM : !G_valid",
        );
    }
    if pushes(design) {
        text += &assert(
            "One entry is pushed at once.",
            "phase == PUSH && !rsp_valid",
            "!G_single",
        );
    }
    let undo = "G_single && phase == UNDO && F_steps == 1";
    text += &assert(
        "ROLLBACK of one step fetches it.",
        &format!("{undo} && !fetched"),
        &format!("walk == newest && {}", newest('G')),
    );
    text += &assert(
        "Then it has it.",
        &format!("{undo} && fetched"),
        &format!("entries != 0 &&\n        {}", has("entry", 'G')),
    );
    let still = all(design, |_, name, field| {
        same(field, &format!("state_{name}"), &format!("F_seen_{name}"))
    });
    text += &assert(
        "Nothing is undone before, and no more than it.",
        undo,
        &format!("op == ROLLBACK && left == 1 && rsp_value == 1 &&\n        {still}"),
    );
    text + &assert(
        "Proven: ROLLBACK after ACCUM is none.",
        "rsp_valid && F_op == ROLLBACK && G_single && F_steps == 1",
        &format!(
            "rsp_value == 1 &&\n        {}",
            all(design, |_, name, field| same(
                field,
                &format!("F_seen_{name}"),
                &format!("G_before_{name}")
            ))
        ),
    )
}
