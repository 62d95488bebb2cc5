//! The time, by two clocks.

use countersign_core::time::UnixMillis;

/// Source of the time. Every time that is stored, signed or shown comes from here.
///
/// There are two times, because some times are compared with another party's clock and others are
/// not.
///
/// * This server decides by [`now`](Self::now) about challenges and their grace, tokens, device
///   sessions, nonces, waits, holds, windows, retries and retention. The `Date` header of a
///   response is by `now` too, because callers compute from it how much time is left.
/// * [`wall`](Self::wall) is for times that are compared with another party's clock: signatures of
///   webhooks, the window of a removal, and tokens for notification providers.
///
/// `now` begins at the wall clock's time, never falls, and advances as a monotonic clock does, also
/// while the machine sleeps. So a change of the wall clock, however large, ends nothing early and
/// revives nothing. All recorded and shown times are by `now`. After a large change of the wall
/// clock they differ from it until the process is restarted, and the log has a warning about that.
///
/// If a process starts with a clock behind the times in the store, it cannot know how much time has
/// passed. Then [`Engine::recover`](crate::Engine::recover) expires pending challenges, and
/// [`SetBack`](countersign_core::time::SetBack) dates tokens and challenges that were issued later
/// than the start.
pub trait Clock: Send + Sync + 'static {
    /// Returns the time for deadlines. It never falls.
    fn now(&self) -> UnixMillis;

    /// Returns the time of the wall clock, which may be set forward and back.
    fn wall(&self) -> UnixMillis;

    /// Converts a time by [`now`](Self::now) into the wall clock's time. A difference of one second
    /// or less between the clocks is ignored, so that one time always has the same text.
    fn on_wall(&self, at: UnixMillis) -> UnixMillis {
        let (now, wall) = (self.now(), self.wall());
        if now.0.abs_diff(wall.0) <= 1000 { at } else { wall.minus_ms(now.ms_since(at)) }
    }
}
