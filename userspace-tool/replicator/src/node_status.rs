// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::Duration;

use atomik_replicate::{Config, Image, Word};
use serde::{Deserialize, Serialize};

/// The status of a node, as its agent tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node's name.
    pub node: String,
    /// Its number; none while it hasn't joined.
    pub number: Option<u32>,
    /// The version of its program.
    pub version: String,
    /// The contexts that programs use.
    pub contexts: u32,
    /// Nodes at most.
    pub nodes: u32,
    /// The position of the last message that it has read.
    pub position: u64,
    /// Messages of the log that it knows of and hasn't read.
    pub lag_messages: u64,
    /// Seconds since it had read the log to its end; 0 where it has.
    pub lag_seconds: f64,
    /// Contexts with changes that are in no message yet.
    pub untold: usize,
    /// A message of it is under way.
    pub sending: bool,
    /// The position of the snapshot that it is taking over.
    pub taking: Option<u64>,
    /// The names of all nodes that have joined, with their numbers.
    pub members: Vec<(u32, String)>,
    /// The news that came last.
    pub news: Option<String>,
}

impl NodeStatus {
    pub fn new(
        config: &Config,
        image: Option<&Image>,
        untold: usize,
        lag_messages: u64,
        since_current: Duration,
        news: Option<String>,
    ) -> Self {
        let word = |word| image.map_or(0, |image| image.word(word));
        let members = image.into_iter().flat_map(|image| image.members());
        Self {
            node: config.name.to_string(),
            number: image.and_then(|image| image.own_number()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            contexts: config.layout.states(),
            nodes: config.layout.nodes(),
            position: word(Word::Position),
            lag_messages,
            lag_seconds: since_current.as_secs_f64(),
            untold,
            sending: image.is_some_and(|image| image.sending()),
            taking: Some(word(Word::Taking)).filter(|&taking| taking != 0),
            members: members
                .filter_map(|(number, record)| Some((number, record.member?.name.to_string())))
                .collect(),
            news,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The status of one of the nodes a and b, which has read up to this position.
    pub fn node(number: u32, name: &str, position: u64) -> NodeStatus {
        NodeStatus {
            node: name.into(),
            number: Some(number),
            version: "0.4.0".into(),
            contexts: 16,
            nodes: 64,
            position,
            lag_messages: 0,
            lag_seconds: 0.0,
            untold: 0,
            sending: false,
            taking: None,
            members: vec![(0, "a".into()), (1, "b".into())],
            news: None,
        }
    }
}
