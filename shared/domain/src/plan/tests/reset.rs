//! The plan of a reset, by which an operator replaces a stored rank.

use super::*;

#[test]
fn a_reset_changes_the_rank_alone_and_only_where_it_is_the_one_that_was_seen() {
    let reset = |to: Option<u64>| {
        let (from, to) = (rank(9).unwrap(), to.and_then(Rank::new));
        Operation::ResetRank(RankReset::new(from, to, "the CRM's clock").unwrap())
    };
    let planned = |to: Option<u64>, actual: Option<&Contact>| {
        let plan = plan_of_operator(&reset(to), true, actual).unwrap();
        (plan.action, plan.parts)
    };
    for (to, stored, left) in [
        (None, "9", ""),
        (Some(5), "9", "5"),
        // The decision must be no newer than the columns; otherwise every later change would be
        // stale.
        (None, "9:9+", ""),
        (None, "9:4-", ":-"),
        (None, "9:9!", ":!"),
        (Some(5), "9:9+", "5:5+"),
        (Some(5), "9:4-", "5:4-"),
        (Some(5), "9:7!", "5:5!"),
    ] {
        for callable in [true, false] {
            let actual = contact(&[("phone", "9"), ("v", stored)], callable, version(stored));
            let update = Action::Update {
                data: Columns::default(),
                callable: None,
                version: Some(version(left)),
                lowers: Lowered::default(),
            };
            assert_eq!(planned(to, Some(&actual)), (update, vec![Part::Newest]));
        }
    }
    for to in [None, Some(5)] {
        let stale = (Action::Skip(Skip::Stale), vec![Part::Stale]);
        for other in [Some(8), Some(10)] {
            let actual = contact(&[], true, other.and_then(Rank::new));
            assert_eq!(planned(to, Some(&actual)), stale, "{to:?} {other:?}");
        }
        assert_eq!(planned(to, None), stale, "an absent contact has no rank");
        let done = contact(&[], true, to.and_then(Rank::new));
        let unchanged = (Action::Skip(Skip::Unchanged), vec![Part::Newest]);
        assert_eq!(planned(to, Some(&done)), unchanged, "it came twice");
        let done = contact(&[], true, None);
        let other = plan_of_operator(&reset(to), false, Some(&done)).unwrap();
        assert_eq!((other.action, other.parts), stale, "an org without ranks");
    }
}
