//! People who sign in, by the clock or one after the other, and how they fared.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use countersign_loadtest::client::raw::{Answer, Connection, Person, expect};
use countersign_loadtest::host::process;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::pinned::Server;

/// Sign-ins that follow one another, each as soon as one before it has ended.
const CLOSED: usize = 64;

/// Results of the sign-ins of one span. Times are microseconds.
#[derive(Debug, Default)]
pub struct Fared {
    /// Sign-ins that were to begin.
    pub due: u64,
    /// Those that ended as they should.
    pub completed: u64,
    /// Those that the driver had no user or connection left for.
    pub unsent: u64,
    /// Challenges that were started.
    pub started: u64,
    /// Those of them that were decided.
    pub decided: u64,
    /// Answers to new work that was let in; the first of a sign-in counts from when it was due.
    pub new_us: Vec<f64>,
    /// Answers to all that follows.
    pub existing_us: Vec<f64>,
    /// Refusals, from when the request was sent.
    pub refused_us: Vec<f64>,
    /// Refusals without a time to come again, or of a sign-in that was admitted before.
    pub rude: u64,
    /// By how much the driver itself was late.
    pub late_us: Vec<f64>,
    /// The first failure, and the number of failures.
    pub failed: Option<(String, u64)>,
}

/// Enrolled users and connections to a server.
pub struct Crowd {
    address: SocketAddr,
    people: RefCell<VecDeque<Rc<Person>>>,
    /// The connections for new sign-ins, limited in number.
    idle: RefCell<Vec<Connection>>,
    /// Those of browsers and phones that have begun, as many as there are.
    own: RefCell<Vec<Connection>>,
    human: Duration,
    fared: RefCell<Fared>,
}

/// The end of a sign-in.
enum End {
    Approved,
    Refused,
}

impl Crowd {
    /// Enrolls that many users, who will take `human` to decide.
    ///
    /// # Errors
    /// If the server does not take them.
    pub async fn enroll(
        server: &Server,
        users: usize,
        connections: usize,
        human: Duration,
    ) -> io::Result<Rc<Self>> {
        let mut connection = Connection::to(server.address);
        let mut people = VecDeque::with_capacity(users);
        for number in 0..users {
            let name = format!("u-{number}");
            let person = Person::enroll(server.callers(), &name, &mut connection).await?;
            people.push_back(Rc::new(person));
        }
        let idle = (0..connections).map(|_| Connection::to(server.address)).collect();
        Ok(Rc::new(Self {
            address: server.address,
            people: RefCell::new(people),
            idle: RefCell::new(idle),
            own: RefCell::default(),
            human,
            fared: RefCell::default(),
        }))
    }

    /// Sign-ins a second, where each of a few begins when the one before it has ended and nobody
    /// takes time to decide.
    pub async fn closed(self: &Rc<Self>, span: Duration) -> f64 {
        let end = Instant::now() + span;
        let mut all = JoinSet::new();
        for _ in 0..CLOSED {
            let crowd = self.clone();
            all.spawn_local(async move {
                let mut completed = 0_u64;
                while Instant::now() < end {
                    let due = Instant::now();
                    completed += u64::from(crowd.sign_in(due, Duration::ZERO).await);
                }
                completed
            });
        }
        let completed: u64 = all.join_all().await.iter().sum();
        self.fared.take();
        completed as f64 / span.as_secs_f64()
    }

