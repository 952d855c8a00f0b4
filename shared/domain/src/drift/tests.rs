//! Tests of the comparison of a contact with the CRM's record: what is drift, what is repaired, and
//! what is left alone. Which write repairs it is tested in `plan`, and whole runs in
//! `tests/it/reconcile.rs`.

use super::*;
use crate::change::{IfAbsent, Operation};
use crate::channel::{Channel, OptOut, Statuses};
use crate::contact::Columns;
use crate::version::Raise;
use crate::{Rank, Version};

fn own() -> Wishes {
    Wishes {
        raise: Some(Raise::Own),
        ..Wishes::default()
    }
}

fn says(phone: &str, callable: Option<bool>) -> Operation {
    let data = Columns([("phone".to_owned(), Some(phone.to_owned()))].into());
    Operation::Upsert {
        data,
        callable,
        lowers: Lowered::default(),
    }
}

fn holds(phone: &str, callable: bool, rank: u64) -> Contact {
    stores(phone, callable, &rank.to_string())
}

fn stores(phone: &str, callable: bool, version: &str) -> Contact {
    let data = Columns([("phone".to_owned(), phone.to_owned())].into());
    Contact {
        data,
        callable,
        version: Version::from_text(version),
        statuses: Statuses::default(),
    }
}

fn drift(operation: &Operation, rank: u64, actual: Option<&Contact>) -> Drift {
    Drift::between(
        &RankedChange {
            rank: Rank::new(rank),
            if_absent: IfAbsent::Create,
            operation,
        },
        actual,
        own(),
    )
}

fn different(columns: &[&str], callable: Option<bool>) -> Drift {
    Drift::Different(Difference {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        callable,
        lowers: Lowered::default(),
        is_kept: false,
    })
}

#[test]
fn a_contact_that_is_equal_or_newer_in_the_campaign_is_left_alone() {
    assert_eq!(
        drift(&says("1", Some(true)), 5, Some(&holds("1", true, 5))),
        Drift::Same
    );
    assert_eq!(
        drift(&says("2", Some(true)), 4, Some(&holds("1", true, 5))),
        Drift::Stale
    );
    assert_eq!(
        drift(&says("1", Some(true)), 5, Some(&stores("1", false, "5:5-"))),
        Drift::Same,
        "not raised at a tie"
    );
    // Only the decision about `callable` is newer, which is not worth a call.
    for (callable, version) in [(true, "5:4+"), (true, "5"), (false, "5:4-")] {
        let (actual, says) = (stores("1", callable, version), says("1", Some(callable)));
        assert_eq!(drift(&says, 5, Some(&actual)), Drift::Same, "{version}");
    }
    let late = drift(&says("2", Some(false)), 4, Some(&stores("1", true, "5:5+")));
    assert_eq!(late, Drift::Stale, "an opt-out below an opt-in");
}

#[test]
fn an_opt_in_that_the_orgs_wish_keeps_out_is_no_drift() {
    for version in ["5", "5:5+", "5:4!"] {
        let kept = stores("1", false, version);
        for rank in [6, 7] {
            let drift = drift(&says("1", Some(true)), rank, Some(&kept));
            assert_eq!(drift, Drift::Kept, "{version}");
            assert!(!drift.is_to_be_repaired());
        }
        // The rest of the change is drift.
        let rest = drift(&says("2", Some(true)), 6, Some(&kept));
        let expected = Drift::Different(Difference {
            columns: vec!["phone".to_owned()],
            callable: None,
            lowers: Lowered::default(),
            is_kept: true,
        });
        assert_eq!(rest, expected, "{version}");
        assert!(rest.is_to_be_repaired());
    }
}

#[test]
fn an_absent_contact_that_is_not_to_be_created_is_no_drift() {
    let drift = |if_absent, operation: &Operation, actual: Option<&Contact>| {
        let rank = Rank::new(7);
        let change = RankedChange {
            rank,
            if_absent,
            operation,
        };
        Drift::between(&change, actual, own())
    };
    let (skip, skip_opt_out) = (IfAbsent::Skip, IfAbsent::SkipOptOut);
    let (out, update) = (says("1", Some(false)), says("1", None));
    let mut left = stores("", false, "5:5-");
    left.data.clear();
    for actual in [None, Some(&left)] {
        assert_eq!(drift(skip, &update, actual), Drift::Same);
        assert_eq!(drift(skip_opt_out, &update, actual), Drift::Same);
        assert_eq!(drift(skip_opt_out, &out, actual), Drift::Same);
    }
    assert_eq!(drift(skip, &out, None), Drift::Missing, "it is owed");
    let there = holds("2", true, 5);
    for if_absent in [skip, skip_opt_out] {
        let drift = drift(if_absent, &update, Some(&there));
        assert_eq!(drift, different(&["phone"], None), "{if_absent:?}");
    }
}

