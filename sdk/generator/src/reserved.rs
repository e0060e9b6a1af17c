// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words that are no names in one of the five languages.

use std::sync::LazyLock;

/// In order, so that they can be searched.
type Words = LazyLock<Vec<String>>;

const PYTHON: &str = "and as assert async await break class continue def del elif else except \
    finally for from global if import in is lambda nonlocal not or pass raise return try while \
    with yield";

const PYTHON_CAPITAL: &str = "False None True";

/// Rust's, those that are kept for later too.
const RUST: &str = "abstract as async await become box break const continue crate do dyn else \
    enum extern false final fn for gen if impl in let loop macro match mod move mut override priv \
    pub ref return self static struct super trait true try type typeof unsafe unsized use virtual \
    where while yield";

/// C's to C23, and C++'s to C++20, as both compile the headers.
const C: &str = "alignas alignof and and_eq asm auto bitand bitor bool break case catch char \
    char16_t char32_t char8_t class co_await co_return co_yield compl concept const const_cast \
    consteval constexpr constinit continue decltype default delete do double dynamic_cast else \
    enum explicit export extern false float for friend goto if inline int long mutable namespace \
    new noexcept not not_eq nullptr operator or or_eq private protected public register \
    reinterpret_cast requires restrict return short signed sizeof static static_assert \
    static_cast struct switch template this thread_local throw true try typedef typeid typename \
    typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq";

const JAVASCRIPT: &str = "arguments await break case catch class const continue debugger default \
    delete do else enum eval export extends false finally for function if implements import in \
    instanceof interface let new null package private protected public return static super switch \
    this throw true try typeof var void while with yield";

/// Verilog-2005's, and SystemVerilog's, as tools read Verilog as that.
const VERILOG: &str = "accept_on alias always always_comb always_ff always_latch and assert assign \
    assume automatic before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex \
    casez cell chandle checker class clocking cmos config const constraint context continue cover \
    covergroup coverpoint cross deassign default defparam design disable dist do edge else end \
    endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup \
    endinterface endmodule endpackage endprimitive endprogram endproperty endsequence endspecify \
    endtable endtask enum event eventually expect export extends extern final first_match for \
    force foreach forever fork forkjoin function generate genvar global highz0 highz1 if iff \
    ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input \
    inside instance int integer interconnect interface intersect join join_any join_none large let \
    liblist library local localparam logic longint macromodule matches medium modport module nand \
    negedge nettype new nexttime nmos nor noshowcancelled not notif0 notif1 null or output package \
    packed parameter pmos posedge primitive priority program property protected pull0 pull1 \
    pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence \
    rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran \
    rtranif0 rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence \
    shortint shortreal showcancelled signed small soft solve specify specparam static string strong strong0 \
    strong1 struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this \
    throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg \
    type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored \
    virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor \
    xor";

/// Names of `atomik_core.h` and `uapi/atomik.h` that an object could have in C: those that have a
/// name, and then what `names::c_names` adds.
const OURS: &str = "ATOMIK_CONTROL_VERSION ATOMIK_CORE_VERSION ATOMIK_MAX_CONTEXTS atomik_change_t \
    atomik_ctx_t atomik_fingerprint_t atomik_fp_accum_bytes atomik_fp_accum_delta atomik_fp_init \
    atomik_fp_reset atomik_fp_update atomik_op_t atomik_ordered_accum_delta atomik_ordered_init \
    atomik_ordered_reset atomik_ordered_t atomik_ordered_update atomik_table_accum_many \
    atomik_table_attach atomik_table_clear_error atomik_table_init atomik_table_load_many \
    atomik_table_map_read_consistent atomik_table_map_t atomik_table_read_many \
    atomik_table_rollback atomik_table_swap_to atomik_table_t";

fn words(lists: &[&str]) -> Vec<String> {
    let mut words: Vec<_> = lists
        .iter()
        .flat_map(|list| list.split_whitespace())
        .map(str::to_string)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Names that no field may have: a field is a parameter, a member or a signal of its own name.
pub(crate) static FIELDS: Words = LazyLock::new(|| words(&[PYTHON, RUST, C, JAVASCRIPT, VERILOG]));

/// Names that no object may have: it is a type of that name.
pub(crate) static OBJECTS: Words = LazyLock::new(|| words(&[PYTHON_CAPITAL, "Self"]));

/// Names that no `catalogue.field` may have: it is a module of Python, and in small letters one of
/// Rust, where only `Type` and `TYPE` become `type`.
pub(crate) static GROUPS: Words = LazyLock::new(|| {
    let rust = words(&[RUST]);
    let capital = rust
        .iter()
        .map(|word| word[..1].to_uppercase() + &word[1..]);
    let mut groups: Vec<_> = capital
        .chain(rust.iter().map(|word| word.to_uppercase()))
        .collect();
    groups.extend(words(&[PYTHON_CAPITAL]));
    groups.sort_unstable();
    groups.dedup();
    groups
});

/// A name of C belongs to our own library.
pub(crate) fn is_ours(name: &str) -> bool {
    OURS.split_whitespace().any(|ours| ours == name)
}

/// Names that no clock may have.
pub(crate) static CLOCKS: Words = LazyLock::new(|| words(&[VERILOG]));

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::c_names;

    /// Names that begin as an object's do, outside of comments.
    fn names(header: &str) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for (at, part) in header.split("/*").enumerate() {
            let code = if at == 0 {
                part
            } else {
                part.split_once("*/").unwrap().1
            };
            let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            names.extend(words.filter(|word| word.to_lowercase().starts_with("atomik_")));
        }
        names
    }

    /// Whether some object has this name.
    fn is_possible(name: &str) -> bool {
        let verbs = [
            "load", "accum", "swap", "read", "apply", "set", "clear", "toggle", "test",
        ];
        let parts: Vec<_> = name.match_indices('_').map(|(at, _)| at).collect();
        parts[1..].iter().any(|&at| {
            let (prefix, rest) = (&name[..at], &name[at + 1..]);
            let operation = verbs.iter().any(|verb| {
                rest.strip_prefix(verb)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .is_some_and(|field| field.starts_with(|c: char| c.is_ascii_lowercase()))
            });
            prefix.starts_with("atomik") && operation
                || c_names(&prefix.to_lowercase(), [], true, true).contains(&name.to_string())
        })
    }

    #[test]
    fn ours_are_those_of_the_headers() {
        let core = names(include_str!("../../c/atomik_core.h"));
        let abi = names(include_str!("../../../uapi/atomik.h"));
        assert!(core.contains("atomik_table_batch") && abi.contains("atomik_batch_op"));
        let possible: BTreeSet<_> = core
            .union(&abi)
            .copied()
            .filter(|name| is_possible(name))
            .collect();
        assert_eq!(possible, OURS.split_whitespace().collect());
    }
}
