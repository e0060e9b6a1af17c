// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of C of at most 100 columns.

use crate::escape;

const COLUMNS: usize = 100;
const TAB: usize = 8;

/// A comment of several lines if it must be.
pub(super) fn comment(text: &str) -> String {
    let text = escape::block_comment(text);
    match &escape::wrap(&text, COLUMNS - 6)[..] {
        [line] => format!("/* {line} */\n"),
        lines => {
            let lines: Vec<_> = lines.iter().map(|line| format!(" * {line}\n")).collect();
            format!("/*\n{} */\n", lines.concat())
        }
    }
}

/// Code, its lines broken behind commas where they are too long, and continued below what follows
/// the parenthesis.
pub(super) fn wrap(code: &str) -> String {
    code.lines().map(|line| wrap_line(line) + "\n").collect()
}

fn wrap_line(line: &str) -> String {
    // A function's name has a line of its own where its first parameter has no room otherwise.
    let first = line.split(", ").next().unwrap_or(line);
    if first.starts_with("static inline ") && first.len() > COLUMNS {
        let name = first[..first.find('(').unwrap_or(0)].rfind(' ');
        if let Some(name) = name {
            return format!("{}\n{}", &line[..name], wrap_line(&line[name + 1..]));
        }
    }
    let tabs = line.len() - line.trim_start_matches('\t').len();
    let (mut out, mut column) = ("\t".repeat(tabs), TAB * tabs);
    // Columns behind parentheses that are open.
    let mut open: Vec<usize> = Vec::new();
    for part in line[tabs..].split_inclusive(", ") {
        let width = part.trim_end().chars().count();
        if column + width > COLUMNS && column > TAB * tabs {
            let most = COLUMNS.saturating_sub(width);
            column = open.last().map_or(TAB * (tabs + 1), |&at| at);
            if column > most {
                column = TAB * (tabs + 2);
            }
            out.truncate(out.trim_end().len());
            out += "\n";
            out += &"\t".repeat(column / TAB);
            out += &" ".repeat(column % TAB);
        }
        for c in part.chars() {
            column += 1;
            match c {
                '(' => open.push(column),
                '{' => open.push(column + 1),
                ')' | '}' => drop(open.pop()),
                _ => {}
            }
        }
        out += part;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_behind_commas() {
        let a = "a".repeat(40);
        let line = format!("int f({a}, {a}, {a});\n");
        assert_eq!(wrap(&line), format!("int f({a}, {a},\n      {a});\n"));
        let b = "b".repeat(30);
        assert_eq!(
            wrap(&format!("\tx = f(g({a}, {b}), {a}, {b});\n")),
            format!("\tx = f(g({a}, {b}),\n\t      {a}, {b});\n")
        );
        // Behind a long name there is no room.
        assert_eq!(
            wrap(&format!("\t{a}{a}(first, {b});\n")),
            format!("\t{a}{a}(first,\n\t\t\t{b});\n")
        );
        assert_eq!(
            wrap(&format!("static inline int {a}(const {a} *a, {a} *b)\n")),
            format!(
                "static inline int\n{a}(const {a} *a,\n{0}{a} *b)\n",
                "\t\t\t\t\t "
            )
        );
        assert_eq!(wrap("\tshort(a, b);\n"), "\tshort(a, b);\n");
    }
}
