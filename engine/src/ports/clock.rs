//! The time, as two clocks tell it.

use countersign_core::time::UnixMillis;

/// Tells the time. Everything that is stored, signed or shown takes it from here.
///
/// There are two times, because two parties judge them.
///
/// * This server judges challenges and their grace, tokens, device sessions, nonces, waits, holds,
///   windows, retries and retention: by [`now`](Self::now). Callers reckon from the `Date` of an
///   answer how long is left, so that it is by `now` too.
/// * Somebody with a clock of their own judges signatures of webhooks, the window of a removal, and
///   tokens for notification providers: by [`wall`](Self::wall).
///
/// `now` never falls and passes as a monotonic clock does, also while the machine sleeps. So a wall
/// clock that is set, however far, ends nothing before its time and revives nothing. It begins at
/// the wall clock's time, and dates all that is recorded and shown. After a big step these times
/// differ from the wall clock's until the process starts anew; the log says so.
///
/// A process that starts with a clock behind the times in the store cannot know how much time has
/// passed: [`Engine::recover`](crate::Engine::recover) expires pending challenges, and
/// [`SetBack`](countersign_core::time::SetBack) dates tokens and challenges that were issued later
/// than the start.
pub trait Clock: Send + Sync + 'static {
    /// The time of deadlines. It never falls.
    fn now(&self) -> UnixMillis;

    /// The time of the wall clock, which may be set forward and back.
    fn wall(&self) -> UnixMillis;

    /// A time that [`now`](Self::now) told, as the wall clock has it. A difference of a second or
    /// less between the clocks counts as none, so that one time stays one text.
    fn on_wall(&self, at: UnixMillis) -> UnixMillis {
        let (now, wall) = (self.now(), self.wall());
        if now.0.abs_diff(wall.0) <= 1000 { at } else { wall.minus_ms(now.ms_since(at)) }
    }
}
