mod admissions;
mod offers;

use super::*;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

const CALLS_PER_MINUTE: u32 = 300;

/// An answer that reports the count of 300 calls, and how many seconds the window lasts.
fn counted(count: u64, reset: u64) -> RateLimit {
    counted_of(300, count, reset)
}

fn counted_of(allowed: u64, count: u64, reset: u64) -> RateLimit {
    RateLimit {
        count: Some((allowed, count)),
        reset: Some(Duration::from_secs(reset)),
        is_of_service: true,
        ..RateLimit::default()
    }
}

const UNCOUNTED: RateLimit = RateLimit {
    count: None,
    reset: None,
    is_refused: false,
    is_of_service: true,
};

const REFUSED: RateLimit = RateLimit {
    is_refused: true,
    ..UNCOUNTED
};

/// One call is made and answered.
fn call(budget: &mut Budget, now: i64, told: &RateLimit) {
    budget.under_way += 1;
    budget.answered(at(now), told);
    budget.record_call_ended();
}

/// One call is refused, with this `Retry-After`.
fn refuse(budget: &mut Budget, now: i64, after: &str) {
    budget.throttle.refused(at(now), [after]);
    call(budget, now, &REFUSED);
}

/// A budget of apply, after one answer at time 0.
fn learnt(copies: u32, told: &RateLimit) -> Budget {
    let mut budget = Budget::new(copies, BudgetPart::Whole);
    call(&mut budget, 0, told);
    budget
}

/// How many calls may go side by side at this moment, and what the next one waits for.
fn side_by_side(budget: &mut Budget, now: i64) -> (u64, Admission) {
    for calls in 0..1_000 {
        match budget.admit(at(now), CALLS_PER_MINUTE) {
            Admission::Go => {}
            turn => return (calls, turn),
        }
    }
    panic!("no limit")
}

fn demand(opt_outs: u64, others: u64) -> Demand {
    Demand {
        opt_outs,
        others,
        held: 0,
        is_wide: true,
        promised: 0,
        beside: 0,
        patience: Duration::ZERO,
        draw: 0.99,
    }
}

fn offer(budget: &Budget, now: i64, demand: &Demand) -> (u64, u64) {
    let offer = budget.offer(at(now), CALLS_PER_MINUTE, demand);
    (offer.opt_outs, offer.others)
}
