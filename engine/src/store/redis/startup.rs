//! Start of the store: it connects, warns about settings that could lose records, and takes the
//! lock.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::sync::{mpsc, oneshot};

use super::commit_task::{CommitTask, QUEUE_UNITS_MAX};
use super::health::Health;
use super::job::Job;
use super::link::{Link, pipeline};
use super::owner::{Owner, RENEWAL, state};
use super::reader::Reader;
use super::reply::{checked, text, texts};
use super::trouble::Trouble;
use super::{Opened, RedisSettings, Retention};
use crate::ports::Entropy;
use crate::ports::store::StoreError;
use crate::system::Stopwatch;

/// Oldest supported major version of Redis.
const VERSION_MIN: u32 = 7;
/// Time for which a start waits for a Redis that is not ready yet.
const START_WAIT: Duration = Duration::from_secs(10);
/// Port of a Redis whose URL names none.
const DEFAULT_PORT: u16 = 6379;
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// Opens the store, and runs it until it is closed.
pub(super) async fn serve(
    settings: RedisSettings,
    entropy: Arc<dyn Entropy>,
    opened: oneshot::Sender<Result<Opened, StoreError>>,
) {
    match open(&settings, &*entropy).await {
        Err(trouble) => {
            let _ = opened.send(Err(trouble.into()));
        }
        Ok((writing, reading, owner)) => {
            let health = Arc::new(Health::new(owner, settings.durability));
            let (jobs, queue) = mpsc::channel(QUEUE_UNITS_MAX);
            let retention = Retention::of(&settings);
            let (weak, wait) = (jobs.downgrade(), settings.wait);
            let reader = Reader::new(Arc::clone(&reading), Arc::clone(&health), weak, wait);
            tokio::spawn(keep_lock(reading, Arc::clone(&health), reader.clone()));
            let writer = CommitTask::new(writing, Arc::clone(&health), queue, retention, wait);
            if opened.send(Ok(Opened { jobs, reader, health })).is_ok() {
                writer.run().await;
            }
        }
    }
}

type Links = (Arc<Link>, Arc<Link>, Owner);

async fn open(settings: &RedisSettings, entropy: &dyn Entropy) -> Result<Links, Trouble> {
    // The library's error about a URL does not quote the URL.
    let client = |_| redis::Client::open(settings.url.as_str());
    let unusable = |error| Trouble::Refused(format!("store.url cannot be used: {error}"));
    let links = [(); 2].map(client);
    let [writing, reading] = links.map(|client| client.map(|c| Arc::new(Link::new(c))));
    let (writing, reading) = (writing.map_err(unusable)?, reading.map_err(unusable)?);
    let watch = Stopwatch::start();
    let mut said = String::new();
    loop {
        match check(&writing, &settings.url).await {
            Ok(()) => break,
            // Redis may still be loading its file.
            Err(Trouble::Lost(why)) if watch.seconds() < START_WAIT.as_secs_f64() => {
                if said != why {
                    tracing::warn!(why, at = address(&settings.url), "waiting for Redis");
                    said = why;
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(Trouble::Lost(why)) => {
                let at = address(&settings.url);
                return Err(Trouble::Refused(format!("Redis does not answer at {at}: {why}")));
            }
            Err(trouble) => return Err(trouble),
        }
    }
    let owner = Owner::acquire(&writing, entropy, settings.opening).await?;
    super::emails::fold(&writing, &owner).await?;
    tracing::info!(store = owner.store, "Redis is the store");
    Ok((writing, reading, owner))
}

/// Renews the lock at intervals. If something is wrong, lets the commit task check the store.
async fn keep_lock(link: Arc<Link>, health: Arc<Health>, reader: Reader) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        match held(&link, &health).await {
            Ok(()) if health.check().is_ok() => {}
            Ok(()) | Err(Trouble::Rolled | Trouble::Fenced) => reader.tell(Job::Verify),
            Err(trouble) => health.unsettled(&StoreError::from(trouble).to_string()),
        }
    }
}

/// Renews the lock, and checks that Redis has all acknowledged attempts.
async fn held(link: &Link, health: &Health) -> Result<(), Trouble> {
    let acked = health.acked();
    health.owner.renew(link).await?;
    health.owner.check(link.one(state()).await?, acked)
}

/// Refuses a Redis that cannot be used, and logs settings that could lose records.
async fn check(link: &Link, url: &str) -> Result<(), Trouble> {
    let mut info = redis::cmd("INFO");
    let info = text(link.one(info.arg("everything").clone()).await?)?.unwrap_or_default();
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
    };
    let version = field("redis_version").unwrap_or("0");
    let major: u32 = version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    if major < VERSION_MIN {
        let message = format!("Redis {version} is too old: {VERSION_MIN}.0 is needed");
        return Err(Trouble::Refused(message));
    }
    if field("cluster_enabled") == Some("1") {
        return Err(Trouble::Refused("a Redis Cluster is not supported yet".to_owned()));
    }
    if field("role").is_some_and(|role| role != "master") {
        return Err(Trouble::Lost("this Redis is a replica".to_owned()));
    }
    let sync = told(link, redis::cmd("CONFIG").arg("GET").arg("appendfsync")).await?;
    let sync = sync.map(texts).transpose()?.and_then(|pair| pair.into_iter().nth(1));
    let user =
        told(link, redis::cmd("ACL").arg("WHOAMI")).await?.and_then(|user| text(user).ok()?);
    // Redis loads its append-only file as the user `default`, even if that user is off, and drops
    // the commands that this user may not run (redis/redis#14541).
    let write = ["DRYRUN", "default", "HSET", super::keys::STATE, "attempt", "0"];
    let loads = told(link, redis::cmd("ACL").arg(&write)).await?;
    let persistence = RedisConfig {
        append_only: field("aof_enabled").map(|enabled| enabled == "1"),
        sync,
        eviction: field("maxmemory_policy").map(str::to_owned),
        user,
        loads: loads.map(|told| matches!(told, Value::Okay)),
        encrypted_or_local: url.starts_with("rediss:") || is_local(url),
    };
    for risk in persistence.risks() {
        tracing::warn!("{risk}");
    }
    Ok(())
}

