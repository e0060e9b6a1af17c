// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session list`.

use atomik::session::{SessionError, SessionName, Sessions};
use serde::Serialize;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;

/// List this user's sessions
///
/// The state is `live`; `stale` where the process has ended and the tables are gone (`session
/// start` or `session stop` of the name removes the socket); `stuck` where the process doesn't
/// answer within 10 seconds, as when it is stopped, and the tables are there; `alien` where another
/// user or a program of another version holds it.
#[derive(clap::Args)]
pub struct Args {}

#[derive(Serialize)]
struct Row<'a> {
    session: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    tables: usize,
    contexts: u64,
    bytes: u64,
    ops: u64,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let sessions = Sessions::of_this_user().map_err(|e| Failure::session(&e))?;
        let names = sessions.names().map_err(|e| Failure::session(&e))?;
        let mut out = Output::new(global.json);
        if !names.is_empty() {
            out.text(format_args!(
                "{:<16}  {:<5}  {:>7}  {:>6}  {:>8}  {:>10}",
                "session", "state", "pid", "tables", "contexts", "ops"
            ))?;
        }
        for name in &names {
            // Leave out a session that has been stopped meanwhile.
            if let Some(row) = row(&sessions, name)? {
                let pid = row.pid.map_or("-".into(), |pid| pid.to_string());
                let text = format!(
                    "{name:<16}  {:<5}  {pid:>7}  {:>6}  {:>8}  {:>10}",
                    row.state, row.tables, row.contexts, row.ops
                );
                out.record(&row, text)?;
            }
        }
        out.flush()
    }
}

fn row<'a>(sessions: &Sessions, name: &'a SessionName) -> Result<Option<Row<'a>>, Failure> {
    let mut row = Row {
        session: name.as_str(),
        state: "stale",
        pid: None,
        tables: 0,
        contexts: 0,
        bytes: 0,
        ops: 0,
    };
    match sessions.connect(name) {
        Ok(session) => {
            let usage = session.device().usage().map_err(|e| Failure::of(&e))?;
            row.state = "live";
            row.pid = session.holder();
            row.tables = usage.tables.len();
            row.contexts = usage.contexts();
            row.bytes = usage.bytes;
            row.ops = usage.ops;
        }
        Err(SessionError::None { stale: true, .. }) => {}
        Err(SessionError::None { stale: false, .. }) => return Ok(None),
        Err(SessionError::Silent { pid, .. }) => {
            row.state = "stuck";
            row.pid = pid;
        }
        Err(SessionError::Unanswered { .. }) => row.state = "stuck",
        Err(SessionError::Protocol { .. } | SessionError::OtherUser { .. }) => row.state = "alien",
        // Other errors say nothing about the holder.
        Err(error) => return Err(Failure::session(&error)),
    }
    Ok(Some(row))
}
