//! Sign-ins over raw connections, as work for the loops of the load harness.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_client::ClientError;
use countersign_loadtest::LoadError;
use countersign_loadtest::client::people::Delay;
use countersign_loadtest::client::raw::{Answer, Connection, Person, expect};
use countersign_loadtest::client::recorder::Recorder;
use countersign_loadtest::out::report::step;
use countersign_loadtest::run::drive::Work;
use tokio::time::{Instant, sleep};

use crate::pinned::Server;

/// Steps of new work, which an overloaded server rejects.
pub const NEW: [&str; 2] = [step::TRACK, step::CHALLENGE];
/// Steps of a sign-in that was admitted.
pub const EXISTING: [&str; 4] = [step::READ, step::DECIDE, step::VERIFY, step::VALIDATE];
/// The failure of a sign-in that found no idle connection.
pub const UNSENT: &str = "every connection is in use";
/// The failure of a refusal without `Retry-After`.
pub const WITHOUT_TIME: &str = "a refusal without a time to come again";

/// Connections that all users share.
struct Connections {
    address: SocketAddr,
    /// Idle connections for new sign-ins. Their number is limited.
    new: Mutex<Vec<Connection>>,
    /// Idle connections for browsers and phones of sign-ins that have begun. Their number is not
    /// limited.
    existing: Mutex<Vec<Connection>>,
}

/// A user who signs in repeatedly.
#[derive(Clone)]
pub struct SignIn {
    person: Arc<Person>,
    connections: Arc<Connections>,
    human: Delay,
    random: fastrand::Rng,
}

impl SignIn {
    /// Enrolls users, who share `connections` connections for new sign-ins. A user decides after
    /// 0.5 to 1.5 times `human`, because people who arrive together do not decide together.
    ///
    /// # Errors
    /// If the server rejects an enrollment.
    pub async fn enroll(
        server: &Server,
        users: usize,
        connections: usize,
        human: Duration,
    ) -> std::io::Result<Vec<Self>> {
        let new = (0..connections).map(|_| Connection::to(server.address)).collect();
        let (address, existing) = (server.address, Mutex::default());
        let connections = Arc::new(Connections { address, new: Mutex::new(new), existing });
        let mut all = Vec::with_capacity(users);
        for (number, person) in server.enroll(users).await?.into_iter().enumerate() {
            let (person, connections) = (Arc::new(person), connections.clone());
            let human = Delay::Uniform(human / 2, human * 3 / 2);
            let random = fastrand::Rng::with_seed(number as u64);
            all.push(Self { person, connections, human, random });
        }
        Ok(all)
    }

    /// Returns the same user, who decides without a delay.
    pub fn at_once(&self) -> Self {
        Self { human: Delay::None, ..self.clone() }
    }
}

impl Work for SignIn {
    async fn once(&mut self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let Self { person, connections, .. } = self;
        let tracked = connections.ask(step::TRACK, person.track(), meant, recorder).await?;
        let token = expect(&tracked, "token")?;
        let start = Person::start(token);
        let started = connections.ask(step::CHALLENGE, &start, Instant::now(), recorder).await?;
        let challenge = expect(&started, "challengeId")?;
        sleep(self.human.draw(&mut self.random)).await;
        let mut go_on = async |step, request: &[u8]| {
            connections.ask(step, request, Instant::now(), recorder).await
        };
        let nonce = go_on(step::READ, person.nonce()).await?;
        let read = go_on(step::READ, &person.read(expect(&nonce, "message")?)).await?;
        if expect(&read, "challengeId")? != challenge {
            return Err(LoadError::Wrong("another challenge is pending"));
        }
        go_on(step::DECIDE, &person.approve(challenge)).await?;
        let told = go_on(step::VERIFY, &Person::verify(token, challenge, None)).await?;
        go_on(step::VALIDATE, &person.validate(expect(&told, "accessToken")?)).await?;
        Ok(())
    }
}

impl Connections {
    /// Sends a step's request over an idle connection. If none is idle, a step of new work fails
    /// with [`UNSENT`], and every other step opens a connection. A refusal without `Retry-After`
    /// fails with [`WITHOUT_TIME`].
    async fn ask(
        &self,
        step: &'static str,
        request: &[u8],
        meant: Instant,
        recorder: &mut Recorder,
    ) -> Result<Answer, LoadError> {
        let is_new = NEW.contains(&step);
        let all = if is_new { &self.new } else { &self.existing };
        let lock = || all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match lock().pop() {
            Some(idle) => idle,
            None if is_new => return Err(LoadError::Wrong(UNSENT)),
            None => Connection::to(self.address),
        };
        let answer = recorder.timed(step, meant, connection.ask(request)).await;
        lock().push(connection);
        let timeless = |error: &LoadError| {
            let LoadError::Request { source, .. } = error else { return false };
            error.is_refusal() && matches!(source, ClientError::Refused { retry_after: None, .. })
        };
        if answer.as_ref().is_err_and(timeless) {
            return Err(LoadError::Unexpected { step, what: WITHOUT_TIME });
        }
        answer
    }
}
