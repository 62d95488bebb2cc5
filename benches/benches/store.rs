//! Commits in groups of several sizes: in memory, in `SQLite`, and in a Redis that writes to disk
//! before it responds. The Redis is a real server on a free port; the benchmark fails if none is
//! installed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_benches::sample::account;
use countersign_core::account::{AccountRecord, Profile};
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::fatigue::Counters;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::Committed;
use countersign_engine::store::{MemoryStore, RedisSettings, RedisStore, SqliteStore};
use countersign_engine::system::{Stopwatch, SystemEntropy};
use countersign_testkit::redis_server::Redis;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

/// Numbers of commits that are passed to the store together.
const TOGETHER: [u64; 4] = [1, 8, 64, 512];

/// Builds a commit of one row, for a new account.
fn fresh() -> Change {
    static USERS: AtomicU64 = AtomicU64::new(0);
    let user = account(&format!("usr_{}", USERS.fetch_add(1, Ordering::Relaxed)));
    let (profile, counters) = (Profile::default(), Counters::default());
    let (created_at, tickets) = (UnixMillis(1), Vec::new());
    let record = AccountRecord { created_at, profile, counters, tickets };
    let (parent, id) = (Version::NONE, CommitId::NONE);
    Change { account: user, parent, id, writes: vec![Write::Account(record)] }
}

fn commits(c: &mut Criterion, runtime: &Runtime, name: &str, store: &dyn Store) {
    let mut group = c.benchmark_group(format!("store/{name}"));
    for together in TOGETHER {
        group.throughput(Throughput::Elements(together));
        group.bench_function(format!("{together} together"), |b| {
            b.iter_custom(|times| {
                let mut seconds = 0.0;
                for _ in 0..times {
                    let changes: Vec<_> = (0..together).map(|_| fresh()).collect();
                    let watch = Stopwatch::start();
                    let answers: Vec<_> = changes.into_iter().map(|c| store.commit(c)).collect();
                    runtime.block_on(async {
                        for answer in answers {
                            assert_eq!(answer.await, Ok(Committed::Recorded));
                        }
                    });
                    seconds += watch.seconds();
                }
                Duration::from_secs_f64(seconds)
            });
        });
    }
    group.finish();
    runtime.block_on(store.close()).expect("closed");
}

fn stores(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    commits(c, &runtime, "memory", &MemoryStore::default());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = SqliteStore::open(&folder.path().join("bench.sqlite")).expect("a new file");
    commits(c, &runtime, "sqlite", &file);
    let redis = Redis::durable();
    let opening = RedisStore::open(RedisSettings::new(redis.url()), Arc::new(SystemEntropy));
    let store = runtime.block_on(opening).expect("an empty Redis");
    commits(c, &runtime, "redis", &store);
}

criterion_group!(benches, stores);
criterion_main!(benches);
