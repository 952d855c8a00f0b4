//! Tests of which contacts may be begun: opt-outs and others, in small and wide batches, by one
//! copy of several. When a single call may go is in `admissions`.

use super::*;

#[test]
fn without_known_limits_one_contact_is_begun_opt_outs_first() {
    let budget = Budget::new(5, BudgetPart::Whole);
    assert_eq!(offer(&budget, 0, &demand(3, 7)), (1, 0));
    assert_eq!(offer(&budget, 0, &demand(0, 7)), (0, 1));
    let begun = Demand {
        promised: 2,
        ..demand(3, 7)
    };
    let offered = budget.offer(at(0), CALLS_PER_MINUTE, &begun);
    assert_eq!(
        (offered.opt_outs, offered.others, offered.more),
        (0, 0, More::AfterAnswer)
    );
    let old = learnt(5, &counted(10, 30));
    assert_eq!(
        offer(&old, 30_000, &demand(3, 7)),
        (1, 0),
        "the new window gets one call"
    );
}

/// How many calls a copy may promise to opt-outs, and how many to others.
fn left(copies: u32, told: &RateLimit) -> (u64, u64) {
    let left = learnt(copies, told)
        .left(at(0), 300, &demand(1, 1))
        .unwrap();
    (left.for_opt_outs, left.for_others)
}

#[test]
fn a_tenth_is_kept_for_opt_outs_by_all_copies_together_and_less_as_the_window_ends() {
    for (copies, told, expected, why) in [
        (1, counted(100, 60), (190, 170), "a third of 30 is held"),
        (5, counted(200, 60), (18, 14), ""),
        (
            5,
            counted(262, 60),
            (8, 1),
            "five copies may not take eight each of eight",
        ),
        (5, counted(271, 60), (8, 0), "10 of 29 are held"),
        (5, counted(295, 60), (0, 0), "held"),
        (
            10,
            counted_of(20, 5, 60),
            (8, 8),
            "if there is too little for all, the first to come goes on",
        ),
        (
            5,
            counted(262, 30),
            (8, 4),
            "15 of 38 are kept, half a minute before the end",
        ),
        (
            1,
            counted_of(60, 54, 60),
            (4, 0),
            "two of six are held, so that two opt-outs go at once",
        ),
        (5, counted(292, 41), (0, 0), "held"),
        (5, counted(292, 40), (8, 0), "nothing is held any more"),
        (1, counted(262, 6), (38, 35), ""),
        (
            1,
            counted_of(60, 55, 6),
            (5, 3),
            "a read and a write are kept up to the end",
        ),
        (1, counted(262, 86_400), (28, 8), "never more than a tenth"),
    ] {
        assert_eq!(
            left(copies, &told),
            expected,
            "{copies} copies, {told:?} {why}"
        );
    }
}

#[test]
fn the_reserve_shrinks_with_new_counts_not_with_time() {
    let mut budget = learnt(8, &counted(270, 60));
    let others =
        |budget: &Budget, now| budget.left(at(now), 300, &demand(1, 1)).unwrap().for_others;
    let both = (others(&budget, 0), others(&budget, 40_000));
    assert_eq!(both, (0, 0), "other copies may have spent all of it since");
    call(&mut budget, 40_000, &counted(272, 20));
    let lucky = Demand {
        draw: 0.0,
        ..demand(1, 1)
    };
    let left = budget.left(at(40_000), 300, &lucky).unwrap();
    assert_eq!(left.for_others, 2, "18 that are not kept, for eight copies");
}

#[test]
fn a_contact_is_begun_only_if_its_calls_are_affordable() {
    let budget = learnt(1, &counted(275, 60));
    // 25 calls are left, and 30 would be kept for opt-outs.
    assert_eq!(offer(&budget, 0, &demand(0, 10)), (0, 0));
    assert_eq!(offer(&budget, 41_000, &demand(20, 10)), (12, 0));
    let begun = Demand {
        promised: 20,
        ..demand(20, 10)
    };
    assert_eq!(
        offer(&budget, 41_000, &begun),
        (2, 0),
        "promised calls count as spent"
    );
    let offered = budget.offer(at(0), CALLS_PER_MINUTE, &begun);
    assert_eq!(offered.more, More::At(at(60_000)));
}

#[test]
fn opt_outs_may_spend_the_calls_of_others_too() {
    let budget = learnt(1, &counted(240, 60));
    // 60 calls are left, 30 of them for any change.
    assert_eq!(offer(&budget, 0, &demand(5, 50)), (5, 10));
    assert_eq!(offer(&budget, 0, &demand(15, 50)), (15, 0));
    assert_eq!(offer(&budget, 0, &demand(40, 50)), (25, 0), "10 are held");
    assert_eq!(offer(&budget, 41_000, &demand(40, 50)), (30, 0));
}

