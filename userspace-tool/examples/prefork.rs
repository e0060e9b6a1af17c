// SPDX-License-Identifier: MIT OR Apache-2.0

//! A pre-fork server whose workers crash, and whose state stays.
//!
//! Workers accept connections of one socket, and add up what clients send, by transactions: a
//! client that got no answer asks again, and nothing is added twice. The parent holds the table.

use std::error::Error;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::{env, fs, process};

use atomik::{Device, Rights};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const WORKERS: usize = 3;
const REQUESTS: u64 = 200;

/// The sum, the count and the number of the last request.
const SERVED: [u32; 3] = [0, 1, 2];
/// The request at which a worker crashed last, and which worker that was.
const CRASHED: [u32; 2] = [3, 4];

fn main() -> Result<()> {
    match env::args().nth(1) {
        Some(worker) => work(worker.parse()?),
        None => serve(),
    }
}

/// A worker: its standard input is the listening socket, its output the exported table.
fn work(worker: u64) -> Result<()> {
    let listener = UnixListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    let table = Device::from_inherited(1)?.only_table()?;
    loop {
        let (mut client, _) = listener.accept()?;
        let mut request = [0; 8];
        client.read_exact(&mut request)?;
        let number = u64::from_le_bytes(request);
        // Some requests crash the worker the first time: before they count, or after.
        let crash = |digit| -> Result<()> {
            if number % 10 == digit && table.read(CRASHED[0])? != number {
                table.load_many(&CRASHED, &[number, worker])?;
                process::abort();
            }
            Ok(())
        };
        crash(3)?;
        let sum = table.transact(&SERVED, |served| {
            if number > served[2] {
                served.copy_from_slice(&[served[0] + number, served[1] + 1, number]);
            }
            served[0]
        })?;
        crash(7)?;
        client.write_all(&sum.to_le_bytes())?;
    }
}

fn serve() -> Result<()> {
    let path = env::temp_dir().join(format!("prefork-{}", process::id()));
    let listener = UnixListener::bind(&path)?;
    let table = Device::open()?.create_table(5)?;
    let start = |worker: usize| -> Result<Child> {
        Ok(Command::new(env::current_exe()?)
            .arg(worker.to_string())
            .stdin(OwnedFd::from(listener.try_clone()?))
            .stdout(table.export(Rights::ReadWrite)?.into_fd()?)
            .spawn()?)
    };
    let mut workers = (0..WORKERS).map(start).collect::<Result<Vec<_>>>()?;
    let mut crashes = 0;
    for number in 1..=REQUESTS {
        let mut answer = ask(&path, number);
        while answer.is_err() {
            let worker = table.read(CRASHED[1])? as usize;
            workers[worker].wait()?;
            workers[worker] = start(worker)?;
            crashes += 1;
            answer = ask(&path, number);
        }
        assert_eq!(answer?, number * (number + 1) / 2);
    }
    workers.iter_mut().try_for_each(Child::kill)?;
    fs::remove_file(path)?;
    println!("{} requests, {crashes} crashes", table.read(SERVED[1])?);
    Ok(())
}

fn ask(path: &Path, number: u64) -> io::Result<u64> {
    let (mut server, mut sum) = (UnixStream::connect(path)?, [0; 8]);
    server.write_all(&number.to_le_bytes())?;
    server.read_exact(&mut sum)?;
    Ok(u64::from_le_bytes(sum))
}
