//! Format of the configuration file: sections, keys, defaults and ranges of numbers. The fields of
//! these structs are the known keys; `deploy/countersign.example.toml` documents them.

use std::io::{self, Read as _};
use std::path::Path;

use countersign_core::policy::{CHALLENGE_LIFETIME_MS_MAX, Limits, NUMBERS_LOCK_MAX};
use countersign_engine::EngineSettings;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::error::ConfigError;
use super::limits::{self, Number, Section};
use super::lines::Lines;

/// Defaults of the core and of the engine, which define these themselves.
const CORE: Limits = Limits::DEFAULT;
const ENGINE: EngineSettings = EngineSettings::DEFAULT;
pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Content of the whole file. It has no `Debug`, because it contains secrets.
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

/// Defines a section and its keys: type, default, and for numbers the allowed range.
macro_rules! section {
    ($name:ident = $section:literal {
        $($(#[$doc:meta])* $field:ident : $type:ty = $default:expr $(, $range:expr)?;)+
    }) => {
        #[derive(Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$doc])* pub(super) $field: $type),+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }

        impl Section for $name {
            fn numbers(&self) -> Vec<Number> {
                vec![$($({
                    let (key, value) = (stringify!($field), self.$field as u64);
                    Number::new($section, key, value, $range)
                },)?)+]
            }
        }
    };
}

section!(ServerSection = "server" {
    listen: String = "127.0.0.1:8080".into();
    public_url: String = String::new();
    data_dir: String = "countersign-data".into();
    /// 0 means one per core. The maximum is that of the HTTP library.
    workers: usize = 0, 0..=512;
    body_bytes_max: usize = 16_384, 1024..=1 << 20;
    body_read_seconds: u64 = 5, 1..=60;
    /// Includes parked polls.
    requests_in_flight_max: usize = 25_000, 1..=1_000_000;
    /// Requests in flight that track, start a challenge or enroll.
    new_work_in_flight_max: usize = 2000, 1..=1_000_000;
    /// The most expensive request takes 200 µs. So fifty callers that repeat it without a pause
    /// cause 10 ms of delay, and are not yet an overload.
    queue_delay_ms_max: u64 = 10, 1..=10_000;
    trusted_proxies: Vec<String> = Vec::new();
    client_address_header: String = String::new();
    direct_clients: bool = false;
    client_share_percent: usize = 10, 1..=100;
    /// The default leaves time to flush before a container runtime kills the process, after 10 s.
    shutdown_seconds: u64 = 8, 1..=10;
});
section!(OperationsSection = "operations" { listen: String = "127.0.0.1:9464".into(); });
section!(LogSection = "log" {
    format: String = "human".into();
    level: String = "info".into();
});
section!(StoreSection = "store" {
    url: String = "sqlite:".into();
    action_retention_days: u64 = ENGINE.action_retention_ms / DAY_MS, 1..=3650;
    challenge_retention_days: u64 = ENGINE.challenge_retention_ms / DAY_MS, 1..=3650;
    durability: String = "sync".into();
    async_window_ms: u64 = 50, 1..=10_000;
    outage: String = "refuse".into();
    backlog_records_max: usize = 100_000, 1..=10_000_000;
    may_lose: bool = false;
    /// 0 means no warning.
    room_warn_mib: u64 = ENGINE.room_warn_bytes >> 20, 0..=1 << 20;
});
section!(EngineSection = "engine" {
    verify_queue_max: usize = ENGINE.verify_queue_max, 1..=1_000_000;
    activations_max: usize = ENGINE.activations_max, 100..=100_000_000;
    waiters_max: usize = ENGINE.waiters_max, 1..=10_000_000;
});
section!(TokensSection = "tokens" { lifetime_seconds: u64 = 600, 1..=3600; });
section!(TenantSection = "tenants" {
    id: String = String::new();
    secret_keys: Vec<String> = Vec::new();
    name: String = String::new();
    logo: String = String::new();
    colour: String = String::new();
    allowed_origins: Vec<String> = vec!["*".into()];
    push: PushSection = PushSection::default();
});
section!(PushSection = "push" {
    webhook_url: String = String::new();
    webhook_allow_hosts: Vec<String> = Vec::new();
    challenge_lifetime_seconds: u64 =
        CORE.challenge_lifetime_ms / 1000, 10..=CHALLENGE_LIFETIME_MS_MAX / 1000;
    custom_public: Vec<String> = Vec::new();
    /// 0 means no number matching.
    number_match: u64 = 0, 0..=6;
    notifications_per_challenge_max: u64 = u64::from(CORE.notifications_per_challenge_max), 1..=3;
    prompts_max: usize = CORE.prompts_max, 1..=1000;
    prompts_window_seconds: u64 = CORE.prompts_window_ms / 1000, 1..=86_400;
    denial_wait_seconds: u64 = CORE.denial_wait_ms / 1000, 0..=86_400;
    denial_wait_seconds_max: u64 = CORE.denial_wait_ms_max / 1000, 0..=86_400;
    require_statement: bool = false;
    report_hold_seconds: u64 = CORE.report_hold_ms / 1000, 0..=86_400;
    numbers_per_challenge_max: u64 = u64::from(CORE.numbers_per_challenge_max), 1..=10;
    /// NIST SP 800-63B-4, section 3.2.2, allows at most 100.
    numbers_max: u64 = u64::from(CORE.numbers_max), 1..=100;
    number_hold_seconds: u64 = CORE.number_hold_ms / 1000, 1..=86_400;
    number_hold_seconds_max: u64 = CORE.number_hold_ms_max / 1000, 1..=86_400;
    numbers_lock: u64 = u64::from(CORE.numbers_lock), 1..=u64::from(NUMBERS_LOCK_MAX);
    unenrolled: String = "allow".into();
});

impl File {
    /// Returns every known key with its default, and one tenant, so that the tenants' keys are
    /// included.
    pub(super) fn template() -> Table {
        let file = Self { tenants: vec![TenantSection::default()], ..Self::default() };
        Table::try_from(file).expect("structs of text, numbers and lists are a table")
    }

    /// Returns the sections that have numbers, except those of tenants.
    pub(super) fn sections(&self) -> [&dyn Section; 4] {
        [&self.server, &self.store, &self.engine, &self.tokens]
    }
}

/// Returns every configured number with its default.
pub fn numbers() -> Vec<Number> {
    let (file, push) = (File::default(), PushSection::default());
    let sections = file.sections().into_iter().chain([&push as &dyn Section]);
    sections.flat_map(Section::numbers).collect()
}

/// Reads a file as TOML without a check of its keys, and finds the line of each key.
pub(super) fn read(path: &Path) -> Result<(Table, Lines), ConfigError> {
    let shown = path.display();
    let failed =
        |source: io::Error| ConfigError::Unusable(format!("cannot read {shown}: {source}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let read = file.take(limits::FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > limits::FILE_BYTES_MAX {
        let max = limits::FILE_BYTES_MAX;
        return Err(ConfigError::Unusable(format!("{shown} is longer than {max} bytes")));
    }
    // We format the error ourselves, because the parser's own text quotes the line, which may have
    // a secret.
    let table = text.parse::<Table>().map_err(|e| {
        let before = text.bytes().take(e.span().map_or(0, |span| span.start));
        let line = 1 + before.filter(|b| *b == b'\n').count();
        ConfigError::Unusable(format!("{shown}, line {line}: not TOML: {}", e.message()))
    })?;
    Ok((table, Lines::of(path, &text)))
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    const EXAMPLE: &str = include_str!("../../../deploy/countersign.example.toml");

    /// Parses the example with every commented key (`#key = value`) enabled.
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
        for limit in numbers() {
            let written =
                all.iter().find(|(key, _)| key.trim_start_matches("tenants.") == limit.key);
            let default = written.and_then(|(_, value)| value.as_integer());
            assert_eq!(default, i64::try_from(limit.value).ok(), "{}", limit.key);
            assert!((limit.min..=limit.max).contains(&limit.value), "{}", limit.key);
        }
        let written = all.iter().filter(|(_, value)| value.is_integer()).count();
        assert_eq!(written, numbers().len(), "every number has a limit");
    }
}
