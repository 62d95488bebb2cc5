//! What memory a browser takes that waits on a long poll, over HTTP/1.1 and HTTP/2, beside a bare
//! handler that waits on a channel; and what a pending challenge takes, with its account and its
//! device in memory.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use countersign_benches::bare;
use countersign_benches::person::{Person, expect};
use countersign_benches::pinned::{Server, build};
use countersign_benches::raw::Connection;
use countersign_loadtest::descriptors;
use countersign_loadtest::host::process::rss_bytes;
use mimalloc::MiMalloc;
use reqwest::header::AUTHORIZATION;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The server's own: what a buffer takes depends on who hands it out.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Failure = Box<dyn Error>;

/// Time in which idle actors leave memory: they are looked for every 10 s, and leave if they were
/// idle the time before.
const ACTORS_LEAVE: Duration = Duration::from_secs(25);
/// Time after which what was parked stays as it is.
const SETTLE: Duration = Duration::from_secs(2);
/// Seconds that polls ask to wait.
const WAIT_SECONDS: u32 = 30;
/// Polls on one connection of HTTP/2.
const STREAMS: usize = 100;

/// Memory of parked browsers and pending challenges.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Hidden>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Hidden {
    /// Serve the bare handler.
    #[command(hide = true)]
    BareServer,
}

#[derive(Args)]
struct Settings {
    /// The `countersign` to measure; it is built if none is given.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Stores to measure.
    #[arg(long, value_delimiter = ',', default_value = "memory:,sqlite:")]
    stores: Vec<String>,
    /// Polls to park, in turn.
    #[arg(long, value_delimiter = ',', default_value = "2000,8000")]
    polls: Vec<usize>,
}

fn main() -> ExitCode {
    let Cli { command, settings } = Cli::parse();
    let done = match command {
        Some(Hidden::BareServer) => bare::park().map_err(Failure::from),
        None => measure(&settings),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even this cannot be written, the exit code says it.
            let _ = writeln!(io::stderr(), "parked: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(settings: &Settings) -> Result<(), Failure> {
    let binary = settings.server.clone().map_or_else(build, Ok)?;
    descriptors::allow(settings.polls.iter().copied().max().unwrap_or_default() as u64)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let out = &mut io::stdout();
    runtime.block_on(async {
        writeln!(out, "{:<28} {:>8} {:>16} {:>12}", "", "polls", "challenge bytes", "poll KiB")?;
        for polls in &settings.polls {
            bare_handler(out, *polls).await?;
            for store in &settings.stores {
                for version in ["HTTP/1.1", "HTTP/2"] {
                    countersign(out, &binary, store, version, *polls).await?;
                }
            }
        }
        Ok(())
    })
}

async fn bare_handler(out: &mut impl io::Write, polls: usize) -> Result<(), Failure> {
    let server = Server::oneself(&["bare-server"])?;
    Connection::to(server.address).call(b"GET /warm HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let before = rss_bytes(server.pid())?;
    let mut parked = Vec::with_capacity(polls);
    for _ in 0..polls {
        let mut connection = Connection::to(server.address);
        connection.send(b"GET /park HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        parked.push(connection);
    }
    sleep(SETTLE).await;
    let each = (rss_bytes(server.pid())? - before) as f64 / polls as f64 / 1024.0;
    writeln!(out, "{:<28} {polls:>8} {:>16} {each:>12.1}", "bare HTTP/1.1", "")?;
    Ok(())
}

async fn countersign(
    out: &mut impl io::Write,
    binary: &Path,
    store: &str,
    version: &str,
    polls: usize,
) -> Result<(), Failure> {
    let many = [("COUNTERSIGN__SERVER__REQUESTS_IN_FLIGHT_MAX", "100000")];
    let server = Server::countersign(binary, store, &many)?;
    let mut connection = Connection::to(server.address);
    let mut people = Vec::with_capacity(polls);
    for number in 0..polls {
        let name = format!("u-{number}");
        people.push(Person::enroll(server.callers(), &name, &mut connection).await?);
    }
    sleep(ACTORS_LEAVE).await;
    let idle = rss_bytes(server.pid())?;
    let mut asked = Vec::with_capacity(polls);
    for person in &people {
        let tracked = connection.call(person.track()).await?;
        let token = expect(&tracked, "token")?.to_owned();
        let started = connection.call(&Person::start(&token)).await?;
        asked.push((token, expect(&started, "challengeId")?.to_owned()));
    }
    let pending = rss_bytes(server.pid())?;
    let challenge = pending.saturating_sub(idle) as f64 / polls as f64;
    let parked = match version {
        "HTTP/1.1" => over_http1(&server, &asked).await?,
        _ => over_http2(&server, &asked).await?,
    };
    let each = (parked - pending) as f64 / polls as f64 / 1024.0;
    let name = format!("{store} {version}");
    writeln!(out, "{name:<28} {polls:>8} {challenge:>16.0} {each:>12.1}")?;
    Ok(())
}

/// Parks a poll for each, and gives the server's memory while all wait.
async fn over_http1(server: &Server, asked: &[(String, String)]) -> Result<u64, Failure> {
    let mut parked = Vec::with_capacity(asked.len());
    for (token, challenge) in asked {
        let mut connection = Connection::to(server.address);
        connection.send(&Person::verify(token, challenge, Some(WAIT_SECONDS))).await?;
        parked.push(connection);
    }
    sleep(SETTLE).await;
    let memory = rss_bytes(server.pid())?;
    for connection in &mut parked {
        let answered = timeout(Duration::ZERO, connection.receive()).await;
        if let Ok(answer) = answered {
            return Err(format!("a poll does not wait: {:?}", answer?).into());
        }
    }
    Ok(memory)
}

async fn over_http2(server: &Server, asked: &[(String, String)]) -> Result<u64, Failure> {
    let url = format!("http://{}/v1/client/verify/push", server.address);
    let mut parked = JoinSet::new();
    for some in asked.chunks(STREAMS) {
        let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build()?;
        for (token, challenge) in some {
            let call = client
                .post(&url)
                .header(AUTHORIZATION, format!("Bearer {token}"))
                .header("prefer", format!("wait={WAIT_SECONDS}"))
                .json(&std::collections::BTreeMap::from([("challengeId", challenge)]));
            parked.spawn(call.send());
        }
        // One connection takes them all: none is to be opened beside it.
        sleep(Duration::from_millis(20)).await;
    }
    sleep(SETTLE).await;
    let memory = rss_bytes(server.pid())?;
    if let Some(answer) = parked.try_join_next() {
        return Err(format!("a poll does not wait: {:?}", answer??).into());
    }
    Ok(memory)
}
