//! Changes that may create no contact, planned alone, folded, and one by one. A fold must leave the
//! same contact as its changes one by one. How absence is known is tested in `attempt`.

use proptest::prelude::*;

use super::channels::lowering;
use super::properties::{actuals, operations, wishes};
use super::*;
use crate::change::IfAbsent;
use IfAbsent::{Create, Skip as SkipAbsent, SkipOptOut};

/// A run of changes in queue order.
type PartialRun = Vec<(Option<Rank>, IfAbsent, Operation)>;

fn planned(wishes: Wishes, run: &PartialRun, actual: Option<&Contact>) -> Plan {
    let changes: Vec<_> = run
        .iter()
        .map(|(rank, if_absent, operation)| RankedChange {
            rank: *rank,
            if_absent: *if_absent,
            operation,
        })
        .collect();
    plan(&changes, actual, wishes)
}

fn left(wishes: Wishes, run: &PartialRun, actual: Option<&Contact>) -> Option<Contact> {
    after(actual, &planned(wishes, run, actual).action)
}

/// The contact as a read shows it, with its version in a column.
fn as_read(contact: Option<Contact>) -> Option<Contact> {
    contact.map(|mut contact| {
        let text = contact.version.to_string();
        contact.data.insert("v".to_owned(), text);
        contact
    })
}

/// The contact that the changes leave one by one, in the plan's order, and the part of each.
fn one_by_one(
    wishes: Wishes,
    run: &PartialRun,
    actual: Option<&Contact>,
    order: &[usize],
) -> (Option<Contact>, Vec<bool>) {
    let (mut contact, mut skipped) = (actual.cloned(), vec![false; run.len()]);
    for &i in order {
        let one = planned(wishes, &vec![run[i].clone()], contact.as_ref());
        skipped[i] = one.parts == [Part::Skipped];
        contact = as_read(after(contact.as_ref(), &one.action));
    }
    (contact, skipped)
}

fn own() -> Wishes {
    by(Raise::Own)
}

fn out() -> Operation {
    upsert("phone=o", Some(false))
}

fn says() -> Operation {
    upsert("phone=1", None)
}

/// The placeholder that an opt-out leaves for somebody who is not in the campaign.
fn hollow(text: &str) -> Contact {
    contact(&[("v", text)], false, version(text))
}

#[test]
fn a_skip_does_not_bring_an_absent_contact_into_the_campaign() {
    for if_absent in [SkipAbsent, SkipOptOut] {
        for operation in [says(), upsert("phone=1", Some(true))] {
            for actual in [None, Some(hollow("5:5-")), Some(hollow("5:-"))] {
                let plan = planned(
                    own(),
                    &vec![(rank(7), if_absent, operation.clone())],
                    actual.as_ref(),
                );
                assert_eq!(plan.action, Action::Skip(Skip::Absent));
                assert_eq!(plan.parts, [Part::Skipped]);
            }
            // A contact that somebody else made not callable is in the campaign, and so is one with
            // a column.
            for version in ["5:5!", "5:4+", "5"] {
                let run = vec![(rank(7), if_absent, operation.clone())];
                let updated = left(own(), &run, Some(&hollow(version))).unwrap();
                assert_eq!(updated.data["phone"], "1", "{version}");
            }
            let there = contact(&[("phone", "9")], false, version("5:5-"));
            let run = vec![(rank(7), if_absent, operation.clone())];
            let updated = left(own(), &run, Some(&there)).unwrap();
            assert_eq!(updated.data["phone"], "1");
            assert_eq!(updated.callable, operation.callable() == Some(true));
        }
    }
}

#[test]
fn an_opt_out_leaves_a_contact_that_holds_its_rank_and_no_column() {
    for operation in [out(), Operation::Remove] {
        let run = vec![(rank(7), SkipAbsent, operation.clone())];
        let tombstone = left(own(), &run, None).unwrap();
        assert_eq!(tombstone, contact(&[], false, version("7:7-")));
        let older = vec![(rank(6), Create, upsert("phone=6", Some(true)))];
        let plan = planned(own(), &older, Some(&tombstone));
        assert_eq!(plan.action, Action::Skip(Skip::Stale));
        let newer = vec![(rank(8), Create, upsert("phone=8", Some(true)))];
        assert!(left(own(), &newer, Some(&tombstone)).unwrap().callable);
        // Another opt-out raises the rank, and the contact still counts as not in the campaign.
        let run = vec![(rank(9), SkipAbsent, operation.clone())];
        let again = left(own(), &run, Some(&tombstone)).unwrap();
        assert_eq!(again, contact(&[], false, version("9:9-")));
        for actual in [None, Some(&tombstone)] {
            let run = vec![(rank(9), SkipOptOut, operation.clone())];
            assert_eq!(
                planned(own(), &run, actual).action,
                Action::Skip(Skip::Absent)
            );
        }
    }
}

