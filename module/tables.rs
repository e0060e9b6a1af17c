// SPDX-License-Identifier: GPL-2.0

//! [`Tables`], the tables of one open file.

use crate::{
    contexts::Contexts,
    kernel_ext::gfp,
    limit::Charge,
    logic::table_ids::{place_of, TableIds, PLACES},
    place::{Place, Serial, Table},
    quiet::Quiet,
    uapi,
};
use core::ops::Range;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex, SetOnce,
    },
};

// Each table has a place.
const _: () = assert!(PLACES == uapi::MAX_TABLES as usize);

/// The tables of an open file.
///
/// # Invariants
///
/// - A place holds a table only while the table's id is taken in `ids`.
/// - Only the first `used` places have been made.
#[pin_data]
pub(crate) struct Tables {
    /// Which places are taken.
    #[pin]
    ids: Mutex<TableIds>,
    /// The places. Each is made when it is first needed, and stays until the file is closed, and
    /// until the watches on its tables are.
    places: [SetOnce<Arc<Place>>; PLACES],
    used: Atomic<u64>,
    /// How many tables have been put into places.
    created: Atomic<u64>,
    charge: Charge,
}

impl Tables {
    /// Initialises a file's tables, of which there are none yet; their memory counts against the
    /// module's limit. Fails with ENOMEM.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            ids <- new_mutex!(pin_init::init_zeroed::<TableIds>(), "atomik::tables::ids"),
            places <- pin_init::init_array_from_fn(|_| SetOnce::new()),
            used: Atomic::new(0),
            created: Atomic::new(0),
            charge: Charge::new(size_of::<Self>())?,
        })
    }

    /// Creates a table. `write_id` hands its id to the caller. Fails with ENOSPC, ENOMEM, or as
    /// `write_id` does.
    pub(crate) fn create(
        &self,
        num_contexts: u32,
        write_id: impl FnOnce(&u32) -> Result,
    ) -> Result {
        let id = self.take_id()?;
        let created = self.create_as(id, num_contexts, write_id);
        if created.is_err() {
            self.ids.lock().free(id);
        }
        created
    }

    fn take_id(&self) -> Result<u32> {
        let mut ids = self.ids.lock();
        let id = ids.take().ok_or(ENOSPC)?;
        let used = (place_of(id) as u64).wrapping_add(1);
        // Relaxed: a reader finds each place made or not by the place's own ordering.
        if used > self.used.load(Relaxed) {
            self.used.store(used, Relaxed);
        }
        Ok(id)
    }

    /// Creates the table `id`, which the caller has taken in `ids`.
    fn create_as(
        &self,
        id: u32,
        num_contexts: u32,
        write_id: impl FnOnce(&u32) -> Result,
    ) -> Result {
        let contexts = Contexts::new(num_contexts)?;
        let place = self.make_place(id)?;
        // The id goes out first: if that fails, there is no table yet that others could have found.
        write_id(&id)?;
        // Relaxed: each table gets a number of its own.
        let serial = Serial(self.created.fetch_add(1, Relaxed).wrapping_add(1));
        place.put(Table {
            id,
            serial,
            contexts,
            watchers: None,
            quiet: Quiet::none(),
        });
        Ok(())
    }

    /// Destroys the table `id`. Fails with ENOENT.
    pub(crate) fn destroy(&self, id: u32) -> Result {
        let place = self.place(id)?;
        // Under one lock, so that whoever sees the table gone can have its place.
        let mut ids = self.ids.lock();
        let freed = place.take(id)?;
        ids.free(id);
        drop(ids);
        drop(freed);
        Ok(())
    }

    /// The place where the table `id` is if it exists. Fails with ENOENT.
    #[inline]
    pub(crate) fn place(&self, id: u32) -> Result<&Place> {
        self.made(id).map(|place| &**place)
    }

    /// The same place, to be kept. Fails with ENOENT.
    pub(crate) fn shared_place(&self, id: u32) -> Result<Arc<Place>> {
        self.made(id).cloned()
    }

    #[inline]
    fn made(&self, id: u32) -> Result<&Arc<Place>> {
        self.places
            .get(place_of(id))
            .and_then(|place| place.as_ref())
            .ok_or(ENOENT)
    }

    /// The place for the table `id`, which the caller has taken in `ids`; made if need be. Fails
    /// with ENOMEM.
    fn make_place(&self, id: u32) -> Result<&Place> {
        if let Ok(place) = self.place(id) {
            return Ok(place);
        }
        let new = Arc::pin_init(Place::new(), gfp::charged())?;
        if let Some(place) = self.places.get(place_of(id)) {
            // Nobody else populates it meanwhile: the id is taken.
            place.populate(new);
        }
        self.place(id)
    }

    /// How many places may have been made: the first ones.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed) as usize
    }

    /// The places in `range` that have been made.
    fn places(&self, range: Range<usize>) -> impl Iterator<Item = &Place> {
        let places = self.places.get(range).unwrap_or(&[]);
        places
            .iter()
            .filter_map(|place| place.as_ref().map(|place| &**place))
    }

    /// All places that have been made.
    pub(crate) fn all_places(&self) -> impl Iterator<Item = &Place> {
        self.places(0..self.used())
    }

    /// Ends all watches, as the file is being closed.
    pub(crate) fn close(&self) {
        self.all_places().for_each(Place::close);
    }

    /// Operations served in the places of `range`, which is within [`Self::used`]. Waits for nobody
    /// who uses a table.
    pub(crate) fn ops(&self, range: Range<usize>) -> u64 {
        self.places(range)
            .fold(0, |sum, place| sum.wrapping_add(place.ops()))
    }

    /// Bytes of kernel memory, without those of the places.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes()
    }
}
