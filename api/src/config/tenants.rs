//! Validates the tenants' sections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use countersign_core::device::Signing;
use countersign_core::id::TenantId;
use countersign_core::number_match::Digits;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::set_backs::SET_BACKS_TENANT;
use countersign_core::text::Line;
use url::{Host, Url};

use super::address::has_credentials;
use super::brand::brand;
use super::error::{ConfigError, at_most, entries};
use super::file::{PushSection, TenantSection};
use super::limits::{self, Section as _};
use super::{AllowedOrigins, Push, Secret, Tenant};

/// Secret of `deploy/countersign.example.toml`. It is refused, because it is public.
const EXAMPLE_SECRET: &str = "replace-me";

pub(super) fn tenants(written: Vec<TenantSection>) -> Result<Vec<Tenant>, ConfigError> {
    at_most("tenants", written.len(), limits::TENANTS_MAX)?;
    let mut ids = BTreeMap::new();
    let mut secrets = BTreeMap::new();
    let mut tenants = Vec::with_capacity(written.len());
    for (number, section) in written.into_iter().enumerate() {
        let path = format!("tenants[{number}].");
        let tenant = tenant(&path, &section)?;
        if tenant.id.as_str() == SET_BACKS_TENANT {
            let problem = "is the server's own";
            return Err(ConfigError::value(path + "id", problem, "another id is allowed"));
        }
        if let Some(other) = ids.insert(tenant.id.clone(), number) {
            let problem = format!("is the id of tenants[{other}]");
            return Err(ConfigError::value(path + "id", problem, "an id of its own is allowed"));
        }
        for (i, secret) in tenant.secret_keys.iter().enumerate() {
            // Secrets must be unique, because a backend's request names no tenant: its secret
            // identifies it.
            let key = format!("{path}secret_keys[{i}]");
            if let Some(other) = secrets.insert(secret.expose().to_owned(), key.clone()) {
                let problem = format!("is the same as {other}");
                return Err(ConfigError::value(key, problem, "a secret of its own is allowed"));
            }
        }
        tenants.push(tenant);
    }
    Ok(tenants)
}

fn tenant(path: &str, written: &TenantSection) -> Result<Tenant, ConfigError> {
    let id = TenantId::parse(&written.id).map_err(|e| {
        let problem = if written.id.is_empty() { "is missing" } else { "is not a tenant id" };
        ConfigError::value(format!("{path}id"), problem, format!("{} is allowed", e.expected))
    })?;
    let origins = format!("{path}allowed_origins");
    at_most(&origins, written.allowed_origins.len(), limits::LIST_ENTRIES_MAX)?;
    let allowed_origins =
        AllowedOrigins::parse(&written.allowed_origins).map_err(|(i, problem)| {
            let allowed = "[\"*\"], or exact origins (scheme://host, :port if need be) are allowed";
            ConfigError::value(format!("{origins}[{i}]"), problem, allowed)
        })?;
    let secret_keys = secrets(&format!("{path}secret_keys"), &written.secret_keys)?;
    let brand = brand(path, &id, written)?;
    Ok(Tenant { id, secret_keys, brand, allowed_origins, push: push(path, &written.push)? })
}

fn secrets(key: &str, written: &[String]) -> Result<Vec<Secret>, ConfigError> {
    if written.is_empty() {
        return Err(ConfigError::value(key, "is missing", "at least one secret is needed"));
    }
    entries(key, written, limits::SECRET_KEYS_MAX, |text| {
        if text == EXAMPLE_SECRET {
            let advice = "put a secret of your own in its place, such as what \
                          `openssl rand -hex 24` prints";
            let problem = "is still the placeholder of the example";
            return Err((problem.to_owned(), advice.to_owned()));
        }
        Secret::parse(text).map_err(|problem| {
            let allowed = format!(
                "{} to {} printable ASCII characters without space, colon and percent sign \
                 are allowed, 32 random ones are advised",
                Secret::CHARACTERS_MIN,
                Secret::CHARACTERS_MAX
            );
            (problem.to_string(), allowed)
        })
    })
}

