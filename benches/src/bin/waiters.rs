//! Time from a decision to the first byte of the response to the waiting browser, with few and with
//! many browsers parked on one server.
//!
//! Server and driver have one core each. Few and many browsers take turns, so that disturbances on
//! the machine affect both. Before each decision the same phone sends a plain request, because
//! parked browsers should not slow that down either.

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use countersign_benches::pinned::{Failure, PATIENT, Pinned, ROOMY, Server, exit_code};
use countersign_loadtest::client::raw::{Connection, Person, expect};
use countersign_loadtest::run::times::Times;
use tokio::time::{Instant, sleep};

/// Seconds for which a poll asks the server to hold it, which is the most that the server grants. A
/// turn has to end earlier.
const WAIT_SECONDS: u32 = 30;
/// Configuration key and value for the longest lifetime of a challenge, because a run may take
/// long.
const LIFETIME: (&str, &str) = ("tenants.0.push.challenge_lifetime_seconds", "600");
/// Maximum number of connections from one source address.
const PER_ADDRESS: usize = 2500;
/// Longest time to wait until the server holds the expected number of polls.
const SETTLED: Duration = Duration::from_secs(10);
/// Target for the p99 of the decisions with many browsers parked, in milliseconds.
const TARGET_MS: f64 = 5.0;
/// Target for the time with many parked browsers, as a multiple of the time with few.
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

/// A user with a pending challenge, whose browser may be parked.
struct Waiting {
    person: Person,
    token: String,
    challenge: String,
    poll: Connection,
}

/// Times that were measured with one number of parked polls, either few or many.
#[derive(Default)]
struct Latencies {
    /// Times from sending the decision to the first byte of the browser's response.
    told: Times,
    /// Times of the plain requests.
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
    // The first turns are a warm-up and do not count.
    for turn in 0..=cli.turns {
        if turn == 1 {
            (few, many) = Default::default();
        }
        // Each turn parks other users, so that differences between users affect few and many alike.
        all.rotate_left(cli.few);
        turn_with(cli.few, turn, cli, server, &mut all, &mut few).await?;
        turn_with(cli.many, turn, cli, server, &mut all, &mut many).await?;
    }
    print(out, cli, &few, &many)?;
    Ok(())
}

/// Parks the first `parked` users, approves the challenges of some of them one by one, and closes
/// all polls. A user whose challenge was approved gets a new challenge and is parked again.
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
        // The step is a prime, so that the approved users are spread over all parked ones.
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

/// Waits until the server holds exactly this number of polls.
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

    /// Tracks a sign-in and starts its challenge.
    async fn challenged(&mut self, control: &mut Connection) -> io::Result<()> {
        (self.token, self.challenge) = self.person.begin(control).await?;
        Ok(())
    }

    /// Sends the browser's long poll.
    async fn park(&mut self) -> io::Result<()> {
        let poll = Person::verify(&self.token, &self.challenge, Some(WAIT_SECONDS));
        self.poll.send(&poll).await
    }

    /// Makes the phone send a plain request, read the challenge and approve it. Checks the response
    /// of the browser's poll, and records the times.
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
        // Only an approved challenge returns a token.
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
