//! Random draws for the tests, from a generator with a fixed seed.

use fastrand::Rng;

pub(crate) fn bytes<const N: usize>(random: &mut Rng) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

pub(crate) fn pick<'a, T>(random: &mut Rng, from: &'a [T]) -> &'a T {
    random.choice(from).unwrap()
}

pub(crate) fn coefficients(random: &mut Rng, count: usize) -> Vec<[u8; 16]> {
    (0..count).map(|_| bytes(random)).collect()
}
