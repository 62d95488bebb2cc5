//! The configuration as it is written: sections, keys and their defaults. Nothing here is checked
//! beyond its type; the names of these structs' fields are the known keys.

use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::error::ConfigError;
use super::limits;
use super::lines::Lines;

/// The whole file. No `Debug`: it holds secrets.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) server: ServerSection,
    pub(super) operations: OperationsSection,
    pub(super) log: LogSection,
    pub(super) store: StoreSection,
    pub(super) engine: EngineSection,
    pub(super) tokens: TokensSection,
    pub(super) tenants: Vec<TenantSection>,
}

macro_rules! section {
    ($name:ident { $($field:ident : $type:ty = $default:expr),+ $(,)? }) => {
        #[derive(Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $name {
            $(pub(super) $field: $type),+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }
    };
}

section!(ServerSection {
    listen: String = "127.0.0.1:8080".into(),
    public_url: String = String::new(),
    data_dir: String = "countersign-data".into(),
    workers: u64 = limits::WORKERS.default,
    body_bytes_max: u64 = limits::BODY_BYTES_MAX.default,
    body_read_seconds: u64 = limits::BODY_READ_SECONDS.default,
    requests_in_flight_max: u64 = limits::REQUESTS_IN_FLIGHT_MAX.default,
    new_work_in_flight_max: u64 = limits::NEW_WORK_IN_FLIGHT_MAX.default,
    queue_delay_ms_max: u64 = limits::QUEUE_DELAY_MS_MAX.default,
    trusted_proxies: Vec<String> = Vec::new(),
    client_address_header: String = String::new(),
    direct_clients: bool = false,
    client_share_percent: u64 = limits::CLIENT_SHARE_PERCENT.default,
    shutdown_seconds: u64 = limits::SHUTDOWN_SECONDS.default,
});
section!(OperationsSection { listen: String = "127.0.0.1:9464".into() });
section!(LogSection { format: String = "human".into(), level: String = "info".into() });
section!(StoreSection {
    url: String = "sqlite:".into(),
    action_retention_days: u64 = limits::ACTION_RETENTION_DAYS.default,
    durability: String = "sync".into(),
    async_window_ms: u64 = limits::ASYNC_WINDOW_MS.default,
    outage: String = "refuse".into(),
    backlog_records_max: u64 = limits::BACKLOG_RECORDS_MAX.default,
    room_warn_mib: u64 = limits::ROOM_WARN_MIB.default,
});
section!(EngineSection {
    verify_queue_max: u64 = limits::VERIFY_QUEUE_MAX.default,
    activations_max: u64 = limits::ACTIVATIONS_MAX.default,
    waiters_max: u64 = limits::WAITERS_MAX.default,
});
section!(TokensSection { lifetime_seconds: u64 = limits::TOKEN_LIFETIME_SECONDS.default });
section!(TenantSection {
    id: String = String::new(),
    secret_keys: Vec<String> = Vec::new(),
    name: String = String::new(),
    logo: String = String::new(),
    colour: String = String::new(),
    allowed_origins: Vec<String> = vec!["*".into()],
    push: PushSection = PushSection::default(),
});
section!(PushSection {
    webhook_url: String = String::new(),
    webhook_allow_hosts: Vec<String> = Vec::new(),
    challenge_lifetime_seconds: u64 = limits::CHALLENGE_LIFETIME_SECONDS.default,
    custom_public: Vec<String> = Vec::new(),
    number_match: u64 = limits::NUMBER_MATCH.default,
    notifications_per_challenge_max: u64 = limits::NOTIFICATIONS_PER_CHALLENGE_MAX.default,
    prompts_max: u64 = limits::PROMPTS_MAX.default,
    prompts_window_seconds: u64 = limits::PROMPTS_WINDOW_SECONDS.default,
    denial_wait_seconds: u64 = limits::DENIAL_WAIT_SECONDS.default,
    denial_wait_seconds_max: u64 = limits::DENIAL_WAIT_SECONDS_MAX.default,
    require_statement: bool = false,
    report_hold_seconds: u64 = limits::REPORT_HOLD_SECONDS.default,
    numbers_per_challenge_max: u64 = limits::NUMBERS_PER_CHALLENGE_MAX.default,
    numbers_max: u64 = limits::NUMBERS_MAX.default,
    number_hold_seconds: u64 = limits::NUMBER_HOLD_SECONDS.default,
    number_hold_seconds_max: u64 = limits::NUMBER_HOLD_SECONDS_MAX.default,
    numbers_lock: u64 = limits::NUMBERS_LOCK.default,
    unenrolled: String = "allow".into(),
});

