// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes a failing program smaller.

use crate::{
    location::Location,
    program::{Caller, Command, Ioctl, Program, Read, Slot, Step, Table},
};

/// A smaller program that still fails.
pub fn shrink(program: &Program, mut fails: impl FnMut(&Program) -> bool) -> Program {
    let mut smallest = program.clone();
    while let Some(smaller) = simpler(&smallest).into_iter().find(&mut fails) {
        smallest = smaller;
    }
    smallest
}

/// Makes simpler programs, the simplest first.
pub fn simpler(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    let mut change = |f: &dyn Fn(&mut Program)| {
        let mut changed = program.clone();
        f(&mut changed);
        if changed != *program {
            all.push(changed);
        }
    };
    change(&|program| program.threads.clear());
    for i in 0..program.threads.len() {
        change(&|program| drop(program.threads.remove(i)));
    }
    for list in lists(program) {
        let length = steps(program, list).len();
        let mut size = length;
        while size > 0 {
            for start in (0..length).step_by(size).rev() {
                change(&|program| {
                    for at in (start..length.min(start + size)).rev() {
                        remove(program, list, at);
                    }
                });
            }
            size /= 2;
        }
    }
    change(&|program| program.signals = false);
    change(&|program| program.storm = false);
    for list in lists(program) {
        for at in 0..steps(program, list).len() {
            for step in simpler_steps(&steps(program, list)[at]) {
                change(&|program| steps_mut(program, list)[at] = step.clone());
            }
        }
    }
    all
}

/// A list of steps: the setup, or that of a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Setup,
    Thread(usize),
}

fn lists(program: &Program) -> Vec<List> {
    let threads = (0..program.threads.len()).map(List::Thread);
    std::iter::once(List::Setup).chain(threads).collect()
}

fn steps(program: &Program, list: List) -> &[Step] {
    match list {
        List::Setup => &program.setup,
        List::Thread(i) => &program.threads[i],
    }
}

fn steps_mut(program: &mut Program, list: List) -> &mut Vec<Step> {
    match list {
        List::Setup => &mut program.setup,
        List::Thread(i) => &mut program.threads[i],
    }
}

/// Numbers of descriptors, tables and mappings that a step adds to the names of a program.
fn made(step: &Step) -> [usize; 3] {
    let creates = |ioctl: &Ioctl| usize::from(matches!(ioctl.call, Command::Create { .. }));
    match step {
        Step::Open(_) | Step::Reopen(_) | Step::Dup(_) | Step::Pass(_) => [1, 0, 0],
        Step::Ioctl(ioctl) | Step::Repeat(_, ioctl) if ioctl.call.makes_descriptor() => [1, 0, 0],
        Step::Ioctl(ioctl) => [0, creates(ioctl), 0],
        Step::Repeat(times, ioctl) => [0, usize::from(*times) * creates(ioctl), 0],
        Step::Map(_) => [0, 0, 1],
        _ => [0; 3],
    }
}

