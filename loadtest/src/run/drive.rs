//! Open and closed loops: work on a schedule, or work that restarts when it ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::LoadError;
use crate::client::recorder::Recorder;
use crate::run::schedule::{Schedule, pace};
use crate::run::stop::Stop;
use crate::run::tally::Tally;

/// Work that each of several concurrent workers repeats.
pub trait Work: Send + 'static {
    /// Does the work once. `meant` is its scheduled start, from which its times count.
    fn once(
        &mut self,
        meant: Instant,
        recorder: &mut Recorder,
    ) -> impl Future<Output = Result<(), LoadError>> + Send;
}

/// Number of consecutive failures after which a worker of a closed loop stops, because it measures
/// nothing useful.
const FAILURES_MAX: u64 = 100;
/// Pause of a worker in a closed loop after a failure.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts work at the times of `schedule`, even if earlier work is still in progress. Each arrival
/// gets the worker that has been idle longest. If all workers are busy, the arrival waits, and
/// counts as late. After the last arrival, unfinished work gets the time `drain`, and is then
/// abandoned. The stop signal ends the loop immediately. Returns the workers that are idle at the
/// end.
pub async fn open_loop<W: Work>(
    workers: Vec<W>,
    schedule: Schedule,
    drain: Duration,
    tally: &Arc<Tally>,
    stop: &Stop,
) -> Vec<W> {
    let due = pace(Instant::now(), schedule.arrivals());
    as_due(workers, due, drain, tally, stop).await
}

async fn as_due<W: Work>(
    workers: Vec<W>,
    mut due: UnboundedReceiver<Instant>,
    drain: Duration,
    tally: &Arc<Tally>,
    stop: &Stop,
) -> Vec<W> {
    let count = workers.len();
    let mut idle = VecDeque::from(workers);
    let mut waiting: VecDeque<Instant> = VecDeque::new();
    let mut tasks = JoinSet::new();
    let mut end: Option<Instant> = None;
    let called = stop.called();
    tokio::pin!(called);
    loop {
        tokio::select! {
            biased;
            () = &mut called => break,
            Some(worker) = tasks.join_next() => idle.push_back(unwrap(worker)),
            meant = due.recv(), if end.is_none() => match meant {
                Some(meant) => {
                    tally.offered();
                    waiting.push_back(meant);
                }
                None => end = Some(Instant::now() + drain),
            },
            () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => break,
        }
        while !idle.is_empty() && !waiting.is_empty() {
            if let (Some(mut worker), Some(meant)) = (idle.pop_front(), waiting.pop_front()) {
                tally.begun(meant.elapsed());
                let tally = tally.clone();
                tasks.spawn(async move {
                    once(&mut worker, meant, &tally).await;
                    worker
                });
            }
        }
        if end.is_some() && waiting.is_empty() && tasks.is_empty() {
            break;
        }
    }
    if stop.reason().is_none() {
        tally.unbegun(waiting.len() as u64, count);
        tasks.shutdown().await;
        tally.abandon();
    }
    idle.into()
}

/// Runs a closed loop: each worker restarts its work as soon as it ends. A worker stops if `go_on`
/// returns false for the number of its repetitions so far, or after too many consecutive failures.
pub async fn closed_loop<W: Work>(
    workers: impl IntoIterator<Item = W>,
    go_on: impl Fn(u64) -> bool + Clone + Send + 'static,
    tally: &Arc<Tally>,
    stop: &Stop,
) {
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        let (go_on, tally) = (go_on.clone(), tally.clone());
        tasks.spawn(async move {
            let (mut times, mut failures) = (0, 0);
            while go_on(times) && failures < FAILURES_MAX {
                tally.offered();
                tally.begun(Duration::ZERO);
                if once(&mut worker, Instant::now(), &tally).await {
                    failures = 0;
                } else {
                    failures += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                times += 1;
            }
            failures < FAILURES_MAX
        });
    }
    let mut gave_up = 0;
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(ended) => gave_up += u64::from(!unwrap(ended)),
                None => break,
            },
            () = stop.called() => return,
        }
    }
    if gave_up > 0 {
        stop.call(format!("{gave_up} gave up after {FAILURES_MAX} failures in a row"));
    }
}

/// Returns a condition for [`closed_loop`] that holds for `time` from now on.
pub fn for_time(time: Duration) -> impl Fn(u64) -> bool + Clone + Send + 'static {
    let end = Instant::now() + time;
    move |_| Instant::now() < end
}

async fn once<W: Work>(worker: &mut W, meant: Instant, tally: &Tally) -> bool {
    let mut recorder = Recorder::default();
    let result = worker.once(meant, &mut recorder).await;
    tally.ended(&recorder, result.as_ref().copied());
    result.is_ok()
}

