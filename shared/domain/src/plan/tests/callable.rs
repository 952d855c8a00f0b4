//! Tests of who may be called after several changes of a run, depending on what is stored. The
//! rules for two changes are tested in `version`.

use super::*;

#[test]
fn a_stale_opt_out_still_makes_the_contact_not_callable() {
    let actual = contact(&[("phone", "9")], true, rank(9));
    for operation in [upsert("phone=8", Some(false)), Operation::Remove] {
        let plan = planned(&vec![(rank(8), operation)], Some(&actual));
        let lowered = Action::Update {
            data: Columns::default(),
            callable: Some(false),
            version: Some(version("9:8-")),
            lowers: Lowered::default(),
        };
        assert_eq!((plan.action, plan.parts), (lowered, vec![Part::Newest]));
    }
    let run = vec![
        (rank(8), Operation::Remove),
        (rank(10), upsert("phone=10", None)),
    ];
    assert!(
        !result(&run, Some(&actual)).unwrap().callable,
        "a newer change that is silent does not undo it"
    );
}

#[test]
fn a_fresher_opt_in_of_the_same_run_undoes_a_stale_opt_out() {
    let actual = contact(&[], true, rank(9));
    for order in [[0, 1], [1, 0]] {
        let run = [
            (rank(8), upsert("", Some(false))),
            (rank(10), upsert("", Some(true))),
        ];
        let run = order.map(|i: usize| run[i].clone()).to_vec();
        assert!(result(&run, Some(&actual)).unwrap().callable);
    }
    let older = vec![
        (rank(8), upsert("", Some(false))),
        (rank(7), upsert("", Some(true))),
    ];
    assert!(!result(&older, Some(&actual)).unwrap().callable);
    let both_stale = vec![
        (rank(7), upsert("", Some(false))),
        (rank(8), upsert("", Some(true))),
    ];
    let decided = Action::Update {
        data: Columns::default(),
        callable: None,
        version: Some(version("9:8+")),
        lowers: Lowered::default(),
    };
    assert_eq!(
        planned(&both_stale, Some(&actual)).action,
        decided,
        "neither lowered nor raised, and nothing older will lower"
    );
    let lowered = contact(&[], false, rank(9));
    assert_eq!(
        planned(&both_stale, Some(&lowered)).action,
        Action::Skip(Skip::Stale),
        "a stale change raises nothing"
    );
}

#[test]
fn an_unranked_opt_in_undoes_only_an_opt_out_before_it_in_the_queue() {
    let opt_in = || (None, upsert("", Some(true)));
    let opt_out = |number| (rank(number), upsert("", Some(false)));
    let callable = |run: &Run, actual: &Contact| result(run, Some(actual)).unwrap().callable;
    for stored in [3, 9] {
        let actual = contact(&[], true, rank(stored));
        assert!(
            !callable(&vec![opt_in(), opt_out(5)], &actual),
            "stored {stored}"
        );
        assert!(
            callable(&vec![opt_out(5), opt_in()], &actual),
            "stored {stored}"
        );
        assert!(
            !callable(&vec![opt_out(5), opt_in(), opt_out(4)], &actual),
            "stored {stored}"
        );
    }
    let run = vec![opt_in(), opt_out(5), (rank(7), upsert("phone=7", None))];
    let written = result(&run, Some(&contact(&[], true, rank(3)))).unwrap();
    assert!(!written.callable);
    assert_eq!(
        result(&run, Some(&written)),
        Some(written),
        "planned again after a lost answer"
    );
    let run = vec![(rank(12), upsert("", None)), opt_in(), opt_out(11)];
    assert!(!callable(&run, &contact(&[], true, rank(10))));
}

#[test]
fn at_an_equal_rank_columns_are_repaired_and_callable_is_only_lowered() {
    let actual = contact(&[("phone", "wrong")], false, rank(9));
    let run = vec![(rank(9), upsert("phone=9", Some(true)))];
    let repaired = result(&run, Some(&actual)).unwrap();
    assert_eq!(
        (repaired.data["phone"].as_str(), repaired.callable),
        ("9", false)
    );
    let actual = contact(&[], true, rank(9));
    assert!(
        !result(&vec![(rank(9), upsert("", Some(false)))], Some(&actual))
            .unwrap()
            .callable
    );
}

#[test]
fn at_a_tie_in_the_run_false_wins_in_either_order() {
    for callables in [[true, false], [false, true]] {
        let run = callables
            .map(|callable| (rank(9), upsert("", Some(callable))))
            .to_vec();
        for actual in [None, Some(contact(&[], true, rank(8)))] {
            assert!(!result(&run, actual.as_ref()).unwrap().callable);
        }
    }
}
