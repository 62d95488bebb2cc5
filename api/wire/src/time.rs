//! Times on the wire: ISO 8601 in UTC with milliseconds.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Latest time with a four-digit year: 9999-12-31T23:59:59.999Z, in Unix milliseconds.
const LAST_MS: i64 = 253_402_300_799_999;

/// A time. It is written as `2025-01-01T00:00:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Iso8601(pub UnixMillis);

/// Error about a text that is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 8601 time from 1970 on, such as 2025-01-01T00:00:00.000Z")]
pub struct InvalidTime;

impl Iso8601 {
    /// Parses a time with any UTC offset, or a date, which counts as midnight in UTC.
    ///
    /// # Errors
    /// [`InvalidTime`].
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let midnight = || {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| InvalidTime)?;
            Ok(date.and_hms_opt(0, 0, 0).ok_or(InvalidTime)?.and_utc().timestamp_millis())
        };
        let parsed = DateTime::parse_from_rfc3339(text).map(|t| t.timestamp_millis());
        let ms = parsed.or_else(|_| midnight())?;
        u64::try_from(ms).map(|ms| Self(UnixMillis(ms))).map_err(|_| InvalidTime)
    }
}

impl From<UnixMillis> for Iso8601 {
    fn from(time: UnixMillis) -> Self {
        Self(time)
    }
}

impl fmt::Display for Iso8601 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0.0).unwrap_or(LAST_MS).min(LAST_MS);
        let time = DateTime::<Utc>::from_timestamp_millis(ms).expect("before the year 10000");
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Iso8601 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Iso8601 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_a_z() {
        assert_eq!(Iso8601(UnixMillis(1_735_689_600_000)).to_string(), "2025-01-01T00:00:00.000Z");
        assert_eq!(Iso8601(UnixMillis(1_735_689_600_007)).to_string(), "2025-01-01T00:00:00.007Z");
        assert_eq!(Iso8601(UnixMillis(u64::MAX)).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn offsets_and_dates_are_understood() {
        let time = Ok(Iso8601(UnixMillis(1_735_689_600_000)));
        assert_eq!(Iso8601::parse("2025-01-01T01:00:00+01:00"), time);
        assert_eq!(Iso8601::parse("2025-01-01T00:00:00Z"), time);
        assert_eq!(Iso8601::parse("2025-01-01"), time);
        for text in ["", "2025", "1969-12-31T23:59:59.999Z", "2025-13-01", "yesterday"] {
            assert_eq!(Iso8601::parse(text), Err(InvalidTime), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0..=LAST_MS as u64) {
            let time = Iso8601(UnixMillis(ms));
            prop_assert_eq!(Iso8601::parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = Iso8601::parse(&text);
        }
    }
}
