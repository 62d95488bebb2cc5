//! Signature checks: the core's own functions, and the bare functions of the libraries below them.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use countersign_client::SoftwareKey;
use countersign_core::signature::{Algorithm, PublicKey};
use criterion::{Criterion, criterion_group, criterion_main};
use ed25519_dalek::{Signature, VerifyingKey};

/// A message as long as a challenge's id.
const MESSAGE: &[u8; 32] = b"cccccccccccccccccccccccccccccccc";
/// Sizes of the keys, which are the last bytes of a `SubjectPublicKeyInfo`.
const P256_POINT_BYTES: usize = 65;
const ED25519_KEY_BYTES: usize = 32;

fn p256(c: &mut Criterion) {
    let key = SoftwareKey::generate(Algorithm::Es256);
    let signature = key.sign(MESSAGE);
    let ours = PublicKey::from_spki(Algorithm::Es256, key.spki()).expect("a good key");
    let point = &key.spki()[key.spki().len() - P256_POINT_BYTES..];
    let bare = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).expect("a good key");
    let mut group = c.benchmark_group("p256");
    group.bench_function("ours", |b| b.iter(|| ours.verify(MESSAGE, &signature).expect("good")));
    group.bench_function("aws-lc-rs", |b| {
        b.iter(|| bare.verify_sig(MESSAGE, &signature).expect("good"));
    });
    group.finish();
}

fn ed25519(c: &mut Criterion) {
    let key = SoftwareKey::generate(Algorithm::Ed25519);
    let signature = key.sign(MESSAGE);
    let ours = PublicKey::from_spki(Algorithm::Ed25519, key.spki()).expect("a good key");
    let bytes = key.spki()[key.spki().len() - ED25519_KEY_BYTES..].try_into();
    let bare = VerifyingKey::from_bytes(&bytes.expect("32 bytes")).expect("a good key");
    let parsed = Signature::from_slice(&signature).expect("64 bytes");
    let mut group = c.benchmark_group("ed25519");
    group.bench_function("ours", |b| b.iter(|| ours.verify(MESSAGE, &signature).expect("good")));
    group.bench_function("ed25519-dalek strict", |b| {
        b.iter(|| bare.verify_strict(MESSAGE, &parsed).expect("good"));
    });
    group.finish();
}

criterion_group!(benches, p256, ed25519);
criterion_main!(benches);
