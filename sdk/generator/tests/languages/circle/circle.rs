// SPDX-License-Identifier: MIT OR Apache-2.0
//! A mirror of the object, which does what its standard input says.

use std::io::stdin;

use atomik_objects::network::circle::Ring;
use atomik_objects::{Message, MessageError, U256};

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len() / 2).map(|at| &digits[2 * at..2 * at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn u256(digits: &str) -> U256 {
    let mut value = bytes(&format!("{digits:0>64}"));
    value.reverse();
    U256::from_le_bytes(value.try_into().unwrap())
}

fn sent(message: Message) -> String {
    message.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn applied(result: Result<(), MessageError>) -> String {
    match result {
        Ok(()) => "ok",
        Err(MessageError::Damaged) => "damaged",
        Err(MessageError::Other) => "other",
        Err(_) => "version",
    }
    .into()
}

fn main() {
    let mut ring = Ring::new();
    for line in stdin().lines() {
        let line = line.unwrap();
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            // FIELDS
            ["rollback", steps] => ring.rollback(steps.parse().unwrap()).to_string(),
            _ => ring.contexts().map(|word| format!("{word:x}")).join(","),
        };
        println!("{answer}");
    }
}
