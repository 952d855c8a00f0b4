use super::*;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

const CALLS_PER_MINUTE: u32 = 300;

/// An answer that tells the count of 300 calls, and how many seconds the window lasts.
fn counted(count: u64, reset: u64) -> Told {
    counted_of(300, count, reset)
}

fn counted_of(allowed: u64, count: u64, reset: u64) -> Told {
    Told {
        count: Some((allowed, count)),
        reset: Some(Duration::from_secs(reset)),
        is_of_service: true,
        ..Told::default()
    }
}

const UNCOUNTED: Told = Told {
    count: None,
    reset: None,
    is_refused: false,
    is_of_service: true,
};

const REFUSED: Told = Told {
    is_refused: true,
    ..UNCOUNTED
};

/// One call is made and answered.
fn call(budget: &mut Budget, now: i64, told: &Told) {
    budget.under_way += 1;
    budget.answered(at(now), told);
    budget.is_over();
}

/// One call is refused, with this `Retry-After`.
fn refuse(budget: &mut Budget, now: i64, after: &str) {
    budget.throttle.refused(at(now), [after]);
    call(budget, now, &REFUSED);
}

/// A budget of apply, after one answer at time 0.
fn learnt(copies: u32, told: &Told) -> Budget {
    let mut budget = Budget::new(copies, Share::Whole);
    call(&mut budget, 0, told);
    budget
}

/// How many calls may go side by side at this moment, and what the next one waits for.
fn side_by_side(budget: &mut Budget, now: i64) -> (u64, Turn) {
    for calls in 0..1_000 {
        match budget.turn(at(now), CALLS_PER_MINUTE) {
            Turn::Go => {}
            turn => return (calls, turn),
        }
    }
    panic!("no limit")
}

fn demand(opt_outs: u64, others: u64) -> Demand {
    Demand {
        opt_outs,
        others,
        is_wide: true,
        promised: 0,
        patience: Duration::ZERO,
        luck: 0.99,
    }
}

fn offer(budget: &Budget, now: i64, demand: &Demand) -> (u64, u64) {
    let offer = budget.offer(at(now), CALLS_PER_MINUTE, demand);
    (offer.opt_outs, offer.others)
}

mod turns {
    use super::*;

    #[test]
    fn a_copy_that_knows_nothing_asks_with_one_call() {
        let mut unknown = Budget::new(5, Share::Whole);
        assert_eq!(side_by_side(&mut unknown, 0), (1, Turn::AfterAnswer));
        let mut error = learnt(5, &Told::default());
        assert_eq!(
            side_by_side(&mut error, 0),
            (1, Turn::AfterAnswer),
            "what stands before the service tells nothing"
        );
    }

    #[test]
    fn calls_go_side_by_side_while_more_is_left_than_the_other_copies_may_be_spending() {
        for (copies, count, expected, why) in [
            (
                5,
                200,
                60,
                "300 - 200, less four copies with ten calls each",
            ),
            (5, 270, 1, "the rest is spent one by one"),
            (1, 270, 30, "without other copies all of it"),
        ] {
            let mut budget = learnt(copies, &counted(count, 30));
            assert_eq!(
                side_by_side(&mut budget, 0),
                (expected, Turn::AfterAnswer),
                "{why}"
            );
        }
    }

    #[test]
    fn what_is_known_grows_old() {
        for copies in [5, 1] {
            let mut budget = learnt(copies, &counted(10, 30));
            assert!(side_by_side(&mut budget, 250).0 >= 250);
            let mut budget = learnt(copies, &counted(10, 30));
            let alone = (1, Turn::AfterAnswer);
            assert_eq!(
                side_by_side(&mut budget, 251),
                alone,
                "{copies} copies, and reconcile"
            );
        }
    }

    #[test]
    fn a_spent_budget_waits_for_the_windows_end_and_then_asks_with_one_call() {
        let mut budget = learnt(1, &counted(300, 30));
        assert_eq!(side_by_side(&mut budget, 0), (0, Turn::At(at(30_000))));
        assert_eq!(side_by_side(&mut budget, 30_000), (1, Turn::AfterAnswer));
    }

