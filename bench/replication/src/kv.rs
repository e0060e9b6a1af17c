// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::server::NATS;
use anyhow::{Context, Result, ensure};
use async_nats::jetstream::kv::{Config, Store};
use async_nats::jetstream::stream::State;
use async_nats::jetstream::{self, Context as JetStream};
use futures_util::{StreamExt, stream};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use tokio::runtime::Runtime;

/// The argument with which this program watches, as another process.
pub const WATCH: &str = "kv-watch";
const BUCKET: &str = "bench";
/// Its stream.
pub const STREAM: &str = "KV_bench";
/// Keys that are put and not acknowledged yet, at most.
const UNDER_WAY: usize = 1_000;
/// The first byte of the value of a change that is the last one of its load.
const LAST: u8 = 0xff;

/// NATS KV with one key a context: a client that puts, and another process that watches.
pub struct Kv {
    runtime: Runtime,
    jetstream: JetStream,
    store: Store,
    pub watcher: Watcher,
}

/// A process that watches all keys.
pub struct Watcher {
    pub process: Child,
    output: File,
}

impl Kv {
    pub fn start() -> Result<Self> {
        let runtime = runtime()?;
        let (jetstream, store) = runtime.block_on(async {
            let jetstream = connect().await?;
            let config = Config {
                bucket: BUCKET.to_owned(),
                ..Config::default()
            };
            let store = jetstream.create_key_value(config).await?;
            Ok::<_, anyhow::Error>((jetstream, store))
        })?;
        Ok(Self {
            runtime,
            jetstream,
            store,
            watcher: Watcher::start("new")?,
        })
    }

    /// Puts one key for each context, many under way at a time, and waits for the answers.
    pub fn put(&self, changed: u32, value: u8) -> Result<()> {
        let put = |address| {
            let first = if address + 1 == changed { LAST } else { value };
            let value = [first, value, 1, 2, 3, 4, 5, 6].to_vec();
            self.store.put(format!("c{address}"), value.into())
        };
        self.runtime.block_on(async {
            let mut puts = stream::iter(0..changed)
                .map(put)
                .buffer_unordered(UNDER_WAY);
            while let Some(put) = puts.next().await {
                put?;
            }
            Ok(())
        })
    }

    /// The state of the stream of this name.
    pub fn stream(&self, name: &str) -> Result<State> {
        self.runtime.block_on(async {
            let stream = self.jetstream.get_stream(name).await?;
            Ok(stream.cached_info().state.clone())
        })
    }
}

impl Watcher {
    /// Watches from this revision on, or what is `new`.
    pub fn start(from: &str) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([WATCH, from])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = OwnedFd::from(process.stdout.take().context("its output")?).into();
        let watcher = Self { process, output };
        if from == "new" {
            watcher.wait()?;
        }
        Ok(watcher)
    }

    /// Waits until it watches, or has seen the last change of a load.
    pub fn wait(&self) -> Result<()> {
        let mut byte = [0];
        (&self.output)
            .read_exact(&mut byte)
            .context("the watcher of KV ended")
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Watches all keys, and prints a byte when it begins, and for each last change of a load.
pub fn watch(from: &str) -> Result<()> {
    runtime()?.block_on(async {
        let store = connect().await?.get_key_value(BUCKET).await?;
        let mut entries = match from {
            "new" => store.watch_all().await?,
            revision => store.watch_all_from_revision(revision.parse()?).await?,
        };
        let mut out = std::io::stdout();
        if from == "new" {
            out.write_all(b".")?;
            out.flush()?;
        }
        while let Some(entry) = entries.next().await {
            if entry?.value.first() == Some(&LAST) {
                out.write_all(b".")?;
                out.flush()?;
            }
        }
        ensure!(false, "the watch of KV ended");
        Ok(())
    })
}

async fn connect() -> Result<JetStream> {
    let client = async_nats::connect(format!("127.0.0.1:{NATS}")).await?;
    Ok(jetstream::new(client))
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
