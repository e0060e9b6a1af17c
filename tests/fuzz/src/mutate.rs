// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes programs from others that have reached new code.

use crate::{
    generate::{self, Names},
    program::{Command, Ioctl, MAX_THREADS, Op, Program, Step},
};
use rand::{
    Rng, SeedableRng,
    seq::{IndexedMutRandom, IndexedRandom},
};
use rand_chacha::ChaCha8Rng;

/// Steps in a list that still grows.
const MOST_STEPS: usize = 40;
/// Steps in a list of racing threads. More have too many orders.
const MOST_RACING: usize = 6;

/// The program that seed, number and corpus make.
pub fn program(seed: u64, number: u64, corpus: &[Program]) -> Program {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    match corpus.choose(&mut random) {
        Some(program) if random.random_ratio(3, 4) => mutated(&mut random, program, corpus),
        _ => generate::program(&mut random),
    }
}

fn mutated(random: &mut impl Rng, program: &Program, corpus: &[Program]) -> Program {
    let mut program = program.clone();
    for _ in 0..random.random_range(1..=4) {
        mutate(random, &mut program, corpus);
    }
    program
}

fn mutate(random: &mut impl Rng, program: &mut Program, corpus: &[Program]) {
    match random.random_range(0..40) {
        0 => program.signals = !program.signals,
        1 if !program.threads.is_empty() => program.storm = !program.storm,
        2 => {
            // The end of the setup becomes a thread, beside another that does the same.
            if program.threads.len() < MAX_THREADS {
                let at = program.setup.len().saturating_sub(3);
                let steps = program.setup.split_off(at);
                program.threads.push(steps.clone());
                if program.threads.len() < MAX_THREADS {
                    program.threads.push(steps);
                }
            }
        }
        3 => {
            program.threads.pop();
        }
        4 => {
            if let Some(other) = corpus.choose(random) {
                let at = random.random_range(0..=program.setup.len());
                program.setup.truncate(at);
                let from = random.random_range(0..=other.setup.len());
                program.setup.extend_from_slice(&other.setup[from..]);
            }
        }
        _ => {
            let before = Names::of(&program.setup);
            let racing = !program.storm;
            match program.threads.choose_mut(random) {
                Some(thread) if random.random_bool(0.5) => {
                    let most = if racing { MOST_RACING } else { MOST_STEPS };
                    mutate_steps(random, thread, before, most);
                }
                _ => mutate_steps(random, &mut program.setup, before, MOST_STEPS),
            }
        }
    }
}

fn mutate_steps(random: &mut impl Rng, steps: &mut Vec<Step>, names: Names, most: usize) {
    match random.random_range(0..10) {
        0..3 if steps.len() < most => {
            let at = random.random_range(0..=steps.len());
            steps.insert(at, generate::step(random, names));
        }
        3 if !steps.is_empty() => {
            steps.remove(random.random_range(0..steps.len()));
        }
        4 if !steps.is_empty() && steps.len() < most => {
            let step = steps[random.random_range(0..steps.len())].clone();
            steps.insert(random.random_range(0..=steps.len()), step);
        }
        5 if steps.len() > 1 => {
            let (a, b) = (
                random.random_range(0..steps.len()),
                random.random_range(0..steps.len()),
            );
            steps.swap(a, b);
        }
        _ => {
            if let Some(step) = steps.choose_mut(random) {
                mutate_step(random, step, names);
            }
        }
    }
}

fn mutate_step(random: &mut impl Rng, step: &mut Step, names: Names) {
    match step {
        Step::Ioctl(ioctl) => mutate_ioctl(random, ioctl, names),
        Step::Repeat(times, ioctl) => {
            if random.random_ratio(1, 4) {
                *times = *[1, 16, 256, 300].choose(random).expect("some");
            } else {
                mutate_ioctl(random, ioctl, names);
            }
        }
        Step::Map(map) => {
            let other = generate::map(random, names);
            match random.random_range(0..4) {
                0 => map.fd = other.fd,
                1 => map.table = other.table,
                2 => (map.first, map.pages) = (other.first, other.pages),
                _ => (map.rights, map.private) = (other.rights, other.private),
            }
        }
        Step::Touch(map, addr, touch) => match random.random_range(0..3) {
            0 => *map = generate::map_number(random, names),
            1 => *addr = generate::address(random),
            _ => *touch = generate::touch(random),
        },
        Step::Read(read) => {
            let other = generate::read(random, names);
            match random.random_range(0..3) {
                0 => read.fd = other.fd,
                1 => read.most = other.most,
                _ => read.to = other.to,
            }
        }
        other => *other = generate::step(random, names),
    }
}

