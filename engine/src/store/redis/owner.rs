//! Ownership of the store, so that only one server writes at a time.
//!
//! A lock with an expiry keeps a second server from starting. It cannot stop a server that was
//! paused until the lock had expired. The state of the store can: it names the owner, and every
//! script that writes checks that name. The state also holds the number of the latest attempt. So a
//! server notices a Redis that has lost acknowledged attempts, and Redis refuses an attempt that
//! arrives after a later one.

use std::time::Duration;

use redis::Value;

use super::keys;
use super::link::Link;
use super::reply::{number, said, text, unexpected};
use super::script::{ACQUIRE, Call, RECLAIM, RELEASE, RENEW, Text};
use super::settings::Opening;
use super::trouble::Trouble;
use crate::ports::Entropy;
use crate::system::Stopwatch;

/// Error message about a Redis without a store, for commands that must not create one.
pub const ABSENT: &str = "there is no store in this Redis";
/// Version of the layout of the keys.
const LAYOUT: &str = "1";
/// Lifetime of the lock. After a server was killed, the next one has to wait until the lock has
/// expired.
const LOCK: Duration = Duration::from_millis(3_000);
/// Interval between renewals of the lock.
pub(super) const RENEWAL: Duration = Duration::from_secs(1);
/// Longest time for which a start waits for the lock. It is longer than the lock's lifetime.
const LOCK_WAIT: Duration = Duration::from_millis(4_500);
/// Time for which a command that only reads watches a free lock. A server that is alive renews the
/// lock in that time, even if it could not reach Redis before.
const LOCK_WATCH: Duration = Duration::from_millis(2_500);
/// Interval between two reads of the lock while a start waits for it.
const LOCK_LOOK: Duration = Duration::from_millis(200);

/// This server's ownership of the store.
pub(super) struct Owner {
    /// Random name of this owner. Every start has another one.
    pub(super) token: String,
    epoch: u64,
    /// The name of the store, which stays the same when it changes its owner.
    pub(super) store: String,
    /// The latest attempt that the store had when this server became its owner.
    pub(super) found: u64,
}

impl Owner {
    /// Takes ownership. If a lock is held, waits until it has expired.
    pub(super) async fn acquire(
        link: &Link,
        entropy: &dyn Entropy,
        opening: Opening,
    ) -> Result<Self, Trouble> {
        if opening == Opening::Read {
            unowned(link).await?;
        }
        let (token, fresh) = (hex(entropy.bytes()), hex(entropy.bytes()));
        let call = Call::new(&ACQUIRE).key(keys::STATE).key(keys::LOCK);
        let call = call.arg(&token).arg(lock_ms()).arg(&fresh).arg(LAYOUT);
        let call = call.arg(if opening == Opening::Begin { "1" } else { "0" });
        let watch = Stopwatch::start();
        loop {
            let (word, values) = said(link.call(&call).await?)?;
            let mut values = values.into_iter();
            let mut next = || values.next().unwrap_or(Value::Nil);
            match word.as_str() {
                "owned" => {
                    let store = text(next())?.unwrap_or_default();
                    let (epoch, found) = (number(next())?, number(next())?);
                    if number(next())? == 1 {
                        tracing::info!("this Redis holds no store yet: a new one is begun");
                    }
                    return Ok(Self { token, epoch, store, found });
                }
                "layout" => {
                    let layout = text(next())?.unwrap_or_default();
                    let message = format!("Redis has layout {layout}, {LAYOUT} is known");
                    return Err(Trouble::Unreadable(message));
                }
                "absent" => {
                    return Err(Trouble::Refused(ABSENT.to_owned()));
                }
                _ if watch.seconds() > LOCK_WAIT.as_secs_f64() => return Err(in_use()),
                _ => tokio::time::sleep(LOCK_LOOK).await,
            }
        }
    }

    /// Makes an owner for tests, which owns nothing.
    #[cfg(test)]
    pub(super) fn sample() -> Self {
        Self { token: "token".to_owned(), epoch: 1, store: "store".to_owned(), found: 0 }
    }

    /// Extends the lock's lifetime.
    pub(super) async fn renew(&self, link: &Link) -> Result<(), Trouble> {
        let call = Call::new(&RENEW).key(keys::STATE).key(keys::LOCK);
        said(link.call(&call.arg(&self.token).arg(lock_ms())).await?).map(|_| ())
    }

