//! Encoding and decoding of a challenge's row, with its checksum.

use std::hint::black_box;
use std::io;

use countersign_benches::challenge::sample;
use countersign_core::challenge::Challenge;
use countersign_engine::ports::store::Record;
use countersign_engine::store::stream::{Reader, Writer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Number of rows that are decoded together, so that the set-up before the first row does not
/// count.
const ROWS: u64 = 1000;

fn rows(c: &mut Criterion) {
    let record = Record::Challenge(Challenge::clone(&sample().challenge));
    let mut group = c.benchmark_group("record");
    group.bench_function("encode", |b| {
        let mut writer = Writer::new(io::sink()).expect("nothing is written");
        b.iter(|| writer.write(black_box(&record)).expect("nothing is written"));
    });
    let mut writer = Writer::new(Vec::new()).expect("memory is written");
    for _ in 0..ROWS {
        writer.write(&record).expect("memory is written");
    }
    let (bytes, _) = writer.finish().expect("memory is written");
    group.throughput(Throughput::Elements(ROWS));
    group.bench_function(format!("decode {ROWS}"), |b| {
        b.iter(|| {
            let mut reader = Reader::new(bytes.as_slice()).expect("a stream");
            while let Some(record) = reader.read().expect("what was written") {
                black_box(record);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
