// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that the build script has made for the tests to carry into the guest.

macro_rules! programs {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)+) => {$(
        $(#[$doc])*
        pub const $name: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/", $file));
    )+};
}

programs! {
    /// The 32-bit client of the device.
    CLIENT32 = "client32";
    /// The program that checks the vectors by the C header.
    SDK_C_VECTORS = "sdk-c-vectors";
    /// Tests of the C header.
    SDK_C_UNITS = "sdk-c-units";
    /// Tests of the C header for the device alone.
    SDK_C_DEVICE = "sdk-c-device";
    /// Tests of the C header's watches.
    SDK_C_WATCHING = "sdk-c-watching";
    /// Tests of the C header's mappings.
    SDK_C_MAPPING = "sdk-c-mapping";
    /// An example of the C header, moved to the device.
    SDK_C_HELLO = "sdk-c-hello";
    /// Another one.
    SDK_C_CONDITIONS = "sdk-c-conditions";
    /// And another.
    SDK_C_CONSISTENT = "sdk-c-consistent";
    /// The last of these.
    SDK_C_PARITY = "sdk-c-parity";
    /// The one that needs the device anyway.
    SDK_C_WATCH = "sdk-c-watch";
    /// The block in C of the project's README, moved to the device.
    SDK_C_README = "sdk-c-readme";
}

/// The fuzzer's programs: name and text of each.
pub const FUZZER: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/fuzzer.rs"));
