use super::*;

const CAUSES: [Cause; 5] = [
    Cause::Unavailable,
    Cause::Missing,
    Cause::OutOfTime,
    Cause::Panicked,
    Cause::Throttled { after: UNNAMED },
];

fn received(receives: u32) -> Waited {
    Waited {
        receives,
        age: Duration::ZERO,
    }
}

#[test]
fn backoff_starts_at_15_seconds_and_doubles_up_to_15_minutes() {
    for cause in CAUSES {
        let at = |receives| cause.delay(received(receives), 0.0).as_secs();
        assert_eq!([at(0), at(1), at(2), at(3), at(4)], [15, 15, 30, 60, 120]);
        for receives in [1, 5, 7, 20, 40, 99] {
            let delay = cause.delay(received(receives), 0.999);
            assert!(delay <= LONGEST, "{cause:?} {receives}");
        }
    }
}

#[test]
fn jitter_only_lengthens_a_wait() {
    for cause in CAUSES {
        let delay = |share| cause.delay(received(3), share);
        assert!(delay(0.5) > delay(0.0));
        assert!(delay(0.999) <= delay(0.0).mul_f64(1.25));
    }
}

#[test]
fn a_throttled_change_waits_at_least_as_asked_but_no_absurd_time() {
    let asked = |seconds, receives| {
        let after = Duration::from_secs(seconds);
        Cause::Throttled { after }
            .delay(received(receives), 0.0)
            .as_secs()
    };
    let first = [0, 15, 42, 900, 86_400].map(|seconds| asked(seconds, 1));
    assert_eq!(first, [15, 15, 42, 900, 900]);
    assert_eq!(asked(42, 4), 120, "the backoff is longer");
}

#[test]
fn a_change_to_a_closed_org_or_campaign_returns_with_the_next_probe_or_its_own_backoff() {
    let closed = |seconds, receives| {
        let after = Duration::from_secs(seconds);
        Cause::Closed { after }
            .delay(received(receives), 0.0)
            .as_secs()
    };
    assert_eq!([closed(3, 1), closed(240, 1), closed(3, 4)], [15, 240, 120]);
    let after = Duration::from_secs(900);
    let latest = |receives| Cause::Closed { after: after / 300 }.delay(received(receives), 1.0);
    assert_eq!(latest(1), Duration::from_secs(30), "up to twice as late");
    assert_eq!(latest(9), Duration::from_secs(900));
    let longest = Cause::Closed { after }.delay(received(9), 1.0);
    assert_eq!(longest, Duration::from_mins(18));
}

#[test]
fn a_change_that_the_budget_puts_off_returns_after_the_window_by_a_part_of_its_age() {
    let delay = |age, receives, share| {
        let after = Duration::from_secs(42);
        let waited = Waited {
            receives,
            age: Duration::from_secs(age),
        };
        Cause::BudgetSpent { after }.delay(waited, share).as_secs()
    };
    assert_eq!(
        [delay(0, 1, 0.99), delay(80, 1, 0.0)],
        [42, 42],
        "with the window"
    );
    assert_eq!([delay(80, 1, 0.5), delay(80, 1, 0.999)], [42 + 5, 42 + 9]);
    assert_eq!(
        delay(86_400, 499, 0.999),
        42 + 119,
        "two minutes more at most"
    );
    assert_eq!(delay(86_400, 500, 0.0), 42 + 990);
}

#[test]
fn nothing_is_received_a_thousand_times_before_its_last_day() {
    let last_day = Duration::from_hours(13 * 24);
    let after = Duration::from_secs(1);
    for cause in [Cause::Unavailable, Cause::Refused, Cause::Closed { after }] {
        let waits: Duration = (1..950).map(|n| cause.delay(received(n), 0.0)).sum();
        assert!(waits > last_day, "{cause:?}: {waits:?}");
    }
    // A change that waits for calls is received more often, and still for at least six days.
    let mut waited = Waited::default();
    for receives in 1..950 {
        waited.receives = receives;
        waited.age += Cause::BudgetSpent { after }.delay(waited, 0.5);
    }
    assert!(waited.age > Duration::from_hours(6 * 24), "{waited:?}");
}

#[test]
fn a_refused_org_is_asked_again_after_five_minutes() {
    for receives in [1, 9, 99] {
        let delay = Cause::Refused.delay(received(receives), 0.999);
        assert!((REFUSED..=REFUSED + FIRST).contains(&delay), "{delay:?}");
    }
}

#[test]
fn the_waits_before_parking_add_up_to_far_more_than_15_minutes() {
    let waits = (1..=8).map(|receives| Cause::Unavailable.delay(received(receives), 0.0));
    assert!(waits.sum::<Duration>() > Duration::from_mins(38));
}

#[test]
fn waits_between_tries_have_full_jitter() {
    assert_eq!(between_tries(1, 0.0), Duration::ZERO);
    assert_eq!(between_tries(1, 0.5), Duration::from_millis(125));
    assert_eq!(between_tries(2, 0.5), Duration::from_millis(250));
}
