//! Time from the phone's decision to the response of the browser's poll, with few and with many
//! parked polls, because a parked poll must not slow the others down. This benchmark runs in one
//! process without HTTP. The load harness's `waiters` scenario measures the same over HTTP.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::{System, spawn};
use countersign_benches::sample::{Enrolled, engine};
use countersign_engine::Engine;
use countersign_engine::store::MemoryStore;
use countersign_engine::system::Stopwatch;
use criterion::{Criterion, criterion_group, criterion_main};

/// Numbers of other polls that are parked.
const PARKED: [usize; 2] = [10, 10_000];
/// Wait of a poll in milliseconds, which is longer than the benchmark takes.
const WAIT_MS: u64 = 300_000;

/// Parks a poll of a new user. It stays parked until the benchmark ends.
async fn park(engine: &Engine, user: String) {
    let user = Enrolled::new(engine, &user).await;
    let (action, id) = user.begin().await;
    spawn(async move { user.outcome(&action, &id, WAIT_MS).await });
}

/// Starts a challenge, parks its poll, and approves the challenge. Returns the seconds from the
/// approval to the response of the poll.
async fn told(user: &Rc<Enrolled>) -> f64 {
    let (action, id) = user.begin().await;
    let (browser, polled) = (user.clone(), id.clone());
    let poll = spawn(async move { browser.outcome(&action, &polled, WAIT_MS).await });
    tokio::task::yield_now().await;
    let watch = Stopwatch::start();
    user.approve(&id).await;
    assert!(poll.await.expect("it ends"), "the poll is told");
    watch.seconds()
}

fn wakeups(c: &mut Criterion) {
    let system = System::new();
    let engine = system.block_on(async { engine(Arc::new(MemoryStore::default())) });
    let user = Rc::new(system.block_on(Enrolled::new(&engine, "asked")));
    let mut group = c.benchmark_group("wake-up");
    let mut parked = 0;
    for wanted in PARKED {
        system.block_on(async {
            for number in parked..wanted {
                park(&engine, format!("parked-{number}")).await;
            }
        });
        parked = wanted;
        group.bench_function(format!("{wanted} parked"), |b| {
            b.iter_custom(|times| {
                let mut seconds = 0.0;
                for _ in 0..times {
                    seconds += system.block_on(told(&user));
                }
                Duration::from_secs_f64(seconds)
            });
        });
    }
    group.finish();
    system.block_on(engine.close()).expect("closed");
}

criterion_group!(benches, wakeups);
criterion_main!(benches);