fn push(path: &str, written: &PushSection) -> Result<Push, ConfigError> {
    let key = |name: &str| format!("{path}push.{name}");
    let (hosts, max) = (&written.webhook_allow_hosts, limits::LIST_ENTRIES_MAX);
    let webhook_allow_hosts = entries(&key("webhook_allow_hosts"), hosts, max, host)?;
    let webhook_url = webhook_url(&key("webhook_url"), &written.webhook_url, &webhook_allow_hosts)?;
    let unenrolled = match written.unenrolled.as_str() {
        "allow" => Unenrolled::Allow,
        "block" => Unenrolled::Block,
        _ => {
            let allowed = "\"allow\" or \"block\" is allowed";
            return Err(ConfigError::value(key("unenrolled"), "is not a choice", allowed));
        }
    };
    let limits = limits_of(path, written)?;
    Ok(Push {
        webhook_url,
        webhook_allow_hosts,
        custom_public: entries(&key("custom_public"), &written.custom_public, max, custom_name)?,
        unenrolled,
        limits,
    })
}

/// Returns the core's limits with the configured values.
fn limits_of(path: &str, written: &PushSection) -> Result<Limits, ConfigError> {
    written.check(path)?;
    let ms = |seconds: u64| seconds * 1000;
    let count = |number: u64| u32::try_from(number).expect("no maximum is over 32 bits");
    let signing_min =
        if written.require_statement { Signing::StatementV1 } else { Signing::ChallengeId };
    Ok(Limits {
        challenge_lifetime_ms: ms(written.challenge_lifetime_seconds),
        signing_min,
        number_match: number_match(path, written.number_match)?,
        notifications_per_challenge_max: count(written.notifications_per_challenge_max),
        prompts_max: written.prompts_max,
        prompts_window_ms: ms(written.prompts_window_seconds),
        denial_wait_ms: ms(written.denial_wait_seconds),
        denial_wait_ms_max: ms(written.denial_wait_seconds_max),
        report_hold_ms: ms(written.report_hold_seconds),
        numbers_per_challenge_max: count(written.numbers_per_challenge_max),
        numbers_max: count(written.numbers_max),
        number_hold_ms: ms(written.number_hold_seconds),
        number_hold_ms_max: ms(written.number_hold_seconds_max),
        numbers_lock: count(written.numbers_lock),
        ..Limits::DEFAULT
    })
}

fn number_match(path: &str, digits: u64) -> Result<Option<Digits>, ConfigError> {
    match digits {
        0 => Ok(None),
        2 => Ok(Some(Digits::Two)),
        3 => Ok(Some(Digits::Three)),
        6 => Ok(Some(Digits::Six)),
        _ => {
            let (key, allowed) = (format!("{path}push.number_match"), "0, 2, 3 or 6 is allowed");
            Err(ConfigError::value(key, format!("is {digits}"), allowed))
        }
    }
}

fn custom_name(name: &str) -> Result<String, (&'static str, String)> {
    let max = limits::CUSTOM_NAME_BYTES_MAX;
    if name.is_empty() || Line::parse(name, max).is_err() {
        let allowed = format!("1 to {max} bytes without control characters are allowed");
        return Err(("is not a name", allowed));
    }
    Ok(name.to_owned())
}

/// Parses a host into the form of URLs: lower case, punycode, and the canonical form of an address.
fn host(text: &str) -> Result<Host, (&'static str, &'static str)> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(Host::Ipv6(address));
    }
    let allowed = "the name or the IP address of one host, without port, is allowed";
    let host = Host::parse(text).ok().filter(|_| !text.contains('*'));
    host.ok_or(("is not a host", allowed))
}

/// Parses the URL of a webhook. The error never quotes it, because its path or query may be secret.
fn webhook_url(
    key: &str,
    text: &str,
    allow_hosts: &BTreeSet<Host>,
) -> Result<Option<Url>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    let refused = |problem: &str| {
        let allowed =
            "an https URL is allowed, or an http one whose host is in webhook_allow_hosts";
        Err(ConfigError::value(key, problem, allowed))
    };
    let Ok(url) = Url::parse(text) else {
        return refused("is not a URL");
    };
    let named = url.host().is_some_and(|host| allow_hosts.contains(&host.to_owned()));
    match url.scheme() {
        "https" => {}
        "http" if named => {}
        "http" => return refused("is http, and its host is not in webhook_allow_hosts"),
        _ => return refused("is neither https nor http"),
    }
    if has_credentials(&url) || url.fragment().is_some() {
        return refused("has a user or a fragment");
    }
    Ok(Some(url))
}
