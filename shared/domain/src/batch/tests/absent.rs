//! Contacts that are looked for a second time.

use super::*;

#[test]
fn an_absent_contact_is_looked_for_again_after_its_wait_and_never_parked() {
    let after = Duration::from_secs(42);
    let old = record("a", "g", Duration::from_hours(13 * 24 + 1));
    let first = Record {
        sent: old.first_received,
        ..old
    };
    let behind = record("b", "g", Duration::ZERO);
    let verdicts = vec![
        (&first, Verdict::Retry(failed(Cause::Absent { after }))),
        (&behind, Verdict::Done(Outcome::Updated)),
    ];
    for settled in settle(verdicts, horizon(), 0.9) {
        assert!(matches!(settled, Settled::Retry { delay, .. } if delay == after));
    }
    let now = horizon().now;
    let again = Record {
        receives: 2,
        first_received: Some(now - Duration::from_secs(61)),
        ..record("a", "g", Duration::ZERO)
    };
    assert_eq!(again.known_for(now), Duration::from_secs(61));
    // At the first receive nothing is known, whatever the clocks say.
    let once = Record {
        receives: 1,
        ..again
    };
    assert_eq!(once.known_for(now), Duration::ZERO);
}
