//! Reads of lifecycles: those under way are in the account's hash, and the others are cases in the
//! account's buckets.

use std::collections::{BTreeSet, HashMap};

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::id::{AccountKey, ActionKey, ChallengeId};
use redis::Value;

use super::super::keys::{self, Bucket, Names};
use super::super::live::{self, Live};
use super::super::reply::{array, bytes, text, unexpected};
use super::super::trouble::Trouble;
use super::account::fields;
use super::{Reader, of};
use crate::ports::store::ActionQuery;
use crate::store::record::case;

/// Approximate number of cases in one request.
const PAGE: usize = 256;
/// Number of cases that are examined for a challenge, those of the newest buckets first. A
/// challenge beyond them is not found.
const EXAMINED_MAX: usize = 4_096;
/// Number of searches for a challenge in an account that changes meanwhile.
const ROUNDS_MAX: usize = 2;

/// Short name of an action.
type ActionId = [u8; 8];

/// The fields of an account's hash that lead to its lifecycles.
#[derive(PartialEq, Eq)]
struct Account {
    names: Names,
    version: Vec<u8>,
    live: Vec<u8>,
    /// Buckets with cases, and buckets with cases of the removed user. Oldest first.
    buckets: Vec<u8>,
    left: Vec<u8>,
}

impl Account {
    async fn read(reader: &Reader, key: &AccountKey) -> Result<Self, Trouble> {
        let names = Names::of(key);
        let mut asked = of("HMGET", names.account());
        asked.arg(&["v", "l", "b", "g"]);
        let mut values = array(reader.one(names.partition(), asked).await?)?.into_iter();
        let mut next = || bytes(values.next().unwrap_or(Value::Nil)).map(Option::unwrap_or_default);
        Ok(Self { names, version: next()?, live: next()?, buckets: next()?, left: next()? })
    }
}

/// Returns all parts of a lifecycle but those of its open challenges. A case that is under way
/// again is the older part of its lifecycle.
pub(super) fn whole(case: Option<&[u8]>, live: Option<&Live<'_>>) -> Vec<u8> {
    let (action, ended) = live.map_or((&[][..], &[][..]), |live| (live.action, live.ended));
    [case.unwrap_or_default(), action, ended].concat()
}

pub(in crate::store::redis) async fn action(
    reader: Reader,
    owner: AccountKey,
    key: ActionKey,
) -> Result<Option<Action>, Trouble> {
    let account = Account::read(&reader, &owner).await?;
    let id = keys::action_id(account.names, &key);
    let lives = live::lifecycles(&account.live)?;
    let live = lives.iter().find(|live| live.id == id);
    let mut found = None;
    if live.is_none_or(|live| live.is_split) {
        let newest_first = Bucket::listed(&account.buckets).rev();
        let asked = newest_first.map(|b| of("HGET", account.names.cases(b)).arg(&id).clone());
        let values = reader.ask(&[account.names.partition()], asked.collect()).await?;
        for value in values {
            found = found.or(bytes(value)?);
        }
    }
    let (action, _) = case::read(&owner, &whole(found.as_deref(), live))?;
    let is_open = live.is_some_and(|live| !live.open.is_empty());
    let action = action.filter(|action| is_open || !reader.old.has_action(action));
    // The short name has 64 bits, so that somebody can search for two actions with one name.
    Ok(action.filter(|action| action.key == key))
}

/// Finds a challenge among the lifecycles under way and the [`EXAMINED_MAX`] newest cases.
pub(in crate::store::redis) async fn challenge(
    reader: Reader,
    owner: AccountKey,
    id: ChallengeId,
) -> Result<Option<Challenge>, Trouble> {
    let number = keys::challenge_id(&id);
    let mut account = Account::read(&reader, &owner).await?;
    for _ in 0..ROUNDS_MAX {
        let lives = live::lifecycles(&account.live)?;
        if let Some(open) = lives.iter().flat_map(|live| &live.open).find(|o| o.id == number) {
            return Ok(Some(case::challenge_from(&owner, None, open.part)?));
        }
        let parts = match lives.iter().find(|live| contains(live.ended, &number)) {
            Some(live) if live.is_split => {
                let case = of("HGET", account.names.cases(live.bucket)).arg(&live.id).clone();
                let case = bytes(reader.one(account.names.partition(), case).await?)?;
                Some(whole(case.as_deref(), Some(live)))
            }
            Some(live) => Some(whole(None, Some(live))),
            None => case_with(&reader, &account, &number, &lives).await?,
        };
        if let Some(parts) = parts {
            let (_, challenges) = case::read(&owner, &parts)?;
            let found = challenges.into_iter().find(|challenge| challenge.id == id);
            return Ok(found.filter(|challenge| !reader.old.has_challenge(challenge)));
        }
        // A commit during the search can move a case.
        let again = Account::read(&reader, &owner).await?;
        if again == account {
            return Ok(None);
        }
        account = again;
    }
    Err(Trouble::Refused("this user's records changed while a challenge was searched".to_owned()))
}

