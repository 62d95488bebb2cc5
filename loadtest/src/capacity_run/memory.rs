//! Memory measurements on a separate server: it gets devices, challenges and parked browsers in
//! equal parts.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::CapacityRun;
use crate::LoadError;
use crate::capacity::fit;
use crate::client::connections::{Connections, Protocol};
use crate::client::people::{Open, Poll, User, UserFactory};
use crate::client::recorder::Recorder;
use crate::host::process;
use crate::out::report::capacity::{Cost, Fit};
use crate::server::Prepared;
use crate::server::metrics::Metrics;
use crate::session::unless_stopped;

/// Number of parts in which devices, challenges and browsers are added. Memory is measured after
/// each part.
const PARTS: usize = 4;
/// Number of concurrent requests.
const AT_ONCE: usize = 32;
/// Users who finish a lifecycle before the first measurement, so that one-time allocations do not
/// count.
const FIRST: usize = 200;
/// Longest time to wait until the server reports all browsers as parked.
const PARKING: Duration = Duration::from_secs(20);
/// Longest time for which a browser polls.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures memory on a new server, over HTTP/1.1 or HTTP/2. Over HTTP/2 it returns only the cost
/// of parked browsers.
///
/// # Errors
/// [`LoadError`].
pub(super) async fn measure(
    capacity_run: &CapacityRun<'_>,
    http: u8,
) -> Result<Vec<Fit>, LoadError> {
    let server = capacity_run.session.start().await?;
    let taken = unless_stopped(capacity_run.session.stop, take(capacity_run, http, &server)).await;
    server.stop().await?;
    taken
}

async fn take(
    capacity_run: &CapacityRun<'_>,
    http: u8,
    server: &Prepared,
) -> Result<Vec<Fit>, LoadError> {
    let many = capacity_run.args.many as usize;
    let protocol = Protocol { http2: http == 2, ..capacity_run.session.args.protocol() };
    let connections = Connections::new(protocol, many + AT_ONCE, true)?;
    let (target, phone_kinds) = (server.target.clone(), capacity_run.session.args.phones.clone());
    let factory = UserFactory { target, connections, phone_kinds };
    first(&factory).await?;
    let mut devices = vec![(0.0, held(server)?)];
    let mut users = Vec::with_capacity(many);
    for _ in 0..PARTS {
        users.extend(factory.enroll(many / PARTS, || ()).await?);
        devices.push((users.len() as f64, held(server)?));
    }
    // The devices of these users have just been used, so that a challenge adds nothing but itself.
    let mut challenges = vec![(0.0, held(server)?)];
    let mut open = Vec::with_capacity(many);
    for part in users.chunks(many / PARTS) {
        open.extend(started(part).await?);
        challenges.push((open.len() as f64, held(server)?));
    }
    let mut waiters = vec![(0.0, held(server)?)];
    let mut polls: Vec<Poll> = Vec::with_capacity(many);
    for part in open.chunks(many / PARTS) {
        polls.extend(part.iter().map(|open| open.poll_on(PATIENCE)));
        Metrics::parked(server.metrics.as_ref(), polls.len(), PARKING).await?;
        waiters.push((polls.len() as f64, held(server)?));
    }
    let fits = if protocol.http2 {
        vec![fit::line(Cost::BytesPerWaiterHttp2, &waiters)]
    } else {
        vec![
            fit::line(Cost::BytesPerDevice, &devices),
            fit::line(Cost::BytesPerChallenge, &challenges),
            fit::line(Cost::BytesPerWaiterHttp1, &waiters),
        ]
    };
    Ok(fits.into_iter().flatten().collect())
}

/// Lets [`FIRST`] users enroll, read and approve a challenge before the measurement, some of them
/// with a parked browser, so that connections and buffers are already allocated.
async fn first(factory: &UserFactory) -> Result<(), LoadError> {
    let users = factory.enroll(FIRST, || ()).await?;
    let open = started(&users).await?;
    let polls: Vec<_> = open.iter().take(AT_ONCE).map(|open| open.poll_on(PATIENCE)).collect();
    for (user, open) in users.iter().zip(&open) {
        let mut recorder = Recorder::default();
        let seen = user.read(open, &mut recorder).await?;
        user.answer(&seen, true, &mut recorder).await?;
    }
    for poll in polls {
        poll.told(true).await?;
    }
    Ok(())
}

/// Starts one challenge for each user.
async fn started(users: &[User]) -> Result<Vec<Open>, LoadError> {
    stream::iter(users).map(User::challenge_with_retries).buffered(AT_ONCE).try_collect().await
}

/// Returns the memory that the server's process occupies, in bytes.
fn held(server: &Prepared) -> Result<f64, LoadError> {
    let gone = || LoadError::Server("the server's memory cannot be seen".to_owned());
    Ok(process::rss_bytes(server.pid.ok_or_else(gone)?)? as f64)
}
