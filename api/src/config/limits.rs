//! Limits of the configuration file, and ranges of its numbers.

use std::ops::RangeInclusive;

use super::error::ConfigError;

/// Maximum size of the configuration file, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Maximum number of tenants of one server.
pub const TENANTS_MAX: usize = 1000;
/// Maximum number of active secrets of one tenant. It is small, because each secret signs every
/// webhook.
pub const SECRET_KEYS_MAX: usize = 8;
/// Maximum number of entries of each list: `allowed_origins`, `webhook_allow_hosts`,
/// `custom_public`, `trusted_proxies`.
pub const LIST_ENTRIES_MAX: usize = 64;
/// Maximum length of a tenant's name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Maximum size of a tenant's logo, in bytes. It is small, because every page contains the logo.
pub const LOGO_BYTES_MAX: u64 = 65_536;
/// Maximum length of a name in `custom_public`, in bytes.
pub const CUSTOM_NAME_BYTES_MAX: usize = 64;

/// A configured number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Key, with its section. For a tenant's key, the prefix `tenants[i].` is left out.
    pub key: String,
    /// Configured value.
    pub value: u64,
    /// Smallest allowed value.
    pub min: u64,
    /// Largest allowed value.
    pub max: u64,
}

impl Number {
    pub(super) fn new(section: &str, key: &str, value: u64, range: RangeInclusive<u64>) -> Self {
        Self { key: format!("{section}.{key}"), value, min: *range.start(), max: *range.end() }
    }
}

/// Section of the file that has numbers.
pub(super) trait Section {
    /// Returns the numbers of the section.
    fn numbers(&self) -> Vec<Number>;

    /// Refuses a number outside its range. `prefix` begins the keys of a tenant; for other sections
    /// it is empty.
    fn check(&self, prefix: &str) -> Result<(), ConfigError> {
        let numbers = self.numbers().into_iter();
        let refused = |number: &Number| !(number.min..=number.max).contains(&number.value);
        numbers.filter(refused).try_for_each(|Number { key, value, min, max }| {
            let allowed = format!("{min} to {max} is allowed");
            Err(ConfigError::value(format!("{prefix}{key}"), format!("is {value}"), allowed))
        })
    }
}
