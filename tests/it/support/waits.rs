//! Waits that a service asks for.

/// What services have been seen to name as a wait, and what they may yet.
pub(crate) const ODD_WAITS: [&str; 12] = [
    "0",
    "00",
    "0.0",
    "0.4",
    "1.5",
    "-1",
    "-0.5",
    "soon",
    "",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Tue, 24 Nov 2026 16:00:00 GMT",
    "99999999999999999999999999",
];

/// Refused calls are at least a second apart, however the service asks for them; where it names
/// nothing that can be waited for (a fraction is a second), there are no more than two within ten
/// seconds.
#[track_caller]
pub(crate) fn never_hammered(calls: &[emulator::genesys::Call], asked: &str) {
    let refused = calls.iter().filter(|call| call.status == 429);
    let refused: Vec<_> = refused.map(|call| call.at).collect();
    assert!(!refused.is_empty(), "{asked:?}: or this tests nothing");
    let apart = |of: &[jiff::Timestamp]| of[of.len() - 1].duration_since(of[0]).as_millis();
    for some in refused.windows(2) {
        assert!(
            apart(some) >= 1_000,
            "{asked:?}: two refused calls in {} ms",
            apart(some)
        );
    }
    for some in refused
        .windows(3)
        .filter(|_| !["0.4", "1.5"].contains(&asked))
    {
        assert!(
            apart(some) >= 10_000,
            "{asked:?}: three refused calls in {} ms",
            apart(some)
        );
    }
}
