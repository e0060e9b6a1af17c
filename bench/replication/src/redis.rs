// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::server::{Server, start};
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;

const PORT: u16 = 6379;
const REPLICA: u16 = 6380;

/// A Redis with a replica, both with a file of what was appended, and a client that pipelines.
pub struct Redis {
    pub server: Server,
    pub replica: Option<Server>,
    connection: TcpStream,
}

impl Redis {
    pub fn start() -> Result<Self> {
        let server = redis("redis", PORT, &["--repl-diskless-sync-delay", "0"])?;
        let connection = TcpStream::connect(("127.0.0.1", PORT))?;
        connection.set_nodelay(true)?;
        let redis = Self {
            server,
            replica: Some(replica()?),
            connection,
        };
        redis.in_step()?;
        Ok(redis)
    }

    /// Ends the replica.
    pub fn stop_replica(&mut self) {
        self.replica = None;
    }

    /// Starts it again, and waits until it has what the server has.
    pub fn restart_replica(&mut self) -> Result<()> {
        self.replica = Some(replica()?);
        self.in_step()
    }

    /// Sets one key for each context, all in one go, and waits for the answers.
    pub fn set(&self, changed: u32, value: &[u8; 8]) -> Result<()> {
        let mut commands = Vec::new();
        for address in 0..changed {
            let key = format!("c{address}");
            write!(
                commands,
                "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$8\r\n",
                key.len()
            )?;
            commands.extend(value);
            commands.extend(b"\r\n");
        }
        (&self.connection).write_all(&commands)?;
        let mut answers = BufReader::new(&self.connection);
        for _ in 0..changed {
            answer(&mut answers, "+OK")?;
        }
        Ok(())
    }

    /// Waits until the replica has all that was set.
    pub fn in_step(&self) -> Result<()> {
        let mut command = String::new();
        write!(command, "WAIT 1 0\r\n")?;
        (&self.connection).write_all(command.as_bytes())?;
        answer(&mut BufReader::new(&self.connection), ":1")
    }
}

fn replica() -> Result<Server> {
    // Not what it had before: as a machine that comes back after long.
    let _ = std::fs::remove_dir_all("/tmp/replica");
    let of = ["--replicaof", "127.0.0.1 6379"];
    redis("replica", REPLICA, &of)
}

fn redis(name: &str, port: u16, options: &[&str]) -> Result<Server> {
    const DIRECTORY: &str = "/usr/lib/redis";
    let mut command = Command::new(format!("{DIRECTORY}/ld-linux-x86-64.so.2"));
    command
        .args(["--library-path", DIRECTORY])
        .arg(format!("{DIRECTORY}/redis-server"))
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "yes"])
        .args(options);
    start(&mut command, name, port)
}

fn answer(answers: &mut impl BufRead, expected: &str) -> Result<()> {
    let mut line = String::new();
    answers.read_line(&mut line).context("Redis")?;
    ensure!(line.trim_end() == expected, "Redis answered {line}");
    Ok(())
}
