// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors, which all languages are tested with. A file for each object has them: a line for
//! each call, its arguments, and behind `=>` what it returns. `#` begins a case, with a new object.

use atomik_objects::{Message, MessageError, U256};

/// An object, whose methods are called by their names.
trait Object {
    fn call(&mut self, name: &str, arguments: &[&str]) -> String;
}

/// The lines of each case, with their numbers.
fn cases(text: &str) -> Vec<Vec<(usize, &str)>> {
    let mut cases: Vec<Vec<_>> = vec![];
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('#') {
            cases.push(vec![]);
        } else if let (Some(case), false) = (cases.last_mut(), line.is_empty()) {
            case.push((number, line));
        }
    }
    assert!(!cases.is_empty());
    cases
}

fn run(object: &mut impl Object, case: &[(usize, &str)]) {
    for (number, line) in case {
        let (call, expect) = line.split_once(" =>").expect(line);
        let mut words = call.split(' ');
        let name = words.next().unwrap_or_default();
        let arguments: Vec<_> = words.collect();
        let found = object.call(name, &arguments);
        assert_eq!(found, expect.trim(), "line {number}: {line}");
    }
}

/// What a call takes.
trait Argument: Sized {
    fn of(text: &str) -> Self;
}

/// What a call returns.
trait Outcome {
    fn text(self) -> String;
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            fn of(text: &str) -> Self {
                let number = match text.strip_prefix("0x") {
                    Some(digits) => Self::from_str_radix(digits, 16),
                    None => text.parse(),
                };
                number.expect(text)
            }
        }

        impl Outcome for $type {
            fn text(self) -> String {
                format!("{self:#x}")
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, u128, usize);

impl Argument for U256 {
    fn of(text: &str) -> Self {
        let digits = format!("{:0>64}", text.trim_start_matches("0x"));
        let word = |at: usize| u64::from_str_radix(&digits[48 - 16 * at..64 - 16 * at], 16);
        Self([0, 1, 2, 3].map(|at| word(at).expect(text)))
    }
}

impl Outcome for U256 {
    fn text(self) -> String {
        format!("{self:#x}")
    }
}

/// Numbers with commas between.
impl<const N: usize> Argument for [u32; N] {
    fn of(text: &str) -> Self {
        let numbers: Vec<_> = text.split(',').map(u32::of).collect();
        numbers.try_into().expect(text)
    }
}

impl<const N: usize> Outcome for [u64; N] {
    fn text(self) -> String {
        self.map(u64::text).join(",")
    }
}

impl Outcome for () {
    fn text(self) -> String {
        String::new()
    }
}

impl Outcome for bool {
    fn text(self) -> String {
        self.to_string()
    }
}

impl Outcome for Message {
    fn text(self) -> String {
        let digits: Vec<_> = self.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.concat()
    }
}

impl Outcome for Result<(), MessageError> {
    fn text(self) -> String {
        let reason = match self {
            Ok(()) => "",
            Err(MessageError::Damaged) => "damaged",
            Err(MessageError::Other) => "other",
            Err(_) => "version",
        };
        reason.into()
    }
}

/// The bytes of a message.
#[allow(dead_code, reason = "not every schema needs it")]
fn bytes(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect(digits);
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A field's value, of arguments such as `gain=0x5`.
#[allow(dead_code, reason = "not every schema needs it")]
fn value<T: Argument>(arguments: &[&str], field: &str) -> Option<T> {
    let mut pairs = arguments.iter().filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == field)?;
    Some(T::of(value))
}

/// The methods of a type, by their number of arguments, those that take a message, and the fields
/// of what `update` and `compare_update` take.
macro_rules! methods {
    ($type:ty {
        [$($none:ident)*] [$($one:ident)*] [$($two:ident)*] [$($apply:ident)*]
        $($update:ident [$($set:ident)*] $expected:ident [$($field:ident)*])?
    }) => {
        impl crate::Object for $type {
            fn call(&mut self, name: &str, arguments: &[&str]) -> String {
                #[allow(unused_imports)]
                use crate::{Argument, Outcome, bytes, value};
                match (name, arguments) {
                    $((stringify!($none), []) => self.$none().text(),)*
                    $((stringify!($one), [one]) => self.$one(Argument::of(one)).text(),)*
                    $((stringify!($two), [one, two]) => {
                        self.$two(Argument::of(one), Argument::of(two)).text()
                    })*
                    $((stringify!($apply), [message]) => self.$apply(&bytes(message)).text(),)*
                    $(
                        ("update", values) => {
                            let values = $update { $($set: value(values, stringify!($set))),* };
                            self.update(&values).text()
                        }
                        ("compare_update", all) => {
                            let middle = all.iter().position(|word| *word == "then");
                            let (expected, values) = all.split_at(middle.expect("then"));
                            let values = $update { $($set: value(values, stringify!($set))),* };
                            let expected = $expected {
                                $($field: value(expected, stringify!($field))),*
                            };
                            self.compare_update(&expected, &values).text()
                        }
                    )?
                    _ => panic!("{name} of {} arguments", arguments.len()),
                }
            }
        }
    };
}

/// The tests of an object.
macro_rules! vectors {
    ($object:ident $version:literal $file:literal $methods:tt) => {
        methods!($object $methods);

        #[test]
        fn version() {
            assert_eq!($object::VERSION, $version);
        }

        #[test]
        fn in_the_process() {
            for case in crate::cases(include_str!($file)) {
                crate::run(&mut $object::new(), &case);
            }
        }
        table!($object $file $methods);
    };
}
