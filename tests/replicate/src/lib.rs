// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts that replicated tables are tested with: servers, guests, and the network between them.

mod guest;
mod limit;
mod log;
mod proxy;
mod server;
pub mod words;

pub use guest::Guest;
pub use limit::{limit, until};
pub use log::{Ends, Log};
pub use proxy::{Network, Proxy};
pub use server::Server;
