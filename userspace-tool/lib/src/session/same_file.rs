// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`SameFile`]: finds the descriptors of the same open file.

use std::cmp::Ordering;

use super::raw::Descriptor;

/// Descriptors of different open files, in the kernel's order, so that a lookup takes few
/// comparisons.
pub struct SameFile<F> {
    compare: F,
    /// For each file a descriptor, and the file's number.
    known: Vec<(Descriptor, usize)>,
}

impl<F: FnMut(Descriptor, Descriptor) -> Option<Ordering>> SameFile<F> {
    pub fn new(compare: F) -> Self {
        Self {
            compare,
            known: vec![],
        }
    }

    /// The number of the known file of a descriptor. None where the file is new: it is known by
    /// `number` from then on. A file that can't be compared stays unknown.
    pub fn find(&mut self, descriptor: Descriptor, number: usize) -> Option<usize> {
        let (mut low, mut high) = (0, self.known.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(&(known, found)) = self.known.get(middle) else {
                break;
            };
            match (self.compare)(descriptor, known) {
                Some(Ordering::Equal) => return Some(found),
                Some(Ordering::Less) => high = middle,
                Some(Ordering::Greater) => low = middle + 1,
                // The descriptor is gone.
                None if (self.compare)(descriptor, descriptor).is_none() => return None,
                // The known one is gone, also for later lookups.
                None => {
                    self.known.remove(middle);
                    high -= 1;
                }
            }
        }
        self.known.insert(low, (descriptor, number));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::raw::compare;
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::collections::HashMap;
    use std::fs::File;
    use std::os::fd::AsRawFd;

    /// Too many to compare each with each, which would take half a minute.
    const FILES: i32 = 3000;

    /// The file of an invented descriptor. Two share each file, in no order.
    fn file((_, fd): Descriptor) -> i32 {
        (fd / 2).wrapping_mul(1103) % FILES
    }

    #[test]
    fn finding_takes_few_comparisons() {
        let compared = Cell::new(0);
        let mut same = SameFile::new(|a, b| {
            compared.set(compared.get() + 1);
            Some(file(a).cmp(&file(b)))
        });
        let mut numbers = HashMap::new();
        for fd in 0..2 * FILES {
            let number = numbers.len();
            let expected = numbers.get(&file((1, fd))).copied();
            assert_eq!(same.find((1, fd), number), expected);
            numbers.entry(file((1, fd))).or_insert(number);
        }
        assert_eq!(numbers.len(), FILES as usize);
        // The logarithm of 3000 is below 12.
        assert!(compared.get() <= 2 * FILES * 12, "{}", compared.get());
    }

    #[test]
    fn what_is_gone_is_in_nobodys_way() {
        let gone = RefCell::new(vec![]);
        let compared = Cell::new(0);
        let mut same = SameFile::new(|a, b| {
            compared.set(compared.get() + 1);
            let is_gone = |d| gone.borrow().contains(&d);
            (!is_gone(a) && !is_gone(b)).then(|| file(a).cmp(&file(b)))
        });
        for fd in 0..100 {
            same.find((1, 2 * fd), fd as usize);
        }
        // All known ones but one.
        gone.borrow_mut().extend((0..99).map(|fd| (1, 2 * fd)));
        // One that is not.
        gone.borrow_mut().push((2, 0));
        assert_eq!(same.find((2, 0), 100), None);
        compared.set(0);
        assert_eq!(same.find((1, 2 * 99 + 1), 101), Some(99));
        assert_eq!(same.find((1, 1), 102), None);
        assert_eq!(same.find((3, 0), 103), Some(102));
        assert!(compared.get() <= 2 * 100 + 10, "{}", compared.get());
    }

    #[test]
    fn the_kernel_tells_files_apart() {
        let own = i32::try_from(std::process::id()).unwrap();
        let [a, b] = [(); 2].map(|()| File::open("/dev/null").unwrap());
        let copy = a.try_clone().unwrap();
        let [a, b, copy] = [&a, &b, &copy].map(|file| (own, file.as_raw_fd()));
        assert_eq!(compare(a, copy), Some(Ordering::Equal));
        let order = compare(a, b).unwrap();
        assert_ne!(order, Ordering::Equal);
        assert_eq!(compare(b, copy), Some(order.reverse()));
        assert_eq!(compare(a, (own, -1)), None);
    }
}
