//! A proxy between the store and Redis that causes one network fault at a time.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Fault for the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The commit is dropped, and the connection closed.
    LostBefore,
    /// The commit is delivered, its reply is dropped, and the connection closed.
    LostAfter,
    /// The commit is dropped, and all connections are refused from then on.
    LostInOutage,
    /// The commit is delivered twice: first on a separate connection, then on its own.
    Duplicated,
}

#[derive(Default)]
struct Plan {
    next: Option<Fault>,
    /// True if every connection is closed and none is accepted.
    refuses: bool,
    /// Address of the new upstream server, if it has changed.
    successor: Option<SocketAddr>,
    /// Bytes of the commit that had the last fault.
    kept: Vec<u8>,
}

/// A proxy that forwards everything until a test plans a fault.
pub struct Proxy {
    address: SocketAddr,
    upstream: SocketAddr,
    plan: Arc<Mutex<Plan>>,
}

impl Proxy {
    pub async fn before(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let shared = Arc::clone(&plan);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (refuses, successor) = {
                    let plan = shared.lock().unwrap();
                    (plan.refuses, plan.successor)
                };
                if !refuses {
                    let upstream = successor.unwrap_or(upstream);
                    tokio::spawn(serve(client, upstream, Arc::clone(&shared)));
                }
            }
        });
        Self { address, upstream, plan }
    }

    pub fn url(&self) -> String {
        crate::redis_server::url(self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards new connections to another Redis.
    pub fn lead_to(&self, successor: SocketAddr) {
        self.plan.lock().unwrap().successor = Some(successor);
    }

    /// Plans a fault for the next commit.
    pub fn plan(&self, fault: Fault) {
        self.plan.lock().unwrap().next = Some(fault);
    }

    /// Tells whether the planned fault has happened.
    pub fn is_done(&self) -> bool {
        self.plan.lock().unwrap().next.is_none()
    }

    /// Closes and refuses all connections from now on, or accepts connections again if `refuses` is
    /// false.
    pub fn refuse(&self, refuses: bool) {
        self.plan.lock().unwrap().refuses = refuses;
    }

    /// Delivers the commit that had the last fault, and returns the reply of Redis.
    pub async fn deliver_late(&self) -> String {
        let kept = self.plan.lock().unwrap().kept.clone();
        assert!(!kept.is_empty(), "something was kept");
        deliver(self.upstream, &kept).await
    }
}

async fn deliver(upstream: SocketAddr, commit: &[u8]) -> String {
    let mut connection = TcpStream::connect(upstream).await.unwrap();
    connection.write_all(commit).await.unwrap();
    connection.write_all(b"*1\r\n$4\r\nQUIT\r\n").await.unwrap();
    let mut reply = Vec::new();
    connection.read_to_end(&mut reply).await.unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

/// Tells whether these bytes call the script of commits with a commit, whose kind is a word of the
/// call.
fn is_commit(bytes: &[u8]) -> bool {
    const KIND: &[u8] = b"$6\r\ncommit\r\n";
    bytes.windows(KIND.len()).any(|window| window == KIND)
}

async fn serve(mut client: TcpStream, upstream: SocketAddr, plan: Arc<Mutex<Plan>>) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    let (mut asked, mut answered) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut swallow = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Some(length) = read.ok().filter(|length| *length > 0) else { return };
                let bytes = &asked[..length];
                let fault = {
                    let mut plan = plan.lock().unwrap();
                    if plan.refuses {
                        return;
                    }
                    let fault = if is_commit(bytes) { plan.next.take() } else { None };
                    if fault.is_some() {
                        plan.kept = bytes.to_vec();
                    }
                    plan.refuses = fault == Some(Fault::LostInOutage);
                    fault
                };
                match fault {
                    Some(Fault::LostBefore | Fault::LostInOutage) => return,
                    Some(Fault::LostAfter) => swallow = true,
                    Some(Fault::Duplicated) => {
                        deliver(upstream, bytes).await;
                    }
                    None => {}
                }
                if server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Some(length) = read.ok().filter(|length| *length > 0) else { return };
                let refuses = plan.lock().unwrap().refuses;
                if swallow || refuses || client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