    #[test]
    fn the_highest_count_of_a_window_stands_and_a_new_window_replaces_it() {
        let mut budget = learnt(1, &counted(290, 30));
        call(&mut budget, 5, &counted(250, 30));
        assert_eq!(
            side_by_side(&mut budget, 5).0,
            10,
            "an answer that was overtaken"
        );
        let mut budget = learnt(1, &counted(290, 30));
        call(&mut budget, 30_001, &counted(1, 60));
        assert_eq!(side_by_side(&mut budget, 30_001).0, 299);
    }

    #[test]
    fn after_a_refusal_no_call_is_made_for_as_long_as_asked() {
        for (asked, until) in [("42", 42), ("86400", 900), ("0", 1), ("soon", 15)] {
            let mut budget = Budget::new(5, Share::Whole);
            refuse(&mut budget, 0, asked);
            let turn = Turn::At(at(until * 1_000));
            assert_eq!(side_by_side(&mut budget, 0), (0, turn), "{asked}");
        }
    }

    #[test]
    fn a_refusal_without_a_count_makes_a_copy_go_one_by_one_for_a_minute() {
        for share in [Share::Whole, Share::Fifth] {
            let mut budget = Budget::new(5, share);
            refuse(&mut budget, 0, "3");
            call(&mut budget, 3_000, &UNCOUNTED);
            assert_eq!(
                side_by_side(&mut budget, 3_000),
                (1, Turn::AfterAnswer),
                "{share:?}"
            );
            budget.is_over();
            assert!(side_by_side(&mut budget, 60_000).0 > 40, "{share:?}");
        }
    }

    #[test]
    fn without_a_count_each_copy_keeps_to_its_share_in_any_minute() {
        let mut budget = learnt(5, &UNCOUNTED);
        let first = (48, Turn::At(at(61_000)));
        assert_eq!(
            side_by_side(&mut budget, 500),
            first,
            "a fifth of what reconcile leaves"
        );
        assert_eq!(side_by_side(&mut budget, 60_999), (0, Turn::At(at(61_000))));
        assert_eq!(side_by_side(&mut budget, 61_000).0, 48);
    }

    #[test]
    fn a_service_that_tells_nothing_any_more_is_one_that_tells_nothing() {
        let mut budget = learnt(5, &counted(10, 60));
        call(&mut budget, 30_000, &UNCOUNTED);
        assert!(matches!(budget.known, Known::Window(_)), "its window lasts");
        call(&mut budget, 61_000, &UNCOUNTED);
        let share = (48, Turn::At(at(122_000)));
        assert_eq!(side_by_side(&mut budget, 61_000), share);
    }

    #[test]
    fn reconcile_keeps_to_a_fifth_and_leaves_the_last_fifth_of_a_window() {
        let reconcile = |told: &Told| {
            let mut budget = Budget::new(5, Share::Fifth);
            call(&mut budget, 0, told);
            budget
        };
        for (told, expected, why) in [
            (counted(1, 60), (60, Turn::At(at(61_000))), "a fifth of 300"),
            (
                counted_of(90, 1, 60),
                (18, Turn::At(at(61_000))),
                "of what is allowed",
            ),
            (UNCOUNTED, (60, Turn::At(at(61_000))), "of callsPerMinute"),
            (
                counted(239, 30),
                (1, Turn::At(at(30_000))),
                "the last fifth",
            ),
            (
                counted(200, 30),
                (40, Turn::At(at(30_000))),
                "what is under way counts",
            ),
        ] {
            assert_eq!(side_by_side(&mut reconcile(&told), 0), expected, "{why}");
        }
        let mut next = reconcile(&counted(200, 30));
        side_by_side(&mut next, 0);
        assert_eq!(
            side_by_side(&mut next, 30_000),
            (0, Turn::AfterAnswer),
            "one call asks again"
        );
    }
}

mod offers {
    use super::*;

