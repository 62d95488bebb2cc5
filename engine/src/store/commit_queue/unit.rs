//! A unit of work with the channel to its caller.

use tokio::sync::oneshot;

use super::Failure;
use crate::ports::store::StoreError;
use crate::store::refused;

/// A unit of work on a medium, whatever the type of its answer.
pub(in crate::store) type Unit<M> = Box<dyn Work<M>>;

/// Work that holds its answer back until the group is recorded.
pub(in crate::store) trait Work<M: ?Sized>: Send {
    /// Runs the work. If the work is refused but its group is not, it must leave no change behind.
    ///
    /// # Errors
    /// [`Failure`] if the whole group fails.
    fn run(&mut self, medium: &mut M) -> Result<(), Failure>;

    /// Tells whether the caller was answered before the unit was recorded.
    fn is_answered(&self) -> bool;

    /// Tells whether the early answer differs from the answer of the last run.
    fn is_contradicted(&self) -> bool;

    /// Answers a waiting caller. If the group was recorded, the caller gets the answer of the last
    /// run; otherwise it gets the error.
    fn answer(self: Box<Self>, recorded: Result<(), StoreError>);
}

/// The state of a unit's caller.
pub(in crate::store) enum Caller<T> {
    /// The caller waits for the answer on this channel.
    Waits(oneshot::Sender<Result<T, StoreError>>),
    /// The caller was answered early, with this value.
    Answered(T),
}

/// One caller's work, with the answer of its last run.
pub(in crate::store) struct Call<T, W> {
    work: W,
    caller: Caller<T>,
    /// Answer of the last run; none before the first.
    answer: Option<Result<T, StoreError>>,
}

impl<T, W> Call<T, W> {
    pub(in crate::store) const fn new(work: W, caller: Caller<T>) -> Self {
        Self { work, caller, answer: None }
    }
}

impl<M, T, W> Work<M> for Call<T, W>
where
    M: ?Sized,
    T: PartialEq + Send,
    W: FnMut(&mut M) -> Result<Result<T, StoreError>, Failure> + Send,
{
    fn run(&mut self, medium: &mut M) -> Result<(), Failure> {
        self.answer = Some((self.work)(medium)?);
        Ok(())
    }

    fn is_answered(&self) -> bool {
        matches!(self.caller, Caller::Answered(_))
    }

    fn is_contradicted(&self) -> bool {
        let Caller::Answered(told) = &self.caller else { return false };
        !matches!(&self.answer, Some(Ok(answer)) if answer == told)
    }

    fn answer(self: Box<Self>, recorded: Result<(), StoreError>) {
        let Caller::Waits(reply) = self.caller else { return };
        let answer = self.answer.unwrap_or_else(|| Err(refused("the unit was not run")));
        // If the caller no longer waits, the answer is dropped.
        let _ = reply.send(recorded.and(answer));
    }
}
