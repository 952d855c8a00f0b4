//! Waits that a service asks for.

/// Values of `Retry-After` that services have been seen to send, and others that they might send.
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

/// Checks that refused calls are at least a second apart, whatever the service asks for. If it asks
/// for nothing usable (a fraction counts as a second), there are at most two within ten seconds.
#[track_caller]
pub(crate) fn never_hammered(calls: &[emulator::genesys::Call], asked: &str) {
    let refused = calls.iter().filter(|call| call.status == 429);
    let refused: Vec<_> = refused.map(|call| call.at).collect();
    assert!(
        !refused.is_empty(),
        "{asked:?}: otherwise this tests nothing"
    );
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
