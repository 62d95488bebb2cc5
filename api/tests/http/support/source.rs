//! Requests and connections from loopback addresses that a test chooses, so that they appear to
//! come from different clients.

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::{Client, RequestBuilder};
use tokio::net::TcpSocket;

use super::{Call, Connection, PATIENCE};

const fn loopback(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

impl Call {
    /// Makes the request use a new connection from 127.0.0.`last`.
    pub(crate) fn sent_from(self, last: u8) -> Self {
        let (_, request) = self.0.build_split();
        let client = Client::builder().no_proxy().local_address(Some(loopback(last).into()));
        let client = client.pool_max_idle_per_host(0).timeout(PATIENCE).build();
        let client = client.expect("a client without special wishes");
        Self(RequestBuilder::from_parts(client, request.expect("a sound request")))
    }
}

impl Connection {
    /// Opens a connection from 127.0.0.`last`.
    pub(crate) async fn open_from(last: u8, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((loopback(last), 0).into()).expect("an address of this machine");
        Self::over(socket.connect(address).await.expect("the server listens"))
    }
}
