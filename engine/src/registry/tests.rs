//! Tests of the registry: no message is lost while actors stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix::ActorContext;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::*;
use crate::actors::threads::ActorThreads;

/// Message that reports when it is handled. A lost note reports nothing.
struct Note(UnboundedSender<()>);

impl Message for Note {
    type Result = ();
}

type Notes = Arc<Registry<u8, Tiny>>;

struct Tiny {
    key: u8,
    registry: Notes,
}

impl Actor for Tiny {
    type Context = Context<Self>;
}

impl Handler<Note> for Tiny {
    type Result = ();

    fn handle(&mut self, Note(handled): Note, _: &mut Self::Context) {
        handled.send(()).unwrap();
    }
}

impl Handler<Leave> for Tiny {
    type Result = ();

    fn handle(&mut self, Leave { seen }: Leave, ctx: &mut Self::Context) {
        if self.registry.leave(&self.key, seen) {
            ctx.stop();
        }
    }
}

/// Sends 40,000 notes from four threads while `sweep` runs all the time. Returns the number of
/// handled notes, and the number of activated actors.
async fn hammered(sweep: impl Fn(&Notes) + Send + 'static) -> (usize, usize) {
    let (notes, activations) =
        (Notes::new(Registry::new("tiny", Permits::new(100))), Arc::new(AtomicUsize::new(0)));
    let threads = Arc::new(ActorThreads::start(2));
    let (handled, mut seen) = unbounded_channel();
    let (is_over, sweeps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let sweeper = std::thread::spawn({
        let (notes, is_over, sweeps) = (notes.clone(), is_over.clone(), sweeps.clone());
        move || {
            while !is_over.load(Ordering::Relaxed) {
                sweep(&notes);
                sweeps.fetch_add(1, Ordering::Relaxed);
                std::thread::yield_now();
            }
        }
    });
    for sender in 0..4_u8 {
        let (notes, threads) = (notes.clone(), threads.clone());
        let (activations, sweeps) = (activations.clone(), sweeps.clone());
        let handled = handled.clone();
        std::thread::spawn(move || {
            // Two of the four senders share an actor; each of the others has a separate one.
            let key = sender % 3;
            for n in 0..10_000_usize {
                let _ = notes.send(&key, Note(handled.clone()), || {
                    activations.fetch_add(1, Ordering::Relaxed);
                    let registry = notes.clone();
                    threads.start_actor(key, |key| Tiny { key, registry })
                });
                // A pause, so that the actor is about to stop when the next note is sent.
                if n % 64 == 0 {
                    let wanted = sweeps.load(Ordering::Relaxed) + n / 64 % 4;
                    while sweeps.load(Ordering::Relaxed) < wanted {
                        std::thread::yield_now();
                    }
                }
            }
        });
    }
    drop(handled);
    let mut count = 0;
    // The loop ends, because each note is handled or dropped, and so are its senders.
    while seen.recv().await.is_some() {
        count += 1;
    }
    is_over.store(true, Ordering::Relaxed);
    sweeper.join().unwrap();
    threads.stop();
    (count, activations.load(Ordering::Relaxed))
}

#[actix::test]
async fn sweeps_under_load_lose_no_message() {
    let (handled, activations) = hammered(|notes| notes.sweep()).await;
    assert_eq!(handled, 40_000);
    assert!(activations > 2, "nobody left, so nothing was shown");
}

#[actix::test]
async fn dismissals_under_load_lose_no_message() {
    let (handled, activations) = hammered(|notes| notes.dismiss(&0)).await;
    assert_eq!(handled, 40_000);
    assert!(activations > 2, "nobody left, so nothing was shown");
}

#[actix::test]
async fn an_idle_actor_leaves_at_the_second_sweep_and_a_busy_one_stays() {
    let threads = ActorThreads::start(1);
    let notes = Notes::new(Registry::new("tiny", Permits::new(100)));
    let (handled, mut seen) = unbounded_channel();
    let send = |key: u8| {
        let registry = notes.clone();
        notes
            .send(&key, Note(handled.clone()), || {
                threads.start_actor(key, |key| Tiny { key, registry })
            })
            .unwrap();
    };
    send(0);
    send(1);
    notes.sweep();
    send(1);
    notes.sweep();
    // A note to the idle actor would activate it again. Both actors are on one thread, so an answer
    // of the busy actor shows that the thread has handled the sweep.
    for _ in 0..3 {
        seen.recv().await.unwrap();
    }
    send(1);
    seen.recv().await.unwrap();
    while notes.len() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(notes.entries.contains_key(&1));
    threads.stop();
}

#[actix::test]
async fn one_actor_too_many_is_turned_away_until_another_has_left() {
    let threads = ActorThreads::start(1);
    let notes = Notes::new(Registry::new("tiny", Permits::new(2)));
    let (handled, mut seen) = unbounded_channel();
    let send = |key: u8| {
        let registry = notes.clone();
        notes.send(&key, Note(handled.clone()), || {
            threads.start_actor(key, |key| Tiny { key, registry })
        })
    };
    assert_eq!((send(0), send(1)), (Ok(()), Ok(())));
    assert!(matches!(send(2), Err(Error::Unavailable(_))));
    assert_eq!(send(1), Ok(()), "who is active is reached");
    for _ in 0..3 {
        seen.recv().await.unwrap();
    }
    notes.dismiss(&0);
    // The permit is given back a moment after the entry is removed.
    while send(2).is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(notes.len(), 2);
    threads.stop();
}
