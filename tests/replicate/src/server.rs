// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::limit::until;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::iter;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// A nats-server with JetStream on disk, on a free port of the loopback. It is killed when dropped,
/// and with the thread that started it.
pub struct Server {
    in_root: PathBuf,
    program: PathBuf,
    directory: PathBuf,
    name: String,
    port: u16,
    child: Option<Child>,
}

impl Server {
    /// Starts one, with its files in `directory`, below the project's or the cache's. `scripts` is
    /// the directory `qemu`.
    pub fn start(scripts: &Path, directory: &Path) -> Result<Self> {
        let mut server = Self::new(scripts, directory, "single")?;
        server.configure("")?;
        server.restart()?;
        Ok(server)
    }

    /// Starts a cluster of three.
    pub fn cluster(scripts: &Path, directory: &Path) -> Result<Vec<Self>> {
        let mut servers = ["one", "two", "three"]
            .iter()
            .map(|name| Self::new(scripts, directory, name))
            .collect::<Result<Vec<_>>>()?;
        let ports = free_ports(servers.len())?;
        let routes: Vec<String> = ports
            .iter()
            .map(|port| format!("\"nats-route://127.0.0.1:{port}\""))
            .collect();
        for (server, port) in servers.iter_mut().zip(&ports) {
            // Clients know the addresses of their proxies, and are to use no others.
            server.configure(&format!(
                "cluster {{ name: atomik, listen: \"127.0.0.1:{port}\", no_advertise: true, \
                 routes: [{}] }}\n",
                routes.join(", ")
            ))?;
            server.restart()?;
        }
        Ok(servers)
    }

    fn new(scripts: &Path, directory: &Path, name: &str) -> Result<Self> {
        let script = scripts.join("roots/nats-server");
        let output = Command::new(&script)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| script.display().to_string())?;
        ensure!(output.status.success(), "{} failed", script.display());
        let directory = directory.join(format!("nats-{name}"));
        fs::create_dir(&directory).with_context(|| directory.display().to_string())?;
        Ok(Self {
            in_root: scripts.join("in-root"),
            program: String::from_utf8(output.stdout)?.trim().into(),
            directory,
            name: name.to_owned(),
            port: free_ports(1)?[0],
            child: None,
        })
    }

    /// Writes its configuration. It syncs what it acknowledges, as only that counts as kept.
    fn configure(&self, more: &str) -> Result<()> {
        let text = format!(
            "server_name: {}\nlisten: \"127.0.0.1:{}\"\n\
             jetstream {{ store_dir: \"{}\", sync_interval: always }}\n{more}",
            self.name,
            self.port,
            self.directory.display()
        );
        Ok(fs::write(self.directory.join("nats.conf"), text)?)
    }

    /// Starts it, where it isn't running, and waits till it takes connections.
    pub fn restart(&mut self) -> Result<()> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("output"))?;
        let child = Command::new(&self.in_root)
            .arg(&self.program)
            .arg("--config")
            .arg(self.directory.join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| self.in_root.display().to_string())?;
        self.child = Some(child);
        until(&format!("for nats-server {}", self.name), || {
            let child = self.child.as_mut().expect("it was started above");
            if let Some(status) = child.try_wait()? {
                let output = fs::read_to_string(self.directory.join("output"))?;
                bail!("nats-server {} ended ({status}): {output}", self.name);
            }
            Ok(self.answers().then_some(()))
        })
    }

    /// Ends it by SIGKILL, and waits till nothing of it is left.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            // The container's own end ends all in it by SIGKILL.
            kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL)?;
            child.wait()?;
            until(&format!("for the end of nats-server {}", self.name), || {
                Ok((!self.answers()).then_some(()))
            })?;
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }

    /// Its name, as JetStream tells the leader of a stream.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it has been started, and not killed since.
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Ports that were free just now, all different. They are below those that the kernel gives to
/// outgoing connections, so that nobody takes one while its server is down.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    const FIRST: u16 = 10_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = process::id() % COUNT;
    let ports: Vec<u16> = iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed))
        .take(COUNT as usize)
        .map(|n| FIRST + ((start + u32::from(n)) % COUNT) as u16)
        .filter(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .take(count)
        .collect();
    ensure!(ports.len() == count, "no free ports are left");
    Ok(ports)
}
