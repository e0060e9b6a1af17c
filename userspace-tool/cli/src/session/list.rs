// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl session list`.

use atomik::session::{SessionError, SessionName, Sessions};
use serde::Serialize;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;

/// List this user's sessions
///
/// One whose process was ended is `stale`: its tables are gone, and `session start` or `session
/// stop` of the name removes what is left. One that doesn't answer, within 10 seconds, is `stuck`:
/// its process is stopped, say, and its tables are there. One that is held by another user, or by a
/// program of another version, is `alien`.
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
            // One that has been stopped meanwhile is none.
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
        // Of the holder that says nothing.
        Err(error) => return Err(Failure::session(&error)),
    }
    Ok(Some(row))
}
