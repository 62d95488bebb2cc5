//! Tables of the answers of every script, against a real Redis.

mod commits;
mod cost;
mod old;
mod others;

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::fatigue::Counters;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, ChallengeId, IdempotencyKey, TenantId, UserId,
};
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_testkit::redis_server::Redis;
use redis::Value;

use super::keys::Partition;
use super::link::Link;
use super::partitions::Known;
use super::reply::{RECORDED, array, said};
use super::script::Call;
use super::settings::{RedisSettings, Retention};
use super::trouble::Trouble;
use super::write::{Unit, call_of};
use super::{RedisStore, keys};
use crate::ports::store::StoreError;
use crate::system::SystemEntropy;

/// Guard of every partition in these tests.
const GUARD: &str = "0123456789abcdef process";

/// A Redis with a store whose partitions are in the epoch of [`GUARD`].
struct Bench {
    redis: Redis,
    link: Link,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn empty() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let redis = Redis::durable();
        let link = Link::new(redis::Client::open(redis.url()).unwrap());
        Self { redis, link, runtime }
    }

    fn begun() -> Self {
        let bench = Self::empty();
        bench.begin().unwrap();
        for partition in Partition::all() {
            bench.command(&["HSET", &partition.state(), "guard", GUARD]);
        }
        bench
    }

    fn begin(&self) -> Result<(), StoreError> {
        let settings = RedisSettings::new(self.redis.url());
        self.runtime.block_on(RedisStore::begin(settings, std::sync::Arc::new(SystemEntropy)))
    }

    fn command(&self, parts: &[&str]) -> Value {
        let mut command = redis::cmd(parts[0]);
        command.arg(&parts[1..]);
        self.runtime.block_on(self.link.one(command)).unwrap()
    }

    fn call(&self, call: &Call) -> Result<Value, Trouble> {
        self.runtime.block_on(self.link.call(call))
    }

    /// Sends one unit as the server with this knowledge would, and reads the answer as its caller.
    fn send_as<U: Unit>(&self, known: &Known, unit: &U) -> Result<U::Answer, Trouble> {
        let retention = Retention::of(&RedisSettings::new(""));
        let call = call_of(unit, known, retention);
        let mut replies = array(self.call(&call)?)?;
        assert_eq!(replies.len(), 1);
        let mut said = said(replies.remove(0))?;
        if said.word == RECORDED {
            said.next();
            return unit.recorded(said);
        }
        unit.refused(said)
    }

    fn send<U: Unit>(&self, unit: &U) -> Result<U::Answer, Trouble> {
        self.send_as(&known(0), unit)
    }
}

fn known(acked: u64) -> Known {
    Known { guard: GUARD.into(), acked, witness: GUARD.into(), closed: None }
}

fn user(name: &str) -> AccountKey {
    let tenant = TenantId::parse("demo").unwrap();
    AccountKey { tenant, user: UserId::parse(name).unwrap() }
}

fn record() -> AccountRecord {
    AccountRecord {
        created_at: UnixMillis(1_000),
        profile: Profile::default(),
        counters: Counters::default(),
        tickets: Vec::new(),
    }
}

fn action(account: &AccountKey, key: &str, state: ActionState) -> Action {
    Action {
        account: account.clone(),
        key: ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse(key).unwrap(),
        },
        state,
        context: ActionContext::default(),
        created_at: UnixMillis(1_000),
        state_updated_at: UnixMillis(1_000),
        decided_by: None,
        approved: None,
        revision: 1,
    }
}

fn challenge(action: &Action, n: u8) -> Challenge {
    Challenge {
        id: ChallengeId::from_entropy(&[n; 24]),
        account: action.account.clone(),
        action: action.key.clone(),
        targets: Vec::new(),
        issued_at: UnixMillis(2_000),
        expires_at: UnixMillis(3_000),
        held: false,
        notifications: 1,
        ended: None,
        number: None,
        shown: None,
    }
}

fn ended(challenge: &Challenge, outcome: Outcome) -> Challenge {
    let ended = Some(Ended::without_device(outcome, UnixMillis(2_500)));
    Challenge { ended, ..challenge.clone() }
}

/// Makes a change from version `parent`, whose commit has the id of its number.
fn change(account: &AccountKey, parent: u64, id: u64, writes: Vec<Write>) -> Change {
    let parent = Version { number: parent, commit: CommitId(parent) };
    Change { account: account.clone(), parent, id: CommitId(id), writes }
}

fn name_of(account: &AccountKey) -> Vec<u8> {
    keys::Names::of(account).account()
}
