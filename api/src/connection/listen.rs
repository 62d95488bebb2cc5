//! Listening socket with a long queue, for a crowd that connects at once.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Maximum number of connections that wait to be accepted. The kernel uses `net.core.somaxconn` if
/// that is smaller. The standard library asks for 128; a client above it retries after a second.
pub const BACKLOG: i32 = 4096;

/// Listens on `address` as the standard library does, but with [`BACKLOG`].
///
/// # Errors
/// Those of the operating system.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server can bind the port although old connections linger on it.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;

    const CROWD: usize = 500;
    /// Shorter than the second after which a rejected client retries.
    const AT_ONCE: Duration = Duration::from_millis(900);

    #[tokio::test]
    async fn a_crowd_connects_at_once_while_nobody_accepts() {
        let system = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let system: usize = system.trim().parse().unwrap();
        assert!(system > CROWD, "sysctl -w net.core.somaxconn=4096: it is {system}");
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let listener = match listen(any.parse().unwrap()) {
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => continue,
                listener => listener.unwrap(),
            };
            let address = listener.local_addr().unwrap();
            let crowd = join_all((0..CROWD).map(|_| TcpStream::connect(address)));
            let crowd = timeout(AT_ONCE, crowd).await.expect("nobody waits for a second");
            assert!(crowd.iter().all(Result::is_ok));
        }
    }

    #[test]
    fn an_address_in_use_is_refused() {
        let taken = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let refused = listen(taken.local_addr().unwrap());
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
