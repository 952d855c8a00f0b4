//! Tests of the judges: each known answer says one thing about its question, and any other answer
//! leaves the question open. What a result means for the operator is in `verdict`, and the calls
//! that get the answers are tested in `tests/it/probe.rs`.

use super::*;

fn contact(id: &str, value: &str, callable: Option<bool>) -> ScratchContact {
    ScratchContact {
        id: id.to_owned(),
        data: [("c".to_owned(), value.to_owned())].into(),
        callable,
    }
}

fn is_open(seen: &Finding) -> bool {
    matches!(seen, Finding::NotFoundOut(_))
}

#[test]
fn only_a_contact_that_was_uncallable_shows_what_omitting_callable_does() {
    let of = |before, after| {
        let before = contact("a", "", before);
        callable(Some(&before), &contact("a", "", after))
    };
    assert_eq!(
        of(Some(false), Some(false)),
        Finding::AsAssumed("stays uncallable".into())
    );
    assert_eq!(
        of(Some(false), Some(true)),
        Finding::Differs("is callable again".into())
    );
    for (before, after) in [
        (Some(true), Some(true)),
        (None, Some(false)),
        (Some(false), None),
    ] {
        assert!(is_open(&of(before, after)), "{before:?} {after:?}");
    }
    assert!(is_open(&callable(None, &contact("a", "", Some(true)))));
}

#[test]
fn a_write_is_refused_only_where_the_service_says_so() {
    let failed = |kind| Failure::new(kind, "POST contacts");
    let of = |kind| subset(Err(&failed(kind)), false);
    assert_eq!(of(Kind::Rejected), Finding::AsAssumed("is refused".into()));
    for kind in [
        Kind::Refused,
        Kind::Unavailable,
        Kind::Unanswered,
        Kind::NotFound,
    ] {
        assert!(is_open(&of(kind)), "{kind:?}");
    }
    assert_eq!(subset(Ok(()), false), Finding::Differs("is taken".into()));
    assert_eq!(subset(Ok(()), true), Finding::AsAssumed("is taken".into()));
    let other = failed(Kind::Rejected);
    assert_eq!(
        subset(Err(&other), true),
        Finding::Differs("is refused".into())
    );
}

#[test]
fn the_reason_of_an_open_question_holds_no_name_of_a_secret() {
    let failure = Failure::new(Kind::Refused, "secret campaign-sync/org/acme: denied");
    assert_eq!(why(&failure), "the OAuth client cannot log in");
    let failure = Failure {
        http_status: Some(503),
        ..Failure::new(Kind::Unavailable, "POST contacts: 503")
    };
    assert_eq!(why(&failure), "POST contacts: 503");
}

#[test]
fn the_reason_of_an_open_question_says_what_to_do_about_it() {
    let failed = |kind, status: u16| Failure {
        http_status: Some(status),
        ..Failure::new(kind, format!("PUT contact: {status}"))
    };
    let refused = failed(Kind::Refused, 403);
    let told = "PUT contact: 403 (needs outbound:contact:edit)";
    assert_eq!(why(&refused), told);
    let after = Duration::from_secs(9);
    let throttled = failed(Kind::Throttled { after }, 429);
    let told = "PUT contact: 429: run it again in a minute";
    assert_eq!(why(&throttled), told);
}

#[test]
fn an_accepted_length_says_nothing_about_those_up_to_the_refused_one() {
    let of = |taken| length(&[255, 128, 64], taken);
    assert_eq!(of(Some(0)), Finding::AsAssumed("255 characters".into()));
    for (taken, told) in [
        (Some(1), "128 characters, not 255: one between may be taken"),
        (Some(2), "64 characters, not 128: one between may be taken"),
        (None, "less than 64 characters"),
    ] {
        assert_eq!(of(taken), Finding::Differs(told.into()));
    }
}

#[test]
fn ids_that_differ_in_case_are_two_contacts_or_one_or_the_question_stays_open() {
    let of = |found: &[ScratchContact]| case(found, ("a", "1"), ("A", "9"), "c");
    let (old, new) = (contact("a", "1", None), contact("A", "9", None));
    assert_eq!(
        of(&[new.clone(), old.clone()]),
        Finding::AsAssumed("makes two contacts".into())
    );
    let one = contact("a", "9", None);
    for found in [vec![one.clone()], vec![one.clone(), one], vec![new.clone()]] {
        assert_eq!(
            of(&found),
            Finding::Differs("makes no other contact".into()),
            "{found:?}"
        );
    }
    for found in [
        vec![],
        vec![old.clone()],
        vec![contact("a", "5", None), new],
    ] {
        assert!(is_open(&of(&found)), "{found:?}");
    }
}

