// SPDX-License-Identifier: GPL-2.0

//! Compiles the driver's sources with the settings of the kernel on x86.

fn main() {
    println!("cargo::rustc-cfg=MODULE");
    println!("cargo::rustc-cfg=CONFIG_X86");
    println!("cargo::rustc-check-cfg=cfg(CONFIG_X86, CONFIG_X86_64)");
    println!("cargo::rustc-check-cfg=cfg(CONFIG_PROVE_LOCKING, CONFIG_DEBUG_ATOMIC_SLEEP)");
    println!("cargo::rustc-check-cfg=cfg(CONFIG_FAULT_INJECTION_USERCOPY)");
}