    /// Sign-ins that begin at that rate, whatever becomes of those before them; and how they fared,
    /// once the last has ended.
    pub async fn open(self: &Rc<Self>, rate: f64, span: Duration) -> Fared {
        let (start, mut begun) = (Instant::now(), 0_u64);
        let mut all = JoinSet::new();
        let mut tick = interval(Duration::from_millis(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while start.elapsed() < span {
            tick.tick().await;
            let elapsed = start.elapsed().min(span).as_secs_f64();
            while (begun as f64) < elapsed * rate {
                let due = start + Duration::from_secs_f64(begun as f64 / rate);
                let (crowd, human) = (self.clone(), self.human);
                all.spawn_local(async move { crowd.sign_in(due, human).await });
                begun += 1;
            }
            while all.try_join_next().is_some() {}
        }
        all.join_all().await;
        let mut fared = self.fared.take();
        fared.due = begun;
        fared
    }

    /// One sign-in; whether it was approved.
    async fn sign_in(&self, due: Instant, human: Duration) -> bool {
        self.fared.borrow_mut().late_us.push(us(due));
        let Some(person) = self.people.borrow_mut().pop_front() else {
            self.fared.borrow_mut().unsent += 1;
            return false;
        };
        let ended = self.steps(&person, due, human).await;
        // At the other end, so that a user has a pause between two sign-ins.
        self.people.borrow_mut().push_back(person);
        match ended {
            Ok(End::Approved) => {
                self.fared.borrow_mut().completed += 1;
                true
            }
            Ok(End::Refused) => false,
            Err(error) => {
                let failed = &mut self.fared.borrow_mut().failed;
                failed.get_or_insert_with(|| (error.to_string(), 0)).1 += 1;
                false
            }
        }
    }

    async fn steps(&self, person: &Person, due: Instant, human: Duration) -> io::Result<End> {
        let Some(tracked) = self.begin(person.track(), due).await? else {
            return Ok(End::Refused);
        };
        let token = expect(&tracked, "token")?;
        let Some(started) = self.begin(&Person::start(token), Instant::now()).await? else {
            return Ok(End::Refused);
        };
        let challenge = expect(&started, "challengeId")?;
        let number = {
            let mut fared = self.fared.borrow_mut();
            fared.started += 1;
            fared.started
        };
        sleep(takes(human, number)).await;
        let nonce = self.go_on(person.nonce()).await?;
        let read = self.go_on(&person.read(expect(&nonce, "message")?)).await?;
        if expect(&read, "challengeId")? != challenge {
            return Err(io::Error::other("another challenge is pending"));
        }
        self.go_on(&person.approve(challenge)).await?;
        self.fared.borrow_mut().decided += 1;
        let outcome = self.go_on(&Person::verify(token, challenge, None)).await?;
        self.go_on(&person.validate(expect(&outcome, "accessToken")?)).await?;
        Ok(End::Approved)
    }

    /// New work: its answer, or `None` if it was turned away.
    async fn begin(&self, request: &[u8], due: Instant) -> io::Result<Option<Answer>> {
        let sent = Instant::now();
        let Some(answer) = self.call(request).await? else { return Ok(None) };
        let mut fared = self.fared.borrow_mut();
        if answer.status == 200 {
            fared.new_us.push(us(due));
            return Ok(Some(answer));
        }
        if !matches!(answer.status, 429 | 503) {
            return Err(io::Error::other(format!("{} {}", answer.status, answer.body)));
        }
        fared.refused_us.push(us(sent));
        fared.rude += u64::from(!answer.says_when);
        Ok(None)
    }

    /// Sends a later request, which has to be admitted.
    async fn go_on(&self, request: &[u8]) -> io::Result<Answer> {
        let sent = Instant::now();
        let own = self.own.borrow_mut().pop();
        let connection = own.unwrap_or_else(|| Connection::to(self.address));
        let answer = self.answer(connection, &self.own, request).await?;
        let mut fared = self.fared.borrow_mut();
        if answer.status == 200 {
            fared.existing_us.push(us(sent));
            return Ok(answer);
        }
        fared.rude += 1;
        Err(io::Error::other(format!("{} {}", answer.status, answer.body)))
    }

    /// The answer, or `None` if every connection is in use.
    async fn call(&self, request: &[u8]) -> io::Result<Option<Answer>> {
        let Some(connection) = self.idle.borrow_mut().pop() else {
            self.fared.borrow_mut().unsent += 1;
            return Ok(None);
        };
        self.answer(connection, &self.idle, request).await.map(Some)
    }

    async fn answer(
        &self,
        mut connection: Connection,
        home: &RefCell<Vec<Connection>>,
        request: &[u8],
    ) -> io::Result<Answer> {
        let answer = connection.call(request).await;
        let good = if answer.is_ok() { connection } else { Connection::to(self.address) };
        home.borrow_mut().push(good);
        answer
    }
}

/// The most memory that a process has, looked at ten times a second, until it is aborted.
pub fn watch_memory(server: &Server) -> (Rc<RefCell<u64>>, tokio::task::JoinHandle<()>) {
    let (most, pid) = (Rc::new(RefCell::new(0)), server.pid());
    let seen = most.clone();
    let task = spawn_local(async move {
        loop {
            if let Ok(now) = process::rss_bytes(pid) {
                seen.replace_with(|before| now.max(*before));
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    (most, task)
}

fn us(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

/// Time that a person takes: from a half to three halves of `human`, because people who came
/// together do not decide together.
fn takes(human: Duration, number: u64) -> Duration {
    human * (50 + (number * 37 % 101) as u32) / 100
}
