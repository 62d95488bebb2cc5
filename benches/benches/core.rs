//! The core's decision about one challenge, without signature, actor, store or wire.

use std::hint::black_box;

use countersign_benches::challenge::{NOW, decide, issue, sample};
use countersign_core::account::Evidence;
use countersign_core::challenge::Machine;
use countersign_core::policy::Limits;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

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
            |ended| sample.issued.settle(id, ended, Some(&sample.action), Evidence::default()),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, challenge);
criterion_main!(benches);
