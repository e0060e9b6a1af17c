// SPDX-License-Identifier: MIT OR Apache-2.0

//! A coverage-guided fuzzer of the ioctl interface.
//!
//! A [`program::Program`] is a sequence of system calls, some of them in several threads at once,
//! with hostile arguments in memory of all kinds ([`location`], [`arena`]). [`execute`] makes the
//! calls, and the [`oracle`] says for each what must come back and what must be in the caller's
//! memory then; where threads raced, [`interleave`] looks for an order of the calls that explains
//! it all.
//!
//! [`generate`] and [`mutate`] make a program from a seed, a number and the corpus. The guest
//! writes these to a [`journal`] before it executes one, so nothing is lost when the kernel
//! crashes. [`shrink`] makes a failure small.

pub mod arena;
pub mod blocks;
pub mod complaints;
pub mod corpus;
pub mod coverage;
mod descriptors;
pub mod encode;
pub mod engine;
pub mod event;
pub mod execute;
pub mod generate;
pub mod interleave;
pub mod journal;
pub mod kcov;
pub mod location;
pub mod mapped;
pub mod mutate;
pub mod oracle;
mod performer;
pub mod program;
pub mod shrink;
pub mod storm;
