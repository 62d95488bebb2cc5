//! From a decision to the first byte that the waiting browser gets, with few and with many browsers
//! parked on one server.
//!
//! Server and driver have a core each. Few and many take turns, so that whatever else the machine
//! does falls on both; and beside each decision stands a plain request of the same phone, which no
//! parked browser should slow down either.

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use countersign_benches::pinned::{Failure, PATIENT, Pinned, ROOMY, Server, exit_code};
use countersign_loadtest::client::raw::{Connection, Person, expect};
use countersign_loadtest::run::times::Times;
use tokio::time::{Instant, sleep};

/// Seconds that polls ask to wait: the most that is granted. A turn has to be over before.
const WAIT_SECONDS: u32 = 30;
/// A challenge lives as long as can be configured, as a run may be long.
const LIFETIME: (&str, &str) = ("tenants.0.push.challenge_lifetime_seconds", "600");
/// Connections from one of this machine's addresses.
const PER_ADDRESS: usize = 2500;
/// Longest until the server holds as many polls as it should.
const SETTLED: Duration = Duration::from_secs(10);
/// Target for the longest of 100 decisions, in milliseconds.
const TARGET_MS: f64 = 5.0;
/// Target for the time with many parked, as a multiple of the time with few.
const TARGET_RATIO: f64 = 1.5;

/// Measures how soon a waiting browser learns of a decision, with few parked and with many.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    pinned: Pinned,
    /// Polls that are parked where few are.
    #[arg(long, default_value_t = 10)]
    few: usize,
    /// Polls that are parked where many are.
    #[arg(long, default_value_t = 10_000)]
    many: usize,
    /// Turns of each. Each connects anew: where there are many, addresses run out for a minute.
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// Decisions in a turn.
    #[arg(long, default_value_t = 200)]
    decisions: usize,
}

/// A user whose browser waits, or may.
struct Waiting {
    person: Person,
    token: String,
    challenge: String,
    poll: Connection,
}

/// Times with one number of parked polls.
#[derive(Default)]
struct Latencies {
    /// From sending the decision to the first byte of the browser's answer.
    told: Times,
    /// A plain request beside it.
    plain: Times,
}

fn main() -> ExitCode {
    exit_code("waiters", run(&Cli::parse()))
}

fn run(cli: &Cli) -> Result<(), Failure> {
    if cli.few == 0 || cli.few > cli.many || cli.turns * cli.decisions == 0 {
        return Err("--few is from 1 to --many, and something has to be decided".into());
    }
    let keys = [LIFETIME, PATIENT, ROOMY];
    cli.pinned.run(cli.many, &keys, async |server| measure(cli, server, &mut io::stdout()).await)
}

async fn measure(cli: &Cli, server: &Server, out: &mut impl io::Write) -> Result<(), Failure> {
    let mut control = Connection::to(server.address);
    let mut all = Vec::with_capacity(cli.many);
    for (number, person) in server.enroll(cli.many).await?.into_iter().enumerate() {
        all.push(Waiting::new(person, number, server, &mut control).await?);
    }
    let (mut few, mut many) = (Latencies::default(), Latencies::default());
    // The first turns warm up and are not counted.
    for turn in 0..=cli.turns {
        if turn == 1 {
            (few, many) = Default::default();
        }
        // Others each time, so that differences between users fall on both.
        all.rotate_left(cli.few);
        turn_with(cli.few, turn, cli, server, &mut all, &mut few).await?;
        turn_with(cli.many, turn, cli, server, &mut all, &mut many).await?;
    }
    print(out, cli, &few, &many)?;
    Ok(())
}

/// Parks the first `parked` of all, decides some of them one by one, and lets all go.
async fn turn_with(
    parked: usize,
    turn: usize,
    cli: &Cli,
    server: &Server,
    all: &mut [Waiting],
    times: &mut Latencies,
) -> Result<(), Failure> {
    let began = Instant::now();
    for waiting in &mut all[..parked] {
        waiting.park().await?;
    }
    holds(server, parked).await?;
    let (mut phone, mut control) = (Connection::to(server.address), Connection::to(server.address));
    for decision in 0..cli.decisions {
        // A prime, so that those who decide lie anywhere among those who wait.
        let chosen = (turn * cli.decisions + decision) * 7919 % parked;
        all[chosen].decide(&mut phone, times).await?;
        all[chosen].challenged(&mut control).await?;
        all[chosen].park().await?;
    }
    holds(server, parked).await?;
    if began.elapsed() >= Duration::from_secs(WAIT_SECONDS.into()) {
        return Err("a turn took longer than a poll waits: take fewer --decisions".into());
    }
    for waiting in &mut all[..parked] {
        waiting.poll.close();
    }
    holds(server, 0).await
}

