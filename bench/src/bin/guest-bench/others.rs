// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening, closing and GET_INFO while others have the device open.

use crate::{block::Case, ioctl::ioctl};
use anyhow::Result;
use atomik_test_support::raw::{RawFile, open_device};
use atomik_uapi as uapi;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::{cell::RefCell, rc::Rc};

/// Beginning of these cases' names.
pub const NAME: &str = "others/";
/// Numbers of other files, and of tables in each.
const OTHERS: [(usize, usize); 4] = [(1, 1), (100, 1), (100, 10), (1000, 1)];
/// Calls in a block.
const CALLS: u32 = 8;

/// Files of others, each with tables.
#[derive(Default)]
struct Others(RefCell<Vec<(RawFile, usize)>>);

impl Others {
    /// Opens or closes files until there are so many with so many tables.
    fn set(&self, number: usize, tables: usize) {
        let mut files = self.0.borrow_mut();
        files.retain(|(_, of)| *of == tables);
        files.resize_with(number, || {
            let file = open_device();
            for _ in 0..tables {
                file.create(1).expect("CREATE_TABLE");
            }
            (file, tables)
        });
    }
}

pub fn all(file: &Rc<RawFile>) -> Result<Vec<Case>> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let others = Rc::new(Others::default());
    // Sorted by files, so that each case finds most of them open.
    let cases = OTHERS.into_iter().flat_map(|(number, tables)| {
        let case = |name: &str, operation: Box<dyn FnMut(u32)>| {
            let others = Rc::clone(&others);
            let id = format!("{NAME}{name}/{number}x{tables}");
            let prepare = move || others.set(number, tables);
            Case::prepared(id, CALLS, 1, prepare, operation)
        };
        let file = Rc::clone(file);
        let mut info = uapi::Info::default();
        [
            case("open-close", Box::new(|_| drop(open_device()))),
            case(
                "open-create-close",
                Box::new(|_| {
                    open_device().create(1).expect("CREATE_TABLE");
                }),
            ),
            case(
                "get-info",
                Box::new(move |_| assert_eq!(ioctl(&file, uapi::IOC_GET_INFO, &mut info), 0)),
            ),
        ]
    });
    Ok(cases.collect())
}
