// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Reloaded`]: the driver with another parameter, for the time of a test.

use atomik_test_support::driver;

/// Loads the driver with a parameter, and without it again when dropped.
pub struct Reloaded;

impl Reloaded {
    pub fn with(parameters: &str) -> Self {
        driver::unload().expect("unload");
        driver::load(parameters).expect("load with parameters");
        Self
    }
}

impl Drop for Reloaded {
    fn drop(&mut self) {
        driver::unload().expect("unload");
        driver::load("").expect("load");
    }
}
