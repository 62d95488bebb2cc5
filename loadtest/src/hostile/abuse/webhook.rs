//! A tenant whose webhook never finishes its response.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::super::attack_context::{Context, Throttle};
use crate::client::raw::{Callers, Connection, Person};

const CHALLENGES_PER_SECOND: u64 = 5;
const BYTES_PER_SECOND: u64 = 40_000_000;
/// Maximum number of webhook calls that are open at the same time.
const CALLS: u64 = 8;
/// Number of interim responses (`100 Continue`) that are sent in one write.
const TOGETHER: usize = 400;
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// Pause after an enrollment or a challenge that failed.
const PAUSE: Duration = Duration::from_millis(200);

pub(in super::super) fn rate() -> String {
    format!(
        "{CHALLENGES_PER_SECOND} challenges a second, {} MB a second on each of {CALLS} calls",
        BYTES_PER_SECOND / CALLS / 1_000_000
    )
}

pub(in super::super) async fn begin(context: Context) {
    let (asking, answering) = (asking(context.clone()), answering(context));
    tokio::join!(asking, answering);
}

/// Enrolls one user of the accomplice's tenant, and starts challenges for that user again and
/// again.
async fn asking(context: Context) {
    let accomplice = &context.order.accomplice;
    let callers = Callers::new(&accomplice.tenant, &accomplice.secret);
    let mut connection = Connection::to(context.order.address).from(context.source());
    let mut throttle = Throttle::new(CHALLENGES_PER_SECOND);
    let person = loop {
        match Person::enroll(callers.clone(), "accomplice", &mut connection).await {
            Ok(person) => break person,
            Err(_) => connection.close(),
        }
        sleep(PAUSE).await;
    };
    loop {
        throttle.turns(1).await;
        if person.begin(&mut connection).await.is_err() {
            connection.close();
            sleep(PAUSE).await;
        }
    }
}

/// Accepts the server's webhook calls, and sends interim responses without an end.
async fn answering(context: Context) {
    // Without the listener this function sends nothing. The verdict then reports that the attackers
    // did nothing.
    let Ok(listener) = TcpListener::bind(context.order.accomplice.webhook).await else { return };
    let mut calls = JoinSet::new();
    loop {
        let Ok((call, _)) = listener.accept().await else { continue };
        while calls.try_join_next().is_some() {}
        if calls.len() < CALLS as usize {
            calls.spawn(never(context.clone(), call));
        }
    }
}

async fn never(context: Context, mut call: TcpStream) -> io::Result<()> {
    let read = call.read(&mut [0; 4_096]).await?;
    context.count(0, read);
    let block = CONTINUE.repeat(TOGETHER);
    let mut throttle = Throttle::new(BYTES_PER_SECOND / CALLS / block.len() as u64);
    loop {
        throttle.turns(1).await;
        call.write_all(&block).await?;
        context.count(block.len(), 0);
    }
}
