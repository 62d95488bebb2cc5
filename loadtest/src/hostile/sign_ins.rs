//! Users who sign in while the server is attacked. They come from 127.0.0.1.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_client::ClientError;
use countersign_client::wire::challenge::Wait;
use countersign_client::wire::secret::Secret;
use tokio::time::{Instant, timeout_at};

use super::order::Victim;
use super::span::Span;
use crate::LoadError;
use crate::client::raw::{Answer, Callers, Connection, Person, expect};
use crate::client::recorder::Recorder;
use crate::out::report::step;
use crate::run::drive::{Work, open_loop};
use crate::run::lock;
use crate::run::schedule::{Schedule, Shape};
use crate::run::stop::Stop;
use crate::run::tally::Tally;

/// Longest time for a sign-in. A longer one counts as failed.
const SIGN_IN_MAX: Duration = Duration::from_secs(10);
const TOO_LATE: &str = "nothing within 10 s";
/// Seconds for which a browser's poll asks the server to hold it.
const WAIT_SECONDS: u32 = 9;
/// The failure of a poll to which the server responded before the decision. It counts as a refusal.
const NOT_HELD: &str = "the poll was not held";

/// The users of a server, who are idle between two spans.
pub(super) struct SignIns {
    people: Mutex<Vec<SignIn>>,
    kept: Arc<Kept>,
}

/// Open connections of backends and phones, and the number of connections that had to be reopened.
struct Kept {
    address: SocketAddr,
    backends: Mutex<Vec<Connection>>,
    phones: Mutex<Vec<Connection>>,
    reopened: AtomicU64,
}

/// A user who signs in repeatedly.
struct SignIn {
    person: Person,
    kept: Arc<Kept>,
}

impl SignIns {
    /// Enrolls enough users for `per_second` sign-ins per second, even if each sign-in takes the
    /// longest allowed time.
    ///
    /// # Errors
    /// If the server rejects an enrollment.
    pub(super) async fn enroll(
        address: SocketAddr,
        callers: &Callers,
        per_second: f64,
    ) -> io::Result<Self> {
        let (backends, phones, reopened) = Default::default();
        let kept = Arc::new(Kept { address, backends, phones, reopened });
        let count = (per_second * SIGN_IN_MAX.as_secs_f64()) as usize + 10;
        let (mut people, mut connection) = (Vec::new(), Connection::to(address));
        for _ in 0..count {
            let person = somebody(callers, &mut connection).await?;
            people.push(SignIn { person, kept: kept.clone() });
        }
        Ok(Self { people: Mutex::new(people), kept })
    }

    /// Runs sign-ins at a rate of `per_second` for `time`, and waits until all have ended. Then it
    /// closes the connections of backends and phones.
    pub(super) async fn go_on(&self, per_second: f64, time: Duration) -> Span {
        let people = std::mem::take(&mut *lock(&self.people));
        let schedule = Schedule { shape: Shape::Constant, rate: per_second, time, seed: 0 };
        let tally = Arc::new(Tally::new(step::WHOLE));
        let drain = SIGN_IN_MAX + Duration::from_secs(1);
        *lock(&self.people) = open_loop(people, schedule, drain, &tally, &Stop::default()).await;
        lock(&self.kept.backends).clear();
        lock(&self.kept.phones).clear();
        let (totals, errors) = (tally.totals(), tally.errors());
        let not_held = errors.iter().find(|failures| failures.kind == NOT_HELD);
        let refused = totals.refused + not_held.map_or(0, |failures| failures.count);
        Span {
            sign_ins: tally.times_of(&[step::WHOLE]),
            failed: totals.offered - totals.completed - refused,
            refused,
            first: errors.into_iter().next().map(|failures| failures.first),
            reopened: self.kept.reopened.swap(0, Ordering::Relaxed),
            own_delay: tally.lateness(),
            ..Span::default()
        }
    }
}