    /// Takes ownership again if Redis has lost it. Returns the latest attempt that Redis has.
    pub(super) async fn reclaim(&self, link: &Link) -> Result<u64, Trouble> {
        let call = Call::new(&RECLAIM).key(keys::STATE).key(keys::LOCK).arg(&self.token);
        let call = call.arg(lock_ms()).arg(&self.store).arg(LAYOUT).arg(self.epoch.to_string());
        let (word, values) = said(link.call(&call).await?)?;
        match word.as_str() {
            "owned" => number(values.into_iter().next().unwrap_or(Value::Nil)),
            "foreign" => Err(Trouble::Refused("Redis holds another store".to_owned())),
            _ => Err(unexpected("an unknown word")),
        }
    }

    /// Releases the lock, so that the next server can start at once.
    pub(super) async fn release(&self, link: &Link) {
        let call = Call::new(&RELEASE).key(keys::LOCK).arg(&self.token);
        if let Err(error) = link.call(&call).await {
            tracing::warn!(?error, "the lock in Redis is left to expire");
        }
    }

    /// Checks the state that was read from Redis: this server is the owner, and attempt `acked`,
    /// the latest acknowledged one, is recorded.
    pub(super) fn check(&self, state: Value, acked: u64) -> Result<(), Trouble> {
        let Value::Array(state) = state else { return Err(unexpected("no state")) };
        let mut state = state.into_iter();
        let mut next = || state.next().unwrap_or(Value::Nil);
        let (owner, epoch, attempt) = (text(next())?, number(next())?, number(next())?);
        match owner {
            None => Err(Trouble::Rolled),
            Some(_) if epoch < self.epoch => Err(Trouble::Rolled),
            Some(owner) if owner != self.token => Err(Trouble::Fenced),
            Some(_) if attempt < acked => Err(Trouble::Rolled),
            Some(_) => Ok(()),
        }
    }

    /// Returns the order number for the first action of this owner. It is higher than every order
    /// number of earlier owners.
    pub(super) const fn first_order(&self) -> u64 {
        self.epoch << 40
    }

    /// Makes a call of a script for the attempt `number`. Redis refuses it if this server is not
    /// the owner, or if Redis has lost the attempt `acked`.
    pub(super) fn fenced(&self, script: &'static Text, number: u64, acked: u64) -> Call {
        let call = Call::new(script).key(keys::STATE).arg(&self.token).arg(self.epoch.to_string());
        call.arg(number.to_string()).arg(acked.to_string())
    }
}

/// Makes the command that reads the state for [`Owner::check`].
pub(super) fn state() -> redis::Cmd {
    let mut cmd = redis::cmd("HMGET");
    cmd.arg(keys::STATE).arg("owner").arg("epoch").arg("attempt");
    cmd
}

/// Waits until the lock has been free for [`LOCK_WATCH`], or finds that the store has no owner.
/// Fails if the lock is still held after [`LOCK_WAIT`].
async fn unowned(link: &Link) -> Result<(), Trouble> {
    let (mut owner, mut held) = (redis::cmd("HEXISTS"), redis::cmd("EXISTS"));
    let asked = [owner.arg(keys::STATE).arg("owner").clone(), held.arg(keys::LOCK).clone()];
    let (watch, mut free) = (Stopwatch::start(), Stopwatch::start());
    loop {
        let mut answers = link.all(&asked).await?.into_iter();
        let mut next = || number(answers.next().unwrap_or(Value::Nil));
        let (is_noted, is_held) = (next()? == 1, next()? == 1);
        if !is_noted {
            return Ok(());
        }
        if is_held {
            free = Stopwatch::start();
        }
        if is_held && watch.seconds() > LOCK_WAIT.as_secs_f64() {
            return Err(in_use());
        }
        if free.seconds() > LOCK_WATCH.as_secs_f64() {
            return Ok(());
        }
        tokio::time::sleep(LOCK_LOOK).await;
    }
}

fn in_use() -> Trouble {
    Trouble::Refused("another server uses this Redis: one at a time is supported".to_owned())
}

fn lock_ms() -> String {
    LOCK.as_millis().to_string()
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
