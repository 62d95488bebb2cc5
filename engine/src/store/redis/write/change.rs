//! Encoding of a change as a unit, and the answers to it.

use countersign_core::account::AccountRecord;
use countersign_core::action::{Action, ActionState};
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::device::Device;
use countersign_core::id::{ActionKey, ChallengeId};
use redis::Value;

use super::super::keys::{self, Bucket, Names, Partition};
use super::super::reply::{Said, bytes, unexpected};
use super::super::trouble::Trouble;
use super::unit::{Unit, Words};
use crate::ports::store::Committed;
use crate::store::record::Stored as _;
use crate::store::record::case;

/// Longest life of the index entry of a ticket, in milliseconds: one day. Tokens live for at most
/// an hour.
const TICKET_MS_MAX: u64 = 86_400_000;

/// Records a change.
pub(in crate::store::redis) struct Commit {
    change: Change,
    names: Names,
    /// Actions whose retention is over, with their recorded parts, that the change replaces.
    replaced: Vec<(ActionKey, Vec<u8>)>,
}

impl Commit {
    pub(in crate::store::redis) fn new(change: Change) -> Self {
        let names = Names::of(&change.account);
        Self { change, names, replaced: Vec::new() }
    }

    /// Returns this commit as one that replaces a recorded action, if its parts are still these.
    pub(super) fn over(&self, key: &ActionKey, parts: Vec<u8>) -> Self {
        let mut replaced = self.replaced.clone();
        replaced.retain(|(replaced, _)| replaced != key);
        replaced.push((key.clone(), parts));
        Self { change: self.change.clone(), names: self.names, replaced }
    }

    fn write(&self, words: &mut Words, write: &Write) {
        let account = &self.change.account;
        match write {
            Write::Account(record) => self.account(words, record),
            Write::RemoveAccount => {
                words.push("r");
                words.push(keys::users(&account.tenant));
                words.push(account.user.as_str());
            }
            Write::Track(action) => self.track(words, action),
            Write::Action(action) => self.action(words, "p", action),
            Write::Challenge(challenge) => self.challenge(words, challenge),
            Write::Device(device) => device_words(words, device),
            Write::RemoveDevice(id) => {
                words.push("x");
                words.push(keys::uuid(id.as_str()));
            }
            Write::Event(event) => {
                words.push("v");
                words.push(keys::uuid(event.id.as_str()));
                words.push(event.due_at.0.to_string());
                words.push(event.to_row());
            }
        }
    }

    fn account(&self, words: &mut Words, record: &AccountRecord) {
        let account = &self.change.account;
        let indexes = keys::attributes(&account.tenant, record);
        let count = u8::try_from(indexes.len()).expect("there are three attributes");
        words.push("a");
        words.push([&[count][..], indexes.as_flattened(), &record.to_row()].concat());
        words.push(keys::users(&account.tenant));
        words.push(account.user.as_str());
        for ticket in &record.tickets {
            let life_ms = ticket.ends_at.0.saturating_sub(ticket.grant.issued_at.0);
            words.push("t");
            words.push(keys::ticket(&ticket.digest));
            // An expiry of zero would be refused.
            words.push(life_ms.clamp(1, TICKET_MS_MAX).to_string());
        }
    }

    fn track(&self, words: &mut Words, action: &Action) {
        let replaced = self.replaced.iter().find(|(key, _)| *key == action.key);
        self.action(words, if replaced.is_some() { "q" } else { "k" }, action);
        if let Some((_, parts)) = replaced {
            words.push(parts);
        }
    }

    fn action(&self, words: &mut Words, kind: &str, action: &Action) {
        let ended = crate::store::challenges(&self.change.writes);
        let ended: Vec<_> = ended.filter(|c| c.ended.is_some() && c.action == action.key).collect();
        words.push(kind);
        words.push(keys::action_id(self.names, &action.key));
        words.push(Bucket::of(action.created_at).0.to_be_bytes());
        words.push(if action.state == ActionState::ChallengeRequired { "1" } else { "0" });
        words.push(case::action_part_with(action, &ended));
    }

    fn challenge(&self, words: &mut Words, challenge: &Challenge) {
        let id = keys::action_id(self.names, &challenge.action);
        let bucket = Bucket::of(challenge.issued_at).0.to_be_bytes();
        let number = keys::challenge_id(&challenge.id);
        if challenge.ended.is_some() {
            let part = case::challenge_part(challenge, self.tracked(challenge));
            words.push("e");
            [&id[..], &bucket, &number, &part].iter().for_each(|word| words.push(word));
            return;
        }
        words.push("o");
        [&id[..], &bucket, &number].iter().for_each(|word| words.push(word));
        words.push(challenge.expires_at.0.to_string());
        words.push(if challenge.held { "1" } else { "0" });
        words.push(challenge.issued_at.0.to_string());
        words.push(case::challenge_part(challenge, None));
    }

