//! Tests of the answer to Lambda: message groups keep their order, and each record is done, parked
//! or retried. `absent` has contacts that are looked for a second time. The waits themselves are
//! tested in `retry`.

mod absent;
mod lagging;

use super::*;
use crate::retry::UNNAMED;

const NOW: i64 = 1_800_000_000;

fn record(id: &str, group: &str, age: Duration) -> Record {
    let first_received = Timestamp::from_second(NOW).unwrap() - age;
    Record {
        message_id: id.into(),
        receipt_handle: format!("handle-{id}"),
        group: group.into(),
        body: "{}".into(),
        receives: 1,
        sent: None,
        first_received: Some(first_received),
    }
}

fn horizon() -> Horizon {
    Horizon {
        now: Timestamp::from_second(NOW).unwrap(),
        after: Duration::from_hours(6),
    }
}

/// A retry of a change whose campaign is healthy.
fn failed(cause: Cause) -> Retry {
    Retry {
        cause,
        evidence: Evidence::default(),
        is_campaign_well: true,
        missing_for: Duration::ZERO,
        is_opt_out: false,
        at_least: Duration::ZERO,
    }
}

fn retry(cause: Cause) -> Verdict {
    Verdict::Retry(failed(cause))
}

fn park() -> Verdict {
    Verdict::Park(Parking {
        reason: ParkReason::Rejected,
        evidence: Evidence::default(),
    })
}

const DONE: Verdict = Verdict::Done(Outcome::Updated);

/// One letter for each record: d(one), p(arked), r(etried).
fn settled(ages_h: &[u64], verdicts: Vec<Verdict>) -> String {
    let records: Vec<_> = ages_h
        .iter()
        .map(|hours| record("m", "g", Duration::from_hours(*hours)))
        .collect();
    let settled = settle(records.iter().zip(verdicts).collect(), horizon(), 0.0);
    let letter = |settled: &Settled| match settled {
        Settled::Done(_) => 'd',
        Settled::Kept(_) => 'k',
        Settled::Park(parking) if parking.reason == ParkReason::RetryHorizon => 'h',
        Settled::Park(_) => 'p',
        Settled::Retry { .. } => 'r',
    };
    settled.iter().map(letter).collect()
}

#[test]
fn groups_keep_queue_order() {
    let records: Vec<_> = ["b", "a", "b", "c", "a"]
        .map(|group| record("m", group, Duration::ZERO))
        .to_vec();
    assert_eq!(message_groups(&records), [vec![0, 2], vec![1, 4], vec![3]]);
}

#[test]
fn the_first_that_must_be_retried_takes_all_later_ones_along() {
    let verdicts = vec![DONE, park(), retry(Cause::Unavailable), DONE, park()];
    assert_eq!(settled(&[0; 5], verdicts), "dprrr");
    assert_eq!(settled(&[0; 2], vec![DONE, park()]), "dp");
}

