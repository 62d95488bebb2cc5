//! People who sign in while others attack. They come from 127.0.0.1.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::order::{OwnWait, Victim};
use super::span::Span;
use crate::client::raw::{Answer, Callers, Connection, Person, expect};
use crate::run::schedule::{Schedule, Shape, pace};

/// Longest time for a sign-in. A longer one has failed.
const SIGN_IN_MAX: Duration = Duration::from_secs(10);
/// Seconds for which a browser's poll asks to be held.
const WAIT_SECONDS: u32 = 9;

/// A server's people and the connections that they keep.
pub(super) struct SignIns {
    address: SocketAddr,
    people: Mutex<VecDeque<Arc<Person>>>,
    backends: Mutex<Vec<Connection>>,
    phones: Mutex<Vec<Connection>>,
    reopened: AtomicU64,
}

/// Why a sign-in has no end.
enum Trouble {
    Refused(String),
    Failed(String),
}

/// One sign-in under way.
struct SignIn<'a> {
    of: &'a SignIns,
    end: Instant,
}

impl SignIns {
    /// Enrolls as many people as sign in within the longest time at `per_second`.
    ///
    /// # Errors
    /// If the server does not take them.
    pub(super) async fn enroll(
        address: SocketAddr,
        callers: &Callers,
        per_second: f64,
    ) -> io::Result<Arc<Self>> {
        let count = (per_second * SIGN_IN_MAX.as_secs_f64()) as usize + 10;
        let (mut people, mut connection) = (VecDeque::new(), Connection::to(address));
        for _ in 0..count {
            people.push_back(Arc::new(somebody(callers, &mut connection).await?));
        }
        Ok(Arc::new(Self {
            address,
            people: Mutex::new(people),
            backends: Mutex::default(),
            phones: Mutex::default(),
            reopened: AtomicU64::new(0),
        }))
    }

    /// Lets people sign in at a rate for that long, and waits until all have ended. Afterwards they
    /// keep no connection.
    pub(super) async fn go_on(self: &Arc<Self>, per_second: f64, time: Duration) -> Span {
        let span = Arc::new(Mutex::new(Span::default()));
        let schedule = Schedule { shape: Shape::Constant, rate: per_second, time, seed: 0 };
        let mut due = pace(Instant::now(), schedule.arrivals());
        let mut under_way = JoinSet::new();
        while let Some(meant) = due.recv().await {
            lock(&span).own_delay.add(meant.elapsed());
            let (all, span) = (self.clone(), span.clone());
            under_way.spawn(async move {
                let ended = all.one(meant).await;
                note(&mut lock(&span), meant.elapsed(), ended);
            });
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
        lock(&self.backends).clear();
        lock(&self.phones).clear();
        let mut span = std::mem::take(&mut *lock(&span));
        span.reopened = self.reopened.swap(0, Ordering::Relaxed);
        span
    }

    async fn one(&self, meant: Instant) -> Result<(), Trouble> {
        let Some(person) = lock(&self.people).pop_front() else {
            return Err(Trouble::Failed("nobody is left who could sign in".to_owned()));
        };
        let sign_in = SignIn { of: self, end: meant + SIGN_IN_MAX };
        let ended = sign_in.steps(&person).await;
        lock(&self.people).push_back(person);
        ended
    }
}

impl SignIn<'_> {
    /// The backend and the phone keep their connections. The browser is new each time, as somebody
    /// who signs in mostly is.
    async fn steps(&self, person: &Person) -> Result<(), Trouble> {
        let kept = |all: &Mutex<Vec<Connection>>| lock(all).pop();
        let fresh = || Connection::to(self.of.address);
        let mut backend = kept(&self.of.backends).unwrap_or_else(fresh);
        let mut phone = kept(&self.of.phones).unwrap_or_else(fresh);
        let mut browser = fresh();

        let tracked = self.call(&mut backend, person.track(), "track").await?;
        let token = field(&tracked, "token")?;
        let started = self.call(&mut browser, &Person::start(token), "start").await?;
        let challenge = field(&started, "challengeId")?;
        let poll = Person::verify(token, challenge, Some(WAIT_SECONDS));
        self.within("verify", browser.send(&poll)).await?;
        let nonce = self.call(&mut phone, person.nonce(), "nonce").await?;
        let read = person.read(field(&nonce, "message")?);
        self.call(&mut phone, &read, "read").await?;
        self.call(&mut phone, &person.approve(challenge), "approve").await?;
        let told = good("verify", self.within("verify", browser.receive()).await?)?;
        let Some(token) = told.field("accessToken") else {
            return Err(Trouble::Refused("verify: the poll was not held".to_owned()));
        };
        let valid = self.call(&mut backend, &person.validate(token), "validate").await?;
        if !valid.body.contains("\"isValid\":true") {
            return Err(Trouble::Failed("validate: the sign-in is not valid".to_owned()));
        }
        lock(&self.of.backends).push(backend);
        lock(&self.of.phones).push(phone);
        Ok(())
    }

