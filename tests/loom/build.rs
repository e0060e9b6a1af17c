// SPDX-License-Identifier: GPL-2.0

//! The driver's sources are compiled as they are for the kernel, on x86.

fn main() {
    println!("cargo::rustc-cfg=MODULE");
    println!("cargo::rustc-cfg=CONFIG_X86");
    println!("cargo::rustc-check-cfg=cfg(CONFIG_X86)");
}
