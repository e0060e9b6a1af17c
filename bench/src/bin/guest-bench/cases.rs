// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cases with one thread.

use crate::block::Case;
use crate::bpf::ArrayMap;
use crate::ioctl::{UNKNOWN, ioctl};
use crate::{consistent, conventional, others, peers, programs};
use anyhow::Result;
use atomik_bench::{
    COMPARE_AND_SET, CONVENTIONAL, FLOOR, LOOP_ITERATIONS, LOOP_MANY, LOOP_ONCE, PROOF, TWO_ACCUMS,
};
use atomik_test_support::{
    mapping::Mapping,
    memory::{Pages, page_size},
    raw::{self, BatchOp, RawFile, RawWatch, open_device},
};
use atomik_uapi as uapi;
use std::cell::RefCell;
use std::os::fd::IntoRawFd;
use std::rc::Rc;

/// System calls in a block: few, so that an interrupt spoils few blocks.
const CALLS: u32 = 32;
/// Batch entries in a block, about.
const ENTRIES: u32 = 64;
const BATCHES: [u32; 7] = [1, 4, 16, 64, 256, 1024, 4096];
const CONTEXTS: [u32; 5] = [1, 16, 256, 4096, 65536];
const TABLES: [u32; 5] = [1, 4, 16, 64, 256];
/// Step through contexts or tables. Coprime to all sizes, so that all get their turn, and no
/// neighbours in a row.
const STRIDE: u32 = 1021;

/// Every case. `factor` makes the blocks longer.
pub fn all(factor: u32) -> Result<Vec<Case>> {
    let file = Rc::new(open_device());
    let calls = CALLS * factor;
    let mut cases = basics();
    cases.extend(singles("", &file, calls)?);
    cases.extend(batches("", &file, &BATCHES, factor)?);
    // Half of the results in one page, and half in the next.
    let across = page_size() - 8 * size_of::<BatchOp>();
    cases.extend(batches_at("batch-across/", &file, &[16], across, factor)?);
    cases.extend(conditions(&file, factor)?);
    cases.extend(exports(&file, factor)?);
    cases.extend(watches(&file, calls)?);
    cases.extend(numbers_of_contexts(&file, calls)?);
    cases.extend(numbers_of_tables(calls)?);
    cases.extend(create_and_destroy(&file)?);
    cases.extend(bpf_maps(calls)?);
    if let Some(file) = conventional::open()? {
        let file = Rc::new(file);
        cases.extend(singles(CONVENTIONAL, &file, calls)?);
        cases.extend(batches(CONVENTIONAL, &file, &[16, 4096], factor)?);
    }
    cases.extend(peers::all(calls)?);
    cases.extend(mapped(&file, calls)?);
    cases.extend(consistent::all(calls)?);
    cases.extend(images(&file)?);
    cases.extend(others::all(&file)?);
    cases.extend(programs::all()?);
    Ok(cases)
}

/// What every measurement needs.
pub fn basics() -> Vec<Case> {
    vec![
        Case::new(LOOP_ONCE, 1, 1, |_| ()),
        Case::new(LOOP_MANY, LOOP_ITERATIONS, 1, |_| ()),
        Case::new(PROOF, 1, 1, |_| proof()),
    ]
}

/// Executes the instructions of [`PROOF`].
fn proof() {
    // SAFETY: a thousand instructions that leave memory as it was.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            ".rept 996",
            "nop",
            ".endr",
            "lock or dword ptr [rsp], 0",
            "xchg qword ptr [rsp], rax",
            "xchg qword ptr [rsp], rax",
            // Not with memory, so not locked.
            "xchg rax, rcx",
            out("rax") _,
            out("rcx") _,
            options(nostack)
        )
    }
    // SAFETY: likewise.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            ".arch_extension lse",
            ".rept 996",
            "nop",
            ".endr",
            "casal xzr, xzr, [sp]",
            "swp {word}, {word}, [sp]",
            "swp {word}, {word}, [sp]",
            // Has no cache line to itself.
            "ldr {word}, [sp]",
            word = out(reg) _,
            options(nostack)
        )
    }
}