#[test]
fn followers_wait_as_long_as_the_first() {
    let records = [
        record("a", "g", Duration::ZERO),
        Record {
            receives: 9,
            ..record("b", "g", Duration::ZERO)
        },
    ];
    let verdicts = vec![
        retry(Cause::Unavailable),
        retry(Cause::Throttled { after: UNNAMED }),
    ];
    let delays: Vec<_> = settle(records.iter().zip(verdicts).collect(), horizon(), 0.0)
        .into_iter()
        .map(|settled| match settled {
            Settled::Retry { delay, why } => (delay.as_secs(), why.is_some()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(delays, [(15, true), (15, false)]);
}

#[test]
fn a_change_that_fails_alone_is_parked_after_the_horizon_unless_it_is_an_opt_out() {
    for cause in [Cause::Unavailable, Cause::Refused, Cause::Panicked] {
        assert_eq!(settled(&[7], vec![retry(cause)]), "h", "{cause:?}");
        assert_eq!(settled(&[6], vec![retry(cause)]), "r", "{cause:?}: not yet");
        let unknown = Retry {
            is_campaign_well: false,
            ..failed(cause)
        };
        let unknown = settled(&[300], vec![Verdict::Retry(unknown)]);
        assert_eq!(unknown, "r", "{cause:?}: it may be an outage, however long");
        let opt_out = Retry {
            is_opt_out: true,
            ..failed(cause)
        };
        let opt_out = settled(&[300], vec![Verdict::Retry(opt_out)]);
        assert_eq!(opt_out, "r", "{cause:?}: an opt-out is never given up");
    }
    let after = Duration::ZERO;
    for cause in [
        Cause::Throttled { after: UNNAMED },
        Cause::BudgetSpent { after },
        Cause::Closed { after },
        Cause::OutOfTime,
        Cause::NotParked,
    ] {
        assert_eq!(settled(&[300], vec![retry(cause)]), "r", "{cause:?}");
    }
}

fn reason(record: &Record, retry: Retry) -> Option<ParkReason> {
    let settled = settle(vec![(record, Verdict::Retry(retry))], horizon(), 0.0);
    match &settled[0] {
        Settled::Park(parking) => Some(parking.reason),
        _ => None,
    }
}

#[test]
fn a_missing_campaign_is_looked_for_during_a_quarter_of_an_hour() {
    let missing = |minutes| Retry {
        missing_for: Duration::from_mins(minutes),
        ..failed(Cause::Missing)
    };
    let young = record("m", "g", Duration::from_mins(14));
    assert_eq!(reason(&young, missing(15)), None);
    let old = record("m", "g", Duration::from_mins(15));
    assert_eq!(reason(&old, missing(15)), Some(ParkReason::UnknownCampaign));
    assert_eq!(
        reason(&old, missing(14)),
        None,
        "it failed otherwise before"
    );
}

#[test]
fn on_its_last_day_a_change_is_parked_whatever_it_waits_for() {
    let day = |days: u64| Duration::from_hours(24 * days);
    let sent = |days| Record {
        sent: Some(horizon().now - day(days)),
        ..record("m", "g", Duration::ZERO)
    };
    let received = |receives| Record {
        receives,
        ..record("m", "g", Duration::ZERO)
    };
    let waits = Retry {
        is_campaign_well: false,
        is_opt_out: true,
        ..failed(Cause::BudgetSpent {
            after: Duration::ZERO,
        })
    };
    for (record, expected) in [
        (sent(12), None),
        (sent(13), Some(ParkReason::Expired)),
        (received(949), None),
        (received(950), Some(ParkReason::Expired)),
    ] {
        assert_eq!(
            reason(&record, waits.clone()),
            expected,
            "{} receives",
            record.receives
        );
    }
    let all = [sent(13), sent(13), sent(13)];
    let verdicts = || Verdict::Retry(waits.clone());
    let group = all.iter().map(|record| (record, verdicts())).collect();
    let settled = settle(group, horizon(), 0.0);
    let are_parked = settled
        .iter()
        .all(|settled| matches!(settled, Settled::Park(_)));
    assert!(are_parked, "those behind it are as old: {settled:?}");
}

#[test]
fn only_the_first_failure_of_a_group_can_be_past_the_horizon() {
    let own = || retry(Cause::Unavailable);
    assert_eq!(
        settled(&[7, 7, 7], vec![own(), own(), own()]),
        "hrr",
        "the others had no try of their own"
    );
    assert_eq!(settled(&[7, 7, 7], vec![own(), DONE, own()]), "hdr");
    assert_eq!(settled(&[0, 7], vec![own(), own()]), "rr");
}

#[test]
fn a_record_whose_age_is_unknown_is_not_parked() {
    let unknown = Record {
        first_received: None,
        ..record("m", "g", Duration::ZERO)
    };
    let settled = settle(vec![(&unknown, retry(Cause::Unavailable))], horizon(), 0.0);
    assert!(matches!(settled[0], Settled::Retry { .. }));
}

#[test]
fn a_change_that_cannot_be_parked_is_retried_with_the_rest_of_its_group() {
    let mut settled = vec![
        Settled::Done(Outcome::Created),
        Settled::Park(Parking {
            reason: ParkReason::KeyPattern,
            evidence: Evidence::from("no match".to_owned()),
        }),
        Settled::Done(Outcome::Stale),
    ];
    let waited = Waited {
        receives: 2,
        age: Duration::ZERO,
    };
    retry_from(&mut settled, 1, waited, 0.0);
    assert_eq!(settled[0], Settled::Done(Outcome::Created));
    let delay = Duration::from_secs(30);
    let first = Settled::Retry {
        delay,
        why: Some((
            Cause::NotParked,
            Evidence::from("to be parked as keyPattern: no match".to_owned()),
        )),
    };
    assert_eq!(settled[1..], [first, Settled::Retry { delay, why: None }]);
}

#[test]
fn a_record_without_an_id_can_be_done_but_not_be_reported() {
    let records = [
        record("", "g", Duration::ZERO),
        record("b", "h", Duration::ZERO),
    ];
    assert_eq!(failures(&records, |index| index == 1).unwrap(), ["b"]);
    assert!(failures(&records, |index| index == 0).is_err());
}

/// The names in docs/contract.md "Parked messages" and docs/contract.md "Outcomes" are public, so
/// none of them may change.
#[test]
fn outcomes_and_reasons_have_their_public_names() {
    use Outcome::{Created, Skipped, Stale, Superseded, Unchanged, Updated};
    let outcomes = [Created, Updated, Unchanged, Stale, Superseded, Skipped].map(Outcome::as_str);
    assert_eq!(
        outcomes,
        [
            "created",
            "updated",
            "unchanged",
            "stale",
            "superseded",
            "skipped"
        ]
    );
    let names = [
        "invalidChange",
        "unsupportedSchema",
        "groupMismatch",
        "reservedColumn",
        "unknownColumn",
        "channel",
        "keyPattern",
        "rankAhead",
        "rejected",
        "unknownCampaign",
        "retryHorizon",
        "notOnDncList",
        "expired",
    ];
    assert_eq!(ParkReason::ALL.map(ParkReason::as_str), names);
}

#[test]
fn evidence_of_a_text_is_its_detail() {
    let evidence = Evidence::from("GET contact: 503".to_owned());
    assert_eq!(
        evidence,
        Evidence {
            detail: "GET contact: 503".into(),
            http_status: None,
            correlation_id: None
        }
    );
}

#[test]
fn a_message_group_is_shown_only_if_it_is_well_formed() {
    let good = format!("acme/c1/{}", "0a".repeat(16));
    assert_eq!(record("m", &good, Duration::ZERO).shown_group(), good);
    let other = record("m", "LEAD-00042", Duration::ZERO).shown_group();
    assert!(!other.is_empty() && !other.contains("LEAD"), "{other}");
}

/// docs/contract.md "Parked messages": the id is the hex SHA-256 of the message id, so each message
/// has its own.
#[test]
fn a_parked_message_has_the_hash_of_its_id() {
    assert_eq!(
        parked_id("m"),
        "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a"
    );
}
