//! The verifier pool and bare signature checks: a table of costs, and the ratios that have targets.
//! The rows of a column are measured in turns, so that a busy machine affects all rows alike.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::cell::Cell;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use countersign_core::signature::{Algorithm, Check, PublicKey, verify_batch};
use countersign_engine::ports::Entropy as _;
use countersign_engine::system::{Stopwatch, SystemEntropy};
use countersign_engine::verifier::Verifier;
use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::future::join_all;

/// Number of signatures. Each is made with a different key.
const SIGNATURES: usize = 2048;
const ROUNDS: usize = 7;
const ROUND_SECONDS: f64 = 0.4;
/// Number of checks in progress per thread of the pool, at steady load.
const IN_FLIGHT: usize = 256;
/// One in this many signatures is bad, so that every full batch has a bad one.
const POISON_EVERY: usize = 64;
/// Number of parts into which the lone checks are divided. The quieter half of the parts is also
/// shown separately, because on a shared machine the slowest 1 % shows the load of other programs.
const LONE_PARTS: usize = 40;
const LONE_CHECKS: usize = 250;
/// Pause before each lone check. It is long enough for the pool's threads to fall asleep.
const LONE_PAUSE: Duration = Duration::from_micros(1_000);
/// Ticks of `/proc/self/stat` per second.
const TICKS: f64 = 100.0;

const SINGLE: usize = 0;
const BATCH_64: usize = 1;
const BATCH_256: usize = 2;
const POOL: usize = 3;
const POISONED: usize = 4;
const ROWS: [&str; 5] = [
    "bare single verification",
    "bare batch of 64",
    "bare batch of 256",
    "pool, steady load",
    "pool, one bad signature in 64",
];

/// Cost of one signature in microseconds: elapsed time, and processor time of all threads together.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

struct Fixtures {
    good: Vec<Check>,
    bad: Check,
}

fn main() {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let fixtures = Fixtures::new();
    println!("{SIGNATURES} keys, Ed25519; microseconds per signature (clock / processor time)\n");
    println!("{:32} {:>20} {:>20}", "", "one core", format!("{cores} cores"));
    let one = measure(&fixtures, 1);
    let all = measure(&fixtures, cores);
    for (row, name) in ROWS.iter().enumerate() {
        let shown = [one[row], all[row]].map(|cost| format!("{:.2} / {:.2}", cost.wall, cost.cpu));
        println!("{name:32} {:>20} {:>20}", shown[0], shown[1]);
    }
    println!();
    for (name, costs) in [("one core", one), ("all cores", all)] {
        ratio(name, "pool to bare batch of 64", costs[BATCH_64], costs[POOL]);
        ratio(name, "poisoned pool to bare single", costs[SINGLE], costs[POISONED]);
    }
    lone(&fixtures, cores);
}

/// Prints the rate of `pool` as a percentage of the rate of `bare`.
fn ratio(cores: &str, what: &str, bare: Cost, pool: Cost) {
    let (wall, cpu) = (100.0 * bare.wall / pool.wall, 100.0 * bare.cpu / pool.cpu);
    println!(
        "{cores:9} {what:30} {wall:6.1} % by the clock, {cpu:6.1} % by processor time (>= 90)"
    );
}