/// Makes `command` with the same argument again and again.
fn repeated<T: 'static>(
    id: &str,
    calls: u32,
    file: &Rc<RawFile>,
    command: u32,
    mut argument: T,
) -> Case {
    let file = Rc::clone(file);
    Case::new(id, calls, 1, move |_| {
        assert_eq!(ioctl(&file, command, &mut argument), 0);
    })
}

/// Single operations of atomik, or of another driver with names that begin with `whose`.
fn singles(whose: &str, file: &Rc<RawFile>, calls: u32) -> Result<Vec<Case>> {
    let (table_id, addr) = (file.create(256)?, 77);
    let unknown = {
        let file = Rc::clone(file);
        Case::new(format!("{whose}{FLOOR}"), calls, 1, move |_| {
            assert_eq!(ioctl(&file, UNKNOWN, &mut 0u64), -1);
        })
    };
    let (load, accum) = (
        uapi::Load {
            table_id,
            addr,
            initial_state: 5,
        },
        uapi::Accum {
            table_id,
            addr,
            delta: 3,
        },
    );
    let read = uapi::Read {
        table_id,
        addr,
        state: 0,
    };
    let swap = uapi::Swap {
        table_id,
        addr,
        new_reference: 0,
        old_state: 0,
    };
    let id = |name: &str| format!("{whose}single/{name}");
    Ok(vec![
        unknown,
        repeated(&id("load"), calls, file, uapi::IOC_LOAD, load),
        repeated(&id("accum"), calls, file, uapi::IOC_ACCUM, accum),
        repeated(&id("read"), calls, file, uapi::IOC_READ, read),
        repeated(&id("swap"), calls, file, uapi::IOC_SWAP, swap),
    ])
}

fn batches(whose: &str, file: &Rc<RawFile>, sizes: &[u32], factor: u32) -> Result<Vec<Case>> {
    batches_at(&format!("{whose}batch/"), file, sizes, 0, factor)
}