    #[test]
    fn where_nothing_is_known_one_contact_is_begun_an_opt_out_first() {
        let budget = Budget::new(5, Share::Whole);
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
            "of the new window"
        );
    }

    /// Calls that a copy may promise: to opt-outs, and to others.
    fn left(copies: u32, told: &Told) -> (u64, u64) {
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
                "of too little for all, who comes first gets on",
            ),
            (
                5,
                counted(262, 30),
                (8, 4),
                "of 38 are 15 kept, half a minute before the end",
            ),
            (
                1,
                counted_of(60, 54, 60),
                (4, 0),
                "of six two are held, so that two opt-outs go at once",
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
    fn what_is_kept_shrinks_with_new_counts_not_with_the_clock() {
        let mut budget = learnt(8, &counted(270, 60));
        let others =
            |budget: &Budget, now| budget.left(at(now), 300, &demand(1, 1)).unwrap().for_others;
        let both = (others(&budget, 0), others(&budget, 40_000));
        assert_eq!(both, (0, 0), "other copies may have spent all of it since");
        call(&mut budget, 40_000, &counted(272, 20));
        let lucky = Demand {
            luck: 0.0,
            ..demand(1, 1)
        };
        let left = budget.left(at(40_000), 300, &lucky).unwrap();
        assert_eq!(left.for_others, 2, "18 that are not kept, for eight copies");
    }

    #[test]
    fn no_contact_is_begun_that_cannot_be_ended() {
        let budget = learnt(1, &counted(275, 60));
        // 25 are left, 30 would be kept.
        assert_eq!(offer(&budget, 0, &demand(0, 10)), (0, 0));
        assert_eq!(offer(&budget, 41_000, &demand(20, 10)), (12, 0));
        let begun = Demand {
            promised: 20,
            ..demand(20, 10)
        };
        assert_eq!(
            offer(&budget, 41_000, &begun),
            (2, 0),
            "what is promised is spent"
        );
        let offered = budget.offer(at(0), CALLS_PER_MINUTE, &begun);
        assert_eq!(offered.more, More::At(at(60_000)));
    }

    #[test]
    fn opt_outs_take_of_the_others_too() {
        let budget = learnt(1, &counted(240, 60));
        // 60 are left, 30 of them for anybody.
        assert_eq!(offer(&budget, 0, &demand(5, 50)), (5, 10));
        assert_eq!(offer(&budget, 0, &demand(15, 50)), (15, 0));
        assert_eq!(offer(&budget, 0, &demand(40, 50)), (25, 0), "10 are held");
        assert_eq!(offer(&budget, 41_000, &demand(40, 50)), (30, 0));
    }

    #[test]
    fn a_wide_batch_leaves_a_third_of_what_is_kept_for_opt_outs_until_a_third_of_the_window_is_over()
     {
        // 30 are left, and all of them kept.
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
    fn of_calls_that_are_too_few_for_every_copy_some_copies_begin_a_contact_by_chance() {
        // 34 are left, 30 kept, 4 for five copies: two contacts.
        let budget = learnt(5, &counted(266, 60));
        let begun = |luck| {
            offer(
                &budget,
                0,
                &Demand {
                    luck,
                    ..demand(0, 10)
                },
            )
            .1
        };
        assert_eq!((begun(0.39), begun(0.41)), (1, 0), "two copies of five");
    }

    #[test]
    fn what_no_other_copy_spends_is_not_divided() {
        let mut budget = Budget::new(5, Share::Whole);
        let mine = |budget: &mut Budget, now: i64, told: Told| {
            assert_eq!(budget.turn(at(now), CALLS_PER_MINUTE), Turn::Go);
            budget.answered(at(now), &told);
            budget.is_over();
        };
        let others = |budget: &Budget, now: i64| {
            budget.left(at(now), 300, &demand(1, 1)).unwrap().for_others
        };
        mine(&mut budget, 0, counted(1, 60));
        mine(&mut budget, 100, counted(2, 60));
        assert_eq!(
            others(&budget, 100),
            (298 - 30) / 5,
            "of the window before nothing is known"
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
}
