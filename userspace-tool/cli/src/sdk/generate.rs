// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl sdk generate`.

use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use atomik_sdk_generator::output::{Changes, WriteError, compare, write};
use atomik_sdk_generator::{Language, Options, generate};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::{mistakes, sources, use_it};
use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;

/// Write a package for each language, from one or several schemas
///
/// All schemas together give one package a language, in DIR/python, DIR/rust and so on, with a
/// README that says how to use it. The same schemas give the same bytes. Other files in DIR stay.
/// What an earlier run wrote there, and this one doesn't, is removed. Files that somebody else wrote
/// or edited are neither overwritten nor removed without --force. A run that is interrupted is
/// completed by the next one.
#[derive(clap::Args)]
#[command(after_help = STATUS)]
pub struct Args {
    /// The schemas; `-` is standard input
    #[arg(value_name = "SCHEMA", required = true)]
    schemas: Vec<PathBuf>,
    /// The directory
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: PathBuf,
    /// The languages, with commas between them; by default all
    #[arg(short, long, value_name = "LANG", value_delimiter = ',', value_parser = languages())]
    lang: Vec<Language>,
    /// Give the Rust package the feature `device`, on the crate `atomik` in this directory
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::DirPath)]
    atomik_crate: Option<PathBuf>,
    /// Overwrite and remove also files that were edited, or not written by this program
    #[arg(short, long, conflicts_with = "check")]
    force: bool,
    /// Write nothing, only say whether DIR is up to date
    #[arg(short, long)]
    check: bool,
}

const STATUS: &str = "\
Exit status:
  0  DIR is up to date, by what was written or with --check
  1  DIR can't be written, or has edited files
  2  wrong usage, or the schemas have mistakes
  4  with --check: DIR is not up to date";

fn languages() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::ALL.map(Language::name))
        .try_map(|name| Language::of(&name).ok_or("no language"))
}

/// The output; in JSON all of it.
#[derive(Serialize)]
struct Report<'a> {
    directory: String,
    up_to_date: bool,
    /// False with --check.
    done: bool,
    packages: Vec<Package<'a>>,
    /// Files of other people that were overwritten or removed, or would be with --force.
    not_ours: &'a [String],
}

/// What changes in the package of a language.
#[derive(Serialize)]
struct Package<'a> {
    language: &'a str,
    written: Vec<&'a str>,
    removed: Vec<&'a str>,
    unchanged: usize,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let sources = sources::read(&self.schemas)?;
        let schemas = mistakes::schemas(&sources, global)?;
        let languages = match self.lang.is_empty() {
            true => Language::ALL.to_vec(),
            false => self.lang.clone(),
        };
        let options = Options {
            languages: languages.clone(),
            atomik_crate: self.atomik_crate()?,
        };
        let files = generate(&schemas, options);
        let changes = match self.check {
            true => compare(&self.out, &files),
            false => write(&self.out, &files, self.force),
        };
        let changes = changes.map_err(|error| self.failure(&error))?;
        let report = Report {
            directory: self.out.display().to_string(),
            up_to_date: changes.is_up_to_date(),
            done: !self.check,
            packages: packages(files.keys().map(String::as_str), &changes),
            not_ours: &changes.not_ours,
        };
        let mut out = Output::new(global.json);
        let mut lines = report.lines();
        if !self.check && !changes.is_up_to_date() {
            lines.push(String::new());
            lines.extend(use_it::lines(&self.out, &schemas, &languages));
        }
        out.whole(&report, lines)?;
        out.flush()?;
        match self.check && !changes.is_up_to_date() {
            true => Err(
                Failure::plain(&format!("{} is not up to date", report.directory))
                    .with_status(4)
                    .with_hint(match changes.not_ours.is_empty() {
                        true => "`atomikctl sdk generate` without --check writes it",
                        false => {
                            "`atomikctl sdk generate` with --force writes it, also over what was \
                             edited"
                        }
                    }),
            ),
            false => Ok(()),
        }
    }

    /// Directory of the crate `atomik`, for the Rust package: a relative one from there.
    fn atomik_crate(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.atomik_crate else {
            return Ok(None);
        };
        let shown = path.display();
        if !path.join("Cargo.toml").is_file() {
            return Err(
                Failure::usage(&format!("{shown} is no crate: it has no Cargo.toml"))
                    .with_hint("the crate `atomik` is in userspace-tool/lib of its source"),
            );
        }
        let path = match path.is_absolute() {
            true => path.clone(),
            false => relative(path, &self.out.join(Language::Rust.name())).map_err(|error| {
                Failure::plain(&format!("{shown} can't be found from the package: {error}"))
                    .with_hint("take its absolute path")
            })?,
        };
        match path.to_str() {
            Some(path) => Ok(Some(path.into())),
            None => Err(Failure::usage(&format!("{shown} isn't UTF-8"))),
        }
    }

    fn failure(&self, error: &WriteError) -> Failure {
        let directory = self.out.display();
        let again = "nothing is half written: run it again when that is mended";
        match error {
            WriteError::NotOurs(paths) => {
                let line = |path| format!("{directory}/{path} was edited, or written by others");
                let hint = "nothing was done; save what you need of them, then --force overwrites \
                    and removes them";
                Failure::several(paths.iter().map(line).collect()).with_hint(hint)
            }
            WriteError::Busy => Failure::plain(&format!("{directory}: {error}"))
                .with_hint("nothing was done; run it again when the other has ended"),
            WriteError::Io { path, error } => {
                let verb = if self.check { "read" } else { "write" };
                let hint = match error.kind() {
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                        "make room there, then run it again: nothing is half written".into()
                    }
                    ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                        "choose another directory with --out, or get the right to change this one"
                            .into()
                    }
                    ErrorKind::DirectoryNotEmpty => {
                        "a file belongs there; move the directory away, also --force keeps it"
                            .to_string()
                    }
                    _ => again.into(),
                };
                Failure::plain(&format!("can't {verb} {}: {error}", path.display()))
                    .with_hint(&hint)
            }
        }
    }
}

