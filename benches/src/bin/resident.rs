//! Cost of a lifecycle with few devices in memory and with many: processor time of a process with
//! two engines on the store in memory, whose turns alternate, so that disturbances fall on both.
//! The devices are active: each has its actor, and so has its account.
//!
//! The phone's two signatures are in both figures. Every ten seconds idle actors are looked for,
//! which takes longer the more there are: that falls into few of the turns, and the median leaves
//! it out. Its own line gives its cost.

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

/// By how much a lifecycle may cost more.
const TARGET: f64 = 1.1;
/// Between two looks for idle actors.
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

/// An engine whose devices are active, and the cost of its turns.
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
    // The first turns warm up and are not counted.
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
        // Challenges that have ended stay until the next look for idle actors.
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

    /// Microseconds of the time in which idle actors are looked for once, and all have just been
    /// used.
    async fn swept(&self) -> Result<f64, Failure> {
        self.stir().await;
        let before = cpu::of_this_process()?;
        sleep(SWEEP).await;
        Ok(cpu::of_this_process()? - before)
    }

    /// Wakes all devices, and measures a lifecycle beside them.
    async fn turn(&mut self, lifecycles: usize) -> Result<f64, Failure> {
        self.stir().await;
        let before = cpu::of_this_process()?;
        for _ in 0..lifecycles {
            // A prime, so that those who act lie anywhere among the others.
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
