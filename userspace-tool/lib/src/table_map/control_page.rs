// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`ControlPage`]: the page of a table that tells when batches are at work on it.

use std::mem::offset_of;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use atomik_uapi::{CONTROL_VERSION, Control, MAP_CONTROL, MAP_SPAN};
use nix::errno::Errno;

use super::mapping::Mapping;

const WORD: usize = size_of::<u64>();
const WORDS: usize = size_of::<Control>() / WORD;
/// The number of the word that holds the sequence.
const SEQUENCE: usize = offset_of!(Control, sequence) / WORD;

/// The sequence where there is no page to read it from: always odd, so that nobody relies on it.
static ALWAYS_ODD: AtomicU64 = AtomicU64::new(1);

/// The control page of a table, or none where the driver has another or is too old.
pub(super) struct ControlPage {
    /// Of the page, or [`ALWAYS_ODD`].
    sequence: NonNull<AtomicU64>,
    _page: Option<Mapping>,
}

// SAFETY: it points to an atomic, which any thread may use.
unsafe impl Send for ControlPage {}
// SAFETY: as above.
unsafe impl Sync for ControlPage {}

impl ControlPage {
    /// Maps the control page of a table in a file.
    pub(super) fn new(file: impl AsFd, table: u32) -> Result<Self, Errno> {
        let offset = u64::from(table) * MAP_SPAN + MAP_CONTROL;
        let page = match Mapping::new(file, offset, WORDS, false) {
            Ok(page) => Some(page).filter(is_known),
            // An older driver: its tables have nothing there.
            Err(Errno::EINVAL) => None,
            Err(errno) => return Err(errno),
        };
        let sequence = page
            .as_ref()
            .map_or(&ALWAYS_ODD, |page| &page.words()[SEQUENCE]);
        Ok(Self {
            sequence: NonNull::from(sequence),
            _page: page,
        })
    }

    /// The sequence.
    #[inline]
    pub(super) fn sequence(&self) -> &AtomicU64 {
        // SAFETY: in the page, which is mapped as long as this, or static.
        unsafe { self.sequence.as_ref() }
    }
}

/// Returns true if a page has the fields that this crate knows.
fn is_known(page: &Mapping) -> bool {
    let word = page.words()[offset_of!(Control, version) / WORD].load(Ordering::Relaxed);
    let version = &word.to_ne_bytes()[offset_of!(Control, version) % WORD..];
    version.starts_with(&CONTROL_VERSION.to_ne_bytes())
}
