//! Measures how long it takes to read a batch of ten and to plan it: `cargo bench -p domain`.
//! tests/allocations.rs checks how much this may allocate.

mod fixture;

use criterion::{Criterion, criterion_group, criterion_main};

fn batch(criterion: &mut Criterion) {
    let stored = fixture::stored();
    for (name, changes_per_contact) in [("10 contacts", 1), ("2 contacts of 5 changes", 5)] {
        let bodies = fixture::bodies(changes_per_contact);
        let changes = fixture::parse(&bodies);
        criterion.bench_function(&format!("parse, {name}"), |bencher| {
            bencher.iter(|| fixture::parse(&bodies))
        });
        criterion.bench_function(&format!("fold and plan, {name}"), |bencher| {
            bencher.iter(|| fixture::plan_all(&changes, &stored))
        });
    }
}

criterion_group!(benches, batch);
criterion_main!(benches);
