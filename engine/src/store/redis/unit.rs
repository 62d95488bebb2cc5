//! Encoding of a unit for Redis: index entries to add first, the script call, and index entries to
//! check afterwards.
//!
//! An index entry is added no later than its record: in the same Redis transaction or, on a
//! cluster, in an earlier one. Readers check every entry against its record, so that an entry
//! without a record does no harm.

use countersign_core::account::AccountRecord;
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::change::{Change, Write};
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, AuthenticatorId, EventId, TenantId};
use countersign_core::time::UnixMillis;
use redis::Cmd;

use super::Retention;
use super::entry::{Entry, binding, put};
use super::keys::{self, AccountNames, Digest};
use super::script::{CLOCK, COMMIT, Call, EVENT, SECRET, Text};
use super::tickets;
use crate::store::record::{Stored, state_number};

/// A unit of work. Units with the same subject are recorded in the order of their submission.
#[derive(Clone)]
pub(super) enum Unit {
    /// Records a change. Its id stays the same when the change is sent again.
    Commit { change: Change, id: String },
    /// Records a tenant's secret, if the tenant has none.
    Secret { tenant: TenantId, fresh: [u8; 32] },
    /// Changes the due time of an event, if the event is still in the outbox.
    PutOff(Event),
    /// Records the current time.
    Observe(UnixMillis),
    /// Removes an event that was delivered.
    RemoveEvent(AccountKey, EventId),
}

impl Unit {
    /// Returns the subject of the unit. A group has at most one unit for each subject, because the
    /// order of two such units matters.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Commit { change, .. } => AccountNames::of(&change.account).account(),
            Self::Secret { tenant, .. } => keys::secret(tenant),
            Self::Observe(_) => keys::CLOCK.to_owned(),
            Self::PutOff(Event { account, .. }) | Self::RemoveEvent(account, _) => {
                AccountNames::of(account).account()
            }
        }
    }

    /// Makes the script call for the unit. `fenced` makes a call that checks ownership; `order` is
    /// the number for the unit's first new action.
    pub(super) fn call(
        &self,
        fenced: impl Fn(&'static Text) -> Call,
        order: u64,
        retention: Retention,
    ) -> Call {
        match self {
            Self::Commit { change, id } => commit(fenced(&COMMIT), change, id, order, retention),
            Self::Secret { tenant, fresh } => {
                fenced(&SECRET).key(keys::secret(tenant)).arg(fresh.to_row())
            }
            Self::Observe(now) => fenced(&CLOCK).key(keys::CLOCK).arg(now.0.to_string()),
            Self::PutOff(event) => {
                let name = AccountNames::of(&event.account).event(&event.id);
                fenced(&EVENT).key(name).arg(event.to_row())
            }
            Self::RemoveEvent(account, id) => {
                fenced(&EVENT).key(AccountNames::of(account).event(id)).arg("")
            }
        }
    }

    /// Returns the commands that add index entries before the unit.
    pub(super) fn entries(&self, retention: Retention) -> Vec<Cmd> {
        let change = match self {
            Self::Commit { change, .. } => change,
            Self::PutOff(event) => return vec![entry_of_event(event)],
            Self::Secret { tenant, .. } => return vec![put(keys::TENANTS, 0, tenant.as_str())],
            Self::Observe(_) | Self::RemoveEvent(..) => return Vec::new(),
        };
        let names = AccountNames::of(&change.account);
        let mut commands = Vec::new();
        for write in &change.writes {
            match write {
                Write::Account(record) => {
                    let user = change.account.user.as_str();
                    let indexes = keys::attributes(&change.account.tenant, record);
                    commands.extend(indexes.iter().map(|index| put(index, 0, user)));
                    tickets::entries(&change.account, record, &mut commands);
                }
                Write::Track(action) | Write::Action(action) => {
                    let member = names.member(&keys::action_id(&action.key));
                    commands.push(put(keys::TRACKED, action.created_at.0, &member));
                }
                Write::Challenge(challenge) => entries_of(challenge, retention, &mut commands),
                Write::Device(device) => {
                    let index = keys::bindings(&device.credential());
                    commands.push(put(&index, 0, &binding(&device.account, &device.id)));
                }
                Write::Event(event) => commands.push(entry_of_event(event)),
                Write::RemoveAccount => {
                    commands.push(put(keys::REMOVED, 0, names.digest().as_str()));
                }
                Write::RemoveDevice(_) => {}
            }
        }
        commands
    }

    /// Returns the index entries that no read needs once the unit is recorded. They can be removed,
    /// because no later unit adds them again: an ended challenge stays ended, and a delivered event
    /// is not delivered again.
    pub(super) fn spent(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Commit { change, .. } => {
                let challenges = crate::store::challenges(&change.writes);
                let ended = challenges.filter(|c| c.ended.is_some()).map(member);
                ended.flat_map(|m| [(keys::DUE, m.clone()), (keys::HELD, m)]).collect()
            }
            Self::RemoveEvent(account, id) => {
                vec![(keys::EVENTS, AccountNames::of(account).event_member(id))]
            }
            Self::Secret { .. } | Self::Observe(_) | Self::PutOff(_) => Vec::new(),
        }
    }

    /// Returns how many new actions the unit may number, at most.
    pub(super) fn orders(&self) -> u64 {
        match self {
            Self::Commit { change, .. } => change.writes.len() as u64,
            Self::Secret { .. } | Self::Observe(_) | Self::PutOff(_) | Self::RemoveEvent(..) => 0,
        }
    }
}

