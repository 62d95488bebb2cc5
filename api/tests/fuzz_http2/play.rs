//! Plays a plan to the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use countersign_testkit::http2::{ACK, PING, frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::generator::{End, MARK, Plan};
use crate::server::Server;

/// Longest wait of a connection for an answer, or for its end. Many wait for more.
const WAIT: Duration = Duration::from_millis(20);

/// Plays the plan, and tells whether all of it was read. The server may refuse anything at any
/// time; only the watch finds faults.
pub(crate) async fn play(server: &Server, plan: Plan) -> bool {
    let address = if plan.to_operators { server.operators } else { server.public };
    let Ok(Ok(mut stream)) = timeout(Duration::from_secs(5), connect(address, plan.from)).await
    else {
        return false;
    };
    let written = timeout(WAIT, async {
        for piece in &plan.pieces {
            stream.write_all(piece).await?;
            yield_now().await;
        }
        Ok::<_, std::io::Error>(())
    });
    let _ = written.await;
    match plan.end {
        End::Answered => {}
        End::Half => drop(stream.shutdown().await),
        End::Closed => return false,
        End::Reset => {
            stream.set_zero_linger().unwrap();
            return false;
        }
    }
    timeout(WAIT, is_marked(&mut stream)).await.unwrap_or(false)
}

/// From one of many loopback addresses: each has its own ports, of which closed connections keep
/// theirs for a minute.
async fn connect(address: SocketAddr, from: u8) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 1, from), 0).into())?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads to the end, or to the answer to the last PING.
async fn is_marked(stream: &mut TcpStream) -> bool {
    let mark = frame(PING, ACK, 0, MARK);
    let mut read = Vec::new();
    while matches!(stream.read_buf(&mut read).await, Ok(1..)) {
        if read.windows(mark.len()).any(|window| window == mark) {
            return true;
        }
        read.drain(..read.len().saturating_sub(mark.len()));
    }
    false
}
