//! Parts that the webhook tests share: a challenge, a standing clock, and servers on loopback.

use std::net::{IpAddr, Ipv4Addr, TcpListener as StdListener};
use std::sync::{Arc, Mutex};

use countersign_core::account::Issued;
use countersign_core::action::{Action, ActionContext};
use countersign_core::challenge::Challenge;
use countersign_core::id::{AccountKey, TenantId, UserId};
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use countersign_engine::delivery::{Calls, Lookup, WebhookSettings};
use countersign_engine::ports::delivery::Offering;
use countersign_engine::secret::Secret;
use countersign_testkit::clock::ManualClock;
use countersign_testkit::hook::Request;
use countersign_testkit::sample;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const NOW: UnixMillis = UnixMillis(1_735_689_600_123);

/// Returns settings for tenant `t-1` with the secret `demo-secret-key`.
pub(crate) fn settings(url: &str, allow_hosts: &[&str]) -> WebhookSettings {
    WebhookSettings {
        tenant: TenantId::parse("t-1").unwrap(),
        url: url.parse().unwrap(),
        allow_hosts: allow_hosts.iter().copied().map(String::from).collect(),
        secrets: vec![Secret::parse("demo-secret-key").unwrap()],
        source: "https://countersign.example".into(),
        clock: ManualClock::at(NOW),
        calls: Calls::default(),
    }
}

/// Makes a challenge of tenant `t-1`, started from a browser with this name and address.
pub(crate) fn issued(user_agent: Option<&str>, ip_address: Option<&str>) -> Issued {
    let tenant = TenantId::parse("t-1").unwrap();
    let account = AccountKey { tenant, user: UserId::parse("u-\"1\"").unwrap() };
    let key = sample::action_key("signIn", "k-1");
    let line = |text| Line::parse(text, 256).unwrap();
    let context = ActionContext {
        user_agent: user_agent.map(line),
        ip_address: ip_address.map(line),
        device_id: Some(line("not for the webhook")),
        custom: Some(r#"{"not":"for the webhook"}"#.into()),
    };
    let challenge = Challenge { held: true, ..sample::challenge(&account, key.clone(), NOW) };
    let action = Action { context, ..sample::action(&account, key, NOW) };
    Issued { challenge: challenge.into(), action: action.into(), devices: Vec::new() }
}

/// Makes an offering that succeeds at once.
pub(crate) fn offered() -> Offering {
    Box::pin(std::future::ready(Ok(())))
}

/// Makes a look-up that returns these addresses for every name.
pub(crate) fn lookup(addresses: &[&str]) -> Lookup {
    let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Arc::new(move |_| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    })
}

/// A listener that must not be connected to.
pub(crate) struct Untouched(StdListener);

impl Untouched {
    /// Listens on every address of this machine.
    pub(crate) fn listen() -> Self {
        let listener = StdListener::bind("[::]:0").or_else(|_| StdListener::bind("0.0.0.0:0"));
        let listener = listener.unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Tells whether a connection was made. It would wait in the listener's queue.
    pub(crate) fn was_connected_to(&self) -> bool {
        self.0.accept().is_ok()
    }

    /// Waits until a connection is made.
    pub(crate) async fn connection(self) {
        TcpListener::from_std(self.0).unwrap().accept().await.unwrap();
    }
}

/// Reaction of a server to a connection or a request.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Sends these bytes as the response.
    Answer(String),
    /// Reads requests, and sends nothing.
    Hang,
    /// Closes the connection after a request.
    Close,
    /// Sends this text when the connection begins, and ignores what it receives.
    Greet(&'static str),
}

/// Makes a response with this status and without a body.
pub(crate) fn status(status: u16) -> Behaviour {
    Behaviour::Answer(format!("HTTP/1.1 {status} Some Words\r\nContent-Length: 0\r\n\r\n"))
}

/// A server on loopback that stores the requests that it receives.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<Request>,
}

impl Server {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, behaviour.clone(), Arc::clone(&shared)));
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?token=hunter2", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().requests.clone()
    }
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour, seen: Arc<Mutex<Seen>>) {
    if let Behaviour::Greet(greeting) = behaviour {
        stream.write_all(greeting.as_bytes()).await.unwrap();
        while stream.read_u8().await.is_ok() {}
        return;
    }
    while let Some(request) = Request::read(&mut stream).await {
        seen.lock().unwrap().requests.push(request);
        match &behaviour {
            Behaviour::Answer(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            Behaviour::Hang => {}
            Behaviour::Close | Behaviour::Greet(_) => return,
        }
    }
}
