// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of 64-bit words, as one word of text: 16 hexadecimal digits for each.

use anyhow::{Context, Result};

/// The text of a list.
pub fn to_text(words: &[u64]) -> String {
    let digits: Vec<_> = words.iter().map(|word| format!("{word:016x}")).collect();
    digits.concat()
}

/// The list that a text is.
pub fn from_text(text: &str) -> Result<Vec<u64>> {
    text.as_bytes()
        .chunks(16)
        .map(|digits| Ok(u64::from_str_radix(std::str::from_utf8(digits)?, 16)?))
        .collect::<Result<_>>()
        .with_context(|| format!("not a list of words: {text:.80}"))
}

/// `into` ^= `words`, word by word.
pub fn xor(into: &mut [u64], words: &[u64]) {
    for (word, other) in into.iter_mut().zip(words) {
        *word ^= other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back() {
        let words = [0, 1, u64::MAX, 0x0123_4567_89ab_cdef];
        assert_eq!(from_text(&to_text(&words)).unwrap(), words);
        assert!(from_text("").unwrap().is_empty());
        assert!(from_text("x").is_err());
    }
}
