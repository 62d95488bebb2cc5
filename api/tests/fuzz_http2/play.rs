//! Player of one plan: sends its bytes to the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use countersign_testkit::http2::{ACK, PING, frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::generator::{End, MARK, Plan};
use crate::server::Server;

/// Longest time that a connection waits for a response, or for its end. It is short, because many
/// connections wait for responses that never come.
const WAIT: Duration = Duration::from_millis(20);

/// Plays a plan. Returns true if the server read the whole plan. The server may refuse anything at
/// any time; only the watch reports faults.
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

/// Connects from the loopback address 127.0.1.`from`. Many addresses are used, because closed
/// connections occupy their ports for a minute and each address has its own ports.
async fn connect(address: SocketAddr, from: u8) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 1, from), 0).into())?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until the connection ends, or until the server acknowledges the last PING. Returns true in
/// the second case.
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
