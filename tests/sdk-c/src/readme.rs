// SPDX-License-Identifier: MIT OR Apache-2.0

//! The C in the project's README, as a program.

/// A program of the first block of C in a text: the lines before its first empty line stand outside
/// of `main`, the others in it. None where there is no such block.
pub fn readme_program(readme: &str) -> Option<String> {
    let (_, block) = readme.split_once("```c\n")?;
    let (block, _) = block.split_once("```")?;
    let (head, body) = block.split_once("\n\n")?;
    Some(format!(
        "#include <assert.h>\n{head}\n\nint main(void)\n{{\n{body}return 0;\n}}\n"
    ))
}
