//! The registry: a message to an account's actor and its response, with few and with many other
//! actors. The actor itself does almost nothing with the message.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::rt::System;
use countersign_benches::sample::{account, engine};
use countersign_benches::timed::timed;
use countersign_engine::store::MemoryStore;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Numbers of actors in the registry.
const ACTIVE: [usize; 3] = [1, 1000, 100_000];
/// Distance between two addressed actors. It is a prime, so that they are spread over all actors.
const STRIDE: usize = 7919;

fn registry(c: &mut Criterion) {
    let mut group = c.benchmark_group("registry");
    for active in ACTIVE {
        let system = System::new();
        let engine = system.block_on(async { engine(Arc::new(MemoryStore::default())) });
        let users: Vec<_> = (0..active).map(|user| account(&format!("usr_{user}"))).collect();
        system.block_on(async {
            for user in &users {
                engine.user(user).await.expect("an unknown user is an answer");
            }
        });
        let next = AtomicUsize::new(0);
        group.bench_function(BenchmarkId::new("find and send", active), |b| {
            b.iter_custom(|times| {
                timed(&system, async {
                    for _ in 0..times {
                        let user = next.fetch_add(STRIDE, Ordering::Relaxed) % active;
                        engine.user(&users[user]).await.expect("an unknown user is an answer");
                    }
                })
            });
        });
        system.block_on(engine.close()).expect("closed");
    }
    group.finish();
}

criterion_group!(benches, registry);
criterion_main!(benches);
