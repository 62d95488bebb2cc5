//! Units, each with the type of its answer, and a unit that waits with its caller.

use tokio::sync::oneshot;

use super::super::keys::Partition;
use super::super::reply::{RECORDED, Said};
use super::super::trouble::Trouble;
use crate::ports::store::StoreError;
use crate::system::Stopwatch;

/// Words of a unit for the script.
#[derive(Default)]
pub(in crate::store::redis) struct Words {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Words {
    pub(in crate::store::redis) fn push(&mut self, word: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(word.as_ref());
        self.ends.push(self.bytes.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// A unit of work: its words for the script, and the reading of the script's reply to them.
pub(in crate::store::redis) trait Unit: Send + 'static {
    /// Answer for the caller.
    type Answer: Send + 'static;

    /// Returns the name of the script's function for the unit.
    fn kind(&self) -> &'static str;

    fn partition(&self) -> Partition;

    /// Returns the key that the unit changes. A group has at most one unit for each key, because
    /// the order of two such units matters.
    fn record(&self) -> Vec<u8>;

    /// Tells whether the script's work grows with what is recorded. A group has at most one such
    /// unit, because Redis runs nothing else meanwhile.
    fn is_long(&self) -> bool {
        false
    }

    fn words(&self) -> Words;

    /// Reads a reply that says that the unit is recorded, after its sequence.
    fn recorded(&self, said: Said) -> Result<Self::Answer, Trouble>;

    /// Reads a reply with another word, which says why nothing was recorded.
    fn refused(&self, said: Said) -> Result<Self::Answer, Trouble> {
        Err(super::super::reply::unexpected(&format!("the word {}", said.word)))
    }
}

/// A group whose units wait for their replies.
pub(super) type Group = Vec<Waiting>;

/// A unit with its caller, whatever the type of its answer is.
pub(in crate::store::redis) struct Waiting {
    pub(super) kind: &'static str,
    pub(super) partition: Partition,
    pub(super) record: Vec<u8>,
    pub(super) words: Words,
    pub(super) is_long: bool,
    /// Number of the early answer; none if the caller was not answered early. A unit with a number
    /// is retried until it is recorded.
    pub(super) told: Option<u64>,
    pub(super) since: Stopwatch,
    caller: Option<Box<dyn Caller>>,
}

/// A caller that waits for the answer to its unit.
trait Caller: Send {
    fn answer(self: Box<Self>, said: Result<Said, StoreError>);
}

struct Call<U: Unit> {
    unit: U,
    reply: oneshot::Sender<Result<U::Answer, StoreError>>,
}

impl<U: Unit> Caller for Call<U> {
    fn answer(self: Box<Self>, said: Result<Said, StoreError>) {
        let Self { unit, reply } = *self;
        let answer = said.and_then(|said| {
            let is_recorded = said.word == RECORDED;
            let read = if is_recorded { unit.recorded(said) } else { unit.refused(said) };
            read.map_err(StoreError::from)
        });
        // If the caller no longer waits, the answer is dropped.
        let _ = reply.send(answer);
    }
}

/// Receiver of the answer to a unit.
pub(in crate::store::redis) type Answered<U> =
    oneshot::Receiver<Result<<U as Unit>::Answer, StoreError>>;

impl Waiting {
    /// Makes a unit whose caller waits for the answer.
    pub(in crate::store::redis) fn new<U: Unit>(unit: U) -> (Self, Answered<U>) {
        let (reply, answer) = oneshot::channel();
        let mut waiting = Self::told(&unit, None);
        waiting.caller = Some(Box::new(Call { unit, reply }));
        (waiting, answer)
    }

    /// Makes a unit without a caller. `told` is the number of its early answer.
    pub(in crate::store::redis) fn told<U: Unit>(unit: &U, told: Option<u64>) -> Self {
        Self {
            kind: unit.kind(),
            partition: unit.partition(),
            record: unit.record(),
            words: unit.words(),
            is_long: unit.is_long(),
            told,
            since: Stopwatch::start(),
            caller: None,
        }
    }

    /// Answers the caller, if it still waits.
    pub(super) fn answer(&mut self, said: Result<Said, StoreError>) {
        if let Some(caller) = self.caller.take() {
            caller.answer(said);
        }
    }

    /// Tells whether the unit has to be sent: somebody waits for it, or was told that it is done.
    pub(super) fn is_wanted(&self) -> bool {
        self.caller.is_some() || self.told.is_some()
    }

    pub(super) fn has_caller(&self) -> bool {
        self.caller.is_some()
    }

    /// Answers the caller with an error if it has waited for more than `wait` seconds. Returns true
    /// if so.
    pub(super) fn answered_late(&mut self, wait: f64) -> bool {
        let is_late = self.caller.is_some() && self.since.seconds() > wait;
        if is_late {
            self.answer(Err(super::late()));
        }
        is_late
    }
}
