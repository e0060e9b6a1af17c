// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! The ids of the tables of a file.
//!
//! A table lives in one of a fixed number of places. Its id tells the place and how often the place
//! has been used, so that the id of a destroyed table doesn't at once mean another table.

/// Places for tables in a file.
pub const PLACES: usize = 256;

/// How often a place can be used before its ids start over: ids fit in 32 bits and 0 is none.
const GENERATIONS: u32 = u32::MAX / PLACES as u32;

/// Which places are taken.
///
/// All zero is the start: no place is taken, and none has been used before.
#[cfg_attr(MODULE, derive(pin_init::Zeroable))]
pub struct TableIds {
    places: [Place; PLACES],
}

#[derive(Clone, Copy, Default)]
#[cfg_attr(MODULE, derive(pin_init::Zeroable))]
struct Place {
    generation: u32,
    taken: bool,
}

impl TableIds {
    /// Takes the free place with the lowest number and returns the id of a table there.
    pub fn take(&mut self) -> Option<u32> {
        let (number, place) = self
            .places
            .iter_mut()
            .enumerate()
            .find(|(_, place)| !place.taken)?;
        place.taken = true;
        let base = place.generation.checked_mul(PLACES as u32)?;
        base.checked_add(number as u32)?.checked_add(1)
    }

    /// Frees the place of the table `id`; the next table there has another id.
    pub fn free(&mut self, id: u32) {
        if let Some(place) = self.places.get_mut(place_of(id)) {
            place.taken = false;
            place.generation = place.generation.wrapping_add(1) % GENERATIONS;
        }
    }
}

#[cfg(not(MODULE))]
impl Default for TableIds {
    fn default() -> Self {
        Self {
            places: [Place::default(); PLACES],
        }
    }
}

/// The place that the table `id` has if it exists, below [`PLACES`]. What is there must be asked
/// whether it is that table; none has the id 0.
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
    fn as_many_as_places() {
        let mut ids = TableIds::default();
        let all: HashSet<u32> = (0..PLACES).map(|_| ids.take().unwrap()).collect();
        assert_eq!(all.len(), PLACES);
        assert_eq!(ids.take(), None);
        ids.free(77);
        assert_eq!(ids.take(), Some(77 + PLACES as u32));
        assert_eq!(ids.take(), None);
    }

    #[test]
    fn an_id_is_not_reused_soon_and_none_is_0() {
        let mut ids = TableIds::default();
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let id = ids.take().unwrap();
            assert_ne!(id, 0);
            assert!(seen.insert(id));
            assert_eq!(place_of(id), 0);
            ids.free(id);
        }
        // Any id may be asked for.
        assert!(place_of(0) < PLACES);
        assert!(place_of(u32::MAX) < PLACES);
    }

    #[test]
    fn the_last_generation_fits_and_starts_over() {
        let mut ids = TableIds::default();
        for place in &mut ids.places {
            place.generation = GENERATIONS - 1;
        }
        let last: std::vec::Vec<u32> = (0..PLACES).map(|_| ids.take().unwrap()).collect();
        assert_eq!(last.len(), PLACES);
        for id in last {
            ids.free(id);
        }
        assert_eq!(ids.take(), Some(1));
    }
}