    /// Returns the action of a challenge, if the change has it too.
    fn tracked(&self, challenge: &Challenge) -> Option<&Action> {
        self.actions().find(|action| action.key == challenge.action)
    }

    fn actions(&self) -> impl Iterator<Item = &Action> {
        self.change.writes.iter().filter_map(|write| match write {
            Write::Track(action) | Write::Action(action) => Some(action.as_ref()),
            Write::Account(_)
            | Write::RemoveAccount
            | Write::Challenge(_)
            | Write::Device(_)
            | Write::RemoveDevice(_)
            | Write::Event(_) => None,
        })
    }

    fn ended(&self, id: &[u8], parts: Value) -> Result<Committed, Trouble> {
        let parts = bytes(parts)?.ok_or_else(|| unexpected("no parts"))?;
        let (_, challenges) = case::read(&self.change.account, &parts)?;
        let is_it = |known: &ChallengeId| keys::challenge_id(known) == id;
        let found = challenges.into_iter().find(|challenge| is_it(&challenge.id));
        let (challenge, ended) = found
            .and_then(|challenge| Some((challenge.id, challenge.ended?)))
            .ok_or_else(|| unexpected("no end"))?;
        Ok(Committed::Ended { challenge, recorded: Box::new(ended) })
    }

    /// Reads the recorded action that a tracked one has met.
    pub(super) fn known(&self, parts: &[u8]) -> Result<Action, Trouble> {
        let (action, _) = case::read(&self.change.account, parts)?;
        let action = action.ok_or_else(|| unexpected("no action"))?;
        // The short name of an action has 64 bits, so that somebody can search for two keys with
        // one name.
        if self.actions().all(|tracked| tracked.key != action.key) {
            let message = "another action of this user has the same short name".to_owned();
            return Err(Trouble::Refused(message));
        }
        Ok(action)
    }
}

fn device_words(words: &mut Words, device: &Device) {
    words.push("d");
    words.push(keys::uuid(device.id.as_str()));
    words.push(keys::credential(&device.credential()));
    words.push(device.to_row());
    words.push(device.account.user.as_str());
}

fn version_bytes(version: Version) -> [u8; 16] {
    (u128::from(version.number) << 64 | u128::from(version.commit.0)).to_be_bytes()
}

/// Reads the first 16 bytes of the field with an account's version.
pub(in crate::store::redis) fn version(bytes: &[u8]) -> Option<Version> {
    let (number, rest) = bytes.split_first_chunk()?;
    let number = u64::from_be_bytes(*number);
    Some(Version { number, commit: CommitId(u64::from_be_bytes(*rest.first_chunk()?)) })
}

impl Unit for Commit {
    type Answer = Committed;

    fn kind(&self) -> &'static str {
        "commit"
    }

    fn partition(&self) -> Partition {
        self.names.partition()
    }

    fn record(&self) -> Vec<u8> {
        self.names.account()
    }

    fn is_long(&self) -> bool {
        self.change.writes.iter().any(|write| matches!(write, Write::RemoveAccount))
    }

    fn words(&self) -> Words {
        let Change { account, parent, id, writes } = &self.change;
        let next = Version { number: parent.number.wrapping_add(1), commit: *id };
        let mut words = Words::default();
        words.push(self.partition().prefix());
        words.push(self.names.0);
        words.push(keys::account_name(account));
        words.push(version_bytes(*parent));
        words.push(version_bytes(next));
        writes.iter().for_each(|write| self.write(&mut words, write));
        words
    }

    fn recorded(&self, _: Said) -> Result<Committed, Trouble> {
        Ok(Committed::Recorded)
    }

    fn refused(&self, mut said: Said) -> Result<Committed, Trouble> {
        match said.word.as_str() {
            "stale" => {
                let recorded = bytes(said.next())?.and_then(|bytes| version(&bytes));
                let recorded = recorded.ok_or_else(|| unexpected("no version"))?;
                Ok(Committed::Stale { recorded })
            }
            "ended" => {
                let id = bytes(said.next())?.unwrap_or_default();
                self.ended(&id, said.next())
            }
            "known" => {
                let parts = bytes(said.next())?.ok_or_else(|| unexpected("no parts"))?;
                Ok(Committed::Known(Box::new(self.known(&parts)?)))
            }
            _ => Err(unexpected("an unknown word")),
        }
    }
}
