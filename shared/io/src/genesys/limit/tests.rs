use super::*;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

fn headers(pairs: &[(&'static str, u64)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, number)| (http::HeaderName::from_static(name), (*number).into()))
        .collect()
}

fn told(count: u64, reset: u64) -> HeaderMap {
    headers(&[
        ("inin-ratelimit-allowed", 300),
        ("inin-ratelimit-count", count),
        ("inin-ratelimit-reset", reset),
    ])
}

/// A limit, and one answer that it learnt from.
fn learnt(copies: u32, status: StatusCode, headers: &HeaderMap) -> Limit {
    let limit = Limit::new(copies, Share::Whole);
    answer(&limit, 0, status, headers);
    limit
}

fn answer(limit: &Limit, now: i64, status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    limit.state().under_way += 1;
    Permit { limit }.learn(at(now), status, headers)
}

/// How many calls may be under way at once at this moment, and what the next one waits for.
fn side_by_side(limit: &Limit, now: i64) -> (u64, Turn) {
    let mut state = limit.state();
    for calls in 0..1_000 {
        match state.take_turn(at(now), limit.share, limit.siblings, 300) {
            Turn::Go => {}
            turn => return (calls, turn),
        }
    }
    panic!("no limit")
}

#[test]
fn a_copy_that_knows_nothing_asks_with_one_call() {
    assert_eq!(
        side_by_side(&Limit::new(5, Share::Whole), 0),
        (1, Turn::AfterAnswer)
    );
    for status in [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::UNAUTHORIZED,
    ] {
        let error = learnt(5, status, &HeaderMap::new());
        assert_eq!(
            side_by_side(&error, 0),
            (1, Turn::AfterAnswer),
            "an error without headers tells nothing"
        );
    }
}

#[test]
fn calls_go_side_by_side_while_more_is_left_than_siblings_may_be_spending() {
    let limit = learnt(5, StatusCode::OK, &told(200, 30));
    assert_eq!(
        side_by_side(&limit, 0),
        (60, Turn::AfterAnswer),
        "300 - 200, less 4 siblings with 10 calls each"
    );
    let limit = learnt(5, StatusCode::OK, &told(270, 30));
    assert_eq!(
        side_by_side(&limit, 0),
        (1, Turn::AfterAnswer),
        "the rest is spent one by one"
    );
    let limit = learnt(1, StatusCode::OK, &told(270, 30));
    assert_eq!(
        side_by_side(&limit, 0),
        (30, Turn::AfterAnswer),
        "without siblings all of it"
    );
}

#[test]
fn what_is_known_grows_old() {
    for copies in [5, 1] {
        let limit = learnt(copies, StatusCode::OK, &told(10, 30));
        assert!(side_by_side(&limit, 250).0 >= 250);
        let limit = learnt(copies, StatusCode::OK, &told(10, 30));
        assert_eq!(
            side_by_side(&limit, 251),
            (1, Turn::AfterAnswer),
            "{copies} copies, and reconcile"
        );
    }
}

#[test]
fn a_spent_budget_waits_for_the_reset_and_then_asks_with_one_call() {
    let limit = learnt(1, StatusCode::OK, &told(300, 30));
    assert_eq!(side_by_side(&limit, 0), (0, Turn::At(at(30_000))));
    assert_eq!(side_by_side(&limit, 30_000), (1, Turn::AfterAnswer));
}

#[test]
fn the_highest_count_of_a_window_stands_and_a_new_window_replaces_it() {
    let limit = learnt(1, StatusCode::OK, &told(290, 30));
    answer(&limit, 5, StatusCode::OK, &told(250, 30));
    assert_eq!(
        side_by_side(&limit, 5).0,
        10,
        "an answer that was overtaken"
    );
    let limit = learnt(1, StatusCode::OK, &told(290, 30));
    answer(&limit, 30_001, StatusCode::OK, &told(1, 60));
    assert_eq!(side_by_side(&limit, 30_001).0, 299);
}

#[test]
fn after_a_refusal_no_call_is_made_for_as_long_as_asked() {
    let refused = StatusCode::TOO_MANY_REQUESTS;
    for (asked, until) in [
        (Some(42), 42_i64),
        (Some(86_400), 900),
        (Some(0), 1),
        (None, 15),
    ] {
        let headers = asked.map_or_else(HeaderMap::new, |seconds| {
            headers(&[("retry-after", seconds)])
        });
        let limit = Limit::new(5, Share::Whole);
        let told = answer(&limit, 0, refused, &headers);
        assert_eq!(
            told,
            Some(Duration::from_secs(u64::try_from(until).unwrap()))
        );
        assert_eq!(
            side_by_side(&limit, 0),
            (0, Turn::At(at(until * 1_000))),
            "{asked:?}"
        );
    }
    let limit = Limit::new(5, Share::Whole);
    assert_eq!(
        answer(&limit, 0, refused, &told(301, 7)),
        Some(Duration::from_secs(7)),
        "the reset stands in"
    );
}

#[test]
fn without_headers_each_copy_keeps_to_its_share_in_any_minute() {
    let limit = learnt(5, StatusCode::OK, &HeaderMap::new());
    assert_eq!(
        side_by_side(&limit, 500),
        (48, Turn::At(at(61_000))),
        "a fifth of the four fifths that reconcile leaves"
    );
    assert_eq!(side_by_side(&limit, 60_999), (0, Turn::At(at(61_000))));
    assert_eq!(side_by_side(&limit, 61_000).0, 48);
}

#[test]
fn a_refusal_that_tells_no_count_makes_a_copy_go_one_by_one_for_a_minute() {
    for share in [Share::Whole, Share::Fifth] {
        let limit = Limit::new(5, share);
        answer(
            &limit,
            0,
            StatusCode::TOO_MANY_REQUESTS,
            &headers(&[("retry-after", 3)]),
        );
        limit.state().under_way = 0;
        answer(&limit, 3_000, StatusCode::OK, &HeaderMap::new());
        limit.state().under_way = 0;
        assert_eq!(
            side_by_side(&limit, 3_000),
            (1, Turn::AfterAnswer),
            "{share:?}"
        );
        limit.state().under_way = 0;
        assert!(side_by_side(&limit, 60_000).0 > 40, "{share:?}");
    }
}

#[test]
fn reconcile_keeps_to_a_fifth_of_the_budget_whatever_is_left_of_it() {
    let limit = Limit::new(5, Share::Fifth);
    answer(&limit, 0, StatusCode::OK, &told(1, 60));
    assert_eq!(
        side_by_side(&limit, 0),
        (60, Turn::At(at(61_000))),
        "a fifth of 300"
    );
    let small = Limit::new(5, Share::Fifth);
    let allows_90 = [
        ("inin-ratelimit-allowed", 90),
        ("inin-ratelimit-count", 1),
        ("inin-ratelimit-reset", 60),
    ];
    answer(&small, 0, StatusCode::OK, &headers(&allows_90));
    assert_eq!(side_by_side(&small, 0).0, 18, "of what the service allows");
    let without = Limit::new(5, Share::Fifth);
    answer(&without, 0, StatusCode::OK, &HeaderMap::new());
    assert_eq!(
        side_by_side(&without, 0),
        (60, Turn::At(at(61_000))),
        "of callsPerMinute, where there are no headers"
    );
}

#[test]
fn reconcile_leaves_the_last_fifth_of_a_window_to_apply() {
    let limit = Limit::new(5, Share::Fifth);
    answer(&limit, 0, StatusCode::OK, &told(239, 30));
    assert_eq!(side_by_side(&limit, 0), (1, Turn::At(at(30_000))));
    let limit = Limit::new(5, Share::Fifth);
    answer(&limit, 0, StatusCode::OK, &told(200, 30));
    assert_eq!(
        side_by_side(&limit, 0),
        (40, Turn::At(at(30_000))),
        "what is under way counts"
    );
    assert_eq!(
        side_by_side(&limit, 30_000),
        (0, Turn::AfterAnswer),
        "and then one call asks again"
    );
}

#[test]
fn a_tenth_of_a_minutes_calls_is_left_to_opt_outs_by_all_copies_together_and_less_as_it_ends() {
    let left_before = |reset: u64, copies: u32, allowed: u64, count: u64| {
        let told = [
            ("inin-ratelimit-allowed", allowed),
            ("inin-ratelimit-count", count),
            ("inin-ratelimit-reset", reset),
        ];
        let limit = learnt(copies, StatusCode::OK, &headers(&told));
        limit.state().under_way = 0;
        let left = limit
            .state()
            .left(at(0), limit.siblings, 300, 0.99)
            .unwrap();
        (left.calls, left.ordinary)
    };
    let left = |copies, allowed, count| left_before(60, copies, allowed, count);
    assert_eq!(left(1, 300, 100), (200, 170));
    assert_eq!(left(5, 300, 200), (20, 14));
    assert_eq!(
        left(5, 300, 262),
        (8, 1),
        "five copies may not take eight each of the eight that are left"
    );
    assert_eq!(left(5, 300, 271), (8, 0));
    assert_eq!(left(5, 300, 295), (5, 0));
    assert_eq!(
        left(10, 20, 5),
        (8, 8),
        "a share too small for anything is no even one: who comes first gets somewhere"
    );
    assert_eq!(
        left_before(30, 5, 300, 262),
        (8, 4),
        "of the 38 that are left 15 are kept, half a minute before the end"
    );
    assert_eq!(left_before(6, 1, 300, 262), (38, 35));
    assert_eq!(
        left_before(6, 1, 60, 55),
        (5, 3),
        "a read and a write are kept up to the end"
    );
    assert_eq!(
        left_before(86_400, 1, 300, 262),
        (38, 8),
        "never more than a tenth"
    );
}

#[test]
fn what_is_kept_for_opt_outs_shrinks_with_new_counts_not_with_the_clock() {
    let limit = learnt(8, StatusCode::OK, &told(270, 60));
    limit.state().under_way = 0;
    let ordinary = |now| {
        limit
            .state()
            .left(at(now), limit.siblings, 300, 0.0)
            .unwrap()
            .ordinary
    };
    assert_eq!(
        (ordinary(0), ordinary(40_000)),
        (0, 0),
        "siblings may have spent all of it since"
    );
    answer(&limit, 40_000, StatusCode::OK, &told(272, 20));
    limit.state().under_way = 0;
    assert_eq!(
        ordinary(40_000),
        2,
        "18 that are not kept, for eight copies"
    );
}

#[test]
fn what_is_too_little_for_every_copy_is_spent_by_some_of_them() {
    let ordinary = |count: u64, luck: f64| {
        let limit = learnt(10, StatusCode::OK, &told(count, 60));
        limit.state().under_way = 0;
        limit
            .state()
            .left(at(0), limit.siblings, 300, luck)
            .unwrap()
            .ordinary
    };
    assert_eq!(
        (ordinary(250, 0.0), ordinary(250, 0.99)),
        (2, 2),
        "20 for ten copies are a change for each"
    );
    assert_eq!(
        (ordinary(260, 0.49), ordinary(260, 0.5)),
        (2, 1),
        "10 for ten copies are one for every other"
    );
    assert_eq!((ordinary(268, 0.09), ordinary(268, 0.1)), (2, 0));
    assert_eq!(
        (ordinary(269, 0.0), ordinary(270, 0.0)),
        (0, 0),
        "nobody begins what cannot be ended"
    );
}

#[test]
fn what_is_reserved_is_left_to_nobody_else() {
    let limit = learnt(1, StatusCode::OK, &told(280, 30));
    limit.state().under_way = 0;
    let left = || {
        limit
            .state()
            .left(at(300), limit.siblings, 300, 0.0)
            .unwrap()
            .calls
    };
    assert_eq!(left(), 20);

    let mut reserved = limit.reserve(3);
    reserved.add(2);
    assert_eq!(left(), 15);
    drop(reserved);
    assert_eq!(left(), 20);
}

#[test]
fn without_headers_what_is_under_way_and_reserved_counts_once() {
    let limit = learnt(1, StatusCode::OK, &HeaderMap::new());
    limit.state().under_way = 0;
    let left = || {
        limit
            .state()
            .left(at(300), limit.siblings, 100, 0.0)
            .unwrap()
            .calls
    };
    assert_eq!(left(), 80, "four fifths");
    let reserved = limit.reserve(3);
    assert_eq!(left(), 77);
    assert_eq!(
        limit
            .state()
            .take_turn(at(300), limit.share, limit.siblings, 100),
        Turn::Go
    );
    assert_eq!(left(), 77, "one of the three is under way");
    drop(reserved);
    limit.state().under_way = 0;
    assert_eq!(left(), 79, "and spent");
}
