//! Tests in which Redis fails in different ways while the server runs. Parked polls must get their
//! outcome, phones that retry must get a response, and no challenge may get two outcomes.

use std::sync::Arc;
use std::time::Duration;

use countersign_wire::names::Outcome;
use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::caller::{Caller, Failed};
use crate::invariants::{self, Counted};
use crate::life::{Life, Step};
use crate::number;
use crate::server::{Server, begun_redis};

/// Number of users. Each has a phone, an open challenge and a poll that waits for its end. A third
/// of the phones answer before the outage, a third during it and a third after it.
const USERS: usize = 24;
const THIRD: usize = USERS / 3;
/// Default number of seconds for which Redis is paused. It is longer than the server waits for a
/// commit. `COUNTERSIGN_PAUSE_SECONDS` overrides it.
const PAUSE_SECONDS: u64 = 4;
/// Time between two attempts of a phone or a browser, which retry after a 503 as ours do. `TRIES`
/// limits their attempts.
const PAUSE: Duration = Duration::from_millis(100);
const TRIES: usize = 1_200;

/// A server with users whose polls wait.
struct Waiting {
    folder: tempfile::TempDir,
    server: Server,
    settings: Vec<(String, String)>,
    caller: Caller,
    /// Users whose phones have not answered yet.
    asked: Vec<Life>,
    answered: Vec<Life>,
    polls: Vec<JoinHandle<(Outcome, usize)>>,
    /// Counts the responses with 503 to phones.
    refused: Arc<Semaphore>,
}

impl Waiting {
    async fn on(url: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = [&[("COUNTERSIGN_STORE", url)], settings].concat();
        let server = Server::start_with(folder.path(), &settings).await;
        let caller = Caller::new(server.url(), None);
        let asking = (0..USERS).map(|number| asked(&caller, Life::new(0, number)));
        let asked = join_all(asking).await;
        let polls = asked.iter().map(|life| tokio::spawn(poll(caller.clone(), life))).collect();
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Self {
            folder,
            settings: settings.collect(),
            caller,
            server,
            asked,
            answered: Vec::new(),
            polls,
            refused: Arc::new(Semaphore::new(0)),
        }
    }

    /// Begins the answers of the next third of the phones.
    fn begin(&mut self) -> Vec<JoinHandle<Life>> {
        let third = self.asked.drain(..THIRD);
        let decided = third.map(|life| {
            let (caller, refused) = (self.caller.clone(), Arc::clone(&self.refused));
            tokio::spawn(decide(caller, life, refused))
        });
        decided.collect()
    }

    async fn end(&mut self, deciding: Vec<JoinHandle<Life>>) {
        self.answered.extend(join_all(deciding).await.into_iter().map(Result::unwrap));
    }

    async fn third(&mut self) {
        let deciding = self.begin();
        self.end(deciding).await;
    }

    /// Waits until a phone has got a 503.
    async fn until_refused(&self) {
        let refused = tokio::time::timeout(Duration::from_secs(30), self.refused.acquire());
        refused.await.expect("a phone is told to come again").unwrap().forget();
    }

    /// Checks that the polls of users whose phones have not answered are still parked.
    fn assert_parked(&self) {
        let waiting = self.polls.iter().filter(|poll| !poll.is_finished()).count();
        assert!(waiting >= self.asked.len(), "{waiting} of {}", self.asked.len());
    }

    /// Checks that every poll got its phone's decision, and that the decision is recorded. Returns
    /// the number of 503 responses to polls.
    async fn assert_settled(&mut self) -> usize {
        assert!(self.asked.is_empty());
        let mut refused = 0;
        for (life, poll) in self.answered.iter_mut().zip(std::mem::take(&mut self.polls)) {
            let poll = tokio::time::timeout(Duration::from_secs(60), poll);
            let (outcome, times) = poll.await.expect("it is told").unwrap();
            assert_eq!(outcome, life.wanted(), "{}", life.user);
            life.told.push(("the waiter", outcome));
            refused += times;
        }
        self.check().await;
        refused
    }

    async fn check(&self) {
        let counted = invariants::check(&self.server, &self.answered).await;
        assert_eq!(counted, Counted::all_decided(USERS));
    }

    /// Kills the server, and checks after a restart that the outcomes are still recorded.
    async fn assert_settled_after_a_kill(&mut self) {
        self.server.kill();
        let settings: Vec<_> = self.settings.iter().map(|(k, v)| (&**k, &**v)).collect();
        self.server = Server::start_with(self.folder.path(), &settings).await;
        self.check().await;
    }
}

async fn asked(caller: &Caller, mut life: Life) -> Life {
    let token = caller.track(&life.user).await.unwrap().token.into_string();
    let enrolled = caller.enroll(&token, &life.phone).await.unwrap();
    life.enrolling = Step::Acknowledged;
    life.authenticator = Some(enrolled.user_authenticator_id);
    life.challenge = Some(caller.challenge(&token).await.unwrap().challenge_id);
    life.token = Some(token);
    life
}