#[test]
fn a_lowered_channel_leaves_a_contact_that_any_full_opt_in_raises() {
    let sms = Lowered {
        channels: [Channel::Sms].into(),
        ..Lowered::default()
    };
    let all = Wishes {
        opt_out: OptOut::All,
        ..own()
    };
    for callable in [None, Some(true)] {
        let quiet = lowering(upsert("phone=1", callable), sms.clone());
        let run = vec![(rank(7), SkipAbsent, quiet)];
        let made = left(all, &run, None).unwrap();
        assert_eq!((made.callable, made.version), (false, version("7:-")));
        let every = Lowered {
            channels: Channel::ALL.into(),
            ..Lowered::default()
        };
        assert_eq!(
            made.statuses.not_yet_lowered(&every).channels.len(),
            3,
            "no other"
        );
        for (of, raised) in [(Some(true), true), (None, false)] {
            let older = vec![(rank(6), Create, upsert("phone=6", of))];
            let older = left(all, &older, Some(&made)).unwrap();
            assert_eq!(older.callable, raised, "{of:?}");
            assert!(older.statuses.not_yet_lowered(&sms).is_empty());
        }
    }
}

#[test]
fn in_a_fold_each_change_has_the_part_that_it_has_alone() {
    use Part::{Newest, Skipped, Superseded};
    let run = vec![
        (rank(4), SkipAbsent, says()),
        (rank(5), SkipAbsent, out()),
        (rank(6), SkipOptOut, upsert("phone=6", Some(true))),
    ];
    let plan = planned(own(), &run, None);
    let expected = contact(&[], false, version("5:5-"));
    assert_eq!(after(None, &plan.action), Some(expected));
    assert_eq!(plan.parts, [Skipped, Newest, Skipped]);

    let mut with_create = run.clone();
    with_create.push((rank(7), Create, upsert("name=n", None)));
    with_create.push((rank(8), SkipAbsent, upsert("phone=8", None)));
    let plan = planned(own(), &with_create, None);
    let made = after(None, &plan.action).unwrap();
    let data = columns(&[("name", "n"), ("phone", "8")]);
    assert_eq!(
        (made.data, made.callable, made.version),
        (data, false, version("8:5-"))
    );
    assert_eq!(
        plan.parts,
        [Skipped, Superseded, Skipped, Superseded, Newest]
    );
    assert_eq!(plan.order, [0, 1, 2, 3, 4]);

    // An opt-out that clears every column leaves nobody in the campaign, whatever the version was.
    for text in ["1", "1:1+", ""] {
        let there = contact(&[("phone", "1"), ("v", text)], true, version(text));
        let cleared = upsert("phone=", Some(false));
        let emptied = vec![
            (rank(5), Create, cleared),
            (rank(6), SkipAbsent, upsert("phone=6", Some(true))),
        ];
        let plan = planned(own(), &emptied, Some(&there));
        assert_eq!(plan.parts, [Newest, Skipped], "{text}");
        assert_eq!(plan.skipped_opt_ins, [1], "{text}");
        assert!(!after(Some(&there), &plan.action).unwrap().callable);
    }

    // The order of the queue does not matter: ranks decide.
    let late = vec![
        (rank(8), SkipAbsent, says()),
        (rank(7), Create, upsert("name=n", None)),
    ];
    let plan = planned(own(), &late, None);
    assert_eq!(plan.parts, [Newest, Superseded]);
    assert!(after(None, &plan.action).unwrap().callable);
}

fn partial_runs(ranks: impl Strategy<Value = Option<u64>>) -> impl Strategy<Value = PartialRun> {
    let if_absent = prop::sample::select(vec![Create, SkipAbsent, SkipOptOut]);
    let ranks = ranks.prop_map(|number| number.and_then(Rank::new));
    let change = (ranks, if_absent, operations()).prop_map(|(rank, if_absent, operation)| {
        // A person who is not in the campaign cannot leave it.
        let if_absent = match operation {
            Operation::Leave => SkipOptOut,
            _ => if_absent,
        };
        (rank, if_absent, operation)
    });
    prop::collection::vec(change, 1..7)
}

