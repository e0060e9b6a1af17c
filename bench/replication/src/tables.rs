// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of docs/performance.md.

use crate::changes::Size;
use crate::lag::Lag;
use crate::load::{CAUGHT_UP, COUNTED, IDLE_SECONDS, SPREAD};
use crate::meter::{Meter, Part};
use std::fmt::{Result, Write};

/// All that was measured.
pub struct Facts {
    pub meter: Meter,
    pub sizes: Vec<Size>,
    /// Bytes of a message of KV, as the server stores them.
    pub kv_message: u64,
    /// Bytes of a snapshot of the large table.
    pub snapshot: u64,
    pub lags: Vec<Lag>,
    /// The user's share of what the sending and the receiving agent execute.
    pub users: (f64, f64),
}

impl Facts {
    pub fn tables(&self) -> std::result::Result<String, std::fmt::Error> {
        let mut out = String::new();
        self.sizes(&mut out)?;
        self.changes(&mut out)?;
        self.lags(&mut out)?;
        self.catch_up(&mut out)?;
        self.idle(&mut out)?;
        Ok(out)
    }

    fn sizes(&self, out: &mut String) -> Result {
        let (snapshot, message) = (self.snapshot, self.kv_message);
        heading(
            out,
            "changed contexts | messages | bytes | a snapshot | KV | its bytes",
        )?;
        for &Size {
            changed,
            messages,
            bytes,
        } in &self.sizes
        {
            let kv = message * u64::from(changed);
            let cells = [
                changed.into(),
                messages,
                bytes,
                snapshot,
                changed.into(),
                kv,
            ];
            row(out, &grouped(cells[0]), &cells[1..])?;
        }
        Ok(())
    }

    fn changes(&self, out: &mut String) -> Result {
        heading(
            out,
            " | program | sender | server | receiver | all | a change",
        )?;
        let small = ("atomik-small", "atomik, in a table of 64", 1);
        let rest = [("atomik", "atomik"), ("kv", "KV"), ("redis", "Redis")];
        let rest = rest.map(|(what, name)| COUNTED.map(|changed| (what, name, changed)));
        for (what, name, changed) in [small].into_iter().chain(rest.into_iter().flatten()) {
            let id = format!("changes/{what}/{changed}");
            let parts = [Part::Program, Part::Sender, Part::Server, Part::Receiver];
            let mut cells: Vec<_> = parts.map(|part| self.meter.part(&id, part)).into();
            let all = self.meter.all(&id);
            cells.extend([all, all / u64::from(changed)]);
            row(out, &format!("{name}: {}", grouped(changed.into())), &cells)?;
        }
        heading(out, "changed contexts | times KV's rate | times Redis's")?;
        for changed in COUNTED {
            let all = |what| self.meter.all(&format!("changes/{what}/{changed}")) as f64;
            let (own, kv, redis) = (all("atomik"), all("kv"), all("redis"));
            let name = grouped(changed.into());
            writeln!(out, "| {name} | {:.2} | {:.2} |", kv / own, redis / own)?;
        }
        let (sender, receiver) = self.users;
        writeln!(
            out,
            "\nuser's share: sender {sender:.2}, receiver {receiver:.2}"
        )
    }

    fn lags(&self, out: &mut String) -> Result {
        heading(out, "changes for each message | median lag | largest")?;
        for lag in &self.lags {
            row(out, &grouped(lag.changes.into()), &[lag.median, lag.most])?;
        }
        Ok(())
    }

    fn catch_up(&self, out: &mut String) -> Result {
        heading(
            out,
            " | making | server | receiver | catching up | times making",
        )?;
        let rows = [
            ("64 changes a message", "atomik/64", "atomik/64"),
            ("1,360 changes a message", "atomik/1360", "atomik/1360"),
            ("a new node, by a snapshot", "atomik/cut", "atomik/snapshot"),
            ("KV, a new watcher", "kv", "kv"),
            ("Redis, a new replica", "redis", "redis"),
        ];
        for (name, make, caught) in rows {
            let mut making = self.meter.all(&format!("make/{make}"));
            if make == "kv" {
                // Each key was put once, which is all that it keeps.
                making *= u64::from(CAUGHT_UP / SPREAD);
            }
            let id = format!("catch-up/{caught}");
            let parts = [Part::Server, Part::Receiver].map(|part| self.meter.part(&id, part));
            let all = self.meter.all(&id);
            write!(out, "| {name} | {} |", grouped(making))?;
            parts
                .iter()
                .try_for_each(|part| write!(out, " {} |", grouped(*part)))?;
            writeln!(
                out,
                " {} | {:.3} |",
                grouped(all),
                all as f64 / making as f64
            )?;
        }
        Ok(())
    }

    fn idle(&self, out: &mut String) -> Result {
        heading(out, "idle | instructions a second")?;
        for (name, part) in [
            ("agent of the node that changed", Part::Sender),
            ("agent of the other", Part::Receiver),
            ("watcher of KV", Part::Watcher),
            ("nats-server, of all three", Part::Server),
            ("replica of Redis", Part::Replica),
            ("redis-server", Part::Redis),
        ] {
            row(out, name, &[self.meter.part("idle", part) / IDLE_SECONDS])?;
        }
        Ok(())
    }
}

fn heading(out: &mut String, cells: &str) -> Result {
    let columns = cells.split('|').count();
    writeln!(out, "\n| {cells} |\n|{}", " --- |".repeat(columns))
}

fn row(out: &mut String, name: &str, cells: &[u64]) -> Result {
    write!(out, "| {name} |")?;
    cells
        .iter()
        .try_for_each(|cell| write!(out, " {} |", grouped(*cell)))?;
    writeln!(out)
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
