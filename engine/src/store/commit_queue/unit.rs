//! A unit of work, with the channel to its caller.

use tokio::sync::oneshot;

use super::Failure;
use crate::ports::store::StoreError;
use crate::store::refused;

/// A unit of work on a medium.
pub(in crate::store) type Unit<M> = Box<dyn Work<M>>;

/// Work that keeps its answer until the group is recorded.
pub(in crate::store) trait Work<M: ?Sized>: Send {
    /// Does the work. A unit that is refused alone leaves no trace.
    ///
    /// # Errors
    /// [`Failure`] of the whole group.
    fn run(&mut self, medium: &M) -> Result<(), Failure>;

    /// Tells whether the caller was answered before the record.
    fn is_answered(&self) -> bool;

    /// Tells whether the early answer is another one than that of the last run.
    fn is_contradicted(&self) -> bool;

    /// Answers a waiting caller: with the answer of the last run, or why nothing is recorded.
    fn answer(self: Box<Self>, recorded: Result<(), StoreError>);
}

/// The caller of a unit.
pub(in crate::store) enum Caller<T> {
    /// Waits for the answer.
    Waits(oneshot::Sender<Result<T, StoreError>>),
    /// Was answered this, early.
    Answered(T),
}

/// Work of one caller.
pub(in crate::store) struct Call<T, W> {
    work: W,
    caller: Caller<T>,
    /// Answer of the last run.
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
    W: FnMut(&M) -> Result<Result<T, StoreError>, Failure> + Send,
{
    fn run(&mut self, medium: &M) -> Result<(), Failure> {
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
        // If the caller has left, the answer is dropped.
        let _ = reply.send(recorded.and(answer));
    }
}