/// Sends a command that this user may not be allowed to run. None if Redis refuses it.
async fn told(link: &Link, command: &Cmd) -> Result<Option<Value>, Trouble> {
    let replies = link.ask(&pipeline(std::slice::from_ref(command))).await?;
    Ok(replies.into_iter().next().and_then(|reply| checked(reply).ok()))
}

/// Returns the address of a Redis without the user and the password.
fn address(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    let host = url.as_ref().and_then(url::Url::host_str).unwrap_or_default();
    format!("{host}:{}", url.as_ref().and_then(url::Url::port).unwrap_or(DEFAULT_PORT))
}

fn is_local(url: &str) -> bool {
    let url = url::Url::parse(url).ok();
    let host = url.as_ref().and_then(url::Url::host_str).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Settings of Redis that matter for the records. None for a setting that this user may not read.
struct RedisConfig {
    append_only: Option<bool>,
    sync: Option<String>,
    eviction: Option<String>,
    user: Option<String>,
    loads: Option<bool>,
    encrypted_or_local: bool,
}

impl RedisConfig {
    /// Returns one line for each setting with which records could be lost, or read by others.
    fn risks(&self) -> Vec<String> {
        let mut risks = Vec::new();
        if self.append_only == Some(false) {
            risks.push(
                "Redis has appendonly no: when it ends without saving, what was acknowledged is \
                 lost; set appendonly yes"
                    .to_owned(),
            );
        } else {
            match self.sync.as_deref() {
                Some("always") => {}
                Some(other) => risks.push(format!(
                    "Redis has appendfsync {other}: when it is killed, seconds of what was \
                     acknowledged can be lost; set appendfsync always"
                )),
                None => risks.push(
                    "Redis does not tell appendfsync to this user: make sure that it is always"
                        .to_owned(),
                ),
            }
        }
        if let Some(policy) = self.eviction.as_deref().filter(|policy| *policy != "noeviction") {
            risks.push(format!(
                "Redis has maxmemory-policy {policy}: without memory it drops records; set \
                 maxmemory-policy noeviction"
            ));
        }
        if self.user.as_deref() == Some("default") {
            risks.push(
                "Redis is used as its user default, who may do everything: make a user limited to \
                 countersign:*"
                    .to_owned(),
            );
        }
        match self.loads {
            Some(true) => {}
            Some(false) => risks.push(
                "Redis loads its log as its user default, who may not write: when it starts again, \
                 what was acknowledged is lost; set user default off ~* &* +@all"
                    .to_owned(),
            ),
            None => risks.push(
                "Redis does not tell this user whether its user default may write, and loads its \
                 log as that user: grant +acl|dryrun, and set user default off ~* &* +@all"
                    .to_owned(),
            ),
        }
        if !self.encrypted_or_local {
            risks.push(
                "Redis is reached over the network without TLS: use rediss://, or a network of \
                 its own"
                    .to_owned(),
            );
        }
        risks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe() -> RedisConfig {
        RedisConfig {
            append_only: Some(true),
            sync: Some("always".to_owned()),
            eviction: Some("noeviction".to_owned()),
            user: Some("countersign".to_owned()),
            loads: Some(true),
            encrypted_or_local: true,
        }
    }

    #[test]
    fn a_redis_as_the_documentation_demands_has_no_risk() {
        assert_eq!(safe().risks(), [""; 0]);
    }

    #[test]
    fn each_risk_is_one_line_that_says_what_to_set() {
        let text = |text: &str| Some(text.to_owned());
        for (settings, expected) in [
            (RedisConfig { append_only: Some(false), ..safe() }, "appendonly yes"),
            (RedisConfig { sync: text("everysec"), ..safe() }, "appendfsync always"),
            (RedisConfig { sync: None, ..safe() }, "make sure that it is always"),
            (
                RedisConfig { eviction: text("allkeys-lru"), ..safe() },
                "maxmemory-policy noeviction",
            ),
            (RedisConfig { user: text("default"), ..safe() }, "limited to countersign:*"),
            (RedisConfig { loads: Some(false), ..safe() }, "user default off ~* &* +@all"),
            (RedisConfig { loads: None, ..safe() }, "+acl|dryrun"),
            (RedisConfig { encrypted_or_local: false, ..safe() }, "rediss://"),
        ] {
            let risks = settings.risks();
            assert_eq!(risks.len(), 1, "{risks:?}");
            assert!(risks[0].contains(expected) && !risks[0].contains('\n'), "{risks:?}");
        }
    }

    #[test]
    fn an_address_is_said_without_who_uses_it() {
        assert_eq!(address("redis://user:password@db.example:6380/2"), "db.example:6380");
        assert_eq!(address("rediss://[::1]"), "[::1]:6379");
    }

    #[test]
    fn only_this_machine_is_reached_without_a_network() {
        for url in ["redis://localhost", "redis://127.0.0.1:1/2", "redis://u:p@[::1]"] {
            assert!(is_local(url), "{url}");
        }
        for url in ["redis://redis", "redis://10.0.0.1", "redis://localhost.example", "?"] {
            assert!(!is_local(url), "{url}");
        }
    }
}
