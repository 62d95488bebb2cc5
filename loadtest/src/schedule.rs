//! When what is done is done.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::LoadError;
use crate::recorder::Recorder;

/// What is done over and over, by one of those who do it at the same time.
pub trait Work: Send + 'static {
    /// Does it once, writing down how long its parts took.
    fn once(
        &mut self,
        recorder: &mut Recorder,
    ) -> impl Future<Output = Result<(), LoadError>> + Send;
}

/// What came of a schedule.
#[derive(Default)]
pub struct Done {
    /// How long everything took.
    pub times: Recorder,
    /// How often the work was done.
    pub completed: u64,
    /// How often it failed.
    pub failed: u64,
    /// The first failure.
    pub first_failure: Option<LoadError>,
    /// From the start to the end of the last.
    pub took: Duration,
}

/// A worker stops after so many failures: it measures nothing any more.
const FAILURES_MAX: u64 = 100;

/// A closed loop: each worker begins anew as soon as it is done, until `go_on` says no to the
/// number of times that it has done it.
///
/// # Panics
/// If a worker does.
pub async fn closed_loop<W: Work>(
    workers: impl IntoIterator<Item = W>,
    go_on: impl Fn(u64) -> bool + Clone + Send + 'static,
) -> Done {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        let go_on = go_on.clone();
        tasks.spawn(async move {
            let mut done = Done::default();
            while go_on(done.completed + done.failed) && done.failed < FAILURES_MAX {
                match worker.once(&mut done.times).await {
                    Ok(()) => done.completed += 1,
                    Err(error) => {
                        done.failed += 1;
                        done.first_failure.get_or_insert(error);
                    }
                }
            }
            done
        });
    }
    let mut all = Done::default();
    while let Some(done) = tasks.join_next().await {
        let done = done.expect("no worker panics");
        all.times.merge(&done.times);
        all.completed += done.completed;
        all.failed += done.failed;
        all.first_failure = all.first_failure.or(done.first_failure);
    }
    all.took = start.elapsed();
    all
}

/// Goes on for a while from when it is called.
pub fn for_time(time: Duration) -> impl Fn(u64) -> bool + Clone + Send + 'static {
    let end = Instant::now() + time;
    move |_| Instant::now() < end
}

#[cfg(test)]
mod tests {
    use super::*;

    struct EveryThirdFails(u64);

    impl Work for EveryThirdFails {
        async fn once(&mut self, recorder: &mut Recorder) -> Result<(), LoadError> {
            self.0 += 1;
            if self.0.is_multiple_of(3) {
                return Err(LoadError::Wrong("the third"));
            }
            recorder.record("work", Duration::from_micros(1));
            tokio::task::yield_now().await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn every_worker_does_its_share_and_failures_are_counted() {
        let workers = (0..4).map(|_| EveryThirdFails(0));
        let done = closed_loop(workers, |times| times < 9).await;
        assert_eq!((done.completed, done.failed, done.times.count("work")), (24, 12, 24));
        assert!(matches!(done.first_failure, Some(LoadError::Wrong("the third"))));
    }
}
