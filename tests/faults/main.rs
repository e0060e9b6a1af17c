// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every allocation and every copy that a command makes fails once. Needs a kernel with fault
//! injection: the debug kernel. The tests run one at a time, as the kind of fault is chosen for the
//! whole kernel.

mod calls;
mod commands;
mod contended;
mod files;
mod injection;
mod mapping;
mod shortage;
mod subject;
mod tally;
