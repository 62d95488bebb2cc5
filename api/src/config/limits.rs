//! The limits of the configuration itself, and what is known of its numbers.

use std::ops::RangeInclusive;

use super::error::ConfigError;

/// Bytes of the configuration file, at most.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Tenants of one server, at most.
pub const TENANTS_MAX: usize = 1000;
/// Secrets of one tenant that are active together, at most: each signs every webhook.
pub const SECRET_KEYS_MAX: usize = 8;
/// Entries of each list, at most: `allowed_origins`, `webhook_allow_hosts`, `custom_public`,
/// `trusted_proxies`.
pub const LIST_ENTRIES_MAX: usize = 64;
/// Bytes of a tenant's name, at most.
pub const NAME_BYTES_MAX: usize = 64;
/// Bytes of a tenant's logo, at most: it is part of every page.
pub const LOGO_BYTES_MAX: u64 = 65_536;
/// Bytes of a name in `custom_public`, at most.
pub const CUSTOM_NAME_BYTES_MAX: usize = 64;

/// A configured number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its key; of a tenant's keys, the part behind `tenants[i].`.
    pub key: String,
    /// Its value.
    pub value: u64,
    /// The smallest allowed.
    pub min: u64,
    /// The largest allowed.
    pub max: u64,
}

impl Number {
    pub(super) fn new(section: &str, key: &str, value: u64, range: RangeInclusive<u64>) -> Self {
        Self { key: format!("{section}.{key}"), value, min: *range.start(), max: *range.end() }
    }
}

/// A section of the file.
pub(super) trait Section {
    /// Its numbers.
    fn numbers(&self) -> Vec<Number>;

    /// Refuses a number outside its range. `prefix` is that of a tenant's keys.
    fn check(&self, prefix: &str) -> Result<(), ConfigError> {
        let numbers = self.numbers().into_iter();
        let refused = |number: &Number| !(number.min..=number.max).contains(&number.value);
        numbers.filter(refused).try_for_each(|Number { key, value, min, max }| {
            let allowed = format!("{min} to {max} is allowed");
            Err(ConfigError::value(format!("{prefix}{key}"), format!("is {value}"), allowed))
        })
    }
}
