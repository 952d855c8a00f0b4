//! Properties of every run of changes, whatever the contact stores: the order of queue and ranks,
//! idempotence, and that nobody who opted out is called. Changes that may create no contact have
//! properties of their own in `absent`.

use proptest::prelude::*;

use super::channels::{lowered_by, lowering};
use super::*;
use crate::version::Mark;

/// Channels and numbers to lower: mostly none.
fn lowered() -> impl Strategy<Value = Lowered> {
    let channels = prop::collection::btree_set(prop::sample::select(&Channel::ALL[..2]), 0..3);
    let phones = prop::collection::btree_set(prop::sample::select(vec!["a", "b"]), 0..3);
    let some = (channels, phones).prop_map(|(channels, phones)| {
        let phones = phones.into_iter().map(str::to_owned).collect();
        Lowered { channels, phones }
    });
    prop_oneof![2 => Just(Lowered::default()), 1 => some]
}

pub(super) fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![10 => staying(), 1 => Just(Operation::Leave)]
}

/// Operations, none of which says that the person left.
fn staying() -> impl Strategy<Value = Operation> {
    let column = (
        prop::sample::select(vec!["a", "b", "c"]),
        prop::sample::select(vec!["", "1", "2"]),
    );
    let upsert_of = |(columns, callable): (Vec<(&str, &str)>, Option<bool>)| {
        let text: Vec<_> = columns
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        upsert(&text.join(" "), callable)
    };
    let plain = (prop::collection::vec(column, 0..4), any::<Option<bool>>()).prop_map(upsert_of);
    let some_upsert = (plain, lowered()).prop_map(|(upsert, lowers)| lowering(upsert, lowers));
    prop_oneof![9 => some_upsert, 1 => Just(Operation::Remove)]
}

fn runs(ranks: impl Strategy<Value = Option<u64>>) -> impl Strategy<Value = Run> {
    let ranks = ranks.prop_map(|number| number.and_then(Rank::new));
    prop::collection::vec((ranks, operations()), 1..7)
}

fn runs_of_staying(ranks: impl Strategy<Value = Option<u64>>) -> impl Strategy<Value = Run> {
    let ranks = ranks.prop_map(|number| number.and_then(Rank::new));
    prop::collection::vec((ranks, staying()), 1..7)
}

fn versions() -> impl Strategy<Value = Version> {
    let mark = prop::sample::select(vec!["", "+", "-", "!", "~", "="]);
    let text = (prop::option::of(0u64..8), 0u64..8, mark).prop_map(|(rank, decided, mark)| {
        let rank = rank.map(|rank| rank.to_string()).unwrap_or_default();
        match mark {
            "" => rank,
            mark => format!("{rank}:{decided}{mark}"),
        }
    });
    text.prop_map(|text| version(&text))
}

pub(super) fn actuals() -> impl Strategy<Value = Option<Contact>> {
    let some = (
        any::<bool>(),
        versions(),
        prop::sample::select(vec!["", "1", "2"]),
        lowered(),
    );
    prop::option::weighted(
        0.8,
        some.prop_map(|(callable, version, value, lowers)| {
            lowered_by(contact(&[("a", value)], callable, version), &lowers)
        }),
    )
}

pub(super) fn raises() -> impl Strategy<Value = Raise> {
    prop::sample::select(vec![Raise::Own, Raise::Always, Raise::Never])
}

pub(super) fn wishes() -> impl Strategy<Value = Wishes> {
    let opt_outs = prop::sample::select(vec![OptOut::Voice, OptOut::All]);
    (raises(), opt_outs).prop_map(|(raise, opt_out)| Wishes {
        opt_out,
        ..by(raise)
    })
}

