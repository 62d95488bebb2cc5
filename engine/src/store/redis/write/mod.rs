//! Writing: units with their typed answers, and the one task that sends them in groups.
//!
//! A group is one call of a script. `scripts/units.lua`, its beginning, describes the words of a
//! unit and the replies to it.

mod change;
mod group;
mod job;
mod small;
mod task;
mod track;
mod unit;

pub(super) use self::change::{Commit, version};
#[cfg(test)]
pub(super) use self::group::call_of;
pub(super) use self::job::Job;
use self::job::late;
pub(super) use self::small::{forget, observe, put_off, remove_event, secret};
pub(super) use self::task::{QUEUE_UNITS_MAX, Task};
pub(super) use self::track::{Track, Tracked};
pub(super) use self::unit::{Unit, Waiting};
