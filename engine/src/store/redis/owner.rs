//! Ownership of the store, so that only one server writes at a time.
//!
//! A lock with an expiry keeps a second server from starting. It cannot stop a server that was
//! paused until the lock had expired. The epochs of the partitions can: a new owner begins a new
//! one in each, and no unit of the old owner is recorded in it.

use std::time::Duration;

use redis::Value;

use super::keys;
use super::link::Link;
use super::reply::{number, said, text, unexpected};
use super::script::{ACQUIRE, Call, RELEASE, RENEW};
use super::settings::Opening;
use super::trouble::{OLD, Trouble};
use crate::ports::Entropy;
use crate::system::Stopwatch;

/// Version of the layout of the keys.
pub(super) const LAYOUT: &str = "2";
/// Format of the rows.
pub(super) const FORMAT: &str = "1";
/// Lifetime of the lock. After a server was killed, the next one has to wait until the lock has
/// expired.
pub(super) const LOCK_MS: u64 = 3_000;
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
    /// The name of the store, which stays the same when it changes its owner.
    pub(super) store: String,
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
        let token = hex(entropy.bytes::<16>());
        let call = Call::new(&ACQUIRE).key(keys::STORE).key(keys::LOCK).key(keys::OLD_STATE);
        let call = call.arg(&*token).arg(lock_ms()).arg(LAYOUT).arg(FORMAT).arg(mode(opening));
        let watch = Stopwatch::start();
        loop {
            let mut found = said(link.call(&call).await?)?;
            match found.word.as_str() {
                "owned" => {
                    let store = text(found.next())?.unwrap_or_default();
                    return Ok(Self { token, store });
                }
                "layout" => {
                    let (layout, format) = (text(found.next())?, text(found.next())?);
                    let (layout, format) = (layout.unwrap_or_default(), format.unwrap_or_default());
                    let message = format!(
                        "Redis has layout {layout} and format {format}, this program knows layout \
                         {LAYOUT} and format {FORMAT}"
                    );
                    return Err(Trouble::Unreadable(message));
                }
                "mode" => {
                    let mode = text(found.next())?.unwrap_or_default();
                    return Err(Trouble::Refused(of_mode(&mode)));
                }
                "old" => return Err(Trouble::Refused(OLD.to_owned())),
                "held" if watch.seconds() > LOCK_WAIT.as_secs_f64() => return Err(in_use()),
                "held" => tokio::time::sleep(LOCK_LOOK).await,
                _ => return Err(unexpected("an unknown word")),
            }
        }
    }

    /// Extends the lock's lifetime.
    pub(super) async fn renew(&self, link: &Link) -> Result<(), Trouble> {
        let call = Call::new(&RENEW).key(keys::STORE).key(keys::LOCK);
        said(link.call(&call.arg(&*self.token).arg(lock_ms())).await?).map(|_| ())
    }

    /// Releases the lock, so that the next server can start at once.
    pub(super) async fn release(&self, link: &Link) {
        let call = Call::new(&RELEASE).key(keys::LOCK).arg(&*self.token);
        if let Err(error) = link.call(&call).await {
            tracing::warn!(?error, "the lock in Redis is left to expire");
        }
    }
}

/// Waits until the lock has been free for [`LOCK_WATCH`], or finds that the store never had an
/// owner. Fails if the lock is still held after [`LOCK_WAIT`].
async fn unowned(link: &Link) -> Result<(), Trouble> {
    let (mut owner, mut held) = (redis::cmd("HEXISTS"), redis::cmd("EXISTS"));
    let asked = [owner.arg(keys::STORE).arg("owner").clone(), held.arg(keys::LOCK).clone()];
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

/// Returns the mode of the store that an opening needs: `one` server at a time uses it, or it is
/// being imported.
pub(super) const fn mode(opening: Opening) -> &'static str {
    match opening {
        Opening::Serve | Opening::Read => "one",
        Opening::Import => "importing",
    }
}

fn of_mode(mode: &str) -> String {
    match mode {
        "importing" => "an import into this Redis did not reach its end: empty this Redis, and \
                        import again with `countersign store import`"
            .to_owned(),
        mode => format!("this program does not know the mode {mode} of the store in this Redis"),
    }
}

fn in_use() -> Trouble {
    Trouble::Refused("another server uses this Redis: one at a time is supported".to_owned())
}

fn lock_ms() -> String {
    LOCK_MS.to_string()
}

pub(super) fn hex<const N: usize>(bytes: [u8; N]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
