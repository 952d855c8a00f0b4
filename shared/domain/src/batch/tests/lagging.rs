//! Records of writes that reads do not show yet: they return later, and are not parked for that.

use super::*;

fn confirm(then: Settled) -> Verdict {
    Verdict::Confirm(Confirm {
        after: Duration::from_mins(1),
        wrote: Outcome::Created,
        then,
    })
}

#[test]
fn an_unconfirmed_write_returns_later_and_holds_its_group() {
    for receives in [1, 9, 900] {
        let records = ["a", "b"].map(|id| Record {
            receives,
            ..record(id, "g", Duration::from_hours(300))
        });
        let verdicts = vec![confirm(Settled::Done(Outcome::Created)), DONE];
        let settled = settle(records.iter().zip(verdicts).collect(), horizon(), 0.9);
        let (after, wrote) = (Duration::from_mins(1), Some(Outcome::Created));
        let why = Some((Cause::Confirming { after, wrote }, Evidence::default()));
        let delay = after;
        let follower = Settled::Retry { delay, why: None };
        assert_eq!(settled, [Settled::Retry { delay, why }, follower]);
    }
    let verdicts = vec![DONE, park(), confirm(Settled::Done(Outcome::Created))];
    assert_eq!(settled(&[0; 3], verdicts), "dpr");
}

#[test]
fn nothing_is_parked_because_reads_lag() {
    let waited = |receives, days: u64| Record {
        receives,
        sent: Some(Timestamp::from_second(NOW).unwrap() - Duration::from_hours(days * 24)),
        ..record("m", "g", Duration::from_hours(days * 24))
    };
    let Verdict::Park(parking) = park() else {
        unreachable!()
    };
    for record in [waited(950, 1), waited(9, 13)] {
        // On the last day it ends as it would without the lag.
        for then in [
            Settled::Done(Outcome::Created),
            Settled::Park(parking.clone()),
        ] {
            let settled = settle(vec![(&record, confirm(then.clone()))], horizon(), 0.0);
            assert_eq!(settled, [then]);
        }
        let (after, wrote) = (Duration::from_mins(1), None);
        let behind = failed(Cause::Confirming { after, wrote });
        assert_eq!(reason(&record, behind), None);
    }
}

#[test]
fn a_change_that_may_have_been_written_waits_until_reads_show_it() {
    let delay = |at_least| {
        let retry = Retry {
            at_least,
            ..failed(Cause::Unavailable)
        };
        let record = record("m", "g", Duration::ZERO);
        match &settle(vec![(&record, Verdict::Retry(retry))], horizon(), 0.0)[0] {
            Settled::Retry { delay, .. } => delay.as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        [0, 10, 90].map(|s| delay(Duration::from_secs(s))),
        [15, 15, 90]
    );
}
