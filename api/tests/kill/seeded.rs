//! A store with many devices and pending challenges: how soon a start answers, what it holds in
//! memory, and what a lifecycle costs beside it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::life::Life;
use crate::redis_server::Redis;
use crate::server::{SECRET, Server, TENANT};
use crate::{number, seed};

/// Users, each with a device and a pending challenge; `COUNTERSIGN_SEEDED` says how many otherwise.
const SEEDED: u64 = 50_000;
/// Few enough to be nothing.
const FEW: u64 = 1000;
/// Lifecycles whose cost is measured.
const LIVES: usize = 200;
/// Users, from all over the store, of whom everything is asked.
const SAMPLE: u64 = 500;

fn import(folder: &Path, url: &str, users: u64) -> Duration {
    let stream = folder.join("stream");
    seed::write(&stream, users);
    let began = Instant::now();
    let imported = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["store", "import"])
        .arg(&stream)
        .env_clear()
        .env("COUNTERSIGN_TENANT_ID", TENANT)
        .env("COUNTERSIGN_SECRET_KEY", SECRET)
        .env("COUNTERSIGN_STORE", url)
        .env("COUNTERSIGN__SERVER__DATA_DIR", folder)
        .status();
    assert!(imported.unwrap().success());
    std::fs::remove_file(stream).unwrap();
    began.elapsed()
}

/// What a start on so many users is like.
struct Measured {
    imported: Duration,
    first_answer: Duration,
    everything: Duration,
    resident_bytes: u64,
    lifecycle: Duration,
    /// Of the server's processor time.
    lifecycle_cpu: Duration,
}

/// A user is there, with the phone, and waits for the answer that was asked for before.
async fn is_as_it_was(caller: &Caller, n: u64) {
    let user = seed::user(n);
    assert_eq!(caller.authenticators(&user).await.unwrap().len(), 1);
    let token = caller.track(&user).await.unwrap().token.into_string();
    let stands = caller.verify(&token, seed::challenge(n).as_str(), None).await.unwrap();
    assert!(stands.outcome.is_none(), "it is pending as it was");
}

async fn measure(redis: Option<&Redis>, users: u64) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let file = || format!("sqlite:{}", folder.path().join("store").display());
    let url = redis.map_or_else(file, Redis::url);
    let imported = import(folder.path(), &url, users);
    let began = Instant::now();
    let server = Server::start_with(folder.path(), &[("COUNTERSIGN_STORE", &url)]).await;
    let caller = Caller::new(server.url(), None);
    // The last of all.
    is_as_it_was(&caller, users - 1).await;
    let first_answer = began.elapsed();
    let sample = (0..SAMPLE).map(|n| is_as_it_was(&caller, n * users / SAMPLE));
    stream::iter(sample).buffer_unordered(16).collect::<()>().await;
    let everything = began.elapsed();
    let mut lives: Vec<_> = (0..LIVES).map(|number| Life::new(1, number)).collect();
    let (began, before) = (Instant::now(), server.processor_time());
    for life in &mut lives {
        life.live(&caller).await;
    }
    let lives = u32::try_from(LIVES).unwrap();
    let lifecycle = began.elapsed() / lives;
    let lifecycle_cpu = (server.processor_time() - before) / lives;
    let resident_bytes = server.resident_bytes();
    Measured { imported, first_answer, everything, resident_bytes, lifecycle, lifecycle_cpu }
}

#[expect(clippy::print_stdout, reason = "figures are reported")]
fn report(store: &str, users: u64, it: &Measured) {
    println!(
        "{store}, {users} devices and challenges: imported in {:.1?}, first answer after {:.2?}, \
         everything after {:.2?}, {} MiB resident, a lifecycle {:.2?} ({:.2?} of processor)",
        it.imported,
        it.first_answer,
        it.everything,
        it.resident_bytes >> 20,
        it.lifecycle,
        it.lifecycle_cpu,
    );
}

/// What is small at a thousand is not to be large at a million.
fn assert_sound(many: &Measured, everything: Duration) {
    assert!(many.first_answer < Duration::from_secs(3), "{:?}", many.first_answer);
    assert!(many.everything < everything, "{:?}", many.everything);
    assert!(many.resident_bytes < 2_500 << 20, "{}", many.resident_bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_answers_soon_and_says_what_it_costs_beside_a_small_one() {
    let users = number("COUNTERSIGN_SEEDED").unwrap_or(SEEDED);
    report("SQLite", FEW, &measure(None, FEW).await);
    let many = measure(None, users).await;
    report("SQLite", users, &many);
    assert_sound(&many, Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_redis_answers_soon_and_says_what_it_costs_beside_a_small_one() {
    let users = number("COUNTERSIGN_SEEDED").unwrap_or(SEEDED);
    report("Redis", FEW, &measure(Some(&Redis::durable()), FEW).await);
    let redis = Redis::durable();
    let many = measure(Some(&redis), users).await;
    report("Redis", users, &many);
    assert_sound(&many, Duration::from_secs(20));
}
