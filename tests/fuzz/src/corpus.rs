// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs in files.

use crate::program::Program;
use anyhow::{Context, Result};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// The programs in a directory, by name. A directory that does not exist has none.
pub fn load(directory: &Path) -> Result<Vec<(PathBuf, Program)>> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(directory) {
        Ok(entries) => entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| directory.display().to_string()),
    };
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ron"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path)?;
        let program = Program::parse(&text).with_context(|| path.display().to_string())?;
        Ok((path, program))
    };
    paths.into_iter().map(read).collect()
}

/// Saves a program under a name made from its content.
pub fn save(directory: &Path, prefix: &str, comment: &str, program: &Program) -> Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let mut hasher = DefaultHasher::new();
    program.hash(&mut hasher);
    let path = directory.join(format!("{prefix}{:016x}.ron", hasher.finish()));
    let mut text = String::from("// SPDX-License-Identifier: MIT OR Apache-2.0\n");
    for line in comment.lines() {
        text += &format!("// {line}\n");
    }
    text += &program.text();
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate;

    #[test]
    fn what_is_saved_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let programs: Vec<Program> = (0..9).map(|i| mutate::program(5, i, &[])).collect();
        for program in &programs {
            save(directory.path(), "x-", "why\nand how", program).unwrap();
        }
        let loaded = load(directory.path()).unwrap();
        assert_eq!(loaded.len(), programs.len());
        assert!(loaded.iter().all(|(_, program)| programs.contains(program)));
        assert!(load(&directory.path().join("none")).unwrap().is_empty());
    }
}
