// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cases without the driver: atomics, and a seqlock, in memory that processes share.

use crate::block::Case;
use crate::shared::Words;
use anyhow::Result;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Words that a seqlock guards, and a consistent read takes.
pub const TOGETHER: [usize; 3] = [1, 16, 256];

pub fn all(calls: u32) -> Result<Vec<Case>> {
    let words: &[AtomicU64] = Box::leak(Box::new(Words::new(256)?)).words();
    let mut cases = Vec::from(self::words("memory", calls, words));
    for count in TOGETHER {
        let memory: &[AtomicU64] = Box::leak(Box::new(Words::new(1 + count)?)).words();
        let (read, write) = (Seqlock::of(memory), Seqlock::of(memory));
        let mut out = vec![0; count];
        let id = |name: &str| format!("seqlock/{name}/{count}");
        cases.push(Case::new(id("read"), calls, 1, move |_| {
            read.read(&mut out);
            black_box(&mut out);
        }));
        cases.push(Case::new(id("xor"), calls, 1, move |_| write.xor(3)));
    }
    Ok(cases)
}

/// ACCUM and READ of words, bounds checked.
pub fn words(name: &str, calls: u32, words: &'static [AtomicU64]) -> [Case; 2] {
    [
        Case::new(format!("{name}/accum"), calls, 1, move |turn| {
            if let Some(word) = words.get(turn as usize) {
                word.fetch_xor(3, Ordering::SeqCst);
            }
        }),
        Case::new(format!("{name}/read"), calls, 1, move |turn| {
            if let Some(word) = words.get(turn as usize) {
                black_box(word.load(Ordering::SeqCst));
            }
        }),
    ]
}

/// Words behind a sequence that is odd while they change. Writers exclude each other by it, too.
struct Seqlock {
    sequence: &'static AtomicU64,
    words: &'static [AtomicU64],
}

impl Seqlock {
    fn of(memory: &'static [AtomicU64]) -> Self {
        let (sequence, words) = memory.split_first().expect("a sequence");
        Self { sequence, words }
    }

    #[inline]
    fn read(&self, out: &mut [u64]) {
        loop {
            let before = self.sequence.load(Ordering::Acquire);
            for (to, word) in out.iter_mut().zip(self.words) {
                *to = word.load(Ordering::Relaxed);
            }
            fence(Ordering::Acquire);
            if before % 2 == 0 && self.sequence.load(Ordering::Relaxed) == before {
                return;
            }
            std::hint::spin_loop();
        }
    }

    #[inline]
    fn xor(&self, delta: u64) {
        let even = loop {
            let now = self.sequence.load(Ordering::Relaxed) & !1;
            let taken = self.sequence.compare_exchange_weak(
                now,
                now + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                break now;
            }
            std::hint::spin_loop();
        };
        fence(Ordering::Release);
        for word in self.words {
            word.store(word.load(Ordering::Relaxed) ^ delta, Ordering::Relaxed);
        }
        self.sequence.store(even + 2, Ordering::Release);
    }
}
