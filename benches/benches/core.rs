//! State transitions of one challenge in the core, without signatures, actors, store and HTTP.

use std::hint::black_box;

use countersign_benches::challenge::{NOW, decide, issue, sample};
use countersign_core::policy::Limits;
use criterion::{Criterion, criterion_group, criterion_main};

fn challenge(c: &mut Criterion) {
    let sample = sample();
    let limits = Limits::default();
    let mut group = c.benchmark_group("challenge");
    group.bench_function("issue in an account", |b| {
        let issue = issue(&sample.challenge.id);
        b.iter(|| sample.account.issue(&issue, &sample.action, NOW, &limits));
    });
    group.bench_function("decide in an account", |b| {
        b.iter(|| black_box(decide(&sample, &limits)));
    });
    group.finish();
}

criterion_group!(benches, challenge);
criterion_main!(benches);