/// Returns the member for a challenge in the indexes by time.
pub(super) fn member(challenge: &Challenge) -> String {
    let id = keys::challenge_id(&challenge.account.tenant, &challenge.id);
    AccountNames::of(&challenge.account).member(&id)
}

fn entry_of_event(event: &Event) -> Cmd {
    let member = AccountNames::of(&event.account).event_member(&event.id);
    put(keys::EVENTS, event.due_at.0, &member)
}

fn entries_of(challenge: &Challenge, retention: Retention, commands: &mut Vec<Cmd>) {
    let id = keys::challenge_id(&challenge.account.tenant, &challenge.id);
    let names = AccountNames::of(&challenge.account);
    let member = names.member(&id);
    let mut owner = redis::cmd("SET");
    owner.arg(keys::challenge_owner(&id)).arg(names.digest().as_str());
    if let Some(ended) = &challenge.ended {
        owner.arg("PX").arg(retention.challenge_ms);
        commands.push(put(keys::ENDED, ended.at.0, &member));
    } else {
        commands.push(put(keys::DUE, challenge.expires_at.0, &member));
        if challenge.held {
            commands.push(put(keys::HELD, challenge.expires_at.0, &member));
        }
    }
    commands.push(owner);
}

fn commit(call: Call, change: &Change, id: &str, order: u64, keep: Retention) -> Call {
    let names = AccountNames::of(&change.account);
    let mut call = call
        .key(names.account())
        .key(names.devices())
        .key(names.open())
        .key(names.codes())
        .arg(id)
        .arg(change.parent.number.to_string())
        .arg(change.parent.number.wrapping_add(1).to_string())
        .arg(names.prefix("list"));
    for (nth, write) in (0_u64..).zip(&change.writes) {
        match write {
            Write::Account(record) => {
                call.push("account");
                call.push(indexed(&change.account.tenant, record).as_str());
                call.push(record.to_row());
                call.push(keys::account_name(&change.account));
            }
            Write::RemoveAccount => {
                call.push("remove");
                call.push(names.prefix("device"));
                call.push(names.prefix("action"));
            }
            Write::Track(action) | Write::Action(action) => {
                let id = keys::action_id(&action.key);
                call.push_key(names.action(&id));
                call.push("action");
                call.push(id.as_str());
                // The script relies on these sixteen digits to cut the order off.
                call.push(format!("{:016x}", order + nth));
                call.push(action.created_at.0.to_string());
                call.push(action.to_row());
                call.push(keep.action_ms.to_string());
                call.push(state_number(action.state).to_string());
                call.push(keys::code_id(&action.key.code).as_str());
            }
            Write::Challenge(challenge) => {
                let id = keys::challenge_id(&change.account.tenant, &challenge.id);
                call.push_key(names.challenge(&id));
                call.push("challenge");
                call.push(id.as_str());
                call.push(challenge.ended.as_ref().map(end).unwrap_or_default());
                call.push(challenge.to_row());
                call.push(keep.challenge_ms.to_string());
            }
            Write::Device(device) => {
                let id = keys::device_id(&device.id);
                call.push_key(names.device(&id));
                call.push("device");
                call.push(id.as_str());
                call.push(device.to_row());
            }
            Write::Event(event) => {
                call.push_key(names.event(&event.id));
                call.push("event");
                call.push(event.to_row());
            }
            Write::RemoveDevice(id) => {
                let id = keys::device_id(id);
                call.push_key(names.device(&id));
                call.push("undevice");
                call.push(id.as_str());
            }
        }
    }
    call
}

/// Returns a digest of the indexes of a record. If it changes, entries in old indexes may have to
/// be removed.
fn indexed(tenant: &TenantId, record: &AccountRecord) -> Digest {
    let mut names = keys::attributes(tenant, record);
    names.extend(record.tickets.iter().map(|ticket| keys::ticket(&ticket.digest)));
    Digest::of_names(&names)
}

/// Returns an end as text. Two ends are equal exactly if their texts are.
pub(super) fn end(ended: &Ended) -> String {
    let by = ended.by.as_ref().map_or("-", AuthenticatorId::as_str);
    let signature = ended.signature.as_ref().map_or_else(
        || "-".to_owned(),
        |bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    );
    format!("{} {} {by} {signature}", ended.outcome.name(), ended.at.0)
}

/// Returns the index entries of a record that was replaced or removed.
pub(super) fn entries_of_record(key: &AccountKey, record: &AccountRecord) -> Vec<Entry> {
    let entry = |index| Entry::of_user(index, key.clone());
    let users = keys::attributes(&key.tenant, record).into_iter().map(entry);
    users.chain(tickets::entries_of_record(key, record)).collect()
}
