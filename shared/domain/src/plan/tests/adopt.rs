//! Contacts that were made not callable before there were marks, and what a later opt-in does to
//! them.

use proptest::prelude::*;

use super::properties::{actuals, raises};
use super::*;
use crate::change::Adoption;

fn adoption(opt_out: Option<u64>, stored: Option<u64>) -> Operation {
    let rank = |number: Option<u64>| number.and_then(Rank::new);
    Operation::Adopt(Adoption::new(rank(opt_out), rank(stored)))
}

fn adopted(operation: &Operation, actual: Option<&Contact>) -> Plan {
    plan_of_operator(operation, true, actual).unwrap()
}

fn lowered(version: &str) -> Contact {
    contact(
        &[("phone", "1"), ("v", version)],
        false,
        self::version(version),
    )
}

#[test]
fn the_mark_is_set_and_nothing_else() {
    for (opt_out, stored, left) in [
        (Some(9), "9", "9:9-"),
        (Some(4), "9", "9:9-"),
        // The columns of the opt-out are yet to be applied.
        (Some(12), "9", "9:12-"),
        (None, "9", "9:9-"),
        (Some(9), "", ":9-"),
        (None, "", ":-"),
    ] {
        let rank = stored.parse().ok();
        let plan = adopted(&adoption(opt_out, rank), Some(&lowered(stored)));
        let update = Action::Update {
            data: Columns::default(),
            callable: None,
            version: Some(version(left)),
            lowers: Lowered::default(),
        };
        assert_eq!((plan.action, plan.parts), (update, vec![Part::Newest]));
    }
}

fn raising(raise: Raise) -> Wishes {
    Wishes {
        raise: Some(raise),
        ..Wishes::default()
    }
}

#[test]
fn an_adoption_leaves_callable_marked_or_changed_contacts_alone() {
    let stale = (Action::Skip(Skip::Stale), vec![Part::Stale]);
    let unchanged = (Action::Skip(Skip::Unchanged), vec![Part::Newest]);
    let nine = adoption(Some(9), Some(9));
    let planned = |actual: Option<&Contact>| {
        let plan = adopted(&nine, actual);
        (plan.action, plan.parts)
    };
    assert_eq!(planned(None), stale, "an absent contact");
    for (callable, stored, expected) in [
        (true, "9", &stale),
        (true, "9:9-", &stale),
        (false, "8", &stale),
        (false, "10", &stale),
        (false, "", &stale),
        (false, "9:9+", &stale),
        (false, "9:9!", &stale),
        (false, ":!", &stale),
        (false, "9:9-", &unchanged),
        (false, "12:11-", &unchanged),
    ] {
        let actual = contact(&[("v", stored)], callable, version(stored));
        assert_eq!(planned(Some(&actual)), *expected, "{callable} {stored}");
    }
    let of_no_versions = plan_of_operator(&nine, false, Some(&lowered("9"))).unwrap();
    assert_eq!(of_no_versions.action, Action::Skip(Skip::Stale));
    assert_eq!(plan_of_operator(&Operation::Remove, true, None), None);
}

#[test]
fn an_opt_in_raises_a_contact_only_after_its_adoption() {
    let opt_in = |number| vec![(rank(number), upsert("phone=2", Some(true)))];
    for (number, is_raised) in [(9, false), (10, true)] {
        let before = result(&opt_in(number), Some(&lowered("9"))).unwrap();
        assert!(!before.callable, "{number}");
        let adopted = adopted(&adoption(Some(9), Some(9)), Some(&lowered("9")));
        let adopted = after(Some(&lowered("9")), &adopted.action).unwrap();
        let raised = result(&opt_in(number), Some(&adopted)).unwrap();
        assert_eq!(raised.callable, is_raised, "{number}");
        let never = result_by(raising(Raise::Never), &opt_in(number), Some(&adopted)).unwrap();
        assert!(!never.callable, "{number}");
    }
    // The next opt-out keeps the mark, which it would not do without the adoption.
    let out = vec![(rank(10), upsert("", Some(false)))];
    let found = result(&out, Some(&lowered("9"))).unwrap();
    assert_eq!(found.version, version("10:10!"));
    let own = result(&out, Some(&lowered("9:9-"))).unwrap();
    assert_eq!(own.version, version("10:10-"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_adoption_is_idempotent_and_never_changes_callable_or_columns(
        opt_out in prop::option::of(0u64..8), stored in prop::option::of(0u64..8), actual in actuals()
    ) {
        let operation = adoption(opt_out, stored);
        let written = after(actual.as_ref(), &adopted(&operation, actual.as_ref()).action);
        let but_marks = |contact: &Option<Contact>| contact.as_ref().map(|contact| {
            (contact.callable, contact.data.clone(), contact.version.rank)
        });
        prop_assert_eq!(but_marks(&actual), but_marks(&written));
        if actual != written {
            let before = actual.as_ref().unwrap();
            prop_assert!(!before.callable && before.version.decision.is_none());
        }
        let again = adopted(&operation, written.as_ref());
        prop_assert!(matches!(again.action, Action::Skip(_)));
    }

    /// For every setting and whatever follows: only a change that is newer than the opt-out and the
    /// columns makes the contact callable.
    #[test]
    fn only_a_newer_opt_in_raises_an_adopted_contact_and_none_if_raise_is_never(
        opt_out in 0u64..8, stored in 0u64..8, number in 0u64..16, raise in raises()
    ) {
        let stored_text = stored.to_string();
        let actual = lowered(&stored_text);
        let adopted = adopted(&adoption(Some(opt_out), Some(stored)), Some(&actual));
        let adopted = after(Some(&actual), &adopted.action).unwrap();
        let run = vec![(rank(number), upsert("phone=2", Some(true)))];
        let result = result_by(raising(raise), &run, Some(&adopted)).unwrap();
        let is_newer = number > opt_out.max(stored);
        prop_assert_eq!(result.callable, is_newer && raise != Raise::Never);
    }
}
