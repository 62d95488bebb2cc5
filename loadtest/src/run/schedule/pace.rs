//! Telling when an arrival is due.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

/// Arrivals so close to the next wake-up are told with it.
const TOGETHER: Duration = Duration::from_micros(50);

/// Announces each arrival when it is due, with the time it was due at.
///
/// A thread does it, because the timers of a runtime are of a millisecond, and busy with the
/// measured work.
pub(crate) fn pace(
    start: Instant,
    arrivals: Box<dyn Iterator<Item = Duration> + Send>,
) -> mpsc::UnboundedReceiver<Instant> {
    let (tell, due) = mpsc::unbounded_channel();
    let thread = std::thread::Builder::new().name("pace".to_owned());
    thread
        .spawn(move || {
            for at in arrivals {
                let meant = start + at;
                let left = meant.saturating_duration_since(Instant::now());
                if left > TOGETHER {
                    std::thread::sleep(left);
                }
                if tell.send(meant).is_err() {
                    return;
                }
            }
        })
        .expect("the system starts a thread");
    due
}
