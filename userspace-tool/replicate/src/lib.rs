// SPDX-License-Identifier: MIT OR Apache-2.0

//! Replicated tables: the protocol by which tables of several machines converge, over a log that
//! somebody else keeps. `docs/replication-protocol.md` explains it, and why it is right.
//!
//! There is no I/O here. An [`Agent`] takes [events](Event): a message of the log, a batch that was
//! applied, a watch that told of changes. It gives [actions](Action): apply this batch, publish this
//! message, store this snapshot. A program around it does them.
//!
//! | | |
//! | --- | --- |
//! | [`Layout`], [`Word`], [`Record`] | what is where in a replicated table |
//! | [`Agent`], [`Config`], [`Event`], [`Action`] | the agent of a node |
//! | [`Message`], [`Snapshot`] | the formats of what nodes tell each other |
//! | [`Image`] | a table's replicated part, its members and its digest, for `status` and `verify` |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod action;
mod agent;
mod batch;
mod config;
mod delta;
mod ended;
mod entry;
mod error;
mod event;
mod format_error;
mod image;
mod judgement;
mod layout;
mod message;
mod mistake;
mod node_name;
mod notice;
mod record;
mod snapshot;
mod takeover;
#[cfg(test)]
mod tests;
mod untold;
mod wire;

pub use action::Action;
pub use agent::Agent;
pub use config::Config;
pub use delta::Delta;
pub use ended::Ended;
pub use entry::Entry;
pub use error::Error;
pub use event::Event;
pub use format_error::FormatError;
pub use image::Image;
pub use layout::{Layout, Word};
pub use message::{Body, Message};
pub use node_name::{BadName, NodeName};
pub use notice::Notice;
pub use record::{Member, Record};
pub use snapshot::Snapshot;
pub use wire::VERSION;