#[test]
fn a_wide_batch_leaves_a_third_of_what_is_kept_for_opt_outs_until_a_third_of_the_window_is_over() {
    // 30 calls are left, and all of them are kept for opt-outs.
    let budget = learnt(1, &counted(270, 60));
    let of = |now| {
        let offer = budget.offer(at(now), CALLS_PER_MINUTE, &demand(40, 0));
        (offer.opt_outs, offer.opt_outs_at)
    };
    let (release, end) = (at(20_000), at(60_000));
    assert_eq!(of(0), (10, Some(release)));
    assert_eq!(of(19_999), (10, Some(release)));
    assert_eq!(of(20_000), (15, Some(end)));
    let alone = Demand {
        is_wide: false,
        ..demand(40, 0)
    };
    let alone = budget.offer(at(0), CALLS_PER_MINUTE, &alone);
    assert_eq!((alone.opt_outs, alone.opt_outs_at), (15, Some(end)));
    let listed = Demand {
        beside: 1,
        ..demand(40, 0)
    };
    assert_eq!(
        offer(&budget, 0, &listed),
        (9, 0),
        "one call is for their entries"
    );
    let few = budget.offer(at(0), CALLS_PER_MINUTE, &demand(5, 5));
    assert_eq!((few.opt_outs, few.opt_outs_at), (5, None));
    assert_eq!(few.more, More::At(end), "the others wait for its end");
}

#[test]
fn a_window_that_ends_soon_is_waited_for() {
    let budget = learnt(1, &counted(300, 4));
    assert_eq!(offer(&budget, 0, &demand(5, 50)), (0, 0));
    let patient = Demand {
        patience: Duration::from_secs(5),
        ..demand(5, 50)
    };
    let offered = budget.offer(at(0), CALLS_PER_MINUTE, &patient);
    assert_eq!(
        (offered.opt_outs, offered.others, offered.more),
        (5, 50, More::NotWanted)
    );
}

#[test]
fn without_a_count_a_wait_brings_only_the_calls_that_drop_out_by_then() {
    // 44 of 48 are spent, and 4 are kept for opt-outs. Within 5 s, 3 calls are a minute old.
    let mut budget = learnt(5, &UNCOUNTED);
    for (milliseconds, calls) in [(0, 3), (20_000, 41)] {
        for _ in 0..calls {
            let turn = budget.admit(at(milliseconds), CALLS_PER_MINUTE);
            assert_eq!(turn, Admission::Go);
            budget.record_call_ended();
        }
    }
    assert_eq!(offer(&budget, 58_000, &demand(0, 10)), (0, 0));
    assert_eq!(offer(&budget, 58_000, &demand(10, 0)), (2, 0));
    let patient = |opt_outs, others| Demand {
        patience: Duration::from_secs(5),
        ..demand(opt_outs, others)
    };
    assert_eq!(offer(&budget, 58_000, &patient(0, 10)), (0, 1));
    assert_eq!(offer(&budget, 58_000, &patient(10, 0)), (3, 0));
    let more = budget.offer(at(58_000), CALLS_PER_MINUTE, &patient(0, 10));
    assert_eq!(more.more, More::At(at(81_000)), "when the others drop out");
    assert_eq!(offer(&budget, 77_000, &patient(0, 10)), (0, 10));
}

#[test]
fn if_calls_are_too_few_for_all_copies_some_begin_by_chance() {
    // 34 calls are left, 30 are kept, and 4 are for five copies: two contacts.
    let budget = learnt(5, &counted(266, 60));
    let begun = |draw| {
        offer(
            &budget,
            0,
            &Demand {
                draw,
                ..demand(0, 10)
            },
        )
        .1
    };
    assert_eq!((begun(0.39), begun(0.41)), (1, 0), "two copies of five");
}

#[test]
fn a_budget_from_which_no_other_copy_spends_is_not_divided() {
    let mut budget = Budget::new(5, BudgetPart::Whole);
    let mine = |budget: &mut Budget, now: i64, told: RateLimit| {
        assert_eq!(budget.admit(at(now), CALLS_PER_MINUTE), Admission::Go);
        budget.answered(at(now), &told);
        budget.record_call_ended();
    };
    let others =
        |budget: &Budget, now: i64| budget.left(at(now), 300, &demand(1, 1)).unwrap().for_others;
    mine(&mut budget, 0, counted(1, 60));
    mine(&mut budget, 100, counted(2, 60));
    assert_eq!(
        others(&budget, 100),
        (298 - 30) / 5,
        "nothing is known about the window before"
    );
    mine(&mut budget, 60_000, counted(1, 60));
    assert_eq!(
        others(&budget, 60_000),
        299 - 30,
        "two windows without others"
    );
    mine(&mut budget, 60_100, counted(3, 60));
    assert_eq!(
        others(&budget, 60_100),
        (297 - 30) / 5,
        "one of the three is of another copy"
    );
    mine(&mut budget, 120_000, counted(1, 60));
    assert_eq!(others(&budget, 120_000), (299 - 30) / 5, "it may come back");
    mine(&mut budget, 180_000, counted(1, 60));
    assert_eq!(others(&budget, 180_000), 299 - 30);
}

#[test]
fn a_campaign_whose_creates_are_held_leaves_a_fifth_to_others() {
    // Without a count there are 48 calls: 4 are kept for opt-outs, and 9 for other campaigns. In a
    // window for one copy, 30 and 60 are kept.
    for (budget, all, held) in [
        (learnt(5, &UNCOUNTED), 22, 17),
        (learnt(5, &counted(0, 60)), 27, 21),
        (learnt(1, &counted(0, 60)), 135, 105),
    ] {
        let of = |others, held| Demand {
            held,
            ..demand(0, others)
        };
        assert_eq!(offer(&budget, 0, &of(500, 0)), (0, all));
        assert_eq!(offer(&budget, 0, &of(500, 500)), (0, held));
        assert_eq!(offer(&budget, 0, &of(500, 490)), (0, held), "with ten free");
        assert_eq!(
            offer(&budget, 0, &of(500, 400)),
            (0, all.min(100).max(held))
        );
    }
}
