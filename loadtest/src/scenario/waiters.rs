//! Many parked polls, of which some are decided one by one: how soon does each learn of its own?

use std::time::Duration;

use clap::Args;
use countersign_client::Http;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::recorder::Recorder;
use crate::report::{Machine, Report, Section};
use crate::server::Target;
use crate::user::{Open, Poll, User, between, enroll_many, step};
use crate::{LoadError, descriptors, gauge};

/// From the answer to the device to the answer to the poll; none if the poll's came first.
const AFTER_ANSWER: &str = "answer to waiter";
/// From sending the device's answer to the answer to the poll.
const AFTER_SENDING: &str = "sent to waiter";
/// Longest time in which all polls have to be parked: a part of the 30 s that they wait.
const PARKING: Duration = Duration::from_secs(15);
/// Challenges that are started at the same time.
const AT_ONCE: usize = 32;

/// How much of it.
#[derive(Args)]
pub struct WaitersArgs {
    /// Polls that are parked at the same time, each over its own connection.
    #[arg(long, default_value_t = 5000)]
    pub count: usize,
    /// How many of them are decided.
    #[arg(long, default_value_t = 300)]
    pub decided: usize,
}

struct Waiter {
    user: User,
    open: Open,
}

/// Runs it.
///
/// # Errors
/// [`LoadError`], also if a poll is answered anything but its own approval.
pub async fn run(target: &Target, args: &WaitersArgs) -> Result<Report, LoadError> {
    descriptors::allow(args.count as u64 + AT_ONCE as u64)?;
    let http = Http::new().map_err(LoadError::at("connect"))?;
    let decided = args.decided.min(args.count);
    let users = enroll_many(target, &http, args.count).await?;
    let (users, alone) = one_by_one(target, users, decided).await?;
    let crowd = among_many(target, users, decided).await?;
    let section = |title: String, times: &Recorder| Section {
        title,
        times: times.of(&[AFTER_ANSWER, AFTER_SENDING, step::DECIDE]),
    };
    let figures = json!({ "parked": args.count, "decided": decided });
    let Value::Object(figures) = figures else { unreachable!("made as an object just above") };
    Ok(Report {
        scenario: "waiters",
        machine: Machine::here(),
        figures,
        sections: vec![
            section("With 1 poll parked".to_owned(), &alone),
            section(format!("With {} polls parked", args.count), &crowd),
        ],
    })
}

/// Parks one poll at a time and decides it.
async fn one_by_one(
    target: &Target,
    users: Vec<User>,
    decided: usize,
) -> Result<(Vec<User>, Recorder), LoadError> {
    let mut times = Recorder::default();
    for user in users.iter().take(decided) {
        let open = user.challenge(&mut Recorder::default()).await?;
        let poll = open.poll();
        gauge::parked(target, 1, PARKING).await?;
        decide(user, &open, poll, &mut times).await?;
    }
    Ok((users, times))
}

/// Parks a poll of every user, and decides some that are spread over all.
async fn among_many(
    target: &Target,
    users: Vec<User>,
    decided: usize,
) -> Result<Recorder, LoadError> {
    let starting = stream::iter(users).map(|user| async move {
        let open = user.challenge(&mut Recorder::default()).await?;
        Ok::<_, LoadError>(Waiter { user, open })
    });
    let waiters: Vec<Waiter> = starting.buffer_unordered(AT_ONCE).try_collect().await?;
    let count = waiters.len();
    let mut parked: Vec<(Waiter, Poll)> = Vec::with_capacity(count);
    for waiter in waiters {
        let poll = waiter.open.poll();
        parked.push((waiter, poll));
    }
    gauge::parked(target, count, PARKING).await?;
    let mut times = Recorder::default();
    // Spread over all, in the order in which they were parked.
    let chosen = |index: usize| index * decided / count != (index + 1) * decided / count;
    for (index, (waiter, poll)) in parked.into_iter().enumerate() {
        if chosen(index) {
            decide(&waiter.user, &waiter.open, poll, &mut times).await?;
        }
    }
    Ok(times)
}

async fn decide(
    user: &User,
    open: &Open,
    poll: Poll,
    times: &mut Recorder,
) -> Result<(), LoadError> {
    let sent = user.decide(open, times).await?;
    let answered = Instant::now();
    let (answer, at) = poll.await.map_err(|_| LoadError::Wrong("a poll was lost"))?;
    if !answer.map_err(LoadError::at("verify"))?.is_verified {
        return Err(LoadError::Wrong("a parked poll was not told of its approval"));
    }
    times.record(AFTER_ANSWER, between(answered, at));
    times.record(AFTER_SENDING, between(sent, at));
    Ok(())
}