fn decided(contact: Option<&Contact>) -> Option<Rank> {
    contact?.version.decision?.rank
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The changes are all ranked or all not, as those of an org are: a change without a rank among
    /// ranked ones has another place after the write.
    #[test]
    fn planning_again_after_the_write_is_skip(
        run in prop_oneof![runs_of_staying((0u64..8).prop_map(Some)), runs_of_staying(Just(None))],
        actual in actuals(), wishes in wishes()
    ) {
        let written = result_by(wishes, &run, actual.as_ref());
        let again = planned_by(wishes, &run, written.as_ref());
        prop_assert!(matches!(again.action, Action::Skip(_)), "{:?} of {:?}", again, written);
    }

    /// A person who left, and then gets an opt-out that an opt-in had made stale, may count as
    /// opted out.
    #[test]
    fn planning_again_after_somebody_left_makes_nobody_callable_and_writes_no_column(
        run in runs((0u64..8).prop_map(Some)), actual in actuals(), wishes in wishes()
    ) {
        let written = result_by(wishes, &run, actual.as_ref()).unwrap();
        let again = result_by(wishes, &run, Some(&written)).unwrap();
        prop_assert_eq!(again.callable, written.callable);
        prop_assert_eq!(again.data, written.data);
        prop_assert_eq!(again.version.rank, written.version.rank);
    }

    #[test]
    fn distinct_ranks_may_come_in_any_order(
        run in runs((0u64..1_000_000).prop_map(Some)), turn in 0usize..7, actual in actuals()
    ) {
        let mut numbers: Vec<_> = run.iter().map(|(rank, _)| rank).collect();
        numbers.sort();
        numbers.dedup();
        prop_assume!(numbers.len() == run.len());
        let mut turned = run.clone();
        turned.rotate_left(turn % run.len());
        prop_assert_eq!(result(&run, actual.as_ref()), result(&turned, actual.as_ref()));
        turned.reverse();
        prop_assert_eq!(result(&run, actual.as_ref()), result(&turned, actual.as_ref()));
    }

    #[test]
    fn a_rank_never_goes_down(run in runs(prop::option::of(0u64..8)), actual in actuals()) {
        let rank = |contact: &Option<Contact>| contact.as_ref().and_then(|contact| contact.version.rank);
        prop_assert!(rank(&result(&run, actual.as_ref())) >= rank(&actual));
    }

    #[test]
    fn nothing_but_a_newer_change_or_a_create_makes_callable(
        run in runs((0u64..8).prop_map(Some)), actual in actuals(), wishes in wishes()
    ) {
        let stood = decided(actual.as_ref());
        let said = run.iter().any(|(rank, operation)| *rank > stood && operation.callable() == Some(true));
        if let (Some(before), Some(after)) = (&actual, result_by(wishes, &run, actual.as_ref())) {
            prop_assert!(!after.callable || before.callable || said);
        }
    }

    /// The only exception is an opt-in that was applied before.
    #[test]
    fn an_opt_out_is_never_undone_by_anything_older(
        run in runs((0u64..8).prop_map(Some)), actual in actuals(), wishes in wishes()
    ) {
        let last = |callable| {
            let says = run.iter().filter(|(_, operation)| operation.callable() == Some(callable));
            says.map(|(rank, _)| *rank).max()
        };
        let opted_in = actual.as_ref().and_then(|actual| actual.version.decision);
        let opted_in = opted_in.filter(|decision| decision.mark == Mark::Raised).and_then(|decision| decision.rank);
        if let Some(opt_out) = last(false) && last(true).is_none_or(|opt_in| opt_in <= opt_out) && opted_in <= opt_out {
            prop_assert!(!result_by(wishes, &run, actual.as_ref()).unwrap().callable);
        }
    }

    /// This holds for every stored contact and every setting, with and without ranks, and also for
    /// opt-ins that are kept out.
    #[test]
    fn a_fold_is_what_its_changes_do_one_by_one(
        run in prop_oneof![runs((0u64..8).prop_map(Some)), runs(prop::option::of(0u64..8)), runs(Just(None))],
        actual in actuals(), wishes in wishes()
    ) {
        let plan = planned_by(wishes, &run, actual.as_ref());
        let (mut one_by_one, mut kept) = (actual.clone(), Vec::new());
        for &i in &plan.order {
            let one = planned_by(wishes, &vec![run[i].clone()], one_by_one.as_ref());
            kept.extend(one.kept.iter().map(|_| i));
            one_by_one = after(one_by_one.as_ref(), &one.action);
        }
        prop_assert_eq!(&plan.kept, &kept);
        let mut folded = after(actual.as_ref(), &plan.action);
        for contact in [&mut folded, &mut one_by_one].into_iter().flatten() {
            contact.data.retain(|_, value| !value.is_empty());
            // The mark of a contact that was raised by hand is written only together with something
            // else.
            if matches!(plan.action, Action::Skip(_)) && contact.callable && let Some(decision) = &mut contact.version.decision && matches!(decision.mark, Mark::Lowered | Mark::Left | Mark::Gone) {
                decision.mark = Mark::Found;
            }
        }
        if run.iter().all(|(rank, _)| rank.is_some()) {
            prop_assert_eq!(folded, one_by_one);
        } else {
            // A change that ranks below one before it is stale by then.
            let of = |contact: Option<Contact>| {
                contact.map(|contact| (contact.callable, contact.version, contact.statuses))
            };
            prop_assert_eq!(of(folded), of(one_by_one));
        }
    }

    /// This also holds if ranked and unranked changes are mixed.
    #[test]
    fn an_opt_out_that_was_applied_is_not_undone_by_planning_again(
        run in runs(prop::option::weighted(0.6, 0u64..8)), actual in actuals()
    ) {
        let written = result(&run, actual.as_ref()).filter(|written| !written.callable);
        if let Some(written) = written && run.iter().any(|(_, operation)| operation.callable() == Some(false)) {
            prop_assert!(!result(&run, Some(&written)).unwrap().callable);
        }
    }

    /// Even if changes are stale: what they name is lowered, what was lowered stays so, and nothing
    /// else is lowered.
    #[test]
    fn channels_and_numbers_are_a_union_and_nothing_raises_them(
        run in runs(prop::option::of(0u64..8)), actual in actuals(), wishes in wishes()
    ) {
        let everything = Lowered {
            channels: Channel::ALL.into(),
            phones: ["a".to_owned(), "b".to_owned()].into(),
        };
        let up = |contact: Option<&Contact>| {
            let none = Statuses::default();
            contact.map_or(&none, |contact| &contact.statuses).not_yet_lowered(&everything)
        };
        let after = up(result_by(wishes, &run, actual.as_ref()).as_ref());
        let said: Vec<_> = run.iter().filter_map(|(_, operation)| operation.lowers()).collect();
        let all = wishes.opt_out == OptOut::All
            && run.iter().any(|(_, operation)| operation.is_opt_out());
        for channel in up(actual.as_ref()).channels {
            let is_said = said.iter().any(|lowers| lowers.channels.contains(&channel));
            let is_up = after.channels.contains(&channel);
            prop_assert!(!(is_said && is_up), "{:?} was said", channel);
            prop_assert!(is_said || is_up || all, "{:?} was not said", channel);
        }
        for column in up(actual.as_ref()).phones {
            let is_said = said.iter().any(|lowers| lowers.phones.contains(&column));
            prop_assert_eq!(!is_said, after.phones.contains(&column));
        }
        prop_assert!(after.channels.is_subset(&up(actual.as_ref()).channels));
        prop_assert!(after.phones.is_subset(&up(actual.as_ref()).phones));
    }

    /// A create or an update by which an opt-out leaves somebody not callable also lowers every
    /// channel.
    #[test]
    fn the_newest_opt_out_leaves_every_channel_lowered_if_the_org_lowers_all(
        run in runs((0u64..8).prop_map(Some)), actual in actuals(), raise in raises()
    ) {
        let wishes = Wishes { opt_out: OptOut::All, ..by(raise) };
        let opt_out = run.iter().filter(|(_, operation)| operation.is_opt_out()).map(|(rank, _)| *rank).max();
        let decided = actual.as_ref().and_then(|actual| actual.version.decision);
        let opted_in = decided.filter(|decision| decision.mark == Mark::Raised).and_then(|decision| decision.rank);
        if let Some(opt_out) = opt_out && opted_in <= opt_out {
            let every = Lowered { channels: Channel::ALL.into(), ..Lowered::default() };
            let left = result_by(wishes, &run, actual.as_ref()).unwrap();
            prop_assert!(left.statuses.not_yet_lowered(&every).is_empty());
        }
    }

    #[test]
    fn every_change_has_one_part(run in runs(prop::option::of(0u64..8)), actual in actuals()) {
        let plan = planned(&run, actual.as_ref());
        prop_assert_eq!(plan.parts.len(), run.len());
        let newest = plan.parts.iter().filter(|part| **part == Part::Newest).count();
        prop_assert_eq!(newest, usize::from(plan.action != Action::Skip(Skip::Stale)));
        let mut order = plan.order;
        order.sort_unstable();
        prop_assert_eq!(order, (0..run.len()).collect::<Vec<_>>());
    }
}
