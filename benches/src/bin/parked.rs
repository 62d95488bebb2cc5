//! Memory of a parked browser over HTTP/1.1 and HTTP/2, compared with a bare handler that waits on
//! a channel for the same polls; and memory of a pending challenge with its account and its device.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use countersign_benches::bare;
use countersign_benches::pinned::{BareProcess, Failure, PATIENT, ROOMY, Server, build, exit_code};
use countersign_loadtest::client::raw::{Connection, POLL, Person};
use countersign_loadtest::descriptors;
use countersign_loadtest::host::process::rss_bytes;
use reqwest::header::AUTHORIZATION;
use tikv_jemallocator::Jemalloc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The allocator of `countersign`, because the size of a buffer depends on it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Time after which idle actors have left memory. The server searches for them every 10 s, and
/// removes those that were also idle at the search before.
const ACTORS_LEAVE: Duration = Duration::from_secs(25);
/// Time after which the memory of parked polls no longer changes.
const SETTLE: Duration = Duration::from_secs(2);
/// Seconds for which a poll asks the server to hold it.
const WAIT_SECONDS: u32 = 30;
/// Number of polls on one HTTP/2 connection.
const STREAMS: usize = 100;
/// Length of a token, in bytes.
const TOKEN_BYTES: usize = 400;

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
    BareServer {
        /// The protocol.
        protocol: Protocol,
    },
}

/// Transport of the polls.
#[derive(Clone, Copy, ValueEnum)]
enum Protocol {
    #[value(name = "HTTP/1.1")]
    Http1,
    #[value(name = "HTTP/2")]
    Http2,
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
        Some(Hidden::BareServer { protocol: Protocol::Http1 }) => {
            bare::park().map_err(Failure::from)
        }
        Some(Hidden::BareServer { protocol: Protocol::Http2 }) => {
            bare::park_http2().map_err(Failure::from)
        }
        None => measure(&settings),
    };
    exit_code("parked", done)
}

fn measure(settings: &Settings) -> Result<(), Failure> {
    let binary = settings.server.clone().map_or_else(build, Ok)?;
    descriptors::allow(settings.polls.iter().copied().max().unwrap_or_default() as u64)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let out = &mut io::stdout();
    runtime.block_on(async {
        writeln!(
            out,
            "{:<20} {:>8} {:>16} {:>10} {:>14}",
            "", "polls", "challenge bytes", "poll KiB", "bare and KiB"
        )?;
        for polls in &settings.polls {
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let name = protocol.name();
                let bare = bare_handler(protocol, *polls).await?;
                writeln!(out, "{:<20} {polls:>8} {:>16} {bare:>10.1}", format!("bare {name}"), "")?;
                for store in &settings.stores {
                    let (challenge, poll) = countersign(&binary, store, protocol, *polls).await?;
                    let (of, more) = (format!("{store} {name}"), poll - bare);
                    writeln!(
                        out,
                        "{of:<20} {polls:>8} {challenge:>16.0} {poll:>10.1} {more:>14.1}"
                    )?;
                }
            }
        }
        Ok(())
    })
}

/// Measures the memory of a poll at the bare handler, in KiB.
async fn bare_handler(protocol: Protocol, polls: usize) -> Result<f64, Failure> {
    let bare = BareProcess::start(&["bare-server", protocol.name()])?;
    // The tokens and ids are as long as those of the server.
    let asked = vec![("t".repeat(TOKEN_BYTES), "c".repeat(32)); polls];
    // The first polls cause the allocations that happen only once.
    protocol.park(bare.address, bare.pid(), &asked[..STREAMS.min(polls)]).await?;
    sleep(SETTLE).await;
    let before = rss_bytes(bare.pid())?;
    let parked = protocol.park(bare.address, bare.pid(), &asked).await?;
    Ok(kib(parked.saturating_sub(before), polls))
}

/// Measures the memory of a pending challenge in bytes, and of a poll on it in KiB.
async fn countersign(
    binary: &Path,
    store: &str,
    protocol: Protocol,
    polls: usize,
) -> Result<(f64, f64), Failure> {
    let server = Server::start(binary, store, &[], &[PATIENT, ROOMY]).await?;
    let mut connection = Connection::to(server.address);
    let people = server.enroll(polls).await?;
    sleep(ACTORS_LEAVE).await;
    let idle = rss_bytes(server.pid())?;
    let mut asked = Vec::with_capacity(polls);
    for person in &people {
        asked.push(person.begin(&mut connection).await?);
    }
    let pending = rss_bytes(server.pid())?;
    let challenge = pending.saturating_sub(idle) as f64 / polls as f64;
    let parked = protocol.park(server.address, server.pid(), &asked).await?;
    Ok((challenge, kib(parked.saturating_sub(pending), polls)))
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }

    /// Parks a poll for each pair of token and challenge, and reads the process's memory while all
    /// polls wait. Then it closes the connections. Returns the memory in bytes.
    async fn park(
        self,
        address: SocketAddr,
        pid: u32,
        asked: &[(String, String)],
    ) -> Result<u64, Failure> {
        match self {
            Self::Http1 => over_http1(address, pid, asked).await,
            Self::Http2 => over_http2(address, pid, asked).await,
        }
    }
}

async fn over_http1(
    address: SocketAddr,
    pid: u32,
    asked: &[(String, String)],
) -> Result<u64, Failure> {
    let mut parked = Vec::with_capacity(asked.len());
    for (token, challenge) in asked {
        let mut connection = Connection::to(address);
        connection.send(&Person::verify(token, challenge, Some(WAIT_SECONDS))).await?;
        parked.push(connection);
    }
    sleep(SETTLE).await;
    let memory = rss_bytes(pid)?;
    for connection in &mut parked {
        let answered = timeout(Duration::ZERO, connection.receive()).await;
        if let Ok(answer) = answered {
            return Err(format!("a poll does not wait: {:?}", answer?).into());
        }
    }
    Ok(memory)
}

async fn over_http2(
    address: SocketAddr,
    pid: u32,
    asked: &[(String, String)],
) -> Result<u64, Failure> {
    let url = format!("http://{address}{POLL}");
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
        // All polls of a client share its only connection. The pause lets the connection open
        // before the next client starts.
        sleep(Duration::from_millis(20)).await;
    }
    sleep(SETTLE).await;
    let memory = rss_bytes(pid)?;
    if let Some(answer) = parked.try_join_next() {
        return Err(format!("a poll does not wait: {:?}", answer??).into());
    }
    Ok(memory)
}

fn kib(bytes: u64, polls: usize) -> f64 {
    bytes as f64 / polls as f64 / 1024.0
}
