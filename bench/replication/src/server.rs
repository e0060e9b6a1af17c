// SPDX-License-Identifier: MIT OR Apache-2.0
//! Servers, on the guest's loopback.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

pub const NATS: u16 = 4222;

/// A process that ends with this value.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts nats-server with JetStream on files.
pub fn nats() -> Result<Server> {
    let port = NATS.to_string();
    start(
        Command::new("/usr/bin/nats-server")
            .args(["-js", "-sd", "/tmp/nats"])
            .args(["-a", "127.0.0.1", "-p", &port]),
        "nats",
        NATS,
    )
}

/// Starts a server, and waits until it takes connections.
pub fn start(command: &mut Command, name: &str, port: u16) -> Result<Server> {
    let directory = format!("/tmp/{name}");
    fs::create_dir_all(&directory)?;
    let log = File::create(format!("{directory}.log"))?;
    let child = command
        .current_dir(&directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| name.to_owned())?;
    let mut server = Server(child);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = server.0.try_wait()? {
            anyhow::bail!(
                "{name} ended: {status}\n{}",
                fs::read_to_string(format!("{directory}.log"))?
            );
        }
        sleep(Duration::from_millis(20));
    }
    Ok(server)
}
