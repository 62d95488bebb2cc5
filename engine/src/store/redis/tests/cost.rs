//! Counts: the commands that the scripts run for a lifecycle, and the bytes of its records.

use std::collections::BTreeMap;

use countersign_core::challenge::Shown;
use countersign_core::change::Write;
use countersign_core::device::Device;
use countersign_core::display::DisplayText;
use countersign_core::id::AuthenticatorId;
use countersign_core::nonce::Nonce;
use countersign_core::text::Line;

use super::super::write::Commit;
use super::*;
use crate::ports::store::Committed;
use crate::ports::{Clock as _, Entropy};
use crate::system::SystemClock;

/// Largest number of commands that the scripts may run for a lifecycle of three commits.
const COMMANDS_MAX: u64 = 16;

impl Bench {
    /// Returns the numbers of calls by command since the last reset.
    fn calls(&self) -> BTreeMap<String, u64> {
        let told = self.command(&["INFO", "commandstats"]);
        let told = super::super::reply::text(told).unwrap().unwrap();
        let line = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        };
        told.lines().filter_map(line).collect()
    }
}

/// Largest number of bytes of a finished lifecycle, at [`KEPT`] lifecycles of a user.
const LIFECYCLE_BYTES_MAX: u64 = 450;
const KEPT: u64 = 60;
/// Largest number of bytes of an account with one device.
const DEVICE_BYTES_MAX: u64 = 1_000;
const USERS: u64 = 50;

impl Bench {
    fn commit(&self, account: &AccountKey, parent: u64, writes: Vec<Write>) {
        let change = change(account, parent, parent + 1, writes);
        assert_eq!(self.send(&Commit::new(change)).unwrap(), Committed::Recorded);
    }

    /// Records a lifecycle with all evidence, in three commits after version `parent`.
    fn lifecycle(&self, account: &AccountKey, parent: u64, by: &Device) {
        let now = SystemClock.wall();
        let entropy: &dyn Entropy = &SystemEntropy;
        let key = IdempotencyKey::from_entropy(entropy.bytes());
        let display = format!(
            r#"{{"action":"signIn","at":{},"ipAddress":"203.0.113.7","userAgent":"Browser"}}"#,
            now.0
        );
        let display = DisplayText::new(&display).unwrap();
        let mut pending = action(account, key.as_str(), ActionState::ChallengeRequired);
        (pending.created_at, pending.state_updated_at) = (now, now);
        pending.context.ip_address = Some(Line::parse("203.0.113.7", 64).unwrap());
        pending.context.user_agent = Some(Line::parse("Browser", 64).unwrap());
        let open = Challenge {
            id: ChallengeId::from_entropy(&entropy.bytes()),
            targets: vec![by.id.clone()],
            issued_at: now.plus_ms(20),
            expires_at: now.plus_ms(300_020),
            shown: Some(Shown { nonce: Nonce::from_entropy(&entropy.bytes()), display }),
            ..challenge(&pending, 0)
        };
        let end = Ended {
            outcome: Outcome::Approved,
            at: now.plus_ms(5_000),
            by: Some(by.id.clone()),
            signature: Some(entropy.bytes::<64>().to_vec()),
        };
        let done = Action {
            state: ActionState::ChallengeSucceeded,
            state_updated_at: end.at,
            decided_by: Some(by.id.clone()),
            approved: open.shown.as_ref().map(|shown| shown.display.clone()),
            ..pending.clone()
        };
        let approved = Challenge { ended: Some(end), ..open.clone() };
        let used = Device { last_verified_at: Some(now), ..by.clone() };
        self.commit(account, parent, vec![Write::Track(pending.into())]);
        self.commit(
            account,
            parent + 1,
            vec![Write::Account(record()), Write::Challenge(open.into())],
        );
        let writes = vec![
            Write::Account(record()),
            Write::Device(used.into()),
            Write::Action(done.into()),
            Write::Challenge(approved.into()),
        ];
        self.commit(account, parent + 2, writes);
    }

    /// Returns the bytes of all keys.
    fn bytes(&self) -> u64 {
        let Value::Array(names) = self.command(&["KEYS", "*"]) else { panic!("no keys") };
        let usage = |name| {
            let Value::BulkString(name) = name else { panic!("no name") };
            let mut usage = redis::cmd("MEMORY");
            usage.arg("USAGE").arg(name).arg("SAMPLES").arg(0);
            let usage = self.runtime.block_on(self.link.one(usage)).unwrap();
            super::super::reply::number(usage).unwrap()
        };
        names.into_iter().map(usage).sum()
    }
}

fn device(account: &AccountKey, n: u8) -> Device {
    Device {
        id: AuthenticatorId::from_entropy([n; 16]),
        ..countersign_testkit::sample::device(
            account,
            AuthenticatorId::from_entropy([n; 16]),
            countersign_testkit::sample::key(n),
            SystemClock.wall(),
        )
    }
}

#[test]
fn a_lifecycle_takes_few_commands() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let phone = device(&ann, 1);
    bench.commit(&ann, 0, vec![Write::Account(record()), Write::Device(phone.clone().into())]);
    // The first lifecycle of an account begins its first bucket.
    bench.lifecycle(&ann, 1, &phone);
    bench.command(&["CONFIG", "RESETSTAT"]);
    bench.lifecycle(&ann, 4, &phone);
    let calls = bench.calls();
    let outside = ["info", "config|resetstat", "evalsha", "eval"];
    let inside = calls.iter().filter(|(name, _)| !outside.contains(&name.as_str()));
    let inside: u64 = inside.map(|(_, calls)| calls).sum();
    assert!(inside <= COMMANDS_MAX, "{inside}: {calls:?}");
}

#[test]
fn records_take_little_memory() {
    let bench = Bench::begun();
    let empty = bench.bytes();
    let users: Vec<_> = (0..USERS).map(|n| user(&format!("usr_{n:012}"))).collect();
    let phones: Vec<_> = users.iter().zip(1..).map(|(user, n)| device(user, n)).collect();
    for (user, phone) in users.iter().zip(&phones) {
        bench.commit(user, 0, vec![Write::Account(record()), Write::Device(phone.clone().into())]);
    }
    let enrolled = bench.bytes();
    let device_bytes = (enrolled - empty) / USERS;
    let (user, phone) = (&users[0], &phones[0]);
    for n in 0..KEPT {
        bench.lifecycle(user, 1 + 3 * n, phone);
    }
    let lifecycle_bytes = (bench.bytes() - enrolled) / KEPT;
    let stats = super::super::reply::text(bench.command(&["INFO", "commandstats"])).unwrap();
    let scripts =
        stats.unwrap().lines().find(|l| l.starts_with("cmdstat_evalsha")).map(str::to_owned);
    println!("scripts: {scripts:?}");
    println!("{device_bytes} bytes a device, {lifecycle_bytes} a lifecycle");
    assert!(device_bytes <= DEVICE_BYTES_MAX, "{device_bytes}");
    assert!(lifecycle_bytes <= LIFECYCLE_BYTES_MAX, "{lifecycle_bytes}");
}
