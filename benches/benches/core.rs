//! What the core decides about one challenge: no signature, actor, store or byte on a wire.

use std::hint::black_box;

use countersign_client::SoftwareKey;
use countersign_core::account::{Account, Enroll, Issue, ProfilePatch, Snapshot, Track};
use countersign_core::action::{Action, ActionContext};
use countersign_core::challenge::{Challenge, Ended, Machine, Shown, Step};
use countersign_core::decision::{self, Asked, Decision, SignedDecision, VerifiedDecision};
use countersign_core::device::Signing;
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::Seed;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::time::UnixMillis;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

struct Sample {
    /// With a device, before the challenge.
    account: Account,
    action: Action,
    /// With the challenge open.
    issued: Account,
    challenge: Challenge,
    decision: VerifiedDecision,
}

fn issue(id: &ChallengeId) -> Issue {
    let display = DisplayText::new("{\"action\":\"signIn\"}").expect("a safe text");
    let shown = Shown { nonce: Nonce::from_entropy(&[4; 32]), display };
    let number_seed = Seed::default();
    Issue { id: id.clone(), target: None, supersede: true, held: false, shown, number_seed }
}

fn sample() -> Sample {
    let tenant = TenantId::parse("bench").expect("valid");
    let user = UserId::parse("usr_1").expect("valid");
    let mut account = Account::restore(AccountKey { tenant, user }, Snapshot::default());
    let key = ActionKey {
        code: ActionCode::parse("signIn").expect("valid"),
        idempotency_key: IdempotencyKey::from_entropy([1; 16]),
    };
    let track = Track { key, context: ActionContext::default(), profile: ProfilePatch::default() };
    let tracked = account.track(&track, None, Unenrolled::Allow, NOW).0.expect("not known before");
    account.apply(&tracked.change);
    let software = SoftwareKey::generate(Algorithm::Es256);
    let key = PublicKey::from_spki(Algorithm::Es256, software.spki()).expect("a good key");
    let enroll = Enroll::official(key, true);
    let by = AuthenticatorId::from_entropy([2; 16]);
    let enrolled = account.enroll(&enroll, by, NOW, &Limits::default()).expect("enrolled");
    account.apply(&enrolled.change);
    let id = ChallengeId::from_entropy(&[3; 24]);
    let action = tracked.answer.action;
    let made = account.issue(&issue(&id), &action, NOW, &Limits::default()).expect("issued");
    let mut issued = account.clone();
    issued.apply(&made.change);
    let signature = software.sign(id.as_str().as_bytes());
    let decision = Decision::Approve;
    let signed = SignedDecision { challenge: id, decision, number: None, signature };
    let challenge = made.answer.challenge;
    let asked = Asked::among(issued.devices(), &challenge, Signing::ChallengeId);
    let decision = decision::verify(asked.expect("it was asked"), signed);
    let decision = decision.expect("a good signature");
    Sample { account, action, issued, challenge, decision }
}

fn decide(machine: &mut Machine, sample: &Sample) -> Ended {
    match machine.decide(&sample.decision, NOW, &Limits::default()) {
        Ok(Step::Propose(ended)) => ended,
        Ok(Step::Known(_)) | Err(_) => unreachable!("it is pending and the device may answer"),
    }
}

fn challenge(c: &mut Criterion) {
    let sample = sample();
    let machine = || Machine::new(sample.challenge.clone());
    let ended = decide(&mut machine(), &sample);
    let limits = Limits::default();
    let mut group = c.benchmark_group("challenge");
    group.bench_function("decide and settle", |b| {
        b.iter_batched_ref(
            machine,
            |machine| {
                let ended = decide(machine, &sample);
                black_box(machine.settle(ended));
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("issue in an account", |b| {
        let issue = issue(&sample.challenge.id);
        b.iter(|| sample.account.issue(&issue, &sample.action, NOW, &limits));
    });
    group.bench_function("settle in an account", |b| {
        let id = &sample.challenge.id;
        b.iter_batched(
            || ended.clone(),
            |ended| sample.issued.settle(id, ended, Some(&sample.action), None),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, challenge);
criterion_main!(benches);
