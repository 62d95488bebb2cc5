//! Reads of the indexes by time: challenges and events that are due, of all partitions.
//!
//! A damaged record is skipped and logged, so that it does not block all later ones. A caller that
//! reads it by its key gets an error.

use countersign_core::challenge::Challenge;
use countersign_core::event::Event;
use countersign_core::time::UnixMillis;
use redis::Cmd;

use super::super::keys::{self, Names, Partition};
use super::super::live;
use super::super::reply::{array, bytes, row, text, unexpected};
use super::super::trouble::Trouble;
use super::names::event_key;
use super::{Reader, of};
use crate::ports::store::StoreError;
use crate::store::record::case;

/// An index by time: the name of a partition's part, and the range of scores that is asked for.
struct Index {
    name: fn(Partition) -> String,
    from: &'static str,
    to: String,
}

/// A record that is due, or none if it is gone.
type Found<T> = Result<Option<T>, Trouble>;

pub(in crate::store::redis) async fn overdue(
    reader: Reader,
    now: UnixMillis,
    held_before: UnixMillis,
    limit: usize,
) -> Result<Vec<Challenge>, Trouble> {
    let due = Index { name: Partition::due, from: "-inf", to: now.0.to_string() };
    let is_due = |challenge: &Challenge| challenge.expires_at <= now;
    let mut found = first(&reader, &due, limit, challenge_asked, challenge, is_due).await?;
    let held = Index { name: Partition::held, from: "-inf", to: format!("({}", held_before.0) };
    let is_held = |c: &Challenge| c.held && c.expires_at > now && c.issued_at < held_before;
    let left = limit.saturating_sub(found.len());
    found.extend(first(&reader, &held, left, challenge_asked, challenge, is_held).await?);
    Ok(found)
}

pub(in crate::store::redis) async fn due_events(
    reader: Reader,
    now: UnixMillis,
    limit: usize,
) -> Result<Vec<Event>, Trouble> {
    let index = Index { name: Partition::events, from: "-inf", to: now.0.to_string() };
    let is_due = |event: &Event| event.due_at <= now;
    first(&reader, &index, limit, event_asked, event, is_due).await
}

fn challenge_asked(names: Names, _: &[u8]) -> Cmd {
    of("HMGET", names.account()).arg("name").arg("l").clone()
}

/// Finds an open challenge in the reply to [`challenge_asked`].
fn challenge(value: redis::Value, id: &[u8]) -> Found<Challenge> {
    let mut values = array(value)?.into_iter();
    let name = values.next().map(text).transpose()?.flatten();
    let field = values.next().map(bytes).transpose()?.flatten().unwrap_or_default();
    let lives = live::lifecycles(&field)?;
    let open = lives.iter().flat_map(|live| &live.open).find(|open| open.id == id);
    let Some(open) = open else { return Ok(None) };
    let owner = name.and_then(|name| keys::parse_account_name(&name));
    let owner = owner.ok_or_else(|| unexpected("an account without a name"))?;
    Ok(Some(case::challenge_from(&owner, None, open.part)?))
}

fn event_asked(names: Names, id: &[u8]) -> Cmd {
    of("HGET", event_key(names, id)).arg("row").clone()
}

fn event(value: redis::Value, _: &[u8]) -> Found<Event> {
    row(value)
}

/// Reads the first records of an index that `is_wanted` accepts, the lowest scores first.
async fn first<T>(
    reader: &Reader,
    index: &Index,
    limit: usize,
    asked: impl Fn(Names, &[u8]) -> Cmd,
    parse: impl Fn(redis::Value, &[u8]) -> Found<T>,
    is_wanted: impl Fn(&T) -> bool,
) -> Result<Vec<T>, Trouble> {
    let mut take = limit;
    loop {
        let members = if take == 0 { Vec::new() } else { lowest(reader, index, take).await? };
        let is_all = members.len() < take;
        let commands = members.iter().map(|(names, id)| asked(*names, id)).collect();
        let (mut found, mut damaged) = (Vec::new(), Vec::new());
        for (value, (_, id)) in reader.ask_all(commands).await?.into_iter().zip(&members) {
            match parse(value, id) {
                Ok(record) => found.extend(record.filter(&is_wanted)),
                Err(Trouble::Unreadable(error)) => damaged.push(StoreError::Unreadable(error)),
                Err(trouble) => return Err(trouble),
            }
        }
        if is_all || found.len() >= limit {
            damaged.iter().for_each(|error| reader.failures.passed_over(error));
            found.truncate(limit);
            return Ok(found);
        }
        // Some records are damaged or are not wanted. The next ones take their places.
        take = take.saturating_mul(2);
    }
}

/// Reads the members of all partitions with the lowest scores, at most `limit`.
async fn lowest(
    reader: &Reader,
    index: &Index,
    limit: usize,
) -> Result<Vec<(Names, Vec<u8>)>, Trouble> {
    let range = |partition| {
        let mut range = of("ZRANGEBYSCORE", (index.name)(partition));
        range.arg(index.from).arg(&index.to).arg("WITHSCORES").arg("LIMIT").arg(0).arg(limit);
        range
    };
    let mut found = Vec::new();
    for page in reader.ask_all(Partition::all().map(range).collect()).await? {
        let page = array(page)?.into_iter().map(|value| Ok(bytes(value)?.unwrap_or_default()));
        for pair in page.collect::<Result<Vec<_>, Trouble>>()?.chunks_exact(2) {
            let score = std::str::from_utf8(&pair[1]).ok().and_then(|text| text.parse().ok());
            let score: f64 = score.ok_or_else(|| unexpected("not a time"))?;
            let (names, id) =
                Names::of_member(&pair[0]).ok_or_else(|| unexpected("an unknown member"))?;
            found.push((score, id.to_vec(), names));
        }
    }
    found.sort_by(|(a, x, m), (b, y, n)| a.total_cmp(b).then_with(|| (x, m.0).cmp(&(y, n.0))));
    found.truncate(limit);
    Ok(found.into_iter().map(|(_, id, names)| (names, id)).collect())
}