impl File {
    /// Every known key with its default, and one tenant to show a tenant's keys.
    pub(super) fn template() -> Table {
        let file = Self { tenants: vec![TenantSection::default()], ..Self::default() };
        Table::try_from(file).expect("structs of text, numbers and lists are a table")
    }
}

/// Reads a file as TOML, of whatever keys, and finds the line of each.
pub(super) fn read(path: &Path) -> Result<(Table, Lines), ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let read = file.take(limits::FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > limits::FILE_BYTES_MAX {
        return Err(ConfigError::TooLong { path: path.to_owned(), max: limits::FILE_BYTES_MAX });
    }
    // The parser's own display quotes the line, which may hold a secret.
    let table = text.parse::<Table>().map_err(|e| {
        let before = text.bytes().take(e.span().map_or(0, |span| span.start));
        ConfigError::Syntax {
            path: path.to_owned(),
            line: 1 + before.filter(|b| *b == b'\n').count(),
            problem: e.message().to_owned(),
        }
    })?;
    Ok((table, Lines::of(path, &text)))
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    const EXAMPLE: &str = include_str!("../../../deploy/countersign.example.toml");

    /// The example with every key that is commented out (`#key = value`) put in force.
    fn uncommented() -> Table {
        let is_key = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
        let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
            Some(key) if is_key(key) => key,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n").parse().unwrap()
    }

    fn leaves(table: &Table, path: &str, all: &mut Vec<(String, toml::Value)>) {
        for (name, value) in table {
            match (value, keys::section_of_list(value)) {
                (toml::Value::Table(section), _) | (_, Some(toml::Value::Table(section))) => {
                    leaves(section, &format!("{path}{name}."), all);
                }
                _ => all.push((format!("{path}{name}"), value.clone())),
            }
        }
    }

    #[test]
    fn the_example_documents_every_key_with_its_default() {
        let (mut known, mut documented) = (Vec::new(), Vec::new());
        leaves(&File::template(), "", &mut known);
        leaves(&uncommented(), "", &mut documented);
        let needed = ["tenants.id", "tenants.secret_keys"];
        for list in [&mut known, &mut documented] {
            assert!(needed.iter().all(|needed| list.iter().any(|(key, _)| key == needed)));
            list.retain(|(key, _)| !needed.contains(&key.as_str()));
            list.sort_by(|a, b| a.0.cmp(&b.0));
        }
        assert_eq!(documented, known);
    }

    #[test]
    fn every_limit_stands_under_its_key_in_the_file() {
        let template = File::template();
        let mut all = Vec::new();
        leaves(&template, "", &mut all);
        for limit in limits::LIMITS {
            let written =
                all.iter().find(|(key, _)| key.trim_start_matches("tenants.") == limit.key);
            let default = written.and_then(|(_, value)| value.as_integer());
            assert_eq!(default, i64::try_from(limit.default).ok(), "{}", limit.key);
            assert!((limit.min..=limit.max).contains(&limit.default), "{}", limit.key);
        }
        let numbers = all.iter().filter(|(_, value)| value.is_integer()).count();
        assert_eq!(numbers, limits::LIMITS.len(), "every number has a limit");
    }
}