fn measure(fixtures: &Fixtures, threads: usize) -> [Cost; 5] {
    let steady = Verifier::start(threads, usize::MAX, Arc::new(SystemEntropy));
    let poisoned = Verifier::start(threads, usize::MAX, Arc::new(SystemEntropy));
    let mut rounds: [Vec<Cost>; 5] = Default::default();
    for _ in 0..ROUNDS {
        rounds[SINGLE].push(bare(threads, |at| batch(fixtures, at, 1)));
        rounds[BATCH_64].push(bare(threads, |at| batch(fixtures, at, 64)));
        rounds[BATCH_256].push(bare(threads, |at| batch(fixtures, at, 256)));
        rounds[POOL].push(pool(&steady, threads, fixtures, None));
        rounds[POISONED].push(pool(&poisoned, threads, fixtures, Some(POISON_EVERY)));
    }
    rounds.map(|costs| Cost {
        wall: median(costs.iter().map(|cost| cost.wall)),
        cpu: median(costs.iter().map(|cost| cost.cpu)),
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Checks `size` signatures as one batch, and returns their number. A single signature is checked
/// without a batch.
fn batch(fixtures: &Fixtures, at: usize, size: usize) -> usize {
    let from = at * size % SIGNATURES;
    // A check without coefficients is a single one.
    let mut coefficients = vec![[0; 16]; if size > 1 { size } else { 0 }];
    SystemEntropy.fill(coefficients.as_flattened_mut());
    verify_batch(&fixtures.good[from..from + size], &coefficients).expect("all are good");
    size
}

/// Repeats `work` on each thread for [`ROUND_SECONDS`], and returns the cost of a signature. `work`
/// returns the number of signatures that it has checked.
fn bare(threads: usize, work: impl Fn(usize) -> usize + Sync) -> Cost {
    let run = || {
        let watch = Stopwatch::start();
        let mut done = 0;
        for at in 0.. {
            if watch.seconds() > ROUND_SECONDS {
                break;
            }
            done += work(at);
        }
        done
    };
    timed(|| {
        thread::scope(|scope| {
            let runs: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            runs.into_iter().map(|run| run.join().expect("it does not panic")).sum()
        })
    })
}

/// Runs callers on one thread beside the pool's threads, for [`ROUND_SECONDS`]. Each caller has one
/// check in progress at a time. With `poison`, one in that many signatures is bad.
fn pool(verifier: &Verifier, threads: usize, fixtures: &Fixtures, poison: Option<usize>) -> Cost {
    let (asked, done) = (Cell::new(0), Cell::new(0));
    let runtime = runtime();
    timed(|| {
        let watch = Stopwatch::start();
        let caller = || async {
            while watch.seconds() < ROUND_SECONDS {
                let at = asked.replace(asked.get() + 1);
                let poisoned = poison.is_some_and(|every| at % every == 0);
                let good = &fixtures.good[at % SIGNATURES];
                let check = if poisoned { &fixtures.bad } else { good };
                let verdict = verifier.check(check.clone()).await.expect("the queue is long");
                assert_eq!(verdict.is_err(), poisoned);
                done.set(done.get() + 1);
            }
        };
        runtime.block_on(join_all((0..IN_FLIGHT * threads).map(|_| caller())));
        done.get()
    })
}

fn timed(run: impl FnOnce() -> usize) -> Cost {
    let (watch, cpu) = (Stopwatch::start(), cpu_seconds());
    let done = run() as f64 / 1e6;
    Cost { wall: watch.seconds() / done, cpu: (cpu_seconds() - cpu) / done }
}

/// Times of single checks in microseconds: bare ones, and ones by an idle verifier.
struct Lone {
    bare: Vec<f64>,
    pool: Vec<f64>,
}

/// Measures one check at a time, bare and by the pool in turns, each after a pause.
fn lone(fixtures: &Fixtures, cores: usize) {
    let verifier = Verifier::start(cores, 1, Arc::new(SystemEntropy));
    let runtime = runtime();
    let mut checks = fixtures.good.iter().cycle();
    let mut part = |_| {
        let mut lone = Lone { bare: Vec::new(), pool: Vec::new() };
        for check in checks.by_ref().take(LONE_CHECKS) {
            thread::sleep(LONE_PAUSE);
            let watch = Stopwatch::start();
            check.clone().verify().expect("it is good");
            lone.bare.push(watch.seconds() * 1e6);
            thread::sleep(LONE_PAUSE);
            let watch = Stopwatch::start();
            let verdict = runtime.block_on(verifier.check(check.clone()));
            lone.pool.push(watch.seconds() * 1e6);
            verdict.expect("the queue is empty").expect("it is good");
        }
        lone
    };
    let mut parts: Vec<_> = (0..LONE_PARTS).map(&mut part).collect();
    // The parts are sorted by their bare checks, because the pool does not influence those.
    parts.sort_by(|a, b| percentile(&a.bare, 99).total_cmp(&percentile(&b.bare, 99)));
    println!("\nlone verification, microseconds (asked of an idle verifier: p99 <= 250)");
    for (name, parts) in [("all parts", &parts[..]), ("quieter half", &parts[..LONE_PARTS / 2])] {
        for (what, of) in
            [("bare", (|l| &l.bare) as fn(&Lone) -> &Vec<f64>), ("asked", |l| &l.pool)]
        {
            let all: Vec<f64> = parts.iter().flat_map(of).copied().collect();
            let [p50, p99] = [50, 99].map(|percent| percentile(&all, percent));
            println!("{name:14} {what:6} p50 {p50:6.0}  p99 {p99:6.0}  of {}", all.len());
        }
    }
}

fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() * percent / 100]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts")
}

/// Returns the processor time of all threads of this process, in seconds.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("this runs on Linux");
    // The fields after the process name, which ends with `)`, begin with field 3. The times are
    // fields 14 and 15.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS
}

impl Fixtures {
    fn new() -> Self {
        let good = (0..SIGNATURES).map(|number| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            let signer = SigningKey::from_bytes(&seed);
            Check::new(key(&signer), seed.to_vec(), signer.sign(&seed).to_bytes().to_vec())
        });
        let outsider = SigningKey::from_bytes(&[0xff; 32]);
        let signature = outsider.sign(b"signed").to_bytes().to_vec();
        let bad = Check::new(key(&outsider), b"claimed".to_vec(), signature);
        Self { good: good.collect(), bad }
    }
}

fn key(signer: &SigningKey) -> PublicKey {
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let spki = [&PREFIX[..], signer.verifying_key().as_bytes()].concat();
    PublicKey::from_spki(Algorithm::Ed25519, &spki).expect("it is a key")
}