impl Work for SignIn {
    async fn once(&mut self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let mut step = step::TRACK;
        let signed_in = timeout_at(meant + SIGN_IN_MAX, self.steps(&mut step)).await;
        signed_in.unwrap_or(Err(LoadError::Unexpected { step, what: TOO_LATE }))?;
        recorder.record(step::WHOLE, meant.elapsed());
        Ok(())
    }
}

impl SignIn {
    /// Makes one sign-in. The backend and the phone reuse their connections. The browser opens a
    /// new one, because most users sign in with a new page.
    async fn steps(&self, at: &mut &'static str) -> Result<(), LoadError> {
        let Self { person, kept } = self;
        let fresh = || Connection::to(kept.address);
        let idle = |all: &Mutex<Vec<Connection>>| lock(all).pop().unwrap_or_else(fresh);
        let (mut backend, mut phone) = (idle(&kept.backends), idle(&kept.phones));
        let mut browser = fresh();
        let mut call = async |connection: &mut Connection, request: &[u8], step| {
            *at = step;
            kept.call(connection, request).await.map_err(LoadError::at(step))
        };

        let tracked = call(&mut backend, person.track(), step::TRACK).await?;
        let token = expect(&tracked, "token")?;
        let started = call(&mut browser, &Person::start(token), step::CHALLENGE).await?;
        let challenge = expect(&started, "challengeId")?;
        browser.send(&Person::verify(token, challenge, Some(WAIT_SECONDS))).await?;
        let nonce = call(&mut phone, person.nonce(), step::READ).await?;
        let read = person.read(expect(&nonce, "message")?);
        call(&mut phone, &read, step::READ).await?;
        call(&mut phone, &person.approve(challenge), step::DECIDE).await?;
        let told = browser.receive().await?.ok().map_err(LoadError::at(step::OUTCOME))?;
        let Some(token) = told.field("accessToken") else {
            return Err(LoadError::Unexpected { step: step::OUTCOME, what: NOT_HELD });
        };
        let valid = call(&mut backend, &person.validate(token), step::VALIDATE).await?;
        let is_valid = valid.body.contains("\"isValid\":true");
        LoadError::check(is_valid, step::VALIDATE, "the sign-in is not valid")?;
        lock(&kept.backends).push(backend);
        lock(&kept.phones).push(phone);
        Ok(())
    }
}

impl Kept {
    /// Sends a request over a connection. If the server has closed it since its last request, which
    /// is allowed, the request is repeated over a new one.
    async fn call(
        &self,
        connection: &mut Connection,
        request: &[u8],
    ) -> Result<Answer, ClientError> {
        if connection.is_kept() {
            if let Ok(answer) = connection.call(request).await {
                return answer.ok();
            }
            self.reopened.fetch_add(1, Ordering::Relaxed);
            connection.close();
        }
        connection.ask(request).await
    }
}

/// Enrolls a user with a new name.
async fn somebody(callers: &Callers, connection: &mut Connection) -> io::Result<Person> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("hostile-{}-{number}", std::process::id());
    Person::enroll(callers.clone(), &name, connection).await
}

/// Starts challenges of other users for the attackers: one to attack, and `waits` for their polls.
///
/// # Errors
/// If the server rejects a request.
pub(super) async fn targets(
    address: SocketAddr,
    callers: &Callers,
    waits: usize,
) -> io::Result<(Victim, Vec<Wait>)> {
    let mut connection = Connection::to(address);
    let mut all = Vec::new();
    let mut public_key = String::new();
    for _ in 0..=waits {
        let person = somebody(callers, &mut connection).await?;
        public_key = person.public_key();
        let (token, challenge_id) = person.begin(&mut connection).await?;
        all.push(Wait { token: Secret::new(token), challenge_id });
    }
    let challenge = all.pop().map(|last| last.challenge_id).unwrap_or_default();
    Ok((Victim { public_key, challenge }, all))
}
