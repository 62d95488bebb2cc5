//! The pool that checks signatures, so that event loops do not, except for checks that are done
//! sooner than a thread of the pool is awake.
//!
//! It schedules and decides nothing: the core judges a signature, alone and in a batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rayon::ThreadPoolBuilder;
use tokio::sync::oneshot;

use countersign_core::signature::{Check, InvalidSignature, Proof, verify_all};

use crate::error::{Error, Unavailable};
use crate::permits::{Permit, Permits};
use crate::ports::Entropy;
use crate::system::Stopwatch;
use crate::telemetry::Counted;
use batch_gate::BatchGate;
use inline::Inline;
use meters::{Lane, Meters};
use queue::{Queue, Turn};

mod batch_gate;
mod inline;
mod meters;
mod queue;
#[cfg(test)]
mod tests;

type Verdict = Result<Proof, InvalidSignature>;

/// Checks signatures on threads of its own, in batches of the checks that queued while they were
/// busy. Queue and work under way are bounded: one more check is refused before any work is done.
pub struct Verifier {
    pool: Arc<Pool>,
    /// Permits for checks that are queued or running.
    permits: Permits,
    /// Absent in tests of the pool.
    inline: Option<Inline>,
}

/// A permit for a check, and its part of the metric.
type CheckPermit = (Permit, Counted);

/// State that the workers share.
struct Pool {
    state: Mutex<State>,
    more: Condvar,
    /// A worker's needs for a turn.
    #[cfg(test)]
    gate: Mutex<()>,
    entropy: Arc<dyn Entropy>,
    meters: Meters,
}

struct State {
    queue: Queue<Job>,
    batch_gate: BatchGate,
    /// Workers that are to wake up.
    called: usize,
    is_over: bool,
}

struct Job {
    check: Check,
    asker: Asker,
}

/// The permit comes first, and so is dropped first: it is free before the asker knows, even if the
/// check panics. The asker may ask again at once.
struct Asker {
    permit: CheckPermit,
    reply: oneshot::Sender<Verdict>,
    watch: Stopwatch,
}

