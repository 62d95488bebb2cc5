//! Tests of a store with many devices and pending challenges: the time until a start can respond,
//! the memory that the server takes, and the cost of a lifecycle compared with a small store.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use countersign_testkit::redis_server::Redis;
use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::caller::Caller;
use crate::life::Life;
use crate::server::{SECRET, Server, TENANT};
use crate::{number, seed};

/// Default number of users, each with a device and a pending challenge. `COUNTERSIGN_SEEDED`
/// overrides it.
const SEEDED: u64 = 50_000;
/// Number of users in the small store, too few to cost anything.
const FEW: u64 = 1000;
/// Number of lifecycles before the measurement, because the first ones cost more on every store.
const WARM: usize = 100;
/// Default number of turns. `COUNTERSIGN_TURNS` overrides it. The two servers run their lifecycles
/// in turns, so that a busy machine slows down both alike.
const TURNS: usize = 8;
/// Number of lifecycles in one turn.
const LIVES: usize = 50;
/// Number of users from which the limit [`COST_MAX`] applies: a lifecycle may cost at most this
/// many times as much as on the small store.
const LARGE: u64 = 1_000_000;
const COST_MAX: f64 = 1.10;
/// Limit for stores below [`LARGE`]. It is looser, because these runs share the machine with other
/// tests, and so can find only costs that grow with the store.
const COST_MAX_SMALL: f64 = 1.5;
/// Number of users, spread over the store, whose records are checked.
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

/// Checks that a user exists, with the phone and with the challenge still pending.
async fn is_as_it_was(caller: &Caller, n: u64) {
    let user = seed::user(n);
    assert_eq!(caller.authenticators(&user).await.unwrap().len(), 1);
    let token = caller.track(&user).await.unwrap().token.into_string();
    let stands = caller.verify(&token, seed::challenge(n).as_str(), None).await.unwrap();
    assert!(stands.outcome.is_none(), "it is pending as it was");
}

/// A server on a store with many users, and the measurements of its start.
struct Seeded {
    server: Server,
    caller: Caller,
    _folder: TempDir,
    imported: Duration,
    first_answer: Duration,
    everything: Duration,
}

impl Seeded {
    async fn start(redis: Option<&Redis>, users: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = || format!("sqlite:{}", folder.path().join("store").display());
        let url = redis.map_or_else(file, Redis::url);
        let imported = import(folder.path(), &url, users);
        let began = Instant::now();
        let server = Server::start_with(folder.path(), &[("COUNTERSIGN_STORE", &url)]).await;
        let caller = Caller::new(server.url(), None);
        // The last user in the store.
        is_as_it_was(&caller, users - 1).await;
        let first_answer = began.elapsed();
        let sample = (0..SAMPLE).map(|n| is_as_it_was(&caller, n * users / SAMPLE));
        stream::iter(sample).buffer_unordered(16).collect::<()>().await;
        let everything = began.elapsed();
        server.looked_through().await;
        Self { server, caller, _folder: folder, imported, first_answer, everything }
    }

    /// Returns the processor time that the server takes for so many lifecycles, one after another.
    async fn live(&self, turn: usize, lives: usize) -> Duration {
        let mut lives: Vec<_> = (0..lives).map(|number| Life::new(turn, number)).collect();
        let before = self.server.processor_time();
        for life in &mut lives {
            life.live(&self.caller).await;
        }
        self.server.processor_time() - before
    }
}

/// Processor time of a lifecycle, on the small store and on the large one.
struct Cost {
    few: Duration,
    many: Duration,
    /// Quotients of the large store's time and the small store's time, one for each turn, in
    /// ascending order.
    ratios: Vec<f64>,
}

impl Cost {
    async fn measure(few: &Seeded, many: &Seeded) -> Self {
        few.live(0, WARM).await;
        many.live(0, WARM).await;
        let (mut few_in_all, mut many_in_all) = (Duration::ZERO, Duration::ZERO);
        let mut ratios = Vec::new();
        let turns = number("COUNTERSIGN_TURNS").map_or(TURNS, |n| n.try_into().unwrap());
        for turn in 1..=turns {
            // The servers swap their order after each turn.
            let (of_few, of_many) = if turn.is_multiple_of(2) {
                let of_few = few.live(turn, LIVES).await;
                (of_few, many.live(turn, LIVES).await)
            } else {
                let of_many = many.live(turn, LIVES).await;
                (few.live(turn, LIVES).await, of_many)
            };
            ratios.push(of_many.as_secs_f64() / of_few.as_secs_f64());
            few_in_all += of_few;
            many_in_all += of_many;
        }
        ratios.sort_unstable_by(f64::total_cmp);
        let lives = u32::try_from(turns * LIVES).unwrap();
        Self { few: few_in_all / lives, many: many_in_all / lives, ratios }
    }

    /// Returns the quotient at this percentile of the turns.
    fn at(&self, percent: usize) -> f64 {
        self.ratios[(self.ratios.len() - 1) * percent / 100]
    }

    /// Returns the median of the quotients, which a single disturbed turn does not change, and its
    /// standard error, estimated from the middle half of the quotients.
    fn ratio(&self) -> (f64, f64) {
        let turns = f64::from(u32::try_from(self.ratios.len()).unwrap());
        let deviation = (self.at(75) - self.at(25)) / 1.349;
        (self.at(50), 1.253 * deviation / turns.sqrt())
    }
}

#[expect(clippy::print_stdout, reason = "figures are reported")]
fn report(store: &str, users: u64, it: &Seeded, cost: &Cost) {
    let (ratio, error) = cost.ratio();
    println!(
        "{store}, {users} devices and challenges: imported in {:.1?}, first answer after {:.2?}, \
         everything after {:.2?}, {} MiB resident; a lifecycle takes {:.3?} of processor, with \
         {FEW} {:.3?}: {ratio:.3} times as much ± {error:.3}, half of {} turns from {:.3} to {:.3}",
        it.imported,
        it.first_answer,
        it.everything,
        it.server.resident_bytes() >> 20,
        cost.many,
        cost.few,
        cost.ratios.len(),
        cost.at(25),
        cost.at(75),
    );
}

/// Checks the start and the cost of a lifecycle on a large store against a small one.
async fn assert_sound(store: &str, redis: Option<[Redis; 2]>, everything: Duration) {
    let users = number("COUNTERSIGN_SEEDED").unwrap_or(SEEDED);
    let [few, many] = redis.as_ref().map_or([None, None], |[few, many]| [Some(few), Some(many)]);
    let many = Seeded::start(many, users).await;
    let few = Seeded::start(few, FEW).await;
    let cost = Cost::measure(&few, &many).await;
    report(store, users, &many, &cost);
    assert!(many.first_answer < Duration::from_secs(3), "{:?}", many.first_answer);
    assert!(many.everything < everything, "{:?}", many.everything);
    assert!(many.server.resident_bytes() < 2_500 << 20, "{}", many.server.resident_bytes());
    let cost_max = if users < LARGE { COST_MAX_SMALL } else { COST_MAX };
    // A difference within the statistical error is allowed.
    let (ratio, error) = cost.ratio();
    assert!(ratio - 2.0 * error <= cost_max, "{ratio} times as much: {:?}", cost.ratios);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_answers_soon_and_costs_what_a_small_one_does() {
    assert_sound("SQLite", None, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_redis_answers_soon_and_costs_what_a_small_one_does() {
    let redis = [Redis::durable(), Redis::durable()];
    assert_sound("Redis", Some(redis), Duration::from_secs(20)).await;
}
