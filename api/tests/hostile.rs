//! Runs every abuse of the load harness for two seconds on each listener. `make hostile` runs them
//! for longer and judges times too.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use countersign_loadtest::host::pin;
use countersign_loadtest::hostile::{
    Attackers, Hostile, Listener, Rule, Timing, alone, attack, named,
};

/// Limits for an unoptimized server on a busy machine. They do not judge the times of sign-ins, nor
/// the number of refusals, because such a server is slow even without an abuse.
const LOOSE: Rule = Rule {
    p99_factor: None,
    failed_share: 0.05,
    refused_share: 1.0,
    health_max: Duration::from_secs(1),
    memory_factor: 2.0,
    // A debug build reads each file from the disk, so every waiting response holds its own copy.
    memory_spare: 256 << 20,
    busy_max: 0.9,
    ..Rule::strict()
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_while_a_peer_abuses_the_server() {
    let hostile = Hostile {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_countersign")),
        set: Vec::new(),
        cores: pin::split(&pin::allowed().unwrap(), 1),
        attackers: Attackers::this_program(&["--ignored", "--exact", "attackers", "--nocapture"])
            .unwrap(),
        timing: Timing {
            abuse: Duration::from_secs(2),
            quiet: Duration::from_secs(1),
            recovery: Duration::from_secs(1),
            sign_ins_per_second: 10.0,
        },
        rule: LOOSE,
    };
    let both = [Listener::Public, Listener::Operators];
    let runs = alone(&["sqlite".to_owned()], &both, &named(&[]).unwrap());
    let outcomes = hostile.run(runs, |note| println!("{note}"), |ended| print!("{ended}")).await;
    let mut failed = String::new();
    for outcome in outcomes.unwrap().iter().filter(|outcome| !outcome.wrong.is_empty()) {
        write!(failed, "{outcome}").unwrap();
    }
    assert!(failed.is_empty(), "\n{failed}");
}

#[test]
#[ignore = "it is the attackers' process, which the test above starts"]
fn attackers() {
    if let Err(error) = attack() {
        println!("{error}");
    }
}