/// Finds the parts of the lifecycle whose case has this challenge.
async fn case_with(
    reader: &Reader,
    account: &Account,
    number: &[u8],
    lives: &[Live<'_>],
) -> Result<Option<Vec<u8>>, Trouble> {
    let buckets = Bucket::listed(&account.buckets).rev().map(|b| account.names.cases(b));
    let left = Bucket::listed(&account.left).rev().map(|b| account.names.left(b));
    let mut examined = 0;
    for bucket in buckets.chain(left) {
        let mut place = "0".to_owned();
        loop {
            if examined >= EXAMINED_MAX {
                return Ok(None);
            }
            let (cases, next) = page(reader, account.names, &bucket, &place).await?;
            examined += cases.len();
            for (id, parts) in cases {
                if contains(&parts, number) {
                    let live = lives.iter().find(|live| live.id[..] == id);
                    return Ok(Some(whole(Some(&parts), live)));
                }
            }
            place = next;
            if place == "0" {
                break;
            }
        }
    }
    Ok(None)
}

fn contains(parts: &[u8], number: &[u8]) -> bool {
    parts.windows(number.len()).any(|window| window == number)
}

/// Reads some cases of a bucket. Returns them by their short names, with the place of the next
/// page; `0` after the last one.
async fn page(
    reader: &Reader,
    names: Names,
    bucket: &[u8],
    place: &str,
) -> Result<(Vec<(Vec<u8>, Vec<u8>)>, String), Trouble> {
    let mut asked = of("HSCAN", bucket);
    asked.arg(place).arg("COUNT").arg(PAGE);
    let mut reply = array(reader.one(names.partition(), asked).await?)?.into_iter();
    let next = text(reply.next().unwrap_or(Value::Nil))?.ok_or_else(|| unexpected("no place"))?;
    Ok((fields(reply.next().unwrap_or(Value::Nil))?, next))
}

async fn cases(
    reader: &Reader,
    names: Names,
    bucket: Bucket,
) -> Result<HashMap<ActionId, Vec<u8>>, Trouble> {
    let (name, mut found, mut place) = (names.cases(bucket), HashMap::new(), "0".to_owned());
    loop {
        let (cases, next) = page(reader, names, &name, &place).await?;
        for (id, parts) in cases {
            let id = id.try_into().map_err(|_| unexpected("an unknown case"))?;
            found.insert(id, parts);
        }
        if next == "0" {
            return Ok(found);
        }
        place = next;
    }
}

/// Lists actions. A bucket holds no action that was tracked after the bucket's time, so that the
/// newest buckets are read until the limit is reached.
pub(in crate::store::redis) async fn actions(
    reader: Reader,
    owner: AccountKey,
    query: ActionQuery,
) -> Result<Vec<Action>, Trouble> {
    let account = Account::read(&reader, &owner).await?;
    let lives = live::lifecycles(&account.live)?;
    let listed = Bucket::listed(&account.buckets).chain(lives.iter().map(|live| live.bucket));
    let buckets: BTreeSet<_> = listed.map(|bucket| bucket.0).collect();
    let is_asked = |action: &Action| {
        (query.codes.is_empty() || query.codes.contains(&action.key.code))
            && query.state.is_none_or(|state| state == action.state)
            && action.created_at >= query.from
    };
    let mut found = Vec::new();
    for bucket in buckets.into_iter().rev().map(Bucket) {
        if found.len() >= query.limit || bucket.0 < Bucket::of(query.from).0 {
            break;
        }
        let mut cases = match Bucket::listed(&account.buckets).any(|known| known == bucket) {
            true => cases(&reader, account.names, bucket).await?,
            false => HashMap::new(),
        };
        for live in lives.iter().filter(|live| live.bucket == bucket) {
            let case = cases.remove(&live.id);
            cases.insert(live.id, whole(case.as_deref(), Some(live)));
        }
        for (id, parts) in &cases {
            let (action, _) = case::read(&owner, parts)?;
            let is_open = lives.iter().any(|live| live.id == *id && !live.open.is_empty());
            let is_told = |a: &Action| is_asked(a) && (is_open || !reader.old.has_action(a));
            found.extend(action.filter(is_told));
        }
    }
    found.sort_by(|a, b| {
        let newest_first = b.created_at.cmp(&a.created_at);
        newest_first.then_with(|| b.key.idempotency_key.cmp(&a.key.idempotency_key))
    });
    found.truncate(query.limit);
    Ok(found)
}
