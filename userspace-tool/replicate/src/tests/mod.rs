// SPDX-License-Identifier: MIT OR Apache-2.0

//! The protocol under all that can happen to it: in small cases everything, in larger ones at
//! random. The agents are those that run for real; the world around them is a model.

mod cases;
mod explore;
mod explored;
mod fingerprint;
mod formats;
mod mistakes;
mod node;
mod refusals;
mod simulate;
mod simulated;
mod sizes;
mod step;
mod truth;
mod world;
