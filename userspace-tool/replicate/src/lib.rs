// SPDX-License-Identifier: MIT OR Apache-2.0

//! Replicated tables: the protocol by which tables of several machines converge, over a log that
//! somebody else keeps. `docs/replication-protocol.md` explains it, and why it is right.
//!
//! There is no I/O here. An [`Agent`] takes [events](Event): a message of the log, a batch that
//! was applied, a watch that told of changes. It gives [actions](Action): apply this batch, publish
//! this message, store this snapshot. A program around it does them.
//!
//! | | |
//! | --- | --- |
//! | [`Layout`], [`Word`], [`Record`] | what is where in a replicated table |
//! | [`Agent`], [`Config`], [`Event`], [`Action`] | the agent of a node |
//! | [`Message`], [`Snapshot`] | the formats of what nodes tell each other |
//! | [`Image`] | a table's replicated part, its members and its digest, for `status` and `verify` |
//!
//! # The program around it
//!
//! 1. It lets only one agent at a time serve a table: a lock that dies with the process.
//! 2. It learns the [`Layout`] before it makes a table: from the first message of the log that is a
//!    [`Body::Found`], or from the newest [`Snapshot`]. Where there is neither, it may choose.
//! 3. It opens a watch of the contexts 0 to n - 1, and only then gives the agent its first event.
//! 4. It does all actions in their order, and gives the event that follows each. The table answers
//!    at once; the log and the store may take their time, and events may come in between.
//! 5. It gives the next message only while [`Agent::reading`].
//! 6. It gives [`Event::NotPublished`] and [`Event::Connected`] no faster than it wants to try
//!    again, and no answers of a connection that is gone.
//! 7. It cuts the log, and deletes snapshots, only on [`Action::Cut`].
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
