//! One-time migration of e-mail addresses to an index that ignores case.
//!
//! Older versions kept `Ann@example.com` and `ann@example.com` in two indexes. The migration moves
//! the entry of each account whose address is not in lower case, so that a look-up in any case
//! finds it.

use redis::{Cmd, Value};

use super::entry::put;
use super::keys;
use super::link::{Link, pipeline};
use super::owner::Owner;
use super::reply::number;
use super::scan::{fetch, keys_after, keys_in, read};
use super::trouble::Trouble;
use crate::ports::store::Record;
use crate::store::folded;

/// Field of the store's state that marks the migration as done.
const DONE: &str = "emails-folded";

/// Moves the entries, unless [`DONE`] is set. If a start is interrupted, the next one begins again.
pub(super) async fn fold(link: &Link, owner: &Owner) -> Result<(), Trouble> {
    let mut noted = redis::cmd("HEXISTS");
    noted.arg(keys::STATE).arg(DONE);
    if number(link.one(noted).await?)? == 1 {
        return Ok(());
    }
    let pattern = format!("{}{{*}}:account:*", keys::PREFIX);
    let (mut place, mut moved) = ("0".to_owned(), 0);
    loop {
        // Renews the lock here, because the task that renews it runs only after the start.
        owner.renew(link).await?;
        let (names, next) = keys_in(link.one(keys_after(&place, &pattern)).await?)?;
        let commands = moves(link, names).await?;
        moved += commands.len() / 2;
        link.all(&commands).await?;
        let Some(next) = next else { break };
        place = next;
    }
    let mut note = redis::cmd("HSET");
    note.arg(keys::STATE).arg(DONE).arg("1");
    link.one(note).await?;
    if moved > 0 {
        tracing::info!(users = moved, "e-mail addresses are found in any case from now on");
    }
    Ok(())
}

/// Returns two commands for each address that is not in lower case. The new entry is added before
/// the old one is removed, so that the user can always be found.
async fn moves(link: &Link, mut names: Vec<String>) -> Result<Vec<Cmd>, Trouble> {
    names.retain(|name| keys::kind(name) == Some("account"));
    let asked: Vec<_> = names.iter().filter_map(|name| fetch("account", name)).collect();
    let values = if asked.is_empty() { Vec::new() } else { link.ask(&pipeline(&asked)).await? };
    let moved = names.iter().zip(values).filter_map(|(name, value)| of_account(name, value));
    Ok(moved.flatten().collect())
}

/// Returns the commands for one account. A damaged record is skipped, because its address is
/// unknown; a check of the store reports it.
fn of_account(name: &str, value: Value) -> Option<[Cmd; 2]> {
    let Ok(Some((Record::Account(key, record), _))) = read(name, value) else { return None };
    let email = record.profile.email.as_ref()?.as_str();
    let before = keys::unfolded_email(&key.tenant, email)?;
    let user = key.user.as_str();
    let mut taken = redis::cmd("ZREM");
    taken.arg(before).arg(user);
    Some([put(&keys::attribute(&key.tenant, keys::EMAIL, &folded(email)), 0, user), taken])
}
