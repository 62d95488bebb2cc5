//! Tests of the commit queue against a backend that follows a script.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;

use futures_util::FutureExt as _;

use super::*;
use crate::ports::store::Unwritten;
use crate::store::Bound;

/// A backend that takes the result of each group from a channel, and reports the units that it ran.
struct Scripted {
    /// Result of `has_room`.
    has_room: Arc<AtomicBool>,
    gate: std_mpsc::Receiver<Result<(), Failure>>,
    seen: std_mpsc::Sender<Vec<u32>>,
}

/// Numbers of the units in a group, in the order in which they ran.
type Ran = Vec<u32>;

impl Backend for Scripted {
    type Medium = Ran;

    fn record(&mut self, units: &mut [Unit<Ran>]) -> Result<(), Failure> {
        let mut ran = Ran::default();
        units.iter_mut().try_for_each(|unit| unit.run(&mut ran))?;
        self.seen.send(ran).unwrap();
        self.gate.recv().unwrap()
    }

    fn maintain(&mut self, _idle: bool) -> Result<(), StoreError> {
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.has_room.load(Ordering::Acquire)
    }

    fn close(self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl CommitQueue<Scripted> {
    /// Submits a unit whose result is its own number. Numbers from 100 to 999 may be answered
    /// early. From 1000 on they are answered early with 0, so that the recorded result contradicts
    /// the answer.
    fn number(&self, number: u32) -> Answer<u32> {
        let early = match number {
            100..1000 => Some(number),
            1000.. => Some(0),
            _ => None,
        };
        self.submit(early, move |ran: &mut Ran| {
            ran.push(number);
            Ok(Ok(number))
        })
    }
}

type Script =
    (CommitQueue<Scripted>, std_mpsc::Sender<Result<(), Failure>>, std_mpsc::Receiver<Vec<u32>>);

fn scripted() -> Script {
    lagging(Durability::Sync)
}

fn lagging(durability: Durability) -> Script {
    with_room(Arc::new(true.into()), durability)
}

fn with_room(has_room: Arc<AtomicBool>, durability: Durability) -> Script {
    let (open, gate) = std_mpsc::channel();
    let (seen, groups) = std_mpsc::channel();
    let backend = Scripted { has_room, gate, seen };
    (CommitQueue::start("test", backend, durability).unwrap(), open, groups)
}

/// Returns the answer if it is ready already.
fn told(answer: Answer<u32>) -> Option<Result<u32, StoreError>> {
    answer.now_or_never()
}

fn failure() -> StoreError {
    refused("no room")
}

#[tokio::test]
async fn what_queued_while_a_group_was_recorded_is_the_next_group() {
    let (queue, open, groups) = scripted();
    let first = queue.number(0);
    assert_eq!(groups.recv().unwrap(), [0]);
    let rest: Vec<_> = (1..=600).map(|n| queue.number(n)).collect();
    for _ in 0..3 {
        open.send(Ok(())).unwrap();
    }
    assert_eq!(first.await, Ok(0));
    for (n, answer) in (1..).zip(rest) {
        assert_eq!(answer.await, Ok(n));
    }
    assert_eq!(groups.recv().unwrap(), (1..=512).collect::<Vec<_>>());
    assert_eq!(groups.recv().unwrap(), (513..=600).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_recorded_group_wakes_nobody_but_its_callers() {
    for durability in [Durability::Sync, records(10)] {
        let (queue, open, _groups) = lagging(durability);
        for number in [1, 100] {
            open.send(Ok(())).unwrap();
            assert_eq!(queue.number(number).await, Ok(number));
            if let Some(settled) = queue.settled() {
                settled.await.unwrap();
            }
        }
        assert!(!queue.progress.has_changed().unwrap(), "{durability:?}");
        assert_eq!(queue.written.has_changed().unwrap(), durability != Durability::Sync);
    }
}

#[tokio::test]
async fn a_fault_found_beside_the_thread_breaks_the_queue_whatever_becomes_of_a_group() {
    let (queue, open, groups) = scripted();
    let refused_one = queue.number(1);
    assert_eq!(groups.recv().unwrap(), [1]);
    let damage = StoreError::Unreadable("page 7 is damaged".to_owned());
    queue.break_with(damage.clone());
    let behind = queue.number(2);
    open.send(Err(Failure::Refused(failure()))).unwrap();
    assert_eq!(refused_one.await, Err(failure()));
    // The script has no further result, so a further call of the backend would panic.
    assert_eq!(behind.await, Err(damage.clone()));
    assert_eq!(queue.broken().await, damage);
    assert_eq!(queue.ready(), Err(damage));
}

#[tokio::test]
async fn a_broken_group_breaks_the_queue_and_a_refused_one_does_not() {
    let (queue, open, _groups) = scripted();
    open.send(Err(Failure::Refused(failure()))).unwrap();
    assert_eq!(queue.number(1).await, Err(failure()));
    open.send(Ok(())).unwrap();
    assert_eq!(queue.number(2).await, Ok(2));
    open.send(Err(Failure::Broken(failure()))).unwrap();
    assert_eq!(queue.number(3).await, Err(failure()));
    assert_eq!(queue.ready(), Err(failure()));
    // The script has no further result, so a further call of the backend would panic.
    assert_eq!(queue.number(4).await, Err(failure()));
    assert_eq!(queue.finish().unwrap().join().unwrap(), Err(failure()));
}

#[tokio::test]
async fn a_queue_that_refuses_is_not_ready_until_it_records_with_room_for_more() {
    let has_room = Arc::new(AtomicBool::new(false));
    let (queue, open, _groups) = with_room(has_room.clone(), Durability::Sync);
    assert_eq!(queue.ready(), Ok(()));
    open.send(Err(Failure::Refused(failure()))).unwrap();
    assert_eq!(queue.number(1).await, Err(failure()));
    assert_eq!(queue.ready(), Err(failure()));
    // A small group is recorded, but the backend has no room for more.
    open.send(Ok(())).unwrap();
    assert_eq!(queue.number(2).await, Ok(2));
    assert_eq!(queue.ready(), Err(failure()));
    has_room.store(true, Ordering::Release);
    open.send(Ok(())).unwrap();
    assert_eq!(queue.number(3).await, Ok(3));
    assert_eq!(queue.ready(), Ok(()));
}

#[tokio::test]
async fn a_queue_without_a_place_is_not_ready() {
    let (queue, _open, groups) = scripted();
    let mut waiting = vec![queue.number(0)];
    // The thread has taken that unit, and waits for its result.
    assert_eq!(groups.recv().unwrap(), [0]);
    for unit in 0..QUEUE_UNITS_MAX {
        assert_eq!(queue.ready(), Ok(()));
        waiting.push(queue.number(u32::try_from(unit).unwrap() % 100));
    }
    assert_eq!(queue.ready(), Err(StoreError::Busy(COMMITS_FULL)));
    assert_eq!(queue.number(1).await, Err(StoreError::Busy(COMMITS_FULL)));
}

#[tokio::test]
async fn finishing_records_what_is_queued_and_refuses_what_comes_later() {
    let (queue, open, _groups) = scripted();
    let queued: Vec<_> = (0..5).map(|n| queue.number(n)).collect();
    let thread = queue.finish().unwrap();
    let late = queue.number(9);
    for _ in 0..5 {
        open.send(Ok(())).unwrap();
    }
    for (n, answer) in (0..).zip(queued) {
        assert_eq!(answer.await, Ok(n));
    }
    assert_eq!(late.await, Err(StoreError::Closed));
    assert_eq!(queue.ready(), Err(StoreError::Closed));
    assert_eq!(thread.join().unwrap(), Ok(()));
}

#[tokio::test]
async fn a_writer_that_panics_leaves_nobody_waiting() {
    let (queue, open, _groups) = scripted();
    drop(open);
    assert!(queue.number(1).await.is_err());
    // The thread may need a moment to end. The answer is an error before and after that.
    assert!(queue.number(2).await.is_err());
}

fn records(max: usize) -> Durability {
    Durability::Async(Bound::Records(max))
}

#[tokio::test]
async fn a_broken_queue_says_so_to_whoever_watches_and_a_finished_one_does_not() {
    let (queue, open, _groups) = scripted();
    let mut watching = queue.broken();
    assert_eq!((&mut watching).now_or_never(), None);
    open.send(Err(Failure::Broken(failure()))).unwrap();
    assert_eq!(queue.number(1).await, Err(failure()));
    assert_eq!(watching.await, failure());
    let (queue, _open, _groups) = scripted();
    let watching = queue.broken();
    queue.finish().unwrap().join().unwrap().unwrap();
    assert_eq!(watching.now_or_never(), None);
}

#[tokio::test]
async fn what_may_lag_is_answered_at_once_and_nothing_else_is() {
    let (queue, open, groups) = lagging(records(10));
    assert_eq!(told(queue.number(100)), Some(Ok(100)));
    assert_eq!(groups.recv().unwrap(), [100]);
    let waits = queue.number(1);
    let mut settled = queue.settled().unwrap();
    assert_eq!((&mut settled).now_or_never(), None, "it is not recorded");
    assert_eq!(queue.lag.unwritten().records, 1);
    open.send(Ok(())).unwrap();
    assert_eq!(settled.await, Ok(()));
    open.send(Ok(())).unwrap();
    assert_eq!(waits.await, Ok(1));
    assert_eq!(queue.lag.unwritten(), Unwritten::default());
}

#[tokio::test]
async fn nothing_is_answered_early_in_sync() {
    let (queue, open, _groups) = scripted();
    let mut waits = queue.number(100);
    assert_eq!((&mut waits).now_or_never(), None);
    assert!(queue.settled().is_none(), "nothing was answered");
    open.send(Ok(())).unwrap();
    assert_eq!(waits.await, Ok(100));
}

#[tokio::test]
async fn past_its_bound_what_may_lag_waits_for_its_record() {
    for bound in [Bound::Records(1), Bound::Window(Duration::ZERO)] {
        let (queue, open, _groups) = lagging(Durability::Async(bound));
        assert_eq!(told(queue.number(100)), Some(Ok(100)));
        // Waits until the oldest unrecorded unit is older than the window of zero.
        while queue.lag.unwritten().oldest.is_zero() {
            std::thread::yield_now();
        }
        let mut waits = queue.number(101);
        assert_eq!((&mut waits).now_or_never(), None, "{bound:?}");
        open.send(Ok(())).unwrap();
        open.send(Ok(())).unwrap();
        assert_eq!(waits.await, Ok(101));
        assert_eq!(told(queue.number(102)), Some(Ok(102)), "{bound:?}");
        open.send(Ok(())).unwrap();
    }
}

#[tokio::test]
async fn what_was_answered_early_is_tried_until_it_is_recorded_and_keeps_its_order() {
    let (queue, open, groups) = lagging(records(10));
    assert_eq!(told(queue.number(100)), Some(Ok(100)));
    assert_eq!(groups.recv().unwrap(), [100]);
    let waits = queue.number(1);
    assert_eq!(told(queue.number(101)), Some(Ok(101)));
    open.send(Err(Failure::Refused(failure()))).unwrap();
    assert_eq!(groups.recv().unwrap(), [100, 1, 101]);
    open.send(Err(Failure::Refused(failure()))).unwrap();
    assert_eq!(waits.await, Err(failure()), "who waits is told");
    assert_eq!(groups.recv().unwrap(), [100, 101]);
    assert_eq!(queue.ready(), Ok(()));
    let settled = queue.settled().unwrap();
    open.send(Ok(())).unwrap();
    assert_eq!(settled.await, Ok(()));
}

#[tokio::test]
async fn a_record_that_contradicts_an_early_answer_breaks_the_queue() {
    let (queue, open, _groups) = lagging(records(10));
    assert_eq!(told(queue.number(1000)), Some(Ok(0)));
    let settled = queue.settled().unwrap();
    open.send(Ok(())).unwrap();
    assert!(settled.await.is_err());
    assert!(queue.broken().await.to_string().contains("something else is recorded"));
}

#[tokio::test]
async fn closing_says_how_much_of_what_was_answered_is_lost() {
    let (queue, open, _groups) = lagging(records(10));
    assert_eq!(told(queue.number(100)), Some(Ok(100)));
    let thread = queue.finish().unwrap();
    for _ in 0..=CLOSING_TRIES_MAX {
        open.send(Err(Failure::Refused(failure()))).unwrap();
    }
    let error = thread.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("1 answered commits are lost"), "{error}");
}
