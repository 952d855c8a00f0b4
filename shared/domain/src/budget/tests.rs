mod offers;
mod turns;

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
        beside: 0,
        patience: Duration::ZERO,
        luck: 0.99,
    }
}

fn offer(budget: &Budget, now: i64, demand: &Demand) -> (u64, u64) {
    let offer = budget.offer(at(now), CALLS_PER_MINUTE, demand);
    (offer.opt_outs, offer.others)
}
