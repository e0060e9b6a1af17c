// SPDX-License-Identifier: MIT OR Apache-2.0

use anyhow::{Context, Result, bail};
use atomik::{Batch, Device, TableRef};
use atomik_replicate::{Image, Layout, Snapshot};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A node of a replicated table: an open file, and its agent.
pub struct Node {
    name: &'static str,
    node: &'static str,
    options: &'static [&'static str],
    device: Device,
    pub table: TableRef,
    pub layout: Layout,
    pub agent: Child,
}

impl Node {
    /// Opens a file, and starts the agent of its table.
    pub fn start(
        name: &'static str,
        node: &'static str,
        contexts: u32,
        options: &'static [&'static str],
    ) -> Result<Self> {
        let device = Device::open()?;
        let (agent, table) = agent(&device, name, node, contexts, options)?;
        Ok(Self {
            name,
            node,
            options,
            layout: Layout::new(contexts, Layout::DEFAULT_NODES)?,
            table,
            device,
            agent,
        })
    }

    /// Ends the agent. The table stays.
    pub fn stop(&mut self) -> Result<()> {
        self.agent.kill()?;
        self.agent.wait()?;
        Ok(())
    }

    /// Starts it again, and waits until it has read the log to its end.
    pub fn restart(&mut self) -> Result<()> {
        let contexts = self.layout.states();
        (self.agent, _) = agent(&self.device, self.name, self.node, contexts, self.options)?;
        Ok(())
    }

    /// Waits until the context has this state.
    pub fn wait(&self, address: u32, state: u64) -> Result<()> {
        let mut watch = self.table.watch(address..address + 1)?;
        loop {
            let changes = watch.read()?;
            if changes.is_empty() {
                bail!("the table is gone");
            }
            if changes[0].state == state {
                return Ok(());
            }
        }
    }

    /// Bytes of a snapshot of the table as it is.
    pub fn snapshot_bytes(&self) -> Result<u64> {
        let contexts = self.table.snapshot(0..self.layout.contexts())?;
        let states: Vec<_> = contexts.iter().map(|context| context.state()).collect();
        let image = Image::new(self.layout, &states)?;
        Ok(Snapshot::of(&image).encode().len() as u64)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The changes of this many contexts that lie apart, in batches, and the last one's address.
pub fn changes(layout: Layout, changed: u32, delta: u64) -> (Vec<Batch>, u32) {
    let apart = layout.states() / changed;
    let addresses: Vec<_> = (0..changed).map(|index| index * apart).collect();
    let batch = |addresses: &[u32]| {
        let mut batch = Batch::with_capacity(addresses.len());
        for &address in addresses {
            batch.accum(address, delta);
        }
        batch
    };
    let batches = addresses.chunks(atomik::MAX_BATCH as usize).map(batch);
    (batches.collect(), (changed - 1) * apart)
}

/// Starts an agent, and waits until it has joined.
fn agent(
    device: &Device,
    name: &str,
    node: &str,
    contexts: u32,
    options: &[&str],
) -> Result<(Child, TableRef)> {
    // Its standard input is the file.
    let mut agent = Command::new("/usr/bin/atomik-replicate")
        .args(["join", name, "--node", node, "--fd", "0"])
        .args(["--contexts", &contexts.to_string()])
        .args(options)
        .stdin(device.try_clone()?.into_fd()?)
        .stdout(Stdio::piped())
        .spawn()
        .context("atomik-replicate")?;
    let mut output = BufReader::new(agent.stdout.take().context("its output")?);
    let mut line = String::new();
    while !line.starts_with("joined ") {
        line.clear();
        if output.read_line(&mut line)? == 0 {
            bail!("the agent ended: {}", agent.wait()?);
        }
    }
    // It goes on to tell news.
    std::mem::forget(output);
    Ok((agent, device.only_table()?))
}