/// Waits until the server holds that many polls, and is idle again.
async fn holds(server: &Server, polls: usize) -> Result<(), Failure> {
    let end = Instant::now() + SETTLED;
    loop {
        let held = server.polls().await.ok_or("the server's metrics cannot be read")?;
        if held == polls {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(format!("the server holds {held} polls where {polls} wait").into());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

impl Waiting {
    async fn new(
        person: Person,
        number: usize,
        server: &Server,
        control: &mut Connection,
    ) -> io::Result<Self> {
        let source = Ipv4Addr::new(127, 0, 0, (number / PER_ADDRESS % 250) as u8 + 1);
        let poll = Connection::to(server.address).from(source);
        let (token, challenge) = person.begin(control).await?;
        Ok(Self { person, token, challenge, poll })
    }

    /// The backend and the browser begin a sign-in.
    async fn challenged(&mut self, control: &mut Connection) -> io::Result<()> {
        (self.token, self.challenge) = self.person.begin(control).await?;
        Ok(())
    }

    /// The browser begins to wait.
    async fn park(&mut self) -> io::Result<()> {
        let poll = Person::verify(&self.token, &self.challenge, Some(WAIT_SECONDS));
        self.poll.send(&poll).await
    }

    /// The phone approves, and the browser learns of it.
    async fn decide(&mut self, phone: &mut Connection, times: &mut Latencies) -> io::Result<()> {
        let asked = Instant::now();
        let nonce = phone.call(self.person.nonce()).await?;
        times.plain.add(asked.elapsed());
        let read = phone.call(&self.person.read(expect(&nonce, "message")?)).await?;
        if expect(&read, "challengeId")? != self.challenge {
            return Err(io::Error::other("another challenge is pending"));
        }
        let approval = self.person.approve(&self.challenge);
        let sent = Instant::now();
        phone.send(&approval).await?;
        self.poll.read().await?;
        times.told.add(sent.elapsed());
        let answered = phone.receive().await?;
        let told = self.poll.receive().await?;
        // Only an approval earns the token.
        expect(&told, "accessToken")?;
        if answered.status == 200 { Ok(()) } else { Err(io::Error::other(answered.body)) }
    }
}

fn print(out: &mut impl io::Write, cli: &Cli, few: &Latencies, many: &Latencies) -> io::Result<()> {
    writeln!(
        out,
        "{}, {} turns of each; milliseconds, p50 / p99 / longest\n{:>8} {:>10} {:>28} {:>28}",
        cli.pinned.store,
        cli.turns,
        "parked",
        "decisions",
        "decision to first byte",
        "plain request"
    )?;
    for (parked, Latencies { told, plain }) in [(cli.few, few), (cli.many, many)] {
        let all = |times: &Times| {
            let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|q| times.ms(q));
            format!("{p50:.3} / {p99:.3} / {longest:.3}")
        };
        writeln!(out, "{parked:>8} {:>10} {:>28} {:>28}", told.count(), all(told), all(plain))?;
    }
    let told = |q| many.told.ms(q) / few.told.ms(q);
    let plain = |q| many.plain.ms(q) / few.plain.ms(q);
    let judged = |is_met| if is_met { "met" } else { "missed" };
    let p99 = many.told.ms(0.99);
    writeln!(
        out,
        "p99 with {}: {p99:.2} ms, target {TARGET_MS}: {}",
        cli.many,
        judged(p99 <= TARGET_MS)
    )?;
    writeln!(
        out,
        "many to few: p50 {:.2}, p99 {:.2}, target {TARGET_RATIO}: {}; \
         a plain request {:.2} and {:.2}",
        told(0.5),
        told(0.99),
        judged(told(0.99) <= TARGET_RATIO),
        plain(0.5),
        plain(0.99)
    )
}
