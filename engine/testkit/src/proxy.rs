//! Stands between the store and Redis and inflicts a fault of the network on one commit.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Fault of the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not arrive, and the connection ends.
    LostBefore,
    /// It arrives, its answer does not, and the connection ends.
    LostAfter,
    /// It does not arrive, and from there on connections are refused.
    LostInOutage,
    /// It arrives on another connection too, before.
    Duplicated,
}

#[derive(Default)]
struct Plan {
    next: Option<Fault>,
    /// Ends every connection, and takes none.
    refuses: bool,
    /// Server behind the proxy from here on, if that has changed.
    successor: Option<SocketAddr>,
    /// The store's bytes at the last fault.
    kept: Vec<u8>,
}

/// A proxy that does no harm until it is told to.
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

    /// Leads new connections to another Redis.
    pub fn lead_to(&self, successor: SocketAddr) {
        self.plan.lock().unwrap().successor = Some(successor);
    }

    /// Does this to the next commit.
    pub fn plan(&self, fault: Fault) {
        self.plan.lock().unwrap().next = Some(fault);
    }

    /// Tells whether the planned fault has happened.
    pub fn is_done(&self) -> bool {
        self.plan.lock().unwrap().next.is_none()
    }

    /// From here on connections are refused, or taken again.
    pub fn refuse(&self, refuses: bool) {
        self.plan.lock().unwrap().refuses = refuses;
    }

    /// Delivers the commit of the last fault, late. The answer is that of Redis.
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

/// A commit is the only thing that the store sends as a transaction.
fn is_commit(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|window| window == b"EXEC\r\n")
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
