// SPDX-License-Identifier: GPL-2.0

//! [`PollQueue`], a condition variable that `poll` can wait for too, in memory of a file.

use core::ops::Deref;
use kernel::{prelude::*, sync::poll::PollCondVar, types::Opaque};
use pin_init::Wrapper;

/// A [`PollCondVar`] whose users hold the file that it belongs to.
///
/// When a `PollCondVar` goes, it evicts those who still poll it and waits for a grace period of RCU,
/// which takes milliseconds. Here nobody is left to be evicted: `poll` and `select` hold the file
/// for as long as they wait, and when the last reference to a file goes, epoll forgets it before the
/// file's `release` is called.
#[pin_data]
pub(crate) struct PollQueue {
    /// Not dropped, by its type.
    #[pin]
    inner: Opaque<PollCondVar>,
}

// SAFETY: a `PollCondVar` may be used in any thread.
unsafe impl Send for PollQueue {}
// SAFETY: as above.
unsafe impl Sync for PollQueue {}

impl PollQueue {
    /// A queue from what `new_poll_condvar!` gives.
    ///
    /// # Safety
    ///
    /// Whoever passes it to [`PollTable::register_wait`](kernel::sync::poll::PollTable) does so for
    /// a file that keeps it until its release.
    pub(crate) unsafe fn new(inner: impl PinInit<PollCondVar>) -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- Opaque::pin_init(inner),
        })
    }
}

impl Deref for PollQueue {
    type Target = PollCondVar;

    fn deref(&self) -> &PollCondVar {
        // SAFETY: initialised by `new`. Only shared references to it exist.
        unsafe { &*self.inner.get() }
    }
}
