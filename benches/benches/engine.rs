//! Times of the engine in this process: the activation of an actor, a message to an active actor,
//! and a whole lifecycle without HTTP. These are elapsed times and not processor times, because a
//! single call waits until other threads wake up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::rt::{System, SystemRunner};
use countersign_benches::sample::{Enrolled, account, engine};
use countersign_benches::timed::timed;
use countersign_engine::Engine;
use countersign_engine::ports::Store;
use countersign_engine::store::{MemoryStore, SqliteStore};
use criterion::{Criterion, criterion_group, criterion_main};

/// Number of concurrent lifecycles in the second benchmark.
const AT_ONCE: u64 = 32;

fn memory(system: &SystemRunner) -> Engine {
    system.block_on(async { engine(Arc::new(MemoryStore::default())) })
}

fn actors(c: &mut Criterion) {
    static USERS: AtomicU64 = AtomicU64::new(0);
    let system = System::new();
    let engine = memory(&system);
    let mut group = c.benchmark_group("actor");
    group.bench_function("activation", |b| {
        b.iter_custom(|times| {
            let from = USERS.fetch_add(times, Ordering::Relaxed);
            let users: Vec<_> =
                (from..from + times).map(|user| account(&format!("cold-{user}"))).collect();
            timed(&system, async {
                for user in &users {
                    engine.user(user).await.expect("an unknown user is an answer");
                }
            })
        });
    });
    let warm = account("warm");
    group.bench_function("message", |b| {
        b.iter_custom(|times| {
            timed(&system, async {
                for _ in 0..times {
                    engine.user(&warm).await.expect("an unknown user is an answer");
                }
            })
        });
    });
    group.finish();
    system.block_on(engine.close()).expect("closed");
}

/// Measures lifecycles one after the other, and several at the same time.
fn lifecycles(c: &mut Criterion, name: &str, store: impl FnOnce() -> Arc<dyn Store>) {
    let system = System::new();
    let engine = system.block_on(async { engine(store()) });
    let mut users = Vec::new();
    for number in 0..AT_ONCE {
        users.push(system.block_on(Enrolled::new(&engine, &format!("usr_{number}"))));
    }
    let users: Vec<_> = users.into_iter().map(Arc::new).collect();
    let mut group = c.benchmark_group(format!("lifecycle/{name}"));
    group.bench_function("one at a time", |b| {
        b.iter_custom(|times| {
            timed(&system, async {
                for _ in 0..times {
                    users[0].lifecycle().await;
                }
            })
        });
    });
    group.bench_function("32 at a time", |b| {
        b.iter_custom(|times| {
            let each = times.div_ceil(AT_ONCE);
            let took = timed(&system, async {
                let tasks = users.iter().cloned().map(|user| {
                    actix_web::rt::spawn(async move {
                        for _ in 0..each {
                            user.lifecycle().await;
                        }
                    })
                });
                for task in tasks.collect::<Vec<_>>() {
                    task.await.expect("no lifecycle fails");
                }
            });
            took.mul_f64(times as f64 / (each * AT_ONCE) as f64)
        });
    });
    group.finish();
    system.block_on(engine.close()).expect("closed");
}

fn lifecycles_in_memory(c: &mut Criterion) {
    lifecycles(c, "memory", || Arc::new(MemoryStore::default()));
}

fn lifecycles_in_sqlite(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bench.sqlite");
    lifecycles(c, "sqlite", || Arc::new(SqliteStore::open(&file).expect("a new file")));
}

criterion_group!(benches, actors, lifecycles_in_memory, lifecycles_in_sqlite);
criterion_main!(benches);