#[test]
fn a_missing_older_or_different_contact_is_repaired() {
    assert_eq!(drift(&says("1", None), 5, None), Drift::Missing);
    assert_eq!(
        drift(&says("2", None), 5, Some(&holds("1", true, 5))),
        different(&["phone"], None)
    );
    assert_eq!(
        drift(&says("1", None), 6, Some(&holds("1", true, 5))),
        different(&[], None),
        "its rank alone"
    );
    assert_eq!(
        drift(&Operation::Remove, 5, Some(&holds("1", true, 5))),
        different(&[], Some(false))
    );
    for drift in [
        Drift::Missing,
        different(&["phone"], Some(true)),
        different(&[], None),
    ] {
        assert!(drift.is_to_be_repaired(), "{drift:?}");
    }
}

#[test]
fn an_opt_in_alone_is_not_repaired_and_an_opt_out_always_is() {
    let raised = drift(&says("1", Some(true)), 6, Some(&stores("1", false, "5:5-")));
    assert_eq!(raised, different(&[], Some(true)));
    assert!(!raised.is_to_be_repaired());
    let late = drift(&says("2", Some(false)), 4, Some(&holds("1", true, 5)));
    assert_eq!(
        late,
        different(&[], Some(false)),
        "late as it is, and no column of it"
    );
    assert!(late.is_to_be_repaired());
}

#[test]
fn without_a_rank_nothing_is_compared() {
    let operation = says("2", Some(false));
    let change = RankedChange {
        rank: None,
        if_absent: IfAbsent::Create,
        operation: &operation,
    };
    for actual in [None, Some(&holds("1", true, 5))] {
        assert_eq!(Drift::between(&change, actual, own()), Drift::Unranked);
    }
    assert!(!Drift::Unranked.is_to_be_repaired());
}

#[test]
fn raised_channels_and_numbers_are_drift_even_if_the_change_is_stale() {
    let lowers = Lowered {
        channels: [Channel::Sms].into(),
        phones: ["phone".to_owned()].into(),
    };
    let says = |callable| Operation::Upsert {
        data: Columns([("phone".to_owned(), Some("1".to_owned()))].into()),
        callable,
        lowers: lowers.clone(),
    };
    let expected = Drift::Different(Difference {
        lowers: lowers.clone(),
        ..Difference::default()
    });
    let mut actual = holds("1", true, 5);
    for rank in [4, 5] {
        let drift = drift(&says(None), rank, Some(&actual));
        assert_eq!(drift, expected, "{rank}");
        assert!(drift.is_to_be_repaired());
    }
    actual.statuses = actual.statuses.lowered(&lowers);
    assert_eq!(drift(&says(None), 5, Some(&actual)), Drift::Same);
    assert_eq!(drift(&says(None), 4, Some(&actual)), Drift::Stale);
    // An opt-in alone is not repaired, but here the channel is, and the opt-in with it.
    let kept = stores("1", false, "5:5-");
    let raised = drift(&says(Some(true)), 6, Some(&kept));
    assert!(raised.is_to_be_repaired());
}

#[test]
fn each_raised_channel_of_an_opted_out_contact_is_drift_if_the_org_lowers_all() {
    let all = Wishes {
        opt_out: OptOut::All,
        ..own()
    };
    let between = |rank, actual: &Contact| {
        let operation = says("1", Some(false));
        let change = RankedChange {
            rank: Rank::new(rank),
            if_absent: IfAbsent::Create,
            operation: &operation,
        };
        Drift::between(&change, Some(actual), all)
    };
    let lowers = Lowered {
        channels: Channel::ALL.into(),
        ..Lowered::default()
    };
    let expected = Drift::Different(Difference {
        lowers: lowers.clone(),
        ..Difference::default()
    });
    for version in ["5:5-", "5:5!", "5"] {
        let mut actual = stores("1", false, version);
        assert_eq!(between(5, &actual), expected, "{version}");
        actual.statuses = actual.statuses.lowered(&lowers);
        assert_eq!(between(5, &actual), Drift::Same, "{version}");
    }
    let opted_in = stores("1", true, "5:5+");
    assert_eq!(between(4, &opted_in), Drift::Stale, "below an opt-in");
}