/// Removes a step, and renames in the others what they refer to.
fn remove(program: &mut Program, list: List, at: usize) {
    let names = |steps: &[Step]| {
        let add = |sum: [usize; 3], one: [usize; 3]| std::array::from_fn(|i| sum[i] + one[i]);
        steps.iter().map(made).fold([0; 3], add)
    };
    let mut first = names(&steps(program, list)[..at]);
    if let List::Thread(_) = list {
        let setup = names(&program.setup);
        first = std::array::from_fn(|i| first[i] + setup[i]);
    }
    let gone = made(&steps(program, list)[at]);
    steps_mut(program, list).remove(at);
    // The new number of a name, if it still exists.
    let renamed = |kind: usize, name: u8| {
        let number = usize::from(name);
        if number >= first[kind] + gone[kind] {
            Some(name - gone[kind] as u8)
        } else {
            (number < first[kind]).then_some(name)
        }
    };
    let slot = |slot: &mut Slot| {
        if *slot != 0xff {
            *slot = renamed(0, *slot).unwrap_or(0xff);
        }
    };
    let table = |table: &mut Table| {
        if let Table::T(number) = table {
            *table = renamed(1, *number).map_or(Table::Id(0), Table::T);
        }
    };
    let map = |map: &mut u8| *map = renamed(2, *map).unwrap_or(0xff);
    let rename = |step: &mut Step| match step {
        Step::Open(_) => {}
        Step::Reopen(fd)
        | Step::Dup(fd)
        | Step::Pass(fd)
        | Step::Close(fd)
        | Step::Poll(fd)
        | Step::FdInfo(fd)
        | Step::Other(fd, _) => slot(fd),
        Step::Read(read) => slot(&mut read.fd),
        Step::Map(map) => {
            slot(&mut map.fd);
            table(&mut map.table);
        }
        Step::Touch(number, ..) | Step::Unmap(number) => map(number),
        Step::Ioctl(ioctl) | Step::Repeat(_, ioctl) => {
            slot(&mut ioctl.fd);
            match &mut ioctl.call {
                Command::Destroy { table: id }
                | Command::Load { table: id, .. }
                | Command::Accum { table: id, .. }
                | Command::Read { table: id, .. }
                | Command::Swap { table: id, .. }
                | Command::Batch { table: id, .. }
                | Command::Snapshot { table: id, .. }
                | Command::Restore { table: id, .. }
                | Command::Export { table: id, .. }
                | Command::Watch { table: id, .. }
                | Command::Touch { table: id, .. } => table(id),
                Command::Create { .. } | Command::Info | Command::Raw { .. } => {}
            }
        }
    };
    steps_mut(program, list)[at..].iter_mut().for_each(rename);
    if list == List::Setup {
        program.threads.iter_mut().flatten().for_each(rename);
    }
}

fn simpler_steps(step: &Step) -> Vec<Step> {
    match step {
        Step::Ioctl(ioctl) => simpler_ioctls(ioctl).into_iter().map(Step::Ioctl).collect(),
        Step::Repeat(times, ioctl) => {
            let mut all = vec![Step::Ioctl(ioctl.clone())];
            if *times > 1 {
                all.push(Step::Repeat(times / 2, ioctl.clone()));
                all.push(Step::Repeat(times - 1, ioctl.clone()));
            }
            let simpler = simpler_ioctls(ioctl).into_iter();
            all.extend(simpler.map(|ioctl| Step::Repeat(*times, ioctl)));
            all
        }
        Step::Read(read) => {
            let (to, most) = (Location::FINE, read.most.min(1));
            let simpler = [Read { to, ..*read }, Read { most, ..*read }].into_iter();
            simpler.map(Step::Read).collect()
        }
        _ => Vec::new(),
    }
}

