// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every operation once: `cargo run --example hello`, with the module loaded.

use atomik::{Batch, Device, Error};

fn main() -> Result<(), Error> {
    let device = Device::open()?;
    let table = device.create_table(16)?;

    table.load(0, 0xcafe_babe)?;
    table.accum(0, 0x0000_0001)?;
    println!("state     {:#018x}", table.read(0)?);

    // A new epoch starts from the state; the delta that is undone belonged to the old one.
    println!("swapped   {:#018x}", table.swap(0)?);
    table.accum(0, 0x0000_0001)?;
    println!("undone    {:#018x}", table.read(0)?);

    // Four operations in one system call, isolated from all others.
    let mut batch = Batch::new();
    batch.load(1, 0xff00).accum(1, 0x00ff);
    let first = batch.read(0);
    let second = batch.read(1);
    let results = table.run(&mut batch)?;
    println!("first     {:#018x}", results.get(first)?);
    println!("second    {:#018x}", results.get(second)?);

    table.destroy()
}
