//! Answers to units, read from the replies of Redis.

use countersign_core::challenge::Challenge;
use countersign_core::time::UnixMillis;
use redis::Value;

use super::reply::{Said, number, row, unexpected};
use super::trouble::Trouble;
use crate::ports::store::Committed;

/// Word of a unit that is recorded.
pub(super) const RECORDED: &str = "recorded";
/// Word of a change that expects another revision.
pub(super) const STALE: &str = "stale";
/// Word of a change whose challenge has another end.
pub(super) const ENDED: &str = "ended";

pub(super) fn committed((word, values): Said) -> Result<Committed, Trouble> {
    match word.as_str() {
        RECORDED => Ok(Committed::Recorded),
        STALE => Ok(Committed::Stale { recorded: number(first(values))? }),
        ENDED => {
            let recorded: Option<Challenge> = row(first(values))?;
            let recorded = recorded.and_then(|c| Some((c.id, c.ended?)));
            let (challenge, ended) = recorded.ok_or_else(|| unexpected("no end"))?;
            Ok(Committed::Ended { challenge, recorded: Box::new(ended) })
        }
        _ => Err(unexpected("an unknown word")),
    }
}

/// The secret that is kept.
pub(super) fn secret((_, values): Said) -> Result<[u8; 32], Trouble> {
    row(first(values))?.ok_or_else(|| unexpected("no secret"))
}

/// The highest time that was recorded before.
pub(super) fn observed((_, values): Said) -> Result<UnixMillis, Trouble> {
    number(first(values)).map(UnixMillis)
}

pub(super) fn nothing(_: Said) -> Result<(), Trouble> {
    Ok(())
}

fn first(values: Vec<Value>) -> Value {
    values.into_iter().next().unwrap_or(Value::Nil)
}
