//! Check of the settings of a Redis: it refuses those that could lose acknowledged records.

use redis::{Cmd, Value};

use super::super::keys;
use super::super::link::{Link, pipeline};
use super::super::reply::{checked, info_field, text, texts};
use super::super::trouble::Trouble;

/// Oldest supported major version of Redis.
const VERSION_MIN: u32 = 7;
/// Port of a Redis whose URL names none.
const DEFAULT_PORT: u16 = 6379;

/// Refuses a Redis that cannot be used, or that could lose records although it may not. Logs other
/// risks.
pub(super) async fn check(link: &Link, url: &str, may_lose: bool) -> Result<(), Trouble> {
    let mut info = redis::cmd("INFO");
    let info = text(link.one(info.arg("everything").clone()).await?)?.unwrap_or_default();
    let field = |name: &str| info_field(&info, name);
    let version = field("redis_version").unwrap_or("0");
    let major: u32 = version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    if major < VERSION_MIN {
        let message = format!("Redis {version} is too old: {VERSION_MIN}.0 is needed");
        return Err(Trouble::Refused(message));
    }
    if field("cluster_enabled") == Some("1") {
        return Err(Trouble::Refused("a Redis Cluster is not supported yet".to_owned()));
    }
    let sync = setting(link, "appendfsync").await?;
    let pauses = setting(link, "no-appendfsync-on-rewrite").await?;
    let user =
        told(link, redis::cmd("ACL").arg("WHOAMI")).await?.and_then(|user| text(user).ok()?);
    // Redis loads its append-only file as the user `default`, even if that user is off, and drops
    // the commands that this user may not run (redis/redis#14541).
    let write = ["DRYRUN", "default", "HSET", keys::STORE, "owner", "0"];
    let loads = told(link, redis::cmd("ACL").arg(&write)).await?;
    let persistence = RedisConfig {
        append_only: field("aof_enabled").map(|enabled| enabled == "1"),
        sync,
        pauses,
        replicas: field("connected_slaves").and_then(|count| count.parse().ok()),
        eviction: field("maxmemory_policy").map(str::to_owned),
        user,
        loads: loads.map(|told| matches!(told, Value::Okay)),
        encrypted_or_local: url.starts_with("rediss:") || is_local(url),
    };
    let losses = persistence.losses();
    if !may_lose && let Some(loss) = losses.first() {
        let message = format!("{loss}; or set store.may_lose = true if it may");
        return Err(Trouble::Refused(message));
    }
    for risk in losses.into_iter().chain(persistence.risks()) {
        tracing::warn!("{risk}");
    }
    Ok(())
}

/// Sends a command that this user may not be allowed to run. None if Redis refuses it.
async fn told(link: &Link, command: &Cmd) -> Result<Option<Value>, Trouble> {
    let replies = link.ask(&pipeline(std::slice::from_ref(command))).await?;
    Ok(replies.into_iter().next().and_then(|reply| checked(reply).ok()))
}

/// Reads a setting. None if this user may not.
async fn setting(link: &Link, name: &str) -> Result<Option<String>, Trouble> {
    let pair = told(link, redis::cmd("CONFIG").arg("GET").arg(name)).await?;
    Ok(pair.map(texts).transpose()?.and_then(|pair| pair.into_iter().nth(1)))
}

/// Returns the address of a Redis without the user and the password.
pub(super) fn address(url: &str) -> String {
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
    /// `yes` if it does not sync while it rewrites its file.
    pauses: Option<String>,
    replicas: Option<u32>,
    eviction: Option<String>,
    user: Option<String>,
    loads: Option<bool>,
    encrypted_or_local: bool,
}

