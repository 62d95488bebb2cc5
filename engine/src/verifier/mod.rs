//! The pool that checks signatures, so that no event loop ever does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{gauge, histogram};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::system::Stopwatch;
use crate::telemetry;

/// Checks signatures on threads of its own. What is queued or running is bounded: one more is
/// refused before any work is done.
pub(crate) struct Verifier {
    pool: ThreadPool,
    queued: Arc<AtomicUsize>,
    queue_max: usize,
}

impl Verifier {
    /// Starts `threads` threads (0: one per core).
    pub(crate) fn start(threads: usize, queue_max: usize) -> Self {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("verifier-{index}"))
            .panic_handler(|_| tracing::error!("a signature check panicked"))
            .build()
            .expect("the operating system gives threads at start");
        Self { pool, queued: Arc::default(), queue_max }
    }

    /// Runs a check on the pool.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the queue is full.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = Place::take(&self.queued, self.queue_max)
            .ok_or_else(|| Error::Unavailable("too many signatures to check".to_owned()))?;
        let watch = Stopwatch::start();
        let (reply, answer) = oneshot::channel();
        self.pool.spawn_fifo(move || {
            // The place is free before the asker knows, even if the check panics: it may ask again
            // at once.
            let verdict = {
                let _place = place;
                check()
            };
            // The asker may have gone.
            let _ = reply.send(verdict);
        });
        let verdict = answer.await.map_err(|_| Error::lost());
        histogram!(telemetry::VERIFY_SECONDS).record(watch.seconds());
        verdict
    }
}

/// A place in the queue, given back when the check is done.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(queued: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let taken = queued.fetch_add(1, Ordering::Relaxed);
        let place = Self(queued.clone());
        gauge!(telemetry::VERIFY_QUEUE).increment(1);
        (taken < max).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        gauge!(telemetry::VERIFY_QUEUE).decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_before_any_work() {
        let verifier = Verifier::start(1, 1);
        let (release, held) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let first = verifier.run(move || {
            let _ = started.send(());
            held.recv().is_ok()
        });
        let second = async {
            running.await.unwrap();
            let refused = verifier.run(|| ()).await;
            release.send(()).unwrap();
            refused
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(first, Ok(true));
        assert!(matches!(second, Err(Error::Unavailable(_))));
        assert_eq!(verifier.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_check_that_panics_is_no_verdict() {
        let verifier = Verifier::start(1, 1);
        let lost = verifier.run(|| -> bool { panic!("a bug in a check") }).await;
        assert!(matches!(lost, Err(Error::Unavailable(_))));
        assert_eq!(verifier.run(|| 7).await, Ok(7));
    }
}