    /// Calls once more where the server has closed a kept connection meanwhile, as it may.
    async fn call(
        &self,
        connection: &mut Connection,
        request: &[u8],
        step: &'static str,
    ) -> Result<Answer, Trouble> {
        if connection.is_kept() {
            match timeout_at(self.end, connection.call(request)).await {
                Ok(Ok(answer)) => return good(step, answer),
                Ok(Err(_)) => {
                    self.of.reopened.fetch_add(1, Ordering::Relaxed);
                    connection.close();
                }
                Err(_) => return Err(late(step)),
            }
        }
        good(step, self.within(step, connection.call(request)).await?)
    }

    async fn within<T>(
        &self,
        step: &'static str,
        done: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Trouble> {
        match timeout_at(self.end, done).await {
            Ok(done) => done.map_err(|error| Trouble::Failed(format!("{step}: {}", error.kind()))),
            Err(_) => Err(late(step)),
        }
    }
}

/// An enrolled user of no other run.
async fn somebody(callers: &Callers, connection: &mut Connection) -> io::Result<Person> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("hostile-{}-{number}", std::process::id());
    Person::enroll(callers.clone(), &name, connection).await
}

/// Somebody else's challenges: one to attack, and as many to wait for as one poll may name.
///
/// # Errors
/// If the server does not start them.
pub(super) async fn targets(
    address: SocketAddr,
    callers: &Callers,
    waits: usize,
) -> io::Result<(Victim, Vec<OwnWait>)> {
    let mut connection = Connection::to(address);
    let mut all = Vec::new();
    let mut public_key = String::new();
    for _ in 0..=waits {
        let person = somebody(callers, &mut connection).await?;
        public_key = person.public_key();
        let tracked = connection.call(person.track()).await?;
        let token = expect(&tracked, "token")?.to_owned();
        let started = connection.call(&Person::start(&token)).await?;
        let challenge_id = expect(&started, "challengeId")?.to_owned();
        all.push(OwnWait { token, challenge_id });
    }
    let challenge = all.pop().map(|last| last.challenge_id).unwrap_or_default();
    Ok((Victim { public_key, challenge }, all))
}

fn note(span: &mut Span, took: Duration, ended: Result<(), Trouble>) {
    match ended {
        Ok(()) => span.sign_ins.add(took),
        Err(Trouble::Refused(why)) => {
            span.refused += 1;
            span.first.get_or_insert(why);
        }
        Err(Trouble::Failed(why)) => {
            span.failed += 1;
            span.first.get_or_insert(why);
        }
    }
}

fn good(step: &str, answer: Answer) -> Result<Answer, Trouble> {
    match answer.status {
        200 => Ok(answer),
        429 | 503 => Err(Trouble::Refused(format!("{step}: {}", answer.status))),
        status => Err(Trouble::Failed(format!("{step}: {status} {}", answer.body))),
    }
}

fn late(step: &str) -> Trouble {
    Trouble::Failed(format!("{step}: nothing within {} s", SIGN_IN_MAX.as_secs()))
}

fn field<'a>(answer: &'a Answer, name: &str) -> Result<&'a str, Trouble> {
    expect(answer, name).map_err(|error| Trouble::Failed(error.to_string()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