/// The path of a directory from another one, which need not be there yet.
fn relative(to: &Path, from: &Path) -> io::Result<PathBuf> {
    let (to, from) = (real(to)?, real(from)?);
    let same = (to.components().zip(from.components()))
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(same).map(|_| Component::ParentDir);
    Ok(up.chain(to.components().skip(same)).collect())
}

/// The path without links, as far as it is there.
fn real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    for there in path.ancestors() {
        if let Ok(found) = there.canonicalize() {
            let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
            return Ok(found.join(rest));
        }
    }
    Ok(path)
}

/// The changes, by the first parts of their paths.
fn packages<'a>(files: impl Iterator<Item = &'a str>, changes: &'a Changes) -> Vec<Package<'a>> {
    let mut packages: Vec<Package<'a>> = vec![];
    let mut of = |path: &'a str, change: fn(&mut Package<'a>, &'a str)| {
        let language = path.split('/').next().unwrap_or_default();
        if !packages.iter().any(|package| package.language == language) {
            packages.push(Package {
                language,
                written: vec![],
                removed: vec![],
                unchanged: 0,
            });
        }
        let found = packages
            .iter_mut()
            .find(|package| package.language == language);
        found.into_iter().for_each(|package| change(package, path));
    };
    files.for_each(|path| of(path, |package, _| package.unchanged += 1));
    for path in &changes.written {
        of(path, |package, path| {
            package.unchanged -= 1;
            package.written.push(path);
        });
    }
    for path in &changes.removed {
        of(path, |package, path| package.removed.push(path));
    }
    packages
}

impl Report<'_> {
    fn lines(&self) -> Vec<String> {
        if self.up_to_date {
            return vec![format!("{} is up to date", self.directory)];
        }
        let mut lines = vec![];
        let [write, remove] = match self.done {
            true => ["written", "removed"],
            false => ["to write", "to remove"],
        };
        for package in &self.packages {
            let (written, removed) = (package.written.len(), package.removed.len());
            let directory = Path::new(&self.directory).join(package.language);
            lines.push(format!(
                "{}: {written} {write}, {removed} {remove}, {} unchanged",
                directory.display(),
                package.unchanged
            ));
            let mut list = |what, paths: &[&str]| {
                let of = |path| match self.not_ours.iter().any(|other| other == path) {
                    true => format!("  {what}: {path}, which was edited or written by others"),
                    false => format!("  {what}: {path}"),
                };
                lines.extend(paths.iter().map(|path| of(*path)));
            };
            list(remove, &package.removed);
            match self.done {
                // The others are as many as the count says, and nobody misses what they replace.
                true => {
                    let is_not_ours = |path: &&str| self.not_ours.iter().any(|p| p == *path);
                    let written = package.written.iter().copied();
                    list(write, &written.filter(is_not_ours).collect::<Vec<_>>());
                }
                false => list(write, &package.written),
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_from_another_directory() {
        let temporary = tempfile::tempdir().unwrap();
        let of = |path: &str| temporary.path().join(path);
        std::fs::create_dir_all(of("a/b")).unwrap();
        std::os::unix::fs::symlink(of("a/b"), of("link")).unwrap();
        for (to, from, path) in [
            ("a/b", "a/new/rust", "../../b"),
            ("a/b", "new/deep/rust", "../../../a/b"),
            ("a/b", "link/rust", ".."),
            ("a", "a/b", ".."),
        ] {
            let found = relative(&of(to), &of(from)).unwrap();
            assert_eq!(found, Path::new(path), "{to} from {from}");
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let words = ["a", "a.json", "--out", "b"];
        let command = <Args as clap::Args>::augment_args(clap::Command::new("a"));
        let matches = command.get_matches_from(words);
        let args = <Args as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        for (kind, word) in [
            (ErrorKind::StorageFull, "make room"),
            (ErrorKind::QuotaExceeded, "make room"),
            (ErrorKind::ReadOnlyFilesystem, "--out"),
            (ErrorKind::PermissionDenied, "--out"),
            (ErrorKind::DirectoryNotEmpty, "away"),
            (ErrorKind::Other, "run it again"),
        ] {
            let path = "b/c".into();
            let failure = args.failure(&WriteError::Io {
                path,
                error: kind.into(),
            });
            let told = format!("{failure:?}");
            assert!(
                told.contains("can't write b/c") && told.contains(word),
                "{told}"
            );
        }
    }
}