/// Returns the result of a task. A panic of the task is repeated here, because it is a bug of the
/// harness.
fn unwrap<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::out::report::step::WHOLE;
    use crate::run::schedule::Shape;

    /// A server that takes 10 ms for each request, and responds to none during its stall.
    #[derive(Clone)]
    struct Stalling {
        begin: Instant,
        stall: std::ops::Range<u64>,
    }

    impl Work for Stalling {
        async fn once(&mut self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
            let end = self.begin + Duration::from_millis(self.stall.end);
            if self.stall.contains(&(self.begin.elapsed().as_millis() as u64)) {
                sleep_until(end).await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            recorder.record(WHOLE, meant.elapsed());
            Ok(())
        }
    }

    fn workers(count: usize, stall: std::ops::Range<u64>) -> Vec<Stalling> {
        vec![Stalling { begin: Instant::now(), stall }; count]
    }

    fn pace_in_virtual_time(
        start: Instant,
        arrivals: Box<dyn Iterator<Item = Duration> + Send>,
    ) -> UnboundedReceiver<Instant> {
        let (tell, due) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for at in arrivals {
                sleep_until(start + at).await;
                if tell.send(start + at).is_err() {
                    return;
                }
            }
        });
        due
    }

    /// Runs arrivals at equal intervals for ten seconds of virtual time.
    async fn offered(per_second: f64, workers: Vec<Stalling>, drain: u64) -> Arc<Tally> {
        let (time, seed) = (Duration::from_secs(10), 1);
        let schedule = Schedule { shape: Shape::Constant, rate: per_second, time, seed };
        let tally = Arc::new(Tally::new(WHOLE));
        let due = pace_in_virtual_time(Instant::now(), schedule.arrivals());
        as_due(workers, due, Duration::from_secs(drain), &tally, &Stop::default()).await;
        tally
    }

    fn ms(tally: &Tally, quantile: f64) -> u64 {
        tally.steps()[0].times.value_at_quantile(quantile).div_ceil(1000)
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_loop_counts_a_stall_for_everyone_who_was_meant_to_come_in_it() {
        // 100 arrivals per second over 10 s; a stall from 5 s to 6 s affects a tenth of them. An
        // arrival that is due x seconds into the stall waits until the stall ends, and then for the
        // arrivals before it, of which ten are served every 11 ms: 1.011 s - 0.89 x. Half of these
        // arrivals come in the first half of the stall, and a tenth in its first tenth.
        let tally = offered(100.0, workers(10, 5000..6000), 30).await;
        let totals = tally.totals();
        assert_eq!((totals.offered, totals.begun, totals.completed), (1000, 1000, 1000));
        assert!(ms(&tally, 0.5) <= 12, "half never met the stall: {}", ms(&tally, 0.5));
        assert!((540..=590).contains(&ms(&tally, 0.95)), "{}", ms(&tally, 0.95));
        assert!((890..=950).contains(&ms(&tally, 0.99)), "{}", ms(&tally, 0.99));
        // The stall itself holds ten arrivals. The arrivals after them wait until the queue is
        // empty.
        assert!((85..=110).contains(&totals.late), "{}", totals.late);
        assert!(totals.late_max_us >= 850_000, "{}", totals.late_max_us);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_loop_hides_the_stall_since_nobody_comes_in_it() {
        let (tally, stop) = (Arc::new(Tally::new(WHOLE)), Stop::default());
        let ten = for_time(Duration::from_secs(10));
        closed_loop(workers(10, 5000..6000), ten, &tally, &stop).await;
        assert!(ms(&tally, 0.99) <= 11, "{}", ms(&tally, 0.99));
        assert_eq!(tally.totals().late, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn too_few_workers_are_counted_as_lateness_and_as_what_never_began() {
        // Two workers do 200 arrivals per second, and 400 arrive. After 10 s and 1 s of drain,
        // 1,800 arrivals have not begun.
        let tally = offered(400.0, workers(2, 0..0), 1).await;
        let totals = tally.totals();
        assert_eq!(totals.offered, 4000);
        assert!(totals.begun.abs_diff(2200) < 250, "{}", totals.begun);
        assert!(totals.late > 1500 && totals.late_max_us > 3_000_000);
        let never = tally.errors().into_iter().find(|e| e.kind == "never begun").unwrap();
        assert_eq!(never.count, totals.offered - totals.begun);
        assert_eq!(totals.begun, totals.completed + totals.failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_to_stop_ends_a_loop_and_keeps_what_was_done() {
        let (tally, stop) = (Arc::new(Tally::new(WHOLE)), Stop::default());
        let caller = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            caller.call("enough");
        });
        closed_loop(workers(1, 0..0), |_| true, &tally, &stop).await;
        assert!(tally.totals().completed.abs_diff(95) <= 5, "{}", tally.totals().completed);
        assert_eq!(stop.reason().as_deref(), Some("enough"));
    }

    struct EveryThirdFails(u64);

    impl Work for EveryThirdFails {
        async fn once(&mut self, _: Instant, _: &mut Recorder) -> Result<(), LoadError> {
            self.0 += 1;
            let third = self.0.is_multiple_of(3);
            if third { Err(LoadError::Wrong("the third")) } else { Ok(()) }
        }
    }

    struct Never;

    impl Work for Never {
        async fn once(&mut self, _: Instant, _: &mut Recorder) -> Result<(), LoadError> {
            Err(LoadError::Wrong("never"))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_counted_and_who_only_fails_gives_up() {
        let (tally, stop) = (Arc::new(Tally::new(WHOLE)), Stop::default());
        closed_loop((0..4).map(|_| EveryThirdFails(0)), |times| times < 9, &tally, &stop).await;
        assert_eq!((tally.totals().completed, tally.totals().failed), (24, 12));
        assert_eq!(stop.reason(), None);
        closed_loop([Never], |_| true, &tally, &stop).await;
        assert!(stop.reason().unwrap().contains("gave up"));
    }
}
