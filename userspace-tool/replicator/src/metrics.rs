// SPDX-License-Identifier: MIT OR Apache-2.0

//! The status as metrics, in the text format of OpenMetrics, which Prometheus reads.
//! `docs/replication.md` lists them.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::table_status::{Node, TableStatus};

/// The address of metrics where none is given: one of those that Prometheus has for exporters.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:9464";

/// The type of the text, for HTTP.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Values = Family<Labels, Gauge<f64, AtomicU64>>;

/// All metrics of a table.
pub fn of_table(status: &TableStatus) -> String {
    let mut metrics = Metrics::default();
    let log = &status.log;
    let table = || vec![("table", status.name.clone())];
    for (name, help, value) in [
        (
            "log_first_position",
            "Position of the log's first message",
            log.first as f64,
        ),
        (
            "log_last_position",
            "Position of the log's last message",
            log.last as f64,
        ),
        ("log_messages", "Messages in the log", log.messages as f64),
        ("log_bytes", "Bytes of the log", log.bytes as f64),
        (
            "log_replicas",
            "Servers that keep the log",
            log.replicas as f64,
        ),
        (
            "snapshots",
            "Stored snapshots",
            status.snapshots.len() as f64,
        ),
    ] {
        metrics.add(name, help, [(table(), value)]);
    }
    let newest = status.snapshots.first();
    let position = newest.map(|newest| newest.position as f64);
    let bytes = newest.map(|newest| newest.bytes as f64);
    let age = newest.and_then(|newest| newest.age_seconds);
    let age = age.map(|age| age as f64);
    for (name, help, value) in [
        (
            "snapshot_position",
            "Position of the newest snapshot",
            position,
        ),
        ("snapshot_bytes", "Bytes of the newest snapshot", bytes),
        (
            "snapshot_age_seconds",
            "Seconds since the newest snapshot was stored",
            age,
        ),
    ] {
        metrics.add(name, help, value.map(|value| (table(), value)));
    }
    metrics.add_nodes(&status.name, &status.nodes);
    metrics.text()
}

/// The metrics of a table that are about this node.
pub fn of_node(table: &str, node: Node) -> String {
    let mut metrics = Metrics::default();
    metrics.add_nodes(table, &[node]);
    metrics.text()
}

struct Metrics(Registry);

impl Default for Metrics {
    fn default() -> Self {
        Self(Registry::with_prefix("atomik_replication"))
    }
}

impl Metrics {
    /// Adds a metric with these values; a metric without values is left out.
    fn add(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Values::default();
        let mut any = false;
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
            any = true;
        }
        if any {
            self.0.register(name, help, family);
        }
    }

    fn add_nodes(&mut self, table: &str, nodes: &[Node]) {
        let labels = |node: &Node| vec![("table", table.to_owned()), ("node", node.node.clone())];
        let up = |node: &Node| (labels(node), f64::from(u8::from(node.answer.is_some())));
        let help = "1 where the node's agent answers, 0 for a member that is silent";
        self.add("node_up", help, nodes.iter().map(up));
        let answers = || (nodes.iter()).filter_map(|node| Some((node, node.answer.as_ref()?)));
        self.add(
            "node_info",
            "1; the labels have the node's number, empty where it hasn't joined, and the version \
             of its program",
            answers().map(|(node, answer)| {
                let mut labels = labels(node);
                let number = node.number.map_or_else(String::new, |n| n.to_string());
                labels.extend([("number", number), ("version", answer.version.clone())]);
                (labels, 1.0)
            }),
        );
        type Value = fn(&crate::table_status::Answer) -> f64;
        let values: [(&str, &str, Value); 6] = [
            (
                "node_position",
                "Position of the last message that the node has read",
                |answer| answer.position as f64,
            ),
            (
                "node_lag_messages",
                "Messages of the log that the node hasn't read",
                |answer| answer.lag_messages as f64,
            ),
            (
                "node_lag_seconds",
                "Seconds since the node had read the log to its end",
                |answer| answer.lag_seconds,
            ),
            (
                "node_untold_contexts",
                "Contexts with changes that are in no message",
                |answer| answer.untold_contexts as f64,
            ),
            (
                "node_sending",
                "1 where a message of the node is under way",
                |answer| f64::from(u8::from(answer.sending)),
            ),
            (
                "node_taking_over",
                "1 where the node is taking over a snapshot",
                |answer| f64::from(u8::from(answer.taking_over.is_some())),
            ),
        ];
        for (name, help, value) in values {
            let values = answers().map(|(node, answer)| (labels(node), value(answer)));
            self.add(name, help, values);
        }
    }

    fn text(self) -> String {
        let mut text = String::new();
        // Writing to a string doesn't fail.
        let _ = encode(&mut text, &self.0);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table_status::tests::table;

    #[test]
    fn each_value_has_its_labels() {
        let text = of_table(&table());
        for line in [
            "# TYPE atomik_replication_log_last_position gauge",
            "atomik_replication_log_last_position{table=\"web\"} 7.0",
            "atomik_replication_snapshot_age_seconds{table=\"web\"} 61.0",
            "atomik_replication_node_up{table=\"web\",node=\"a\"} 1.0",
            "atomik_replication_node_up{table=\"web\",node=\"b\"} 0.0",
            "atomik_replication_node_lag_messages{table=\"web\",node=\"a\"} 2.0",
            "atomik_replication_node_lag_seconds{table=\"web\",node=\"a\"} 2.5",
            "atomik_replication_node_untold_contexts{table=\"web\",node=\"a\"} 4.0",
            "atomik_replication_node_sending{table=\"web\",node=\"a\"} 1.0",
            "atomik_replication_node_taking_over{table=\"web\",node=\"c.example\"} 1.0",
            "atomik_replication_node_info{table=\"web\",node=\"a\",number=\"0\",version=\"0.4.0\"} 1.0",
            "atomik_replication_node_info{table=\"web\",node=\"c.example\",number=\"\",\
             version=\"0.4.0\"} 1.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(
            !text.contains("node_position{table=\"web\",node=\"b\"}"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }

    /// Other agents choose it.
    #[test]
    fn labels_are_escaped() {
        let mut node = table().nodes.remove(0);
        node.answer.as_mut().unwrap().version = "1\"\n\\".into();
        let text = of_node("web", node);
        assert!(text.contains("version=\"1\\\"\\n\\\\\""), "{text}");
    }

    /// All names that the metrics have, as the document lists them.
    #[test]
    fn the_document_has_all_metrics() {
        let document = include_str!("../../../docs/replication.md");
        let text = of_table(&table());
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names: Vec<_> = names.filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names.len(), 17);
        for name in names {
            assert!(document.contains(&format!("| `{name}` |")), "{name}");
        }
    }
}