/// Batches that begin `offset` bytes behind the beginning of a page.
fn batches_at(
    name: &str,
    file: &Rc<RawFile>,
    sizes: &[u32],
    offset: usize,
    factor: u32,
) -> Result<Vec<Case>> {
    let contexts = 4096;
    let table_id = file.create(contexts)?;
    /// An opcode's name, and its entry for an address.
    type Entry = (&'static str, fn(u32) -> BatchOp);
    let entries: [Entry; 4] = [
        ("load", |addr| raw::load(addr, 5)),
        ("accum", |addr| raw::accum(addr, 3)),
        ("read", raw::read),
        ("swap", raw::swap),
    ];
    let case = |id: String, num_ops: u32, entry: fn(u32) -> BatchOp| {
        let ops: Vec<BatchOp> = (0..num_ops).map(|i| entry(i * STRIDE % contexts)).collect();
        // In pages of their own, as the number of pages that results lie in makes a difference.
        let pages = Pages::new((offset + size_of_val(&*ops)).div_ceil(page_size()));
        pages.put(offset, &ops);
        let mut argument = uapi::Batch {
            table_id,
            num_ops,
            ops_ptr: pages.at(offset) as u64,
        };
        let file = Rc::clone(file);
        let turns = (ENTRIES / num_ops).clamp(1, CALLS) * factor;
        Case::new(id, turns, num_ops, move |_| {
            // The kernel writes to the entries.
            std::hint::black_box(&pages);
            assert_eq!(ioctl(&file, uapi::IOC_BATCH, &mut argument), 0);
        })
    };
    let mut cases = Vec::new();
    for (opcode, entry) in entries {
        for &num_ops in sizes {
            cases.push(case(format!("{name}{opcode}/{num_ops}"), num_ops, entry));
        }
    }
    Ok(cases)
}

/// Batches with conditions that hold, beside batches without any. Those of two entries count as one
/// operation.
fn conditions(file: &Rc<RawFile>, factor: u32) -> Result<Vec<Case>> {
    let contexts = 4096;
    let table_id = file.create(contexts)?;
    let case = |id: &str, operations: u32, ops: Vec<BatchOp>| {
        let pages = Pages::new(size_of_val(&*ops).div_ceil(page_size()));
        pages.put(0, &ops);
        let mut argument = uapi::Batch {
            table_id,
            num_ops: ops.len() as u32,
            ops_ptr: pages.at(0) as u64,
        };
        let file = Rc::clone(file);
        let turns = (ENTRIES / argument.num_ops).clamp(1, CALLS) * factor;
        Case::new(id, turns, operations, move |_| {
            std::hint::black_box(&pages);
            assert_eq!(ioctl(&file, uapi::IOC_BATCH, &mut argument), 0);
        })
    };
    // The states stay 0.
    let pairs = |count: u32| {
        let addr = |i: u32| i * STRIDE % contexts;
        let pair = |i| [raw::expect(addr(i), 0), raw::set(addr(i), 0)];
        (0..count).flat_map(pair).collect()
    };
    let refused = {
        let file = Rc::clone(file);
        Case::new("conditions/canceled", CALLS * factor, 1, move |_| {
            let mut ops = [raw::expect(0, 1), raw::set(0, 2)];
            assert!(file.batch(table_id, &mut ops).is_err());
        })
    };
    Ok(vec![
        case(TWO_ACCUMS, 1, vec![raw::accum(77, 0), raw::accum(77, 0)]),
        case(COMPARE_AND_SET, 1, pairs(1)),
        refused,
        case("batch/expect-set/16", 16, pairs(8)),
        case("batch/expect-set/4096", 4096, pairs(2048)),
    ])
}

/// EXPORT, and operations through what it makes.
fn exports(file: &Rc<RawFile>, factor: u32) -> Result<Vec<Case>> {
    // Descriptors that are open at the same time.
    const EXPORTS: u32 = 8;
    let (table_id, addr) = (file.create(256)?, 77);
    let made = Rc::new(RefCell::new(Vec::with_capacity(EXPORTS as usize)));
    let (these, gone, from) = (Rc::clone(&made), made, Rc::clone(file));
    let export = Case::with_cleanup(
        "export/export",
        EXPORTS,
        1,
        move |_| these.borrow_mut().push(from.export(table_id, 0)),
        move || {
            let all = gone.borrow_mut().drain(..).collect::<Result<Vec<_>, _>>();
            all.expect("EXPORT");
        },
    );
    let exported = Rc::new(file.export(table_id, 0)?);
    let (accum, read) = (
        uapi::Accum {
            table_id,
            addr,
            delta: 3,
        },
        uapi::Read {
            table_id,
            addr,
            state: 0,
        },
    );
    let calls = CALLS * factor;
    Ok(vec![
        export,
        repeated("export/accum", calls, &exported, uapi::IOC_ACCUM, accum),
        repeated("export/read", calls, &exported, uapi::IOC_READ, read),
    ])
}

/// Operations on tables whose watches have been woken already, and on one that wakes its watch;
/// reading changes.
fn watches(file: &Rc<RawFile>, calls: u32) -> Result<Vec<Case>> {
    const CONTEXTS: u32 = 65536;
    // To the end, as nobody reads from them any more.
    let keep = |watch: RawWatch| watch.0.into_raw_fd();
    let all = |table_id, flags| file.watch(table_id, 0, CONTEXTS, flags);
    let mut cases = Vec::new();
    for watches in [1, 100] {
        let table_id = file.create(CONTEXTS)?;
        keep(all(table_id, 0)?);
        // On other contexts than the one that is changed.
        for i in 1..watches {
            keep(file.watch(table_id, 100 + i * 100, 100, 0)?);
        }
        let accum = uapi::Accum {
            table_id,
            addr: 77,
            delta: 3,
        };
        let id = format!("watch/accum/{watches}");
        cases.push(repeated(&id, calls, file, uapi::IOC_ACCUM, accum));
    }
    for num_ops in [16, 4096] {
        let table_id = file.create(CONTEXTS)?;
        keep(all(table_id, 0)?);
        let mut ops: Vec<BatchOp> = (0..num_ops)
            .map(|i| raw::accum(i * STRIDE % CONTEXTS, 3))
            .collect();
        let file = Rc::clone(file);
        let turns = (ENTRIES / num_ops).clamp(1, CALLS);
        let id = format!("batch/watched-accum/{num_ops}");
        cases.push(Case::new(id, turns, num_ops, move |_| {
            assert_eq!(file.batch(table_id, &mut ops), Ok(()));
        }));
    }
    // Of each, the reading counts, and not what makes the changes.
    for changes in [1, 100, CONTEXTS] {
        let table_id = file.create(CONTEXTS)?;
        let watch = all(table_id, uapi::WATCH_NONBLOCK)?;
        let mut records = vec![0; CONTEXTS as usize * size_of::<uapi::Change>()];
        nix::unistd::read(&watch, &mut records)?;
        let file = Rc::clone(file);
        let change = move || {
            let alone = if changes == CONTEXTS { 1 } else { changes };
            // Spread over the table, or all at once.
            for i in 0..alone {
                let addr = i * (CONTEXTS / alone) % CONTEXTS;
                let touched = file.touch(table_id, addr, changes / alone);
                touched.expect("TOUCH");
            }
        };
        change();
        cases.push(Case::with_cleanup(
            format!("watch/read/{changes}"),
            1,
            1,
            move |_| {
                let read = nix::unistd::read(&watch, &mut records);
                assert_eq!(read, Ok(changes as usize * size_of::<uapi::Change>()));
            },
            change,
        ));
    }
    // A change that one of the watches is told of, and that wakes it.
    for watches in [1, 100] {
        let table_id = file.create(CONTEXTS)?;
        let watch = all(table_id, uapi::WATCH_NONBLOCK)?;
        watch.read(CONTEXTS as usize)?;
        for i in 1..watches {
            keep(file.watch(table_id, 100 + i * 100, 100, 0)?);
        }
        let mut accum = uapi::Accum {
            table_id,
            addr: 77,
            delta: 3,
        };
        let file = Rc::clone(file);
        cases.push(Case::with_cleanup(
            format!("watch/wake/{watches}"),
            1,
            1,
            move |_| assert_eq!(ioctl(&file, uapi::IOC_ACCUM, &mut accum), 0),
            move || assert_eq!(watch.read(1).map(|told| told.len()), Ok(1)),
        ));
    }
    Ok(cases)
}

fn numbers_of_contexts(file: &Rc<RawFile>, calls: u32) -> Result<Vec<Case>> {
    CONTEXTS
        .into_iter()
        .map(|contexts| {
            let mut argument = uapi::Accum {
                table_id: file.create(contexts)?,
                addr: 0,
                delta: 3,
            };
            let file = Rc::clone(file);
            Ok(Case::new(
                format!("contexts/accum/{contexts}"),
                calls,
                1,
                move |turn| {
                    // The sizes are powers of two.
                    argument.addr = turn.wrapping_mul(STRIDE) & (contexts - 1);
                    assert_eq!(ioctl(&file, uapi::IOC_ACCUM, &mut argument), 0);
                },
            ))
        })
        .collect()
}

fn numbers_of_tables(calls: u32) -> Result<Vec<Case>> {
    TABLES
        .into_iter()
        .map(|tables| {
            let file = open_device();
            let ids = (0..tables)
                .map(|_| file.create(16))
                .collect::<Result<Vec<u32>, _>>()?;
            let mut argument = uapi::Accum {
                table_id: 0,
                addr: 5,
                delta: 3,
            };
            Ok(Case::new(
                format!("tables/accum/{tables}"),
                calls,
                1,
                move |turn| {
                    argument.table_id = ids[(turn.wrapping_mul(STRIDE) % tables) as usize];
                    assert_eq!(ioctl(&file, uapi::IOC_ACCUM, &mut argument), 0);
                },
            ))
        })
        .collect()
}

fn create_and_destroy(file: &Rc<RawFile>) -> Result<Vec<Case>> {
    // Tables that exist at the same time.
    const TABLES: u32 = 4;
    let mut cases = Vec::new();
    for contexts in [1, 256, 65536] {
        let ids = Rc::new(RefCell::new(Vec::with_capacity(TABLES as usize)));
        let (made, these) = (Rc::clone(&ids), Rc::clone(file));
        let (gone, those) = (Rc::clone(&ids), Rc::clone(file));
        cases.push(Case::with_cleanup(
            format!("create/{contexts}"),
            TABLES,
            1,
            move |_| {
                let mut argument = uapi::CreateTable {
                    num_contexts: contexts,
                    table_id: 0,
                };
                assert_eq!(ioctl(&these, uapi::IOC_CREATE_TABLE, &mut argument), 0);
                made.borrow_mut().push(argument.table_id);
            },
            move || {
                for id in gone.borrow_mut().drain(..) {
                    those.destroy(id).expect("DESTROY_TABLE");
                }
            },
        ));
        let make = {
            let file = Rc::clone(file);
            move || -> Vec<u32> {
                (0..TABLES)
                    .map(|_| file.create(contexts).expect("CREATE_TABLE"))
                    .collect()
            }
        };
        let ids = Rc::new(RefCell::new(make()));
        let (gone, those) = (Rc::clone(&ids), Rc::clone(file));
        cases.push(Case::with_cleanup(
            format!("destroy/{contexts}"),
            TABLES,
            1,
            move |_| {
                let mut id = gone.borrow_mut().pop().expect("as many as turns");
                assert_eq!(ioctl(&those, uapi::IOC_DESTROY_TABLE, &mut id), 0);
            },
            move || *ids.borrow_mut() = make(),
        ));
    }
    Ok(cases)
}

fn bpf_maps(calls: u32) -> Result<Vec<Case>> {
    let entries = 4096;
    let map = Rc::new(ArrayMap::new(entries)?);
    let values = Box::leak(Box::new(map.mapped()?)).words();
    let (update, lookup, batch) = (Rc::clone(&map), Rc::clone(&map), map);
    let keys_and_values: (Vec<u32>, Vec<u64>) = (0..entries).map(|i| (i, 3)).unzip();
    let mut cases = vec![
        Case::new("bpf/update", calls, 1, move |_| update.update(77, 3)),
        Case::new("bpf/lookup", calls, 1, move |_| {
            std::hint::black_box(lookup.lookup(77));
        }),
        Case::new(
            format!("bpf/update-batch/{entries}"),
            1,
            entries,
            move |_| {
                let (keys, values) = &keys_and_values;
                batch.update_batch(keys, values);
            },
        ),
    ];
    cases.extend(peers::words("bpf/mapped", calls, values));
    Ok(cases)
}

/// Cases of a mapped table: operations without a system call, and batches, which have to expect
/// them.
fn mapped(file: &Rc<RawFile>, calls: u32) -> Result<Vec<Case>> {
    const CONTEXTS: u32 = 4096;
    let table_id = file.create(CONTEXTS)?;
    let pages = CONTEXTS as usize * size_of::<u64>() / page_size();
    // Mapped to the end, so that a case has the states themselves.
    let states = Box::leak(Box::new(Mapping::new(file, table_id, pages)?)).states();
    let mut ops: Vec<BatchOp> = (0..CONTEXTS).map(|addr| raw::accum(addr, 3)).collect();
    let file = Rc::clone(file);
    let mut cases = Vec::from(peers::words("mapped", calls, states));
    cases.push(Case::new(
        "mapped/batch/accum/4096",
        1,
        CONTEXTS,
        move |_| {
            assert_eq!(file.batch(table_id, &mut ops), Ok(()));
        },
    ));
    Ok(cases)
}

/// Cases of a whole table at one moment, as `atomikctl watch` and `top` look at it.
fn images(file: &Rc<RawFile>) -> Result<Vec<Case>> {
    [256, 4096, 65536]
        .into_iter()
        .map(|count| {
            let mut contexts = vec![uapi::Context::default(); count as usize];
            let mut argument = uapi::Image {
                table_id: file.create(count)?,
                addr: 0,
                count,
                reserved: 0,
                contexts_ptr: contexts.as_mut_ptr() as u64,
            };
            let file = Rc::clone(file);
            Ok(Case::new(
                format!("image/snapshot/{count}"),
                1,
                count,
                move |_| {
                    // The kernel writes to them.
                    std::hint::black_box(&mut contexts);
                    assert_eq!(ioctl(&file, uapi::IOC_SNAPSHOT, &mut argument), 0);
                },
            ))
        })
        .collect()
}