impl RedisConfig {
    /// Returns one line for each setting with which Redis could lose records that it has
    /// acknowledged.
    fn losses(&self) -> Vec<String> {
        let mut losses = Vec::new();
        if self.append_only != Some(true) {
            losses.push(
                "Redis has appendonly no: when it ends without saving, what was acknowledged is \
                 lost; set appendonly yes"
                    .to_owned(),
            );
        }
        match self.sync.as_deref() {
            Some("always") => {}
            Some(other) => losses.push(format!(
                "Redis has appendfsync {other}: when it is killed, seconds of what was \
                 acknowledged can be lost; set appendfsync always"
            )),
            None => losses.push(
                "Redis does not tell appendfsync to this user: grant +config|get, and set \
                 appendfsync always"
                    .to_owned(),
            ),
        }
        // A user who may not read the one setting may not read the other either.
        if self.sync.is_some() && self.pauses.as_deref() != Some("no") {
            losses.push(
                "Redis does not say no-appendfsync-on-rewrite no: while it rewrites its file, what \
                 it acknowledges is not on the disk; set no-appendfsync-on-rewrite no"
                    .to_owned(),
            );
        }
        match self.eviction.as_deref() {
            Some("noeviction") => {}
            Some(policy) => losses.push(format!(
                "Redis has maxmemory-policy {policy}: without memory it drops records; set \
                 maxmemory-policy noeviction"
            )),
            None => losses.push(
                "Redis does not tell maxmemory-policy: grant +info, and set maxmemory-policy \
                 noeviction"
                    .to_owned(),
            ),
        }
        if self.replicas != Some(0) {
            losses.push(
                "Redis has replicas: if one of them is promoted, what it had not received yet is \
                 lost; use a Redis without replicas"
                    .to_owned(),
            );
        }
        if self.loads == Some(false) {
            losses.push(
                "Redis loads its log as its user default, who may not write: when it starts again, \
                 what was acknowledged is lost; set user default off ~* &* +@all"
                    .to_owned(),
            );
        }
        losses
    }

    /// Returns one line for each other setting with which records could be lost, or read by others.
    fn risks(&self) -> Vec<String> {
        let mut risks = Vec::new();
        if self.user.as_deref() == Some("default") {
            risks.push(
                "Redis is used as its user default, who may do everything: make a user limited to \
                 countersign:*"
                    .to_owned(),
            );
        }
        if self.loads.is_none() {
            risks.push(
                "Redis does not tell this user whether its user default may write, and loads its \
                 log as that user: grant +acl|dryrun, and set user default off ~* &* +@all"
                    .to_owned(),
            );
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
            pauses: Some("no".to_owned()),
            replicas: Some(0),
            eviction: Some("noeviction".to_owned()),
            user: Some("countersign".to_owned()),
            loads: Some(true),
            encrypted_or_local: true,
        }
    }

    #[test]
    fn a_redis_as_the_documentation_demands_has_no_risk() {
        assert_eq!(safe().risks(), [""; 0]);
        assert_eq!(safe().losses(), [""; 0]);
    }

    #[test]
    fn each_risk_is_one_line_that_says_what_to_set() {
        let text = |text: &str| Some(text.to_owned());
        for (settings, expected) in [
            (RedisConfig { append_only: Some(false), ..safe() }, "appendonly yes"),
            (RedisConfig { sync: text("everysec"), ..safe() }, "appendfsync always"),
            (RedisConfig { sync: None, ..safe() }, "set appendfsync always"),
            (RedisConfig { replicas: Some(1), ..safe() }, "without replicas"),
            (RedisConfig { replicas: None, ..safe() }, "without replicas"),
            (
                RedisConfig { eviction: text("allkeys-lru"), ..safe() },
                "maxmemory-policy noeviction",
            ),
            (RedisConfig { user: text("default"), ..safe() }, "limited to countersign:*"),
            (RedisConfig { eviction: None, ..safe() }, "maxmemory-policy noeviction"),
            (RedisConfig { pauses: text("yes"), ..safe() }, "no-appendfsync-on-rewrite no"),
            (RedisConfig { loads: Some(false), ..safe() }, "user default off ~* &* +@all"),
            (RedisConfig { loads: None, ..safe() }, "+acl|dryrun"),
            (RedisConfig { encrypted_or_local: false, ..safe() }, "rediss://"),
        ] {
            let risks = [settings.losses(), settings.risks()].concat();
            assert_eq!(risks.len(), 1, "{risks:?}");
            assert!(risks[0].contains(expected) && !risks[0].contains('\n'), "{risks:?}");
        }
    }

    #[test]
    fn a_redis_that_drops_records_or_does_not_sync_them_is_refused() {
        for settings in [
            RedisConfig { eviction: Some("volatile-ttl".to_owned()), ..safe() },
            RedisConfig { eviction: None, ..safe() },
            RedisConfig { pauses: Some("yes".to_owned()), ..safe() },
        ] {
            assert_eq!(settings.losses().len(), 1);
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