fn simpler_ioctls(ioctl: &Ioctl) -> Vec<Ioctl> {
    let mut all = Vec::new();
    let mut change = |f: &dyn Fn(&mut Ioctl)| {
        let mut changed = ioctl.clone();
        f(&mut changed);
        if changed != *ioctl {
            all.push(changed);
        }
    };
    change(&|ioctl| ioctl.by = Caller::Thread);
    change(&|ioctl| ioctl.at = Location::FINE);
    let small = |value: u64| if value > 1 { 1 } else { 0 };
    match &ioctl.call {
        Command::Load { .. } | Command::Accum { .. } | Command::Swap { .. } => {
            change(&|ioctl| {
                if let Command::Load { value, .. }
                | Command::Accum { value, .. }
                | Command::Swap { value, .. } = &mut ioctl.call
                {
                    *value = small(*value);
                }
            });
        }
        Command::Batch { ops, .. } => {
            change(&|ioctl| {
                if let Command::Batch { more, .. } = &mut ioctl.call {
                    *more = 0;
                }
            });
            change(&|ioctl| {
                if let Command::Batch { num_ops, .. } = &mut ioctl.call {
                    *num_ops = None;
                }
            });
            change(&|ioctl| {
                if let Command::Batch { ops_at, .. } = &mut ioctl.call {
                    *ops_at = Location::FINE;
                }
            });
            for at in 0..ops.len() {
                change(&|ioctl| {
                    if let Command::Batch { ops, .. } = &mut ioctl.call {
                        ops.remove(at);
                    }
                });
            }
            for at in 0..ops.len() {
                change(&|ioctl| {
                    if let Command::Batch { ops, .. } = &mut ioctl.call {
                        ops[at].value = small(ops[at].value);
                    }
                });
            }
        }
        Command::Snapshot { .. } => {
            change(&|ioctl| {
                if let Command::Snapshot { contexts_at, .. } = &mut ioctl.call {
                    *contexts_at = Location::FINE;
                }
            });
            change(&|ioctl| {
                if let Command::Snapshot { addr, count, .. } = &mut ioctl.call {
                    (*addr, *count) = (0, 1);
                }
            });
        }
        Command::Restore { contexts, .. } => {
            change(&|ioctl| {
                if let Command::Restore { contexts_at, .. } = &mut ioctl.call {
                    *contexts_at = Location::FINE;
                }
            });
            change(&|ioctl| {
                if let Command::Restore { more, count, .. } = &mut ioctl.call {
                    (*more, *count) = (0, None);
                }
            });
            if contexts.len() > 1 {
                change(&|ioctl| {
                    if let Command::Restore { contexts, .. } = &mut ioctl.call {
                        contexts.pop();
                    }
                });
            }
        }
        Command::Raw { words, .. } if !words.is_empty() => {
            change(&|ioctl| {
                if let Command::Raw { words, .. } = &mut ioctl.call {
                    words.pop();
                }
            });
        }
        _ => {}
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mutate, program::Access};

    fn ioctl(fd: Slot, call: Command) -> Step {
        Step::Ioctl(Ioctl {
            fd,
            call,
            at: Location::FINE,
            by: Caller::Thread,
        })
    }

    #[test]
    fn what_remains_refers_to_the_same() {
        let read = |table| ioctl(1, Command::Read { table, addr: 3 });
        let program = Program {
            setup: vec![
                Step::Open(Access::Rdonly),
                Step::Open(Access::Rdwr),
                ioctl(0, Command::Create { contexts: 1 }),
                ioctl(1, Command::Create { contexts: 4 }),
                read(Table::T(1)),
            ],
            threads: vec![vec![read(Table::T(1))]],
            ..Program::default()
        };
        // Fails where the fourth context of a table of the second file is read in a thread.
        let fails = |program: &Program| {
            let wanted = |step: &Step| {
                let Step::Ioctl(Ioctl {
                    fd,
                    call:
                        Command::Read {
                            table: Table::T(n), ..
                        },
                    ..
                }) = step
                else {
                    return false;
                };
                let opened: Vec<&Step> = program
                    .setup
                    .iter()
                    .filter(|step| made(step)[0] == 1)
                    .collect();
                let created: Vec<&Step> = program
                    .setup
                    .iter()
                    .filter(|step| made(step)[1] == 1)
                    .collect();
                opened.get(usize::from(*fd)) == Some(&&Step::Open(Access::Rdwr))
                    && created.get(usize::from(*n)).is_some_and(|step| {
                        matches!(
                            step,
                            Step::Ioctl(Ioctl {
                                call: Command::Create { contexts: 4 },
                                ..
                            })
                        )
                    })
            };
            program.threads.iter().flatten().any(wanted)
        };
        let small = shrink(&program, fails);
        assert_eq!(small.len(), 3, "{}", small.text());
        assert!(fails(&small));
    }

    #[test]
    fn shrinking_ends() {
        for number in 0..50 {
            let program = mutate::program(2, number, &[]);
            assert!(shrink(&program, |_| true).is_empty());
        }
    }
}
