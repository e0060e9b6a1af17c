// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every allocation and every copy that a command makes fails once. It needs a kernel with fault
//! injection: the debug kernel. One test at a time: what may fail is chosen for the whole kernel.

mod calls;
mod commands;
mod contended;
mod files;
mod injection;
mod mapping;
mod shortage;
mod subject;
mod tally;
