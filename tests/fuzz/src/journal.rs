// SPDX-License-Identifier: MIT OR Apache-2.0

//! Lines from the guest to the host, before and after each program, on a port of their own.
//!
//! A write to the port returns when the host has the line. So the last line names the program that
//! crashed a kernel.

use crate::{mutate, program::Program};
use anyhow::{Context, Result};
use std::{
    fmt,
    fs::File,
    io::{self, Write},
};

/// The name of the port.
pub const PORT: &str = "atomik.fuzz";

/// Programs that are made from the seed and a part of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// The number of the first one.
    pub number: u64,
    pub count: u64,
    /// Number of programs in the corpus at that time.
    pub corpus: usize,
}

impl Made {
    /// The programs. None where the corpus is smaller.
    pub fn programs(&self, seed: u64, corpus: &[Program]) -> Vec<Program> {
        let Some(corpus) = corpus.get(..self.corpus) else {
            return Vec::new();
        };
        (self.number..self.number + self.count)
            .map(|number| mutate::program(seed, number, corpus))
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The given program with this number is executed next.
    Given(usize),
    /// The given program with this number belongs to the corpus.
    Keep(usize),
    /// These are executed next.
    Made(Made),
    /// The program with this number, made from so many of the corpus, belongs to it too.
    Add { number: u64, corpus: usize },
    /// A program that failed, and why.
    Failure { why: String, program: Program },
    /// All is done.
    End,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Given(number) => write!(f, "given {number}"),
            Self::Keep(number) => write!(f, "keep {number}"),
            Self::Made(Made {
                number,
                count,
                corpus,
            }) => write!(f, "made {number} {count} {corpus}"),
            Self::Add { number, corpus } => write!(f, "add {number} {corpus}"),
            Self::Failure { why, program } => {
                let why = why.replace(['\t', '\n'], " ");
                write!(f, "failure {why}\t{}", program.line())
            }
            Self::End => write!(f, "end"),
        }
    }
}

impl Record {
    /// Reads a line. None where it is incomplete.
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut numbers = rest.split(' ').map_while(|word| word.parse::<u64>().ok());
        Some(match word {
            "given" => Self::Given(rest.parse().ok()?),
            "keep" => Self::Keep(rest.parse().ok()?),
            "made" => Self::Made(Made {
                number: numbers.next()?,
                count: numbers.next()?,
                corpus: numbers.next()? as usize,
            }),
            "add" => Self::Add {
                number: numbers.next()?,
                corpus: numbers.next()? as usize,
            },
            "failure" => {
                let (why, program) = rest.split_once('\t')?;
                Self::Failure {
                    why: why.to_owned(),
                    program: Program::parse(program).ok()?,
                }
            }
            "end" => Self::End,
            _ => return None,
        })
    }
}

/// The guest's end of the port, where it has one.
pub struct Journal(Option<File>);

impl Journal {
    pub fn open() -> Result<Self> {
        let port = atomik_guest::ports::find(PORT);
        let open = |path| {
            File::options()
                .write(true)
                .open(&path)
                .with_context(|| format!("{path:?}"))
        };
        Ok(Self(port.map(open).transpose()?))
    }

    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        match &mut self.0 {
            Some(port) => port.write_all(format!("{record}\n").as_bytes()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_was_written() {
        let records = [
            Record::Given(3),
            Record::Keep(4),
            Record::Made(Made {
                number: 5,
                count: 8,
                corpus: 6,
            }),
            Record::Add {
                number: 7,
                corpus: 0,
            },
            Record::Failure {
                why: "0 and not 1".into(),
                program: mutate::program(1, 1, &[]),
            },
            Record::End,
        ];
        for record in records {
            assert_eq!(Record::parse(&record.to_string()), Some(record));
        }
        assert_eq!(Record::parse("made 5 6"), None);
        assert_eq!(Record::parse("failure x\t(setup: [Op"), None);
    }
}
