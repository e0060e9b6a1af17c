// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! [`TableIds`], the ids of the tables of a file.
//!
//! A file keeps each table in one of a fixed number of places. An id tells the place and how often
//! the place has been used, so that the id of a destroyed table doesn't soon mean another table: it
//! comes back only after all ids of all places that were free meanwhile.

/// Places for tables in a file.
pub const PLACES: usize = 256;

/// The end of the ids. Each has a megabyte of the file's offsets, so that this is also the end of
/// the offsets that a 32-bit program can map: it counts them in pages of 4096 bytes.
const END: u32 = 1 << 24;

/// How often a place can be used before its ids start over. (0 is no id.)
const GENERATIONS: u32 = (END - 1) / PLACES as u32;

/// The places of a file: which are taken, and how often each has been used.
///
/// All zero at the start.
#[cfg_attr(MODULE, derive(pin_init::Zeroable))]
pub struct TableIds {
    places: [PlaceState; PLACES],
}

/// The state of a place.
///
/// # Invariants
///
/// `generation`, the number of times that the place has been used, is at most [`GENERATIONS`].
#[derive(Clone, Copy, Default)]
#[cfg_attr(MODULE, derive(pin_init::Zeroable))]
struct PlaceState {
    generation: u32,
    taken: bool,
}

impl PlaceState {
    fn has_an_id(&self) -> bool {
        !self.taken && self.generation < GENERATIONS
    }
}

impl TableIds {
    /// Takes the first free place that has an id left, and returns the id. If no free place has one
    /// left, they all start over.
    pub fn take(&mut self) -> Option<u32> {
        if !self.places.iter().any(PlaceState::has_an_id) {
            for place in self.places.iter_mut().filter(|place| !place.taken) {
                place.generation = 0;
            }
        }
        let (number, place) = self
            .places
            .iter_mut()
            .enumerate()
            .find(|(_, place)| place.has_an_id())?;
        place.taken = true;
        let base = place.generation.checked_mul(PLACES as u32)?;
        base.checked_add(number as u32)?.checked_add(1)
    }

    /// Frees the place of the table `id`, which is taken. The next table there has another id.
    pub fn free(&mut self, id: u32) {
        if let Some(place) = self.places.get_mut(place_of(id)) {
            place.taken = false;
            place.generation = place.generation.saturating_add(1);
        }
    }
}

#[cfg(not(MODULE))]
impl Default for TableIds {
    fn default() -> Self {
        Self {
            places: [PlaceState::default(); PLACES],
        }
    }
}

/// The number of the place where the table `id` is if it exists, below [`PLACES`]. Another table
/// may be there: compare the ids. None has the id 0.
#[inline]
pub fn place_of(id: u32) -> usize {
    id.wrapping_sub(1) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_start_at_1_and_count_up() {
        let mut ids = TableIds::default();
        assert_eq!(ids.take(), Some(1));
        assert_eq!(ids.take(), Some(2));
    }

    #[test]
    fn there_are_as_many_as_places() {
        let mut ids = TableIds::default();
        let all: HashSet<u32> = (0..PLACES).map(|_| ids.take().unwrap()).collect();
        assert_eq!(all.len(), PLACES);
        assert_eq!(ids.take(), None);
        ids.free(77);
        assert_eq!(ids.take(), Some(77 + PLACES as u32));
        assert_eq!(ids.take(), None);
    }

    #[test]
    fn every_id_has_a_place() {
        assert!(place_of(0) < PLACES);
        assert!(place_of(u32::MAX) < PLACES);
    }

    #[test]
    fn ids_come_back_when_all_have_been_used() {
        const LEFT: u32 = 2;
        let mut ids = TableIds::default();
        for place in &mut ids.places {
            place.generation = GENERATIONS - LEFT;
        }
        let mut seen = HashSet::new();
        for used in 0..LEFT as usize * PLACES {
            let id = ids.take().unwrap();
            assert!(id > 0 && id < END && seen.insert(id));
            // One place after the other, so that a file with few tables makes few places.
            assert_eq!(place_of(id), used / LEFT as usize);
            ids.free(id);
        }
        assert_eq!(ids.take(), Some(1));
        assert_eq!(ids.take(), Some(2));
    }

    #[test]
    fn places_that_are_taken_keep_their_ids() {
        let mut ids = TableIds::default();
        let kept: HashSet<u32> = (1..PLACES).map(|_| ids.take().unwrap()).collect();
        // The free place has its last id left.
        ids.places[PLACES - 1].generation = GENERATIONS - 1;
        let last = ids.take().unwrap();
        assert!(last < END && !kept.contains(&last));
        assert_eq!(ids.take(), None);
        ids.free(last);
        assert_eq!(ids.take(), Some(PLACES as u32));
        assert_eq!(ids.take(), None);
    }

    #[test]
    fn all_offsets_fit_in_those_of_32_bit_programs() {
        let end = u64::from(END) * atomik_uapi::MAP_SPAN;
        assert_eq!(end / 4096, 1 << 32);
    }
}
