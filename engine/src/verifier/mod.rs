//! The pool of threads that checks signatures, so that event loops are not blocked. A check that
//! would end before a thread of the pool is awake runs on the caller's thread.
//!
//! This module only schedules checks. The core verifies a signature, alone or in a batch.

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

/// Pool that checks signatures on its own threads. Checks that were queued while the threads were
/// busy run in batches. The number of queued and running checks is limited: a further check is
/// refused before any work is done.
pub struct Verifier {
    pool: Arc<Pool>,
    /// Permits for checks that are queued or running.
    permits: Permits,
    /// Choice of the checks that run on the caller's thread; `None` in tests of the pool.
    inline: Option<Inline>,
}

/// A permit for a check, with its count in the metric.
type CheckPermit = (Permit, Counted);

/// State that the workers share.
struct Pool {
    state: Mutex<State>,
    more: Condvar,
    /// Lock that a worker needs for a turn, so that a test can stop the workers.
    #[cfg(test)]
    gate: Mutex<()>,
    entropy: Arc<dyn Entropy>,
    meters: Meters,
}

struct State {
    queue: Queue<Job>,
    batch_gate: BatchGate,
    /// Number of workers that have to wake up.
    called: usize,
    is_over: bool,
}

struct Job {
    check: Check,
    asker: Asker,
}

/// The caller of a check. `permit` is the first field, so that it is dropped first, also if the
/// check panics. It has to be free before the caller gets the answer, because the caller may
/// request another check at once.
struct Asker {
    permit: CheckPermit,
    reply: oneshot::Sender<Verdict>,
    watch: Stopwatch,
}

impl Verifier {
    /// Starts `threads` threads (0: one per core). `entropy` gives the random coefficients of the
    /// signatures in a batch.
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

    /// Checks a signature on the pool, or on the caller's thread if that is faster.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the queue is full, or the check panicked. The inner
    /// [`InvalidSignature`] is the verdict.
    pub async fn check(&self, check: Check) -> Result<Verdict, Error> {
        let permit = self.permits.take().ok_or(Unavailable::Signatures)?;
        let permit = (permit, Counted::in_gauge(self.pool.meters.queue.clone()));
        // The number of taken permits includes the one that was just taken.
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

    /// Runs a check on the caller's thread. After a panic the caller gets an error, as on the pool.
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

    /// Queues a job, and wakes a worker if the queue needs one more.
    fn queue(&self, job: Job, batches: bool) {
        let mut state = self.state();
        if state.queue.push(job, batches) {
            state.called += 1;
            self.more.notify_one();
        }
    }

    /// Runs a worker. Whenever it is woken, it takes turns until the queue is empty. If a turn
    /// panics, its callers get an error, and the worker continues with the next turn.
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

    /// Sleeps until the worker has work, or until the pool ends; returns false in the second case.
    /// The worker does not return to rayon meanwhile, because an idle thread of rayon first
    /// searches for work, which costs as much as a check.
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

    /// Runs the checks of one turn, and sends all answers at its end, because waking a task costs
    /// nearly as much as a check in a batch. The first task that is awake finds the next answers
    /// without being woken again.
    fn serve(&self, turn: Turn<Job>) {
        let Turn { mut batch, mut alone } = turn;
        // Drop jobs whose callers no longer wait.
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

/// Counts of the signatures of one turn that could be batched, and of the bad ones among them.
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
        // The caller may no longer wait.
        let _ = self.reply.send(verdict);
    }
}
