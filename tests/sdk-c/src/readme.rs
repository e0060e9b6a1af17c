// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the project's README shows in C, as a program.

/// The first block of C in a text: what is before its first empty line stands outside of `main`, the rest in it. None
/// where there is no such block.
pub fn readme_program(readme: &str) -> Option<String> {
    let (_, block) = readme.split_once("```c\n")?;
    let (block, _) = block.split_once("```")?;
    let (head, body) = block.split_once("\n\n")?;
    Some(format!(
        "#include <assert.h>\n{head}\n\nint main(void)\n{{\n{body}return 0;\n}}\n"
    ))
}
