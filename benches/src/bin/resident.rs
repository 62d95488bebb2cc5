//! Cost of a lifecycle with few and with many devices in memory. The program measures the processor
//! time of one process with two engines on the memory store. The engines run in turns, so that
//! disturbances affect both. Every device is active: the device and its account each have an actor.
//!
//! Both figures include the phone's two signatures. Every ten seconds an engine searches for idle
//! actors, and the search takes longer with more actors. It affects few of the turns, so the median
//! excludes it. A separate line shows its cost.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::System;
use actix_web::rt::time::sleep;
use clap::Parser;
use countersign_benches::cpu;
use countersign_benches::pinned::{Failure, exit_code};
use countersign_benches::sample::{Enrolled, engine_with};
use countersign_benches::table::{median, range};
use countersign_engine::store::MemoryStore;
use countersign_engine::{Engine, EngineSettings};

/// Largest ratio of the cost with many devices to the cost with few that meets the target.
const TARGET: f64 = 1.1;
/// Time between two searches for idle actors.
const SWEEP: Duration = Duration::from_secs(10);

/// Measures the cost of a lifecycle with few active devices and with many.
#[derive(Parser)]
struct Cli {
    /// Devices where few are active.
    #[arg(long, default_value_t = 1000)]
    few: usize,
    /// Devices where many are active; a million of them take some 12 GB.
    #[arg(long, default_value_t = 100_000)]
    many: usize,
    /// Turns of each.
    #[arg(long, default_value_t = 9)]
    turns: usize,
    /// Lifecycles in a turn.
    #[arg(long, default_value_t = 2000)]
    lifecycles: usize,
}

/// An engine whose devices are active, and the cost of a lifecycle in each turn, in microseconds.
struct Active {
    engine: Engine,
    users: Vec<Enrolled>,
    next: usize,
    us: Vec<f64>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    exit_code("resident", System::new().block_on(run(&cli)))
}

async fn run(cli: &Cli) -> Result<(), Failure> {
    if cli.few == 0 || cli.many == 0 || cli.turns * cli.lifecycles == 0 {
        return Err("every number is above 0".into());
    }
    let mut few = Active::start(cli.few).await;
    let mut many = Active::start(cli.many).await;
    // The first turns are a warm-up and do not count.
    for turn in 0..=cli.turns {
        for active in [&mut few, &mut many] {
            let us = active.turn(cli.lifecycles).await?;
            if turn > 0 {
                active.us.push(us);
            }
        }
    }
    let out = &mut io::stdout();
    writeln!(out, "microseconds of processor time of a lifecycle, memory:")?;
    writeln!(out, "{:>10} {:>10} {:>10}   smallest to largest", "devices", "actors", "median")?;
    for Active { engine, users, us, .. } in [&few, &many] {
        let (smallest, largest) = range(us);
        let (users, actors) = (users.len(), engine.actors());
        let middle = median(us);
        writeln!(out, "{users:>10} {actors:>10} {middle:>10.1}   {smallest:.1} to {largest:.1}")?;
    }
    let ratio = median(&many.us) / median(&few.us);
    let judged = if ratio <= TARGET { "met" } else { "missed" };
    writeln!(out, "many to few: {ratio:.3}, target {TARGET}: {judged}")?;
    let swept = many.swept().await? / 1e3;
    writeln!(out, "a look for idle ones among {} devices: {swept:.1} ms", many.users.len())?;
    for active in [few, many] {
        active.engine.close().await?;
    }
    Ok(())
}

impl Active {
    async fn start(devices: usize) -> Self {
        // The actors of ended challenges stay in memory until the next search for idle actors, so
        // the engine gets no limit of activations.
        let settings = EngineSettings { activations_max: usize::MAX, ..EngineSettings::default() };
        let engine = engine_with(Arc::new(MemoryStore::default()), &settings);
        let mut users = Vec::with_capacity(devices);
        for number in 0..devices {
            users.push(Enrolled::new(&engine, &format!("usr_{number}")).await);
        }
        Self { engine, users, next: 0, us: Vec::new() }
    }

    async fn stir(&self) {
        for user in &self.users {
            user.stir().await;
        }
    }

    /// Measures the processor time of one search for idle actors, in microseconds. All actors have
    /// been used just before, so that the search removes none.
    async fn swept(&self) -> Result<f64, Failure> {
        self.stir().await;
        let before = cpu::of_this_process()?;
        sleep(SWEEP).await;
        Ok(cpu::of_this_process()? - before)
    }

    /// Sends a message to each device and account, so that all are active, and then measures the
    /// cost of a lifecycle in microseconds.
    async fn turn(&mut self, lifecycles: usize) -> Result<f64, Failure> {
        self.stir().await;
        let before = cpu::of_this_process()?;
        for _ in 0..lifecycles {
            // The step is a prime, so that the users of the lifecycles are spread over all users.
            self.next = (self.next + 7919) % self.users.len();
            self.users[self.next].lifecycle().await;
        }
        let used = cpu::of_this_process()? - before;
        if self.engine.actors() < 2 * self.users.len() {
            return Err("devices fell asleep meanwhile: take fewer --lifecycles".into());
        }
        Ok(used / lifecycles as f64)
    }
}