impl Verifier {
    /// Starts `threads` threads (0: one per core). The random bytes weigh the signatures of a
    /// batch.
    ///
    /// # Panics
    /// If the operating system gives no threads.
    #[must_use]
    pub fn start(threads: usize, queue_max: usize, entropy: Arc<dyn Entropy>) -> Self {
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("verifier-{index}"))
            .panic_handler(|_| tracing::error!("the verifier pool panicked"))
            .build()
            .expect("the operating system gives threads at start");
        let queue = Queue::new(threads.current_num_threads());
        let state =
            Mutex::new(State { queue, batch_gate: BatchGate::new(), called: 0, is_over: false });
        let (more, meters) = (Condvar::new(), Meters::new());
        meters.batching.set(1);
        let pool = Arc::new(Pool {
            state,
            more,
            #[cfg(test)]
            gate: Mutex::default(),
            entropy,
            meters,
        });
        for _ in 0..threads.current_num_threads() {
            let pool = pool.clone();
            threads.spawn_fifo(move || pool.work());
        }
        Self { pool, permits: Permits::new(queue_max), inline: Some(Inline::new()) }
    }

    /// Checks a signature on the pool, or where it is asked for if that is sooner.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the queue is full. The inner [`InvalidSignature`] is the verdict.
    pub async fn check(&self, check: Check) -> Result<Verdict, Error> {
        let permit = self.permits.take().ok_or(Unavailable::Signatures)?;
        let permit = (permit, Counted::in_gauge(self.pool.meters.queue.clone()));
        // The permit that was just taken is one of them.
        let others = self.permits.taken() > 1;
        let batches = check.batches();
        if let Some(inline) = &self.inline
            && inline.asked(batches, others)
            && check.messages() == 1
        {
            return self.pool.check_inline(check, permit, inline);
        }
        let (reply, answer) = oneshot::channel();
        let asker = Asker { reply, permit, watch: Stopwatch::start() };
        self.pool.queue(Job { check, asker }, batches);
        answer.await.map_err(|_| Error::lost())
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.pool.state().is_over = true;
        self.pool.more.notify_all();
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks one on the asker's thread. A panic is no verdict, as on the pool.
    fn check_inline(
        &self,
        check: Check,
        permit: CheckPermit,
        inline: &Inline,
    ) -> Result<Verdict, Error> {
        let watch = Stopwatch::start();
        let batches = check.batches();
        let verdict = catch_unwind(AssertUnwindSafe(|| check.verify()));
        if !batches {
            inline.made((watch.seconds() * 1e6) as u64, matches!(verdict, Ok(Ok(_))));
        }
        drop(permit);
        let verdict = verdict.map_err(|_| Error::lost())?;
        let mut tally = Tally::default();
        tally.add(batches, &verdict);
        self.note(&tally);
        self.meters.checked(&verdict, Lane::Inline, watch);
        Ok(verdict)
    }

    /// Queues a job, and wakes a worker if one more is to help.
    fn queue(&self, job: Job, batches: bool) {
        let mut state = self.state();
        if state.queue.push(job, batches) {
            state.called += 1;
            self.more.notify_one();
        }
    }

    /// Whenever called, takes turns until nothing is queued. A turn that panics gives no verdicts,
    /// and the next goes on.
    fn work(&self) {
        while self.is_called() {
            loop {
                #[cfg(test)]
                let _gate = self.gate.lock();
                let Some(turn) = self.next_turn() else { break };
                if catch_unwind(AssertUnwindSafe(|| self.serve(turn))).is_err() {
                    tracing::error!("a signature check panicked");
                }
            }
        }
    }

    /// Sleeps until there is work, or until the pool is ended. A thread of rayon that has nothing
    /// to do looks for work for a while first, which costs as much as a check.
    fn is_called(&self) -> bool {
        let idle = |state: &mut State| state.called == 0 && !state.is_over;
        let waited = self.more.wait_while(self.state(), idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let is_called = state.called > 0;
        state.called -= usize::from(is_called);
        is_called
    }

    fn next_turn(&self) -> Option<Turn<Job>> {
        let mut state = self.state();
        let batching = state.batch_gate.batching();
        state.queue.take(batching)
    }

    /// Runs the checks of one turn, and answers all at its end: waking somebody costs nearly as
    /// much as a check in a batch, and the first task awake takes the next answers with it.
    fn serve(&self, turn: Turn<Job>) {
        let Turn { mut batch, mut alone } = turn;
        // Drop jobs whose callers have left.
        batch.retain(|job| !job.asker.reply.is_closed());
        alone.retain(|job| !job.asker.reply.is_closed());
        if batch.len() < 2 {
            alone.append(&mut batch);
        }
        let mut answers = Vec::with_capacity(alone.len() + batch.len());
        let mut tally = Tally::default();
        for Job { check, asker } in alone {
            let batches = check.batches();
            let verdict = check.verify();
            tally.add(batches, &verdict);
            answers.push((asker, verdict, Lane::Alone));
        }
        if !batch.is_empty() {
            self.meters.batch.record(batch.len() as f64);
            let coefficients = self.coefficients(batch.len());
            let split = |job: Job| (job.check, job.asker);
            let (checks, askers): (Vec<_>, Vec<_>) = batch.into_iter().map(split).unzip();
            for (asker, verdict) in askers.into_iter().zip(verify_all(checks, &coefficients)) {
                tally.add(true, &verdict);
                answers.push((asker, verdict, Lane::Batch));
            }
        }
        self.note(&tally);
        for (asker, verdict, lane) in answers {
            self.meters.checked(&verdict, lane, asker.watch);
            asker.answer(verdict);
        }
    }

    fn coefficients(&self, count: usize) -> Vec<[u8; 16]> {
        let mut coefficients = vec![[0; 16]; count];
        self.entropy.fill(coefficients.as_flattened_mut());
        coefficients
    }

    fn note(&self, tally: &Tally) {
        let mut state = self.state();
        let before = state.batch_gate.batching();
        state.batch_gate.note(tally.checked, tally.bad);
        let batching = state.batch_gate.batching();
        drop(state);
        if batching != before {
            self.meters.batching.set(if batching { 1 } else { 0 });
            tracing::warn!(batching, "the share of bad signatures has changed");
        }
    }
}

/// Results of the batchable signatures of one turn.
#[derive(Default)]
struct Tally {
    checked: u32,
    bad: u32,
}

impl Tally {
    fn add(&mut self, batches: bool, verdict: &Verdict) {
        self.checked += u32::from(batches);
        self.bad += u32::from(batches && verdict.is_err());
    }
}

impl Asker {
    fn answer(self, verdict: Verdict) {
        drop(self.permit);
        // The asker may have gone.
        let _ = self.reply.send(verdict);
    }
}