#[test]
fn an_id_that_was_sent_twice_holds_one_of_its_values() {
    let of = |found: &[ScratchContact]| duplicates(found, ["1", "2"], "c");
    let one = |value| contact("a", value, None);
    assert_eq!(
        of(&[one("1")]),
        Finding::Differs("is taken: the first wins".into())
    );
    assert_eq!(
        of(&[one("2")]),
        Finding::Differs("is taken: the last wins".into())
    );
    assert!(is_open(&of(&[])) && is_open(&of(&[one("3")])));
    assert!(is_open(&of(&[one("1"), one("2")])));
}

#[test]
fn an_answer_without_a_contact_has_no_order() {
    let [a, b, c] = ["a", "b", "c"].map(|id| contact(id, "", None));
    let sent = [b.clone(), a.clone(), c.clone()];
    assert_eq!(
        order(&sent, &sent),
        Finding::AsAssumed("are as they were sent".into())
    );
    let other = [a.clone(), b.clone(), c.clone()];
    assert_eq!(
        order(&sent, &other),
        Finding::Differs("are in another order".into())
    );
    assert!(is_open(&order(&sent, &other[..2])));
    assert!(is_open(&order(&sent, &[b, a.clone(), a])));
}

#[test]
fn token_budgets_are_shared_or_separate_and_a_new_minute_leaves_the_question_open() {
    assert_eq!(
        budget([20, 21, 22, 23]),
        Finding::AsAssumed("are shared".into())
    );
    assert_eq!(
        budget([20, 24, 29, 31]),
        Finding::AsAssumed("are shared".into()),
        "beside others"
    );
    for apart in [[20, 1, 21, 2], [1, 1, 2, 2], [5, 7, 6, 8]] {
        let own = Finding::Differs("are each token's own".into());
        assert_eq!(budget(apart), own, "{apart:?}");
    }
    for neither in [[20, 21, 1, 2], [20, 1, 2, 3], [20, 1, 22, 2], [3, 3, 3, 3]] {
        assert!(is_open(&budget(neither)), "{neither:?}");
    }
}

#[test]
fn a_column_that_holds_a_third_value_was_neither_kept_nor_emptied() {
    let of = |after: Option<&str>| left_out("2", after.map(str::to_owned).as_ref());
    assert_eq!(of(None), Finding::AsAssumed("is emptied".into()));
    assert_eq!(of(Some("")), Finding::AsAssumed("is emptied".into()));
    assert_eq!(of(Some("2")), Finding::Differs("is kept".into()));
    assert!(is_open(&of(Some("7"))));
}

#[test]
fn late_reads_are_reported_with_their_delay() {
    let after = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(
        new_contact(true, after(0)),
        Finding::AsAssumed("at once".into())
    );
    for (by_id, in_bulk, told) in [
        (false, after(0), "at once in bulk, and later by GET"),
        (true, after(3), "in bulk after some 3 s"),
        (false, None, "not within the time that was waited"),
    ] {
        assert_eq!(new_contact(by_id, in_bulk), Finding::Differs(told.into()));
    }
    assert_eq!(update(Duration::ZERO), Finding::AsAssumed("at once".into()));
    assert_eq!(
        update(Duration::from_secs(2)),
        Finding::Differs("after some 2 s".into())
    );
}

#[test]
fn only_a_refusal_of_the_assumed_characters_differs() {
    let of = |groups: &[(&str, bool)]| characters(groups, "_.");
    assert_eq!(
        of(&[("_.", true), (":/", false), (" ", false)]),
        Finding::AsFarAsAssumed("taken: _.   refused: :/ space".into())
    );
    assert_eq!(
        of(&[("_.", true), (" ", true)]),
        Finding::AsAssumed("taken: _. space   refused: none".into())
    );
    assert_eq!(
        of(&[("_.", false), ("@+", true)]),
        Finding::Differs("taken: @+   refused: _.".into())
    );
}
