// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel's fault injection: things that may fail, and their moment.

use nix::{errno::Errno, sys::uio};
use std::{
    fmt,
    fs::{self, File},
    io::Write,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Kind of thing that the kernel makes fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An allocation of the slab allocator.
    Slab,
    /// An allocation of pages.
    Page,
    /// A copy from or to userspace.
    Copy,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Slab, Self::Page, Self::Copy];

    /// Its directory in debugfs.
    fn name(self) -> &'static str {
        match self {
            Self::Slab => "failslab",
            Self::Page => "fail_page_alloc",
            Self::Copy => "fail_usercopy",
        }
    }

    /// The error of a call that can't do without it.
    pub fn error(self) -> Errno {
        match self {
            Self::Slab | Self::Page => Errno::ENOMEM,
            Self::Copy => Errno::EFAULT,
        }
    }

    /// Makes everything fail once so many bytes of the slab allocator, or pages, have been handed
    /// out.
    fn fail_beyond(self, amount: u32) {
        self.set("space", &amount.to_string());
        self.set("times", "-1");
        self.set("probability", "100");
    }

    fn set(self, parameter: &str, value: &str) {
        let path = format!("/sys/kernel/debug/{}/{parameter}", self.name());
        fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The right to choose what may fail.
pub struct Injection {
    _alone: MutexGuard<'static, ()>,
}

impl Injection {
    /// Waits for other tests. Nothing is exempt from failing, and nothing does yet.
    pub fn start() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        for kind in Kind::ALL {
            kind.set("probability", "0");
            kind.set("task-filter", "Y");
            // Keep them out of the log.
            kind.set("verbose", "0");
            kind.set("stacktrace-depth", "32");
            kind.set("require-start", "0");
            kind.set("require-end", &u64::MAX.to_string());
            kind.set("reject-start", "0");
        }
        Kind::Slab.set("cache-filter", "N");
        Kind::Page.set("ignore-gfp-highmem", "N");
        Kind::Page.set("min-order", "0");
        for kind in [Kind::Slab, Kind::Page] {
            kind.set("ignore-gfp-wait", "N");
        }
        Self { _alone: alone }
    }

    /// Lets only this kind fail.
    pub fn choose(&self, chosen: Kind) {
        self.only(&[chosen]);
    }

    fn only(&self, chosen: &[Kind]) {
        for kind in Kind::ALL {
            // To reject every caller is the one way to keep `fail-nth` from counting a kind.
            let end = if chosen.contains(&kind) { 0 } else { u64::MAX };
            kind.set("reject-end", &end.to_string());
        }
    }
}

/// Memory that is left for a call.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// Bytes that the slab allocator still hands out; None for no limit.
    pub slab: Option<u32>,
    pub pages: Pages,
}

impl Left {
    pub const NONE: Self = Self {
        slab: Some(0),
        pages: Pages::Only(0),
    };
}

/// Pages that are left for a call.
#[derive(Clone, Copy, Debug)]
pub enum Pages {
    /// So many, in pieces of any size. The request that reaches this number fails as well.
    Only(u32),
    /// Any number of single pages, and no pieces of several.
    Single,
}

/// A thread's own count of things until one fails.
pub struct FailNth {
    nth: File,
    /// Subjects the thread to the faults of all threads.
    subject: File,
}

impl FailNth {
    /// Opens that of the calling thread, which alone may use it.
    pub fn of_this_thread() -> Self {
        let open = |name: &str| {
            let path = format!("/proc/thread-self/{name}");
            let file = File::options().read(true).write(true).open(&path);
            file.unwrap_or_else(|error| panic!("{path}: {error}; is this the debug kernel?"))
        };
        Self {
            nth: open("fail-nth"),
            subject: open("make-it-fail"),
        }
    }

    /// Does a call with only so much memory. The kernel crate's vectors try twice for theirs, so a
    /// single fault never reaches the driver.
    pub fn call_with<R>(&self, injection: &Injection, left: Left, call: impl FnOnce() -> R) -> R {
        injection.only(&[Kind::Slab, Kind::Page]);
        if let Some(bytes) = left.slab {
            Kind::Slab.fail_beyond(bytes);
        }
        match left.pages {
            Pages::Only(pages) => Kind::Page.fail_beyond(pages),
            Pages::Single => {
                Kind::Page.set("min-order", "1");
                Kind::Page.fail_beyond(0);
            }
        }
        assert_eq!(uio::pwrite(&self.subject, b"1", 0), Ok(1));
        let result = call();
        assert_eq!(uio::pwrite(&self.subject, b"0", 0), Ok(1));
        for kind in [Kind::Slab, Kind::Page] {
            kind.set("probability", "0");
        }
        Kind::Page.set("min-order", "0");
        result
    }

    /// Does a call in which the thing with this number fails, counted from 1. Returns the call's
    /// result, and true where it had so many things.
    ///
    /// The call should be little more than a system call, as its own page faults count.
    pub fn call<R>(&self, nth: u32, call: impl FnOnce() -> R) -> (R, bool) {
        let mut text = [0; 16];
        write!(&mut text[..], "{nth}").expect("a number is shorter");
        let len = text.iter().position(|&byte| byte == 0).unwrap();
        assert_eq!(uio::pwrite(&self.nth, &text[..len], 0), Ok(len));
        let result = call();
        // The kernel tells the number left. That copy counts too: where it fails, one was left.
        let mut left = [0; 16];
        let injected = uio::pread(&self.nth, &mut left, 0).is_ok() && left.starts_with(b"0\n");
        // A failure here is the last one, which ends the injection as well.
        let _ = uio::pwrite(&self.nth, b"0", 0);
        (result, injected)
    }
}