fn mutate_ioctl(random: &mut impl Rng, ioctl: &mut Ioctl, names: Names) {
    match random.random_range(0..10) {
        0 => ioctl.fd = generate::ioctl(random, names).fd,
        1..3 => ioctl.at = generate::location(random),
        3 => ioctl.by = generate::ioctl(random, names).by,
        4 => ioctl.call = generate::command(random, names),
        _ => mutate_command(random, &mut ioctl.call, names),
    }
}

fn mutate_command(random: &mut impl Rng, command: &mut Command, names: Names) {
    let field = random.random_range(0..3);
    match command {
        Command::Create { .. } | Command::Info => *command = generate::command(random, names),
        Command::Destroy { table } => *table = generate::table(random, names),
        Command::Read { table, addr } => match field {
            0 => *table = generate::table(random, names),
            _ => *addr = generate::address(random),
        },
        Command::Load { table, addr, value }
        | Command::Accum { table, addr, value }
        | Command::Swap { table, addr, value } => match field {
            0 => *table = generate::table(random, names),
            1 => *addr = generate::address(random),
            _ => *value = generate::value(random),
        },
        Command::Batch {
            table,
            ops,
            more,
            num_ops,
            ops_at,
        } => match random.random_range(0..10) {
            0 => *table = generate::table(random, names),
            1 => *more = *[0, 0, 1, 63, 511, 4095].choose(random).expect("some"),
            2 => *num_ops = None,
            3 => *num_ops = Some(random.random_range(0..5000)),
            4..6 => *ops_at = generate::location(random),
            6 if ops.len() > 1 => {
                ops.remove(random.random_range(0..ops.len()));
            }
            7 if ops.len() < 64 => {
                ops.insert(random.random_range(0..=ops.len()), generate::op(random));
            }
            _ => {
                if let Some(op) = ops.choose_mut(random) {
                    mutate_op(random, op);
                }
            }
        },
        Command::Export {
            table,
            flags,
            reserved,
        } => match field {
            0 => *table = generate::table(random, names),
            1 => *flags = generate::export_flags(random),
            _ => *reserved = generate::reserved(random),
        },
        Command::Watch {
            table,
            addr,
            count,
            flags,
            reserved,
        } => match random.random_range(0..5) {
            0 => *table = generate::table(random, names),
            1 => *addr = generate::address(random),
            2 => *count = generate::count(random),
            3 => *flags = generate::watch_flags(random),
            _ => *reserved = generate::reserved(random),
        },
        Command::Touch {
            table,
            addr,
            count,
            reserved,
        } => match random.random_range(0..4) {
            0 => *table = generate::table(random, names),
            1 => *addr = generate::address(random),
            2 => *count = generate::count(random),
            _ => *reserved = generate::reserved(random),
        },
        Command::Snapshot {
            table,
            addr,
            count,
            reserved,
            contexts_at,
        } => match random.random_range(0..8) {
            0 => *table = generate::table(random, names),
            1..3 => *addr = generate::address(random),
            3..5 => *count = generate::count(random),
            5 => *reserved = generate::reserved(random),
            _ => *contexts_at = generate::location(random),
        },
        Command::Restore {
            table,
            addr,
            contexts,
            more,
            count,
            reserved,
            contexts_at,
        } => match random.random_range(0..10) {
            0 => *table = generate::table(random, names),
            1..3 => *addr = generate::address(random),
            3 => *more = *[0, 0, 1, 63, 1365].choose(random).expect("some"),
            4 => *count = None,
            5 => *count = Some(generate::count(random)),
            6 => *reserved = generate::reserved(random),
            7 if contexts.len() < 64 => {
                contexts.push((generate::value(random), generate::value(random)));
            }
            _ => *contexts_at = generate::location(random),
        },
        Command::Raw { command, words } => match field {
            0 => *command ^= 1 << random.random_range(0..32),
            1 => words.push(generate::value(random) as u32),
            _ => {
                if let Some(word) = words.choose_mut(random) {
                    *word = generate::value(random) as u32;
                }
            }
        },
    }
}

fn mutate_op(random: &mut impl Rng, op: &mut Op) {
    match random.random_range(0..4) {
        0 => op.op = random.random_range(0..7),
        1 => op.addr = generate::address(random),
        2 => op.value = generate::value(random),
        _ => *op = generate::op(random),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_programs() {
        let corpus: Vec<Program> = (0..8).map(|i| program(1, i, &[])).collect();
        for number in 0..200 {
            let first = program(7, number, &corpus);
            assert_eq!(first, program(7, number, &corpus));
            assert_ne!(first, program(8, number, &corpus));
        }
    }

    #[test]
    fn a_programs_text_is_the_program() {
        let mut corpus = Vec::new();
        for number in 0..2000 {
            let program = program(3, number, &corpus);
            assert_eq!(Program::parse(&program.line()).unwrap(), program);
            assert_eq!(Program::parse(&program.text()).unwrap(), program);
            if number % 16 == 0 {
                corpus.push(program);
            }
        }
    }
}
