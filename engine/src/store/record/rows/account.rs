//! The body of an account's row.

use std::sync::Arc;

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::fatigue::Counters;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::{Invalid, line, text};

#[derive(Serialize, Deserialize)]
pub(in crate::store::record) struct AccountRow<'a> {
    created_at: u64,
    #[serde(borrow)]
    email: Option<&'a str>,
    email_verified: bool,
    phone_number: Option<&'a str>,
    phone_number_verified: bool,
    username: Option<&'a str>,
    display_name: Option<&'a str>,
    locale: Option<&'a str>,
    custom: Option<&'a str>,
    #[serde(default)]
    counters: CountersRow,
}

#[derive(Default, Serialize, Deserialize)]
struct CountersRow {
    prompts: Vec<u64>,
    denials: u32,
    denied_at: u64,
    reported_at: Option<u64>,
    numbers: u32,
    number_at: u64,
}

impl<'a> From<&'a AccountRecord> for AccountRow<'a> {
    fn from(record: &'a AccountRecord) -> Self {
        let profile = &record.profile;
        Self {
            created_at: record.created_at.0,
            email: text(&profile.email),
            email_verified: profile.email_verified,
            phone_number: text(&profile.phone_number),
            phone_number_verified: profile.phone_number_verified,
            username: text(&profile.username),
            display_name: text(&profile.display_name),
            locale: text(&profile.locale),
            custom: profile.custom.as_deref(),
            counters: (&record.counters).into(),
        }
    }
}

impl TryFrom<AccountRow<'_>> for AccountRecord {
    type Error = Invalid;

    fn try_from(row: AccountRow<'_>) -> Result<Self, Invalid> {
        let profile = Profile {
            email: line(row.email),
            email_verified: row.email_verified,
            phone_number: line(row.phone_number),
            phone_number_verified: row.phone_number_verified,
            username: line(row.username),
            display_name: line(row.display_name),
            locale: line(row.locale),
            custom: row.custom.map(Arc::from),
        };
        Ok(Self { created_at: UnixMillis(row.created_at), profile, counters: row.counters.into() })
    }
}

impl From<&Counters> for CountersRow {
    fn from(counters: &Counters) -> Self {
        Self {
            prompts: counters.prompts.iter().map(|at| at.0).collect(),
            denials: counters.denials,
            denied_at: counters.denied_at.0,
            reported_at: counters.reported_at.map(|at| at.0),
            numbers: counters.numbers,
            number_at: counters.number_at.0,
        }
    }
}

impl From<CountersRow> for Counters {
    fn from(row: CountersRow) -> Self {
        Self {
            prompts: row.prompts.into_iter().map(UnixMillis).collect(),
            denials: row.denials,
            denied_at: UnixMillis(row.denied_at),
            reported_at: row.reported_at.map(UnixMillis),
            numbers: row.numbers,
            number_at: UnixMillis(row.number_at),
        }
    }
}