/// Polls until the challenge ends, as a browser does. Returns the outcome and the number of 503
/// responses.
fn poll(caller: Caller, life: &Life) -> impl Future<Output = (Outcome, usize)> + use<> {
    let (token, challenge) = (life.token.clone().unwrap(), life.challenge.clone().unwrap());
    async move {
        let mut refused = 0;
        for _ in 0..TRIES {
            match caller.verify(&token, &challenge, Some(30)).await {
                Ok(told) => match told.outcome {
                    Some(outcome) => return (outcome, refused),
                    None => continue,
                },
                Err(Failed::Status(503, _)) => refused += 1,
                Err(failed) => panic!("{failed:?}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no end");
    }
}

/// Sends the phone's answer until the server acknowledges it, as a phone does that retries after a
/// 503.
async fn decide(caller: Caller, mut life: Life, refused: Arc<Semaphore>) -> Life {
    life.deciding = Step::InFlight;
    let challenge = life.challenge.clone().unwrap();
    for _ in 0..TRIES {
        match caller.decide(&life.phone, &challenge, life.approves).await {
            Ok(answer) => {
                life.deciding = Step::Acknowledged;
                life.told.push(("the device", answer.outcome));
                return life;
            }
            Err(Failed::Status(503, _)) => refused.add_permits(1),
            Err(failed) => panic!("{}: {failed:?}", life.user),
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("{}: no answer", life.user);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_restarted_under_load() {
    let mut redis = begun_redis();
    let mut it = Waiting::on(&redis.url(), &[]).await;
    it.third().await;
    let during = it.begin();
    redis.kill();
    it.until_refused().await;
    it.assert_parked();
    redis.restart();
    it.end(during).await;
    it.third().await;
    assert_eq!(it.assert_settled().await, 0, "no poll is refused");
    it.assert_settled_after_a_kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_paused_under_load() {
    let seconds = number("COUNTERSIGN_PAUSE_SECONDS").unwrap_or(PAUSE_SECONDS);
    let redis = begun_redis();
    let mut it = Waiting::on(&redis.url(), &[]).await;
    it.third().await;
    redis.signal("STOP");
    let pause = tokio::time::sleep(Duration::from_secs(seconds));
    let during = it.begin();
    it.until_refused().await;
    pause.await;
    it.assert_parked();
    redis.signal("CONT");
    it.end(during).await;
    it.third().await;
    it.assert_settled().await;
    it.assert_settled_after_a_kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_has_no_memory_under_load() {
    let redis = begun_redis();
    let mut it = Waiting::on(&redis.url(), &[]).await;
    it.third().await;
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "+OK\r\n");
    let during = it.begin();
    it.until_refused().await;
    it.assert_parked();
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "0"]), "+OK\r\n");
    it.end(during).await;
    it.third().await;
    assert_eq!(it.assert_settled().await, 0, "no poll is refused");
    it.assert_settled_after_a_kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_backlog_approvals_go_on_through_an_outage_and_are_recorded_after_it() {
    let mut redis = begun_redis();
    let settings =
        [("COUNTERSIGN__STORE__DURABILITY", "async"), ("COUNTERSIGN__STORE__OUTAGE", "continue")];
    let mut it = Waiting::on(&redis.url(), &settings).await;
    it.third().await;
    redis.kill();
    // Approvals and denials are sent separately. During the outage the server accepts approvals but
    // refuses denials, because a denial begins a wait, which the server must record before it
    // responds.
    let (approve, deny): (Vec<_>, Vec<_>) =
        std::mem::take(&mut it.asked).into_iter().partition(|life| life.approves);
    let refused = Arc::clone(&it.refused);
    let approving = approve.into_iter().map(|l| decide(it.caller.clone(), l, Arc::clone(&refused)));
    let approved = join_all(approving).await;
    assert_eq!(refused.available_permits(), 0, "no phone that approves is refused");
    for life in &approved {
        let poll = &mut it.polls[number_of(life)];
        let told = tokio::time::timeout(Duration::from_secs(20), poll).await;
        assert_eq!(told.expect("it is told in the outage").unwrap().0, Outcome::Approved);
    }
    let denying: Vec<_> = deny
        .into_iter()
        .map(|life| tokio::spawn(decide(it.caller.clone(), life, Arc::clone(&refused))))
        .collect();
    it.until_refused().await;
    redis.restart();
    it.end(denying).await;
    it.answered.extend(approved);
    it.polls.clear();
    it.check().await;
    it.assert_settled_after_a_kill().await;
}

fn number_of(life: &Life) -> usize {
    life.user.rsplit('-').next().unwrap().parse().unwrap()
}
