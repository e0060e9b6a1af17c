// SPDX-License-Identifier: MIT OR Apache-2.0

//! Watching in an async program, here of tokio: `AsyncFd` waits until the watch has something to
//! tell, and the thread does other things meanwhile.

use atomik::{Device, Watch};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const CHANGES: u64 = 1000;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let table = Device::open()?.create_table(2)?;
        let following = tokio::spawn(follow(table.watch(0..1)?));
        for state in 1..=CHANGES {
            table.load(0, state)?;
            // An operation doesn't wait for others, so a task makes it directly.
            tokio::task::yield_now().await;
        }
        table.destroy()?;
        let (reads, last) = following.await??;
        println!("{CHANGES} changes were told by {reads} reads");
        if last != CHANGES {
            return Err("the last change was lost".into());
        }
        println!("the last state is {last}");
        Ok(())
    })
}

/// Follows a context until its table is gone. Returns how often it read, and the last state.
async fn follow(watch: Watch) -> Result<(u64, u64)> {
    // SAFETY: a watch has one descriptor, which stays open as long as it lives.
    let mut watch = unsafe { AsyncFd::register_with_interest(watch, Interest::READABLE) }?;
    let (mut reads, mut last) = (0, 0);
    loop {
        let mut ready = watch.readable_mut().await?;
        match ready.get_inner_mut().try_read()? {
            // Nothing more: only now may it wait for the descriptor again.
            None => ready.clear_ready(),
            Some([]) => return Ok((reads, last)),
            Some(changes) => {
                reads += 1;
                for change in changes {
                    last = change.state;
                }
            }
        }
    }
}
