//! Number of instructions of the most frequent steps, counted by callgrind, because times are
//! unreliable on a shared machine.
//!
//! Each case is counted in two runs, the second with twice as many steps. The difference belongs to
//! the steps alone, because both runs have the same preparation.

use std::hint::black_box;
use std::io;
use std::process::{Command, ExitCode, Stdio};

use clap::{Parser, Subcommand};
use countersign_benches::challenge::{Sample, decide, sample};
use countersign_benches::pinned::{Failure, exit_code};
use countersign_client::SoftwareKey;
use countersign_core::challenge::Challenge;
use countersign_core::id::{AuthenticatorId, TenantId, Thumbprint};
use countersign_core::nonce::Nonce;
use countersign_core::outcome::Decision;
use countersign_core::policy::Limits;
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::statement::{DecisionStatement, Digest, Statement};
use countersign_engine::ports::store::Record;
use countersign_engine::store::stream::{Reader, Writer};

/// The cases, with the number of steps in the shorter run. The number is high enough to hide random
/// differences in the preparation, such as in the generation of a key.
const CASES: [(&str, u64, Case); 6] = [
    ("P-256 check", 640, |_, steps| check(Algorithm::Es256, steps)),
    ("Ed25519 check", 640, |_, steps| check(Algorithm::Ed25519, steps)),
    ("statement of a decision", 50_000, statement),
    ("account: decide a challenge", 50_000, transition),
    ("record of a challenge: encode", 50_000, encode),
    ("the same and back", 50_000, decode),
];

type Case = fn(&Sample, u64);

/// Counts the instructions of the hottest steps.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Hidden>,
}

#[derive(Subcommand)]
enum Hidden {
    /// Make the steps of one case.
    #[command(hide = true)]
    Run {
        /// The case.
        case: usize,
        /// The number of steps.
        steps: u64,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Some(Hidden::Run { case, steps }) => run(case, steps),
        None => count_all(&mut io::stdout()),
    };
    exit_code("instructions", done)
}

fn run(case: usize, steps: u64) -> Result<(), Failure> {
    let (.., work) = CASES.get(case).ok_or("there is no such case")?;
    work(&sample(), steps);
    Ok(())
}

fn count_all(out: &mut impl io::Write) -> Result<(), Failure> {
    writeln!(out, "instructions of one step, by callgrind")?;
    for (case, (name, steps, _)) in CASES.iter().enumerate() {
        let more = counted(case, 2 * steps)?.saturating_sub(counted(case, *steps)?);
        writeln!(out, "  {name:<32}{:>10}", more / steps)?;
    }
    Ok(())
}

/// Counts the instructions of a whole run.
fn counted(case: usize, steps: u64) -> Result<u64, Failure> {
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["run", &case.to_string(), &steps.to_string()])
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}; install the Debian package valgrind"))?;
    let said = String::from_utf8_lossy(&valgrind.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let collected = collected.and_then(|(_, count)| count.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind says no count: {said}").into())
}

fn check(algorithm: Algorithm, steps: u64) {
    let software = SoftwareKey::generate(algorithm);
    // The cost of a check depends on the signature, so the figure is an average over 64 signatures.
    let message = |number| [number; 32];
    let signatures: Vec<_> = (0..64).map(|number| software.sign(&message(number))).collect();
    let key = PublicKey::from_spki(algorithm, software.spki()).expect("a good key");
    for (number, signature) in (0..64).zip(&signatures).cycle().take(steps as usize) {
        key.verify(black_box(&message(number)), signature).expect("a good signature");
    }
}

fn statement(sample: &Sample, steps: u64) {
    let tenant = TenantId::parse("bench").expect("a valid name");
    let nonce = Nonce::from_entropy(&[4; 32]);
    let authenticator = AuthenticatorId::from_entropy([2; 16]);
    let statement = DecisionStatement {
        tenant: &tenant,
        challenge: &sample.challenge.id,
        nonce: &nonce,
        authenticator: &authenticator,
        key: Thumbprint::of_spki(b"a key"),
        decision: Decision::Approve,
        display: Digest::of("{}"),
        number: None,
        expires_at_seconds: 1_795_000_300,
    };
    for _ in 0..steps {
        black_box(Statement::Decision(black_box(statement)).to_bytes());
    }
}

fn transition(sample: &Sample, steps: u64) {
    let limits = Limits::default();
    for _ in 0..steps {
        black_box(decide(sample, &limits));
    }
}

fn record(sample: &Sample) -> Record {
    Record::Challenge(Challenge::clone(&sample.challenge))
}

fn encode(sample: &Sample, steps: u64) {
    let record = record(sample);
    let mut writer = Writer::new(io::sink()).expect("nothing is written");
    for _ in 0..steps {
        writer.write(black_box(&record)).expect("nothing is written");
    }
}

fn decode(sample: &Sample, steps: u64) {
    let record = record(sample);
    let mut writer = Writer::new(Vec::new()).expect("memory is written");
    for _ in 0..steps {
        writer.write(&record).expect("memory is written");
    }
    let (bytes, _) = writer.finish().expect("memory is written");
    let mut reader = Reader::new(bytes.as_slice()).expect("a stream");
    while let Some(record) = reader.read().expect("what was written") {
        black_box(record);
    }
}
