//! Free room of the store: a metric, and a warning before it is used up.

use std::sync::{Mutex, PoisonError};

use metrics::gauge;

use crate::ports::Store;
use crate::telemetry;

/// Free room of the store at the last measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeRoom {
    /// Bytes that the store can still record; absent if unknown.
    pub bytes: Option<u64>,
    /// True if the free room is below the limit for a warning.
    pub is_low: bool,
}

/// The last measurement of the free room, and the limit below which the engine warns.
pub(super) struct FreeRoomWatch {
    warn_bytes: u64,
    known: Mutex<FreeRoom>,
}

/// A change between low and enough room, found by a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Low,
    Enough,
}

impl FreeRoomWatch {
    /// Makes a watch without a measurement. If `warn_bytes` is 0, it never warns.
    pub(super) const fn new(warn_bytes: u64) -> Self {
        Self { warn_bytes, known: Mutex::new(FreeRoom { bytes: None, is_low: false }) }
    }

    pub(super) fn known(&self) -> FreeRoom {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Measures the free room, sets the metric, and logs when the room has become low or enough
    /// again.
    pub(super) async fn look(&self, store: &dyn Store) {
        let bytes = store.room().await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the room of the store is not known");
            None
        });
        let show = |bytes: f64| gauge!(telemetry::STORE_ROOM_BYTES).set(bytes);
        match (bytes, self.known().bytes) {
            (Some(bytes), _) => show(bytes as f64),
            (None, Some(_)) => show(f64::NAN),
            (None, None) => {}
        }
        match self.note(bytes) {
            Some(Turn::Low) => tracing::warn!(bytes, "the store has little room left"),
            Some(Turn::Enough) => tracing::info!(bytes, "the store has enough room again"),
            None => {}
        }
    }

    /// Stores a measurement, and returns the change between low and enough, if there is one. After
    /// the room was low, it counts as enough again from 125 % of the limit, so that the state does
    /// not change with every record. Unknown room does not count as low.
    fn note(&self, bytes: Option<u64>) -> Option<Turn> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let was_low = known.is_low;
        let enough = if was_low { self.warn_bytes + self.warn_bytes / 4 } else { self.warn_bytes };
        let is_low = bytes.is_some_and(|bytes| bytes < enough);
        *known = FreeRoom { bytes, is_low };
        match (was_low, is_low) {
            (false, true) => Some(Turn::Low),
            (true, false) => Some(Turn::Enough),
            (false, false) | (true, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_told_once_and_enough_of_it_a_quarter_above() {
        let watch = FreeRoomWatch::new(1_000);
        let turns = |looks: &[u64]| -> Vec<Option<Turn>> {
            looks.iter().map(|bytes| watch.note(Some(*bytes))).collect()
        };
        assert_eq!(turns(&[5_000, 1_000]), [None, None]);
        assert_eq!(turns(&[999, 500, 0, 1_000, 1_249]), [Some(Turn::Low), None, None, None, None]);
        assert!(watch.known().is_low);
        assert_eq!(turns(&[1_250, 1_000]), [Some(Turn::Enough), None]);
        assert_eq!(turns(&[999]), [Some(Turn::Low)]);
    }

    #[test]
    fn what_is_not_known_is_not_little() {
        let watch = FreeRoomWatch::new(1_000);
        assert_eq!(watch.note(None), None);
        assert_eq!(watch.known(), FreeRoom { bytes: None, is_low: false });
        assert_eq!(watch.note(Some(1)), Some(Turn::Low));
        assert_eq!(watch.note(None), Some(Turn::Enough));
    }

    #[test]
    fn nothing_is_little_where_no_warning_is_wanted() {
        assert_eq!(FreeRoomWatch::new(0).note(Some(0)), None);
    }
}