fn any_run() -> impl Strategy<Value = PartialRun> {
    prop_oneof![
        partial_runs((0u64..8).prop_map(Some)),
        partial_runs(prop::option::of(0u64..8)),
        partial_runs(Just(None)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_fold_is_what_its_changes_do_one_by_one(
        run in any_run(), actual in actuals(), wishes in wishes()
    ) {
        let actual = as_read(actual);
        let plan = planned(wishes, &run, actual.as_ref());
        let (one_by_one, skipped) = one_by_one(wishes, &run, actual.as_ref(), &plan.order);
        let parts: Vec<_> = plan.parts.iter().map(|part| *part == Part::Skipped).collect();
        prop_assert_eq!(parts, skipped);
        let of = |contact: Option<Contact>| {
            contact.map(|mut contact| {
                // The mark of a contact that was raised by hand is written only together with
                // something else.
                if matches!(plan.action, Action::Skip(_))
                    && contact.callable
                    && let Some(decision) = &mut contact.version.decision
                    && matches!(decision.mark, crate::version::Mark::Lowered | crate::version::Mark::Left | crate::version::Mark::Gone)
                {
                    decision.mark = crate::version::Mark::Found;
                }
                (contact.callable, contact.version, contact.statuses)
            })
        };
        prop_assert_eq!(of(after(actual.as_ref(), &plan.action)), of(one_by_one));
    }

    #[test]
    fn an_absent_contact_becomes_callable_only_by_a_change_that_may_create(
        run in any_run(), wishes in wishes(), mark in prop::sample::select(vec!["5:5-", "5:-", "4:5-"]), is_hollow in any::<bool>()
    ) {
        let actual = is_hollow.then(|| hollow(mark));
        let left = left(wishes, &run, actual.as_ref());
        let may_create = run.iter().any(|(_, if_absent, _)| *if_absent == Create);
        prop_assert!(may_create || left.is_none_or(|left| !left.callable));
    }

    /// This also holds if no ranks are stored.
    #[test]
    fn without_ranks_too_an_absent_contact_does_not_become_callable(
        run in partial_runs(Just(None)), is_hollow in any::<bool>()
    ) {
        let actual = is_hollow.then(|| contact(&[], false, None));
        let run: PartialRun = run.into_iter().filter(|(_, if_absent, _)| *if_absent != Create).collect();
        let left = left(Wishes::default(), &run, actual.as_ref());
        prop_assert!(left.is_none_or(|left| !left.callable));
    }

    #[test]
    fn an_opt_out_is_skipped_by_skip_opt_out_alone(
        run in partial_runs((0u64..8).prop_map(Some)), wishes in wishes()
    ) {
        let plan = planned(wishes, &run, None);
        for ((_, if_absent, operation), part) in run.iter().zip(&plan.parts) {
            if *part == Part::Skipped {
                prop_assert!(*if_absent == SkipOptOut || !operation.opts_out());
                prop_assert!(*if_absent != Create);
            }
        }
        let newest = |callable| {
            let says = run.iter().filter(|(_, if_absent, operation)| {
                *if_absent != SkipOptOut && operation.callable() == Some(callable)
            });
            says.map(|(rank, _, _)| *rank).max()
        };
        let is_out = run.iter().all(|(_, if_absent, _)| *if_absent != SkipOptOut)
            && newest(false).is_some()
            && newest(false) >= newest(true);
        if is_out {
            prop_assert!(!after(None, &plan.action).unwrap().callable);
        }
    }

    /// A change that was skipped before there was a contact may be stale now; its opt-in or opt-out
    /// still counts.
    #[test]
    fn planning_again_after_the_write_raises_nobody_and_moves_no_rank(
        run in partial_runs((0u64..8).prop_map(Some)), wishes in wishes()
    ) {
        let written = as_read(left(wishes, &run, None));
        let again = left(wishes, &run, written.as_ref());
        let of = |contact: &Option<Contact>| {
            contact.as_ref().map_or((None, false), |contact| (contact.version.rank, contact.callable))
        };
        let ((before, was_callable), (after, is_callable)) = (of(&written), of(&again));
        prop_assert_eq!(before, after);
        let opts_in = run.iter().any(|(_, _, operation)| operation.callable() == Some(true));
        prop_assert!(was_callable || !is_callable || opts_in);
    }
}
