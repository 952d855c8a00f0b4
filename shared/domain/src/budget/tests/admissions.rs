//! Tests of when a call may go: at once, after another call, or in the next window. Which contacts
//! begin at all is in `offers`; the table in [`crate::budget`] has an example.

use super::*;

#[test]
fn a_copy_that_knows_nothing_asks_with_one_call() {
    let mut unknown = Budget::new(5, BudgetPart::Whole);
    assert_eq!(side_by_side(&mut unknown, 0), (1, Admission::AfterAnswer));
    let mut error = learnt(5, &RateLimit::default());
    assert_eq!(
        side_by_side(&mut error, 0),
        (1, Admission::AfterAnswer),
        "an answer without a count tells nothing"
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
            (expected, Admission::AfterAnswer),
            "{why}"
        );
    }
}

#[test]
fn a_known_count_is_outdated_after_a_quarter_of_a_second() {
    for copies in [5, 1] {
        let mut budget = learnt(copies, &counted(10, 30));
        assert!(side_by_side(&mut budget, 250).0 >= 250);
        let mut budget = learnt(copies, &counted(10, 30));
        let alone = (1, Admission::AfterAnswer);
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
    assert_eq!(side_by_side(&mut budget, 0), (0, Admission::At(at(30_000))));
    assert_eq!(
        side_by_side(&mut budget, 30_000),
        (1, Admission::AfterAnswer)
    );
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
        let mut budget = Budget::new(5, BudgetPart::Whole);
        refuse(&mut budget, 0, asked);
        let turn = Admission::At(at(until * 1_000));
        assert_eq!(side_by_side(&mut budget, 0), (0, turn), "{asked}");
    }
}

#[test]
fn a_refusal_without_a_count_makes_a_copy_go_one_by_one_for_a_minute() {
    for share in [BudgetPart::Whole, BudgetPart::Fifth] {
        let mut budget = Budget::new(5, share);
        refuse(&mut budget, 0, "3");
        call(&mut budget, 3_000, &UNCOUNTED);
        assert_eq!(
            side_by_side(&mut budget, 3_000),
            (1, Admission::AfterAnswer),
            "{share:?}"
        );
        budget.record_call_ended();
        assert!(side_by_side(&mut budget, 60_000).0 > 40, "{share:?}");
    }
}

#[test]
fn without_a_count_each_copy_keeps_to_its_share_in_any_minute() {
    let mut budget = learnt(5, &UNCOUNTED);
    let first = (48, Admission::At(at(61_000)));
    assert_eq!(
        side_by_side(&mut budget, 500),
        first,
        "a fifth of what reconcile leaves"
    );
    assert_eq!(
        side_by_side(&mut budget, 60_999),
        (0, Admission::At(at(61_000)))
    );
    assert_eq!(side_by_side(&mut budget, 61_000).0, 48);
}

#[test]
fn after_its_window_a_service_that_stops_sending_limits_counts_as_one_without() {
    let mut budget = learnt(5, &counted(10, 60));
    call(&mut budget, 30_000, &UNCOUNTED);
    assert!(matches!(budget.known, Known::Window(_)), "its window lasts");
    call(&mut budget, 61_000, &UNCOUNTED);
    let share = (48, Admission::At(at(122_000)));
    assert_eq!(side_by_side(&mut budget, 61_000), share);
}

#[test]
fn reconcile_keeps_to_a_fifth_and_leaves_the_last_fifth_of_a_window() {
    let reconcile = |told: &RateLimit| {
        let mut budget = Budget::new(5, BudgetPart::Fifth);
        call(&mut budget, 0, told);
        budget
    };
    for (told, expected, why) in [
        (
            counted(1, 60),
            (60, Admission::At(at(61_000))),
            "a fifth of 300",
        ),
        (
            counted_of(90, 1, 60),
            (18, Admission::At(at(61_000))),
            "a fifth of what is allowed",
        ),
        (
            UNCOUNTED,
            (60, Admission::At(at(61_000))),
            "a fifth of callsPerMinute",
        ),
        (
            counted(239, 30),
            (1, Admission::At(at(30_000))),
            "the last fifth",
        ),
        (
            counted(200, 30),
            (40, Admission::At(at(30_000))),
            "calls under way count",
        ),
    ] {
        assert_eq!(side_by_side(&mut reconcile(&told), 0), expected, "{why}");
    }
    let mut next = reconcile(&counted(200, 30));
    side_by_side(&mut next, 0);
    assert_eq!(
        side_by_side(&mut next, 30_000),
        (0, Admission::AfterAnswer),
        "one call asks again"
    );
}
