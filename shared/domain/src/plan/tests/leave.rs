//! A person who left a campaign is not called there, has not opted out, and may come back.

use super::*;

fn left(actual: &Contact, run: &Run) -> Contact {
    result(run, Some(actual)).unwrap()
}

#[test]
fn a_contact_that_leaves_is_not_called_and_comes_back_by_the_next_opt_in() {
    let there = contact(&[("phone", "9")], true, rank(5));
    let gone = left(&there, &vec![(rank(7), Operation::Leave)]);
    assert_eq!((gone.callable, gone.version), (false, version("7:7~")));
    let back = |rank, callable| left(&gone, &vec![(rank, upsert("", callable))]);
    assert!(!back(rank(6), Some(true)).callable, "an older one is stale");
    assert!(!back(rank(7), Some(true)).callable, "at a tie nobody knows");
    assert!(!back(rank(8), None).callable);
    let again = back(rank(8), Some(true));
    assert_eq!((again.callable, again.version), (true, version("8:8+")));
}

#[test]
fn an_opt_out_and_a_leave_are_both_marked_in_either_order() {
    let there = contact(&[], true, rank(1));
    let (out, gone) = (
        (rank(5), upsert("", Some(false))),
        (rank(6), Operation::Leave),
    );
    for run in [vec![out.clone(), gone.clone()], vec![gone, out]] {
        let one_by_one = run.iter().fold(there.clone(), |actual, change| {
            left(&actual, &vec![change.clone()])
        });
        assert_eq!(one_by_one, left(&there, &run));
        assert_eq!(one_by_one.version, version("6:6="), "{run:?}");
    }
}

#[test]
fn a_leave_does_not_take_over_a_contact_that_somebody_else_made_not_callable() {
    let lowered = contact(&[], false, version("5:5+"));
    let gone = left(&lowered, &vec![(rank(7), Operation::Leave)]);
    assert_eq!(gone.version, version("7:7!"));
    assert!(!left(&gone, &vec![(rank(9), upsert("", Some(true)))]).callable);
}

#[test]
fn a_leave_lowers_no_channel() {
    let there = contact(&[], true, rank(5));
    let wishes = Wishes {
        raise: Some(Raise::Own),
        opt_out: OptOut::All,
    };
    let change = |operation| {
        let run = [RankedChange {
            rank: Rank::new(7),
            operation,
            if_absent: IfAbsent::Create,
        }];
        match plan(&run, Some(&there), wishes).action {
            Action::Update { lowers, .. } => lowers.channels.len(),
            action => panic!("{action:?}"),
        }
    };
    assert_eq!(change(&Operation::Leave), 0);
    assert_eq!(change(&Operation::Remove), 4);
}

/// Applies one change that creates nobody.
fn partial(actual: &Contact, number: u64, operation: &Operation) -> Contact {
    let run = [RankedChange {
        rank: Rank::new(number),
        operation,
        if_absent: IfAbsent::Skip,
    }];
    after(
        Some(actual),
        &plan(&run, Some(actual), by(Raise::Own)).action,
    )
    .unwrap()
}

#[test]
fn an_opt_in_that_names_no_campaign_brings_back_nobody_who_left() {
    let opt_in = upsert("", Some(true));
    let gone = contact(&[("phone", "9")], false, version("5:5~"));
    let after = partial(&gone, 7, &opt_in);
    assert_eq!((after.callable, after.version), (false, version("7:5~")));
    let out = contact(&[("phone", "9")], false, version("5:5="));
    assert_eq!(partial(&out, 4, &opt_in).version, version("5:5="), "stale");
    let after = partial(&out, 7, &opt_in);
    assert_eq!((after.callable, after.version), (false, version("7:7~")));
    let back = left(&after, &vec![(rank(8), opt_in)]);
    assert!(back.callable, "a full change does");
}
