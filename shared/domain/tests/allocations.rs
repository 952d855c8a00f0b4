//! Limits the allocations that reading and planning a batch of ten may cost. Unlike times, they do
//! not depend on the machine.

#[path = "../benches/batch/fixture.rs"]
mod fixture;

use dhat::HeapStats;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The number of blocks and bytes that `work` allocates.
fn allocated<T>(work: impl FnOnce() -> T) -> (u64, u64, T) {
    let before = HeapStats::get();
    let done = work();
    let after = HeapStats::get();
    (
        after.total_blocks - before.total_blocks,
        after.total_bytes - before.total_bytes,
        done,
    )
}

#[test]
fn a_batch_stays_within_its_budget() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let stored = fixture::stored();
    // (changes of a contact, blocks to parse, blocks to fold and plan)
    for (changes_per_contact, to_parse, to_plan) in [(1, 400, 390), (5, 400, 220)] {
        let bodies = fixture::bodies(changes_per_contact);
        let (blocks, bytes, changes) = allocated(|| fixture::parse(&bodies));
        assert_eq!(changes.len(), 10);
        assert!(
            blocks <= to_parse,
            "parse: {blocks} blocks of {to_parse}, {bytes} bytes"
        );
        let (blocks, bytes, plans) = allocated(|| fixture::plan_all(&changes, &stored));
        assert_eq!(plans.len(), 10 / changes_per_contact);
        assert!(
            blocks <= to_plan,
            "fold and plan: {blocks} blocks of {to_plan}, {bytes} bytes"
        );
    }
}
