//! Bytes that a store keeps for a device and for a finished lifecycle, on a separate server.
//!
//! A lifecycle takes the most while its challenges are kept. The harness measures it fresh. Then it
//! stops the server, prunes the store as if the challenges' retention was over, and measures again.

use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use super::redis_memory::Redis;
use super::{CapacityRun, sqlite_file};
use crate::LoadError;
use crate::capacity::fit;
use crate::client::connections::Connections;
use crate::client::people::{User, UserFactory};
use crate::client::recorder::Recorder;
use crate::out::report::capacity::{Cost, Fit};
use crate::run::drive::Work as _;
use crate::scenario::lifecycle::{Cycle, Learn};
use crate::server::Prepared;
use crate::session::{RunArgs, Session, unless_stopped};

/// Number of parts in which devices and lifecycles are added. The store is measured after each.
const PARTS: usize = 4;
/// Number of concurrent requests.
const AT_ONCE: usize = 32;
/// One user in so many has lifecycles, and so many in each part. A month of two a day is 60.
const USERS_PART: usize = 20;
const LIFECYCLES: usize = 15;
/// Waiting time in milliseconds above which the server rejects new work. It is long, because a
/// lifecycle that is begun again after a rejection would leave more records than one.
const QUEUE_MS: &str = "10000";

/// A store whose bytes can be measured.
enum Kept {
    Redis(Redis),
    /// A SQLite file with the default name in the server's data folder.
    Sqlite,
}

/// The measurements of a running server.
struct Measured {
    device: Option<Fit>,
    fresh: Option<Fit>,
    /// Number of finished lifecycles.
    lifecycles: usize,
}

/// Measures the bytes of a device, of a fresh lifecycle, and of one whose challenges are pruned.
/// Returns nothing for a store that cannot be measured: the one in memory, a Redis behind TLS, and
/// one that has records already, because pruning would delete some of them.
///
/// # Errors
/// [`LoadError`].
pub(super) async fn measure(capacity_run: &CapacityRun<'_>) -> Result<Vec<Fit>, LoadError> {
    let args = capacity_run.session.args;
    let Some(kept) = Kept::of(args.server.store()).await? else { return Ok(Vec::new()) };
    let server = args.server.with_default("server.queue_delay_ms_max", QUEUE_MS);
    let args = RunArgs { server, ..args.clone() };
    let session = Session { args: &args, ..capacity_run.session.clone() };
    let server = session.start().await?;
    let measured = unless_stopped(session.stop, kept.live(capacity_run, &server)).await;
    let Some(spawned) = server.spawned else { return Ok(Vec::new()) };
    let stopped = spawned.stop().await?;
    let Measured { device, fresh, lifecycles } = measured?;
    let assumptions = capacity_run.assumptions();
    let days = assumptions.challenge_days();
    let mut old = None;
    if let Some(fresh) = &fresh
        && days < assumptions.retention_days
    {
        let days = days.to_string();
        stopped.run(&["store", "prune", "--within-days", &days]).await?;
        let after = kept.used(stopped.folder()).await?;
        let points = [(0.0, fresh.intercept), (lifecycles as f64, after)];
        old = fit::line(kept.costs().2, &points);
    }
    Ok([device, fresh, old].into_iter().flatten().collect())
}

impl Kept {
    async fn of(store: &str) -> Result<Option<Self>, LoadError> {
        if store == "sqlite" {
            return Ok(Some(Self::Sqlite));
        }
        let Some(redis) = Redis::of(store) else { return Ok(None) };
        Ok(redis.is_empty().await?.then_some(Self::Redis(redis)))
    }

    /// Returns the costs of a device, of a fresh lifecycle and of an old one.
    const fn costs(&self) -> (Cost, Cost, Cost) {
        match self {
            Self::Redis(_) => (
                Cost::RedisBytesPerDevice,
                Cost::RedisBytesPerLifecycle,
                Cost::RedisBytesPerOldLifecycle,
            ),
            Self::Sqlite => (
                Cost::DiskBytesPerDevice,
                Cost::DiskBytesPerLifecycle,
                Cost::DiskBytesPerOldLifecycle,
            ),
        }
    }

    /// Returns the bytes that the store uses. The server has its data in `folder`.
    async fn used(&self, folder: &Path) -> Result<f64, LoadError> {
        match self {
            Self::Redis(redis) => redis.used().await,
            Self::Sqlite => Ok(sqlite_file::used(&file(folder))? as f64),
        }
    }

    /// Enrolls users, lets some of them live, and measures the store after each part.
    async fn live(
        &self,
        capacity_run: &CapacityRun<'_>,
        server: &Prepared,
    ) -> Result<Measured, LoadError> {
        let gone = || LoadError::Wrong("the server has no folder");
        let folder = server.spawned.as_ref().ok_or_else(gone)?.folder();
        let args = capacity_run.session.args;
        let many = capacity_run.args.many as usize;
        let connections = Connections::new(args.protocol(), AT_ONCE, true)?;
        let (target, phone_kinds) = (server.target.clone(), args.phones.clone());
        let factory = UserFactory { target, connections, phone_kinds };
        let living = factory.enroll(many / USERS_PART, || ()).await?;
        let mut devices = vec![(0.0, self.used(folder).await?)];
        for part in 1..=PARTS {
            factory.enroll(many / PARTS, || ()).await?;
            devices.push(((many / PARTS * part) as f64, self.used(folder).await?));
        }
        // The first lifecycle of each user is not measured, because it makes what all share.
        lifecycles(&living, 1).await?;
        let mut lived = living.len();
        let mut fresh = vec![(lived as f64, self.used(folder).await?)];
        for _ in 0..PARTS {
            lifecycles(&living, LIFECYCLES).await?;
            lived += living.len() * LIFECYCLES;
            fresh.push((lived as f64, self.used(folder).await?));
        }
        let (device, lifecycle, _) = self.costs();
        let (device, fresh) = (fit::line(device, &devices), fit::line(lifecycle, &fresh));
        Ok(Measured { device, fresh, lifecycles: lived })
    }
}

/// Returns the path of the default store in a data folder.
fn file(folder: &Path) -> PathBuf {
    folder.join("countersign.db")
}

/// Lets each user approve so many challenges, one after the other.
async fn lifecycles(users: &[User], each: usize) -> Result<(), LoadError> {
    let living = stream::iter(users).map(async |user| {
        let mut cycle = Cycle::approving(user.clone(), Learn::Asking);
        for _ in 0..each {
            cycle.once(Instant::now(), &mut Recorder::default()).await?;
        }
        Ok(())
    });
    living.buffered(AT_ONCE).try_collect::<()>().await
}
