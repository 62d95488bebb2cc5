//! Announcement of arrivals at their scheduled times.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

/// Longest time by which an arrival may be announced early, so that close arrivals need only one
/// wake-up.
const TOGETHER: Duration = Duration::from_micros(50);

/// Sends the scheduled time of each arrival to the receiver when the arrival is due.
///
/// A separate thread sends them, because the runtime's timers have a resolution of a millisecond
/// and the runtime is busy with the measured work.
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
