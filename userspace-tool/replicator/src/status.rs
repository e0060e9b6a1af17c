// SPDX-License-Identifier: MIT OR Apache-2.0

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use atomik_command_line::printable::printable;
use atomik_command_line::seconds;
use serde_json::json;

use crate::failure::Failure;
use crate::global::Global;
use crate::log::Log;
use crate::metrics::{self, DEFAULT_ADDRESS};
use crate::metrics_server::MetricsServer;
use crate::nats::Nats;
use crate::table_name::TableName;
use crate::table_status::TableStatus;

/// Tell how a replicated table is: its log, its snapshots, and all nodes
///
/// A node is `current` where it has read the log to its end, `sending` where a message of it is
/// under way besides, `reading` where it is behind, `taking over` a snapshot where the log no
/// longer has what it needs, `joining` before it is a member; `silent` is a member whose agent
/// doesn't answer.
#[derive(clap::Args)]
pub struct Args {
    /// The name of the replicated table
    name: TableName,
    /// Seconds for agents to answer
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds::parse)]
    timeout: Duration,
    /// Serve it as metrics for Prometheus, by HTTP at this address, until ended
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true,
        default_missing_value = DEFAULT_ADDRESS)]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    nats: Nats,
}

impl Args {
    pub async fn run(&self, global: &Global) -> Result<(), Failure> {
        let Some(address) = self.metrics else {
            let status = self.ask().await?;
            return global.print(text(&status), json!(status));
        };
        let mut server = MetricsServer::listen(address).await?;
        global.say(format_args!("metrics are at {}", server.url()));
        loop {
            let scrape = server.next().await;
            match self.ask().await {
                Ok(status) => scrape.answer(metrics::of_table(&status)),
                Err(failure) => {
                    global.say(&failure);
                    scrape.refuse(failure);
                }
            }
        }
    }

    /// Asks by a connection of its own: it is seldom, and needs no care for broken ones.
    async fn ask(&self) -> Result<TableStatus, Failure> {
        let connected = self.nats.connect().await?;
        let log = Log::existing(&connected, &self.name).await?;
        TableStatus::ask(&connected, &log, &self.name, self.timeout).await
    }
}

/// The status for people.
fn text(status: &TableStatus) -> String {
    let number = |number: Option<u32>| number.map_or("?".into(), |number| number.to_string());
    let log = &status.log;
    let mut lines = columns(&[
        ["table".into(), status.name.clone()],
        ["contexts".into(), number(status.contexts)],
        ["most nodes".into(), number(status.max_nodes)],
        ["positions".into(), format!("{} to {}", log.first, log.last)],
        ["messages".into(), log.messages.to_string()],
        ["bytes".into(), log.bytes.to_string()],
        ["replicas".into(), log.replicas.to_string()],
    ]);
    let mut rows = vec![["snapshot", "bytes", "seconds old"].map(String::from)];
    rows.extend(status.snapshots.iter().map(|snapshot| {
        let age = snapshot
            .age_seconds
            .map_or("?".into(), |age| age.to_string());
        [
            snapshot.position.to_string(),
            snapshot.bytes.to_string(),
            age,
        ]
    }));
    lines.push(String::new());
    match status.snapshots.is_empty() {
        true => lines.push("no snapshots".into()),
        false => lines.extend(columns(&rows)),
    }
    lines.push(String::new());
    match status.nodes.is_empty() {
        true => lines.push("no agent answers".into()),
        false => lines.extend(columns(&nodes(status))),
    }
    lines.join("\n")
}

fn nodes(status: &TableStatus) -> Vec<[String; 9]> {
    let mut rows = vec![
        [
            "number", "node", "is", "position", "lag", "seconds", "untold", "version", "news",
        ]
        .map(String::from),
    ];
    let none = || "-".to_owned();
    rows.extend(status.nodes.iter().map(|node| {
        let number = node.number.map_or_else(none, |number| number.to_string());
        let mut row = [(); 9].map(|()| none());
        row[..3].clone_from_slice(&[number, node.node.clone(), node.condition()]);
        if let Some(answer) = &node.answer {
            row[3..].clone_from_slice(&[
                answer.position.to_string(),
                answer.lag_messages.to_string(),
                format!("{:.1}", answer.lag_seconds),
                answer.untold_contexts.to_string(),
                answer.version.clone(),
                answer.news.clone().unwrap_or_else(none),
            ]);
        }
        row
    }));
    rows
}

/// Rows as lines, in which columns line up.
fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    // Other programs choose names and news.
    let rows: Vec<[_; N]> = (rows.iter())
        .map(|row| row.each_ref().map(|cell| printable(cell)))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[Cow<'_, str>; N]| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table_status::tests::table;

    #[test]
    fn columns_line_up() {
        let expected = "\
table       web
contexts    16
most nodes  64
positions   3 to 7
messages    5
bytes       640
replicas    3

snapshot  bytes  seconds old
4         900    61

number  node       is             position  lag  seconds  untold  version  news
0       a          reading        5         2    2.5      4       0.4.0    node 1 said \"\\u{1b}[2J\"
1       b          silent         -         -    -        -       -        -
-       c.example  taking over 4  0         7    0.0      0       0.4.0    -";
        assert_eq!(text(&table()), expected);
    }

    #[test]
    fn what_isnt_there_is_said() {
        let mut table = table();
        (table.contexts, table.nodes, table.snapshots) = (None, vec![], vec![]);
        let text = text(&table);
        for line in ["contexts    ?", "no snapshots", "no agent answers"] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
