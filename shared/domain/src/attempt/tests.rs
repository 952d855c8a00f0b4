//! docs/design.md "Failure table", row by row, and what holds of every attempt.

use proptest::prelude::*;

use super::*;
use crate::plan::plan;

fn change(rank: u64, said: &str) -> Arc<Change> {
    let what = match said {
        "out" => r#""data": {"phone": "1"}, "callable": false"#,
        "in" => r#""data": {"phone": "1"}, "callable": true"#,
        "remove" => r#""operation": "remove""#,
        phone => &format!(r#""data": {{"phone": "{phone}"}}"#),
    };
    let body = format!(
        r#"{{"schema": 1, "eventId": "e{rank}", "org": "o", "campaignId": "c", "contactKey": "k",
            "version": {rank}, {what}}}"#
    );
    Arc::new(Change::parse(&body).unwrap())
}

fn ranked() -> Arc<Rules> {
    Arc::new(Rules {
        version_field: Some("v".to_owned()),
        ..Rules::default()
    })
}

/// The change, refused for this reason.
fn refused(index: usize, change: Arc<Change>, reason: ParkReason) -> Piece {
    let opt_out = ranked().opt_out(&change, jiff::Timestamp::UNIX_EPOCH);
    Piece {
        index,
        change: opt_out.map_or(change, Arc::new),
        parking: Some(Parking {
            reason,
            evidence: Evidence::default(),
        }),
    }
}

fn taken(index: usize, change: Arc<Change>) -> Piece {
    Piece {
        index,
        change,
        parking: None,
    }
}

/// Of changes that say these things, ranked 5, 6, …
fn attempt(said: &[&str]) -> Attempt {
    let pieces = said
        .iter()
        .enumerate()
        .map(|(index, said)| taken(index, change(5 + index as u64, said)));
    Attempt::new(
        ContactKey::parse("k").unwrap(),
        pieces.collect(),
        ranked(),
        plan,
    )
}

/// A contact with the phone `old`.
fn contact(rank: u64, callable: bool) -> Option<Contact> {
    let data = [("phone".to_owned(), "old".to_owned())].into();
    Some(Contact {
        data: Columns(data),
        callable,
        rank: Rank::new(rank),
    })
}

fn failure(kind: Kind) -> Failure {
    Failure::new(kind, format!("{kind:?}"))
}

fn failed(kind: Kind) -> Seen {
    Seen::Failed(failure(kind))
}

fn together(kind: Kind) -> Seen {
    Seen::RefusedTogether(failure(kind))
}

const THERE: fn() -> Seen = || Seen::Contact(contact(1, true));
const ABSENT: Seen = Seen::Contact(None);
const WRITTEN: fn() -> Seen = || Seen::Written(contact(5, true));

/// As a person reads it: `create+` goes alone, `-` says not callable, `5` is the rank.
fn shown(step: &Step) -> String {
    let write = |name: &str, write: &Write| {
        let callable = match write.callable {
            None => "",
            Some(true) => "+",
            Some(false) => "-",
        };
        let rank = write.rank.map_or(String::new(), |rank| rank.to_string());
        let bare = if write.data.is_empty() { " bare" } else { "" };
        format!("{name} {callable}{rank}{bare}")
    };
    match step {
        Step::Read => "read".to_owned(),
        Step::Create {
            write: written,
            alone: false,
        } => write("create", written),
        Step::Create {
            write: written,
            alone: true,
        } => write("create alone", written),
        Step::Update(written) => write("update", written),
        Step::Probe => "probe".to_owned(),
        Step::Lower => "lower".to_owned(),
        Step::Pause(tries) => format!("pause {tries}"),
        Step::Done(verdicts) => {
            let mut verdicts: Vec<_> = verdicts.iter().collect();
            verdicts.sort_by_key(|(index, _)| *index);
            let verdicts = verdicts.into_iter().map(|(_, verdict)| match verdict {
                Verdict::Done(outcome) => outcome.as_str().to_owned(),
                Verdict::Park(parking) => format!("parked {}", parking.reason.as_str()),
                Verdict::Retry(retry) => format!("retry {:?}", retry.cause),
            });
            verdicts.collect::<Vec<_>>().join(", ")
        }
    }
}

/// The steps of an attempt that sees these things.
fn steps(mut attempt: Attempt, seen: Vec<Seen>) -> Vec<String> {
    let all = std::iter::once(Seen::Nothing).chain(seen);
    all.map(|seen| shown(&attempt.next(seen))).collect()
}

#[test]
fn the_failure_table_holds_row_by_row() {
    use Kind::{
        Conflict, NotFound, OutOfTime, Refused, Rejected, Unanswered, Unavailable, UnknownCampaign,
    };
    let closed = Kind::Closed {
        after: std::time::Duration::ZERO,
    };
    for (row, said, seen, expected) in [
        // The contact is read, and written as the plan says.
        (
            "new",
            &["2"][..],
            vec![ABSENT, Seen::Written(None)],
            &["read", "create 5", "created"][..],
        ),
        (
            "known",
            &["2"],
            vec![THERE(), WRITTEN()],
            &["read", "update 5", "updated"],
        ),
        (
            "folded",
            &["2", "3"],
            vec![THERE(), WRITTEN()],
            &["read", "update 6", "superseded, updated"],
        ),
        (
            "nothing to do",
            &["old"],
            vec![Seen::Contact(contact(5, true))],
            &["read", "unchanged"],
        ),
        (
            "older",
            &["2"],
            vec![Seen::Contact(contact(9, true))],
            &["read", "stale"],
        ),
        (
            "older opt-out",
            &["out"],
            vec![Seen::Contact(contact(9, true)), WRITTEN()],
            &["read", "update - bare", "updated"],
        ),
        // Reads that fail.
        (
            "read 5xx",
            &["2"],
            vec![failed(Unavailable)],
            &["read", "retry Unavailable"],
        ),
        (
            "read hangs",
            &["2"],
            vec![failed(Unanswered)],
            &["read", "retry Unavailable"],
        ),
        (
            "read 403",
            &["2"],
            vec![failed(Refused)],
            &["read", "retry Refused"],
        ),
        (
            "closed",
            &["2"],
            vec![failed(closed)],
            &["read", "retry Closed { after: 0ns }"],
        ),
        (
            "out of time",
            &["2"],
            vec![failed(OutOfTime)],
            &["read", "retry OutOfTime"],
        ),
        (
            "unknown campaign",
            &["2"],
            vec![failed(UnknownCampaign)],
            &["read", "retry Missing"],
        ),
        (
            "read 400",
            &["2"],
            vec![failed(Rejected)],
            &["read", "parked rejected"],
        ),
        (
            "read 400, opt-out",
            &["out"],
            vec![failed(Rejected), WRITTEN()],
            &["read", "lower", "parked rejected"],
        ),
        (
            "read 400, opt-out of nobody",
            &["out"],
            vec![failed(Rejected), failed(NotFound), Seen::Written(None)],
            &["read", "lower", "create alone -5 bare", "parked rejected"],
        ),
        (
            "read 400, opt-out that is refused too",
            &["out"],
            vec![failed(Rejected), failed(Rejected)],
            &["read", "lower", "parked rejected"],
        ),
        (
            "read 400, opt-out that cannot be written now",
            &["out"],
            vec![failed(Rejected), failed(Unavailable)],
            &["read", "lower", "retry Unavailable"],
        ),
        (
            "read 400, an opt-out among others",
            &["2", "out"],
            vec![failed(Rejected), WRITTEN()],
            &["read", "lower", "parked rejected, parked rejected"],
        ),
        // 409: nothing was stored.
        (
            "409 with others",
            &["2"],
            vec![ABSENT, together(Conflict), THERE(), WRITTEN()],
            &["read", "create 5", "read", "update 5", "updated"],
        ),
        (
            "409 with others, still absent",
            &["2"],
            vec![ABSENT, together(Conflict), ABSENT, Seen::Written(None)],
            &["read", "create 5", "read", "create alone 5", "created"],
        ),
        (
            "409 of this key",
            &["2"],
            vec![ABSENT, failed(Conflict), THERE(), WRITTEN()],
            &["read", "create 5", "probe", "update 5", "updated"],
        ),
        (
            "409 that stays",
            &["2"],
            vec![ABSENT, failed(Conflict), failed(NotFound)],
            &["read", "create 5", "probe", "retry Unavailable"],
        ),
        // Writes of unknown end.
        (
            "POST of unknown end that was done",
            &["2"],
            vec![
                ABSENT,
                failed(Unanswered),
                Seen::Contact(contact(1, true)),
                WRITTEN(),
            ],
            &["read", "create 5", "read", "update 5", "updated"],
        ),
        (
            "POST of unknown end that cannot be read",
            &["2"],
            vec![ABSENT, failed(Unavailable), ABSENT],
            &["read", "create 5", "read", "retry Unavailable"],
        ),
        (
            "POST of unknown end, then no read of an opt-out",
            &["out"],
            vec![ABSENT, failed(Unanswered), failed(Rejected)],
            &["read", "create -5", "read", "retry Unavailable"],
        ),
        (
            "PATCH of unknown end",
            &["2"],
            vec![
                THERE(),
                failed(Unanswered),
                Seen::Paused,
                THERE(),
                WRITTEN(),
            ],
            &["read", "update 5", "pause 1", "read", "update 5", "updated"],
        ),
        (
            "PATCH of unknown end that was done",
            &["old"],
            vec![
                THERE(),
                failed(Unavailable),
                Seen::Paused,
                Seen::Contact(contact(5, true)),
            ],
            &["read", "update 5 bare", "pause 1", "read", "unchanged"],
        ),
        (
            "PATCH of unknown end, three times",
            &["2"],
            vec![
                THERE(),
                failed(Unavailable),
                Seen::Paused,
                THERE(),
                failed(Unavailable),
                Seen::Paused,
                THERE(),
                failed(Unavailable),
            ],
            &[
                "read",
                "update 5",
                "pause 1",
                "read",
                "update 5",
                "pause 2",
                "read",
                "update 5",
                "retry Unavailable",
            ],
        ),
        (
            "PATCH of unknown end, no time",
            &["2"],
            vec![THERE(), failed(Unavailable), Seen::NoTime],
            &["read", "update 5", "pause 1", "retry Unavailable"],
        ),
        (
            "PATCH 404",
            &["2"],
            vec![THERE(), failed(NotFound)],
            &["read", "update 5", "retry Unavailable"],
        ),
        (
            "POST 404",
            &["2"],
            vec![ABSENT, failed(NotFound)],
            &["read", "create 5", "retry Missing"],
        ),
        // 400: no retry can help.
        (
            "POST 400",
            &["2"],
            vec![ABSENT, failed(Rejected)],
            &["read", "create 5", "parked rejected"],
        ),
        (
            "POST 400 with others",
            &["2"],
            vec![ABSENT, together(Rejected), failed(Rejected)],
            &["read", "create 5", "create alone 5", "parked rejected"],
        ),
        (
            "PATCH 400",
            &["2"],
            vec![THERE(), failed(Rejected)],
            &["read", "update 5", "parked rejected"],
        ),
        (
            "PATCH 400, opt-out",
            &["out"],
            vec![THERE(), failed(Rejected), WRITTEN()],
            &["read", "update -5", "update -5 bare", "parked rejected"],
        ),
        (
            "PATCH 400, opt-out, and its rank is what is refused",
            &["out"],
            vec![THERE(), failed(Rejected), failed(Rejected), WRITTEN()],
            &[
                "read",
                "update -5",
                "update -5 bare",
                "update - bare",
                "parked rejected",
            ],
        ),
        (
            "PATCH 400, newer opt-out of a contact that is not callable",
            &["out"],
            vec![
                Seen::Contact(contact(1, false)),
                failed(Rejected),
                WRITTEN(),
            ],
            &["read", "update -5", "update -5 bare", "parked rejected"],
        ),
        (
            "POST 400, opt-out",
            &["out"],
            vec![ABSENT, failed(Rejected), Seen::Written(None)],
            &[
                "read",
                "create -5",
                "create alone -5 bare",
                "parked rejected",
            ],
        ),
        (
            "PATCH 400, opt-out that cannot be written now",
            &["out"],
            vec![THERE(), failed(Rejected), failed(Unanswered)],
            &["read", "update -5", "update -5 bare", "retry Unavailable"],
        ),
        (
            "PATCH 400 of folded changes: one by one",
            &["2", "3"],
            vec![THERE(), failed(Rejected), failed(Rejected), WRITTEN()],
            &[
                "read",
                "update 6",
                "update 5",
                "update 6",
                "parked rejected, updated",
            ],
        ),
        (
            "one by one, the first cannot be written now",
            &["2", "3"],
            vec![THERE(), failed(Rejected), failed(Refused)],
            &[
                "read",
                "update 6",
                "update 5",
                "retry Refused, retry Refused",
            ],
        ),
    ] {
        assert_eq!(steps(attempt(said), seen), expected, "{row}");
    }
}

#[test]
fn what_a_rule_refuses_is_parked_and_its_opt_out_is_heard_first() {
    let new = |said: &[(&str, bool)]| {
        let piece = |(index, (said, is_refused)): (usize, &(&str, bool))| {
            let change = change(5 + index as u64, said);
            if *is_refused {
                refused(index, change, ParkReason::ReservedColumn)
            } else {
                taken(index, change)
            }
        };
        let pieces = said.iter().enumerate().map(piece);
        let key = ContactKey::parse("k").unwrap();
        Attempt::new(key, pieces.collect(), ranked(), plan)
    };
    let alone = steps(new(&[("2", true)]), vec![]);
    assert_eq!(alone, ["parked reservedColumn"]);
    let heard = steps(new(&[("out", true)]), vec![THERE(), WRITTEN()]);
    assert_eq!(
        heard,
        ["read", "update -5 bare", "parked reservedColumn"],
        "no column of it"
    );
    let made = steps(new(&[("remove", true)]), vec![ABSENT, Seen::Written(None)]);
    assert_eq!(
        made,
        ["read", "create -5 bare", "parked reservedColumn"],
        "a late create is not dialled"
    );
    let both = steps(new(&[("2", true), ("3", false)]), vec![THERE(), WRITTEN()]);
    assert_eq!(both, ["read", "update 6", "parked reservedColumn, updated"]);
    let later = steps(new(&[("out", true)]), vec![failed(Kind::Unavailable)]);
    assert_eq!(
        later,
        ["read", "retry Unavailable"],
        "it is not parked unheard"
    );
}

#[test]
fn what_was_heard_of_a_refused_opt_out_is_not_undone_by_what_comes_after_it() {
    // At an equal rank who is callable is only lowered.
    let tie = || {
        let pieces = vec![taken(0, change(5, "out")), taken(1, change(5, "in"))];
        let key = ContactKey::parse("k").unwrap();
        Attempt::new(key, pieces, ranked(), plan)
    };
    let refused = || failed(Kind::Rejected);
    let known = vec![
        THERE(),
        refused(),
        refused(),
        Seen::Written(contact(5, false)),
        WRITTEN(),
    ];
    assert_eq!(
        steps(tie(), known),
        [
            "read",
            "update -5",
            "update -5",
            "update -5 bare",
            "update ",
            "parked rejected, updated"
        ]
    );
    // Where it was created, the answer does not tell what is there now.
    let new = vec![ABSENT, refused(), refused(), Seen::Written(None), WRITTEN()];
    assert_eq!(
        steps(tie(), new),
        [
            "read",
            "create -5",
            "create alone -5",
            "create alone -5 bare",
            "update ",
            "parked rejected, updated"
        ]
    );
}

#[test]
fn what_is_given_back_says_which_are_opt_outs() {
    let mut attempt = attempt(&["2", "out"]);
    assert!(attempt.is_opt_out());
    attempt.next(Seen::Nothing);
    let verdicts = attempt.give_back(&Failure::budget_spent(std::time::Duration::ZERO));
    let opt_outs: Vec<_> = verdicts
        .iter()
        .map(|(_, verdict)| matches!(verdict, Verdict::Retry(retry) if retry.is_opt_out))
        .collect();
    assert_eq!(opt_outs, [false, true]);
    assert_eq!(
        attempt.next(Seen::Paused),
        Step::Done(Vec::new()),
        "that was all"
    );
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Rejected),
        Just(Kind::NotFound),
        Just(Kind::UnknownCampaign),
        Just(Kind::Conflict),
        Just(Kind::Throttled {
            after: crate::retry::UNNAMED
        }),
        Just(Kind::Refused),
        Just(Kind::Unavailable),
        Just(Kind::Unanswered),
        Just(Kind::OutOfTime),
    ]
}

#[test]
fn a_reset_sees_what_the_changes_before_it_leave() {
    let reset = |index, from: u64, to: Option<u64>| {
        let reset = r#""operation": "resetRank", "reset""#;
        let to = to.map_or(String::new(), |to| format!(r#""to": {to}, "#));
        let body = format!(
            r#"{{"schema": 1, "eventId": "e", "org": "o", "campaignId": "c", "contactKey": "k",
                {reset}: {{"from": {from}, {to}"reason": "the CRM's clock"}}}}"#
        );
        taken(index, Arc::new(Change::parse(&body).unwrap()))
    };
    let new = |pieces| {
        let key = ContactKey::parse("k").unwrap();
        Attempt::new(key, pieces, ranked(), plan)
    };
    let at = |rank| Seen::Contact(contact(rank, true));
    let written = |rank| Seen::Written(contact(rank, true));
    // The change before it is stale by the rank that it resets, and the one after it is not.
    let between = vec![
        taken(0, change(5, "2")),
        reset(1, 9, Some(4)),
        taken(2, change(6, "3")),
    ];
    assert_eq!(
        steps(new(between), vec![at(9), written(4), written(6)]),
        ["read", "update ", "update 6", "stale, updated, updated"]
    );
    assert_eq!(
        steps(new(vec![reset(0, 9, None)]), vec![at(8)]),
        ["read", "stale"]
    );
    // What was written before it is what it looks at: nobody saw that rank.
    let after = vec![taken(0, change(10, "2")), reset(1, 9, None)];
    assert_eq!(
        steps(new(after), vec![at(9), written(10)]),
        ["read", "update 10", "updated, stale"]
    );
    let refused = vec![reset(0, 9, None), taken(1, change(6, "out"))];
    assert_eq!(
        steps(
            new(refused),
            vec![at(9), failed(Kind::Unavailable), Seen::NoTime]
        ),
        [
            "read",
            "update ",
            "pause 1",
            "retry Unavailable, retry Unavailable"
        ]
    );
}

/// What a service could answer to a step: mostly what it should.
fn any_answer() -> impl Strategy<Value = (u8, Kind, u64, bool)> {
    (0u8..10, any_kind(), 1u64..9, any::<bool>())
}

fn answer(step: &Step, (chance, kind, rank, flag): (u8, Kind, u64, bool)) -> Seen {
    match step {
        Step::Pause(_) if flag => Seen::Paused,
        Step::Pause(_) => Seen::NoTime,
        Step::Create { alone: false, .. } if chance < 2 => Seen::RefusedTogether(failure(kind)),
        _ if chance < 5 => Seen::Failed(failure(kind)),
        Step::Read if chance < 7 => Seen::Contact(None),
        Step::Read | Step::Probe => Seen::Contact(contact(rank, flag)),
        _ => Seen::Written(contact(rank, flag)),
    }
}

fn is_write(step: &Step) -> bool {
    matches!(step, Step::Create { .. } | Step::Update(_) | Step::Lower)
}

proptest! {
    #[test]
    fn an_attempt_ends_and_writes_nothing_blindly(
        said in prop::collection::vec(prop_oneof![Just("2"), Just("3"), Just("out"), Just("in"), Just("remove")], 1..5),
        is_refused in prop::collection::vec(any::<bool>(), 5),
        answers in prop::collection::vec(any_answer(), 200),
    ) {
        let pieces = said.iter().enumerate().map(|(index, said)| {
            let change = change(5 + index as u64, said);
            if is_refused[index] {
                refused(index, change, ParkReason::KeyPattern)
            } else {
                taken(index, change)
            }
        });
        let key = ContactKey::parse("k").unwrap();
        let mut attempt = Attempt::new(key, pieces.collect(), ranked(), plan);
        let mut seen = Seen::Nothing;
        let (mut is_unknown, mut unknown_posts, mut answered) = (false, 0, 0);
        let mut ended = None;
        for given in answers {
            let step = attempt.next(seen);
            if let Step::Done(verdicts) = &step {
                ended = Some(verdicts.clone());
                break;
            }
            if is_write(&step) {
                prop_assert!(!is_unknown, "a write after a write of unknown end: {:?}", step);
            }
            if matches!(step, Step::Create { .. }) {
                prop_assert_eq!(unknown_posts, 0, "a second POST: {:?}", step);
            }
            seen = answer(&step, given);
            let leaves_unknown = matches!(&seen, Seen::Failed(failure) if failure.leaves_unknown());
            match &step {
                Step::Read | Step::Probe if matches!(seen, Seen::Contact(_)) => is_unknown = false,
                step if is_write(step) => {
                    is_unknown = leaves_unknown;
                    unknown_posts += usize::from(leaves_unknown && matches!(step, Step::Create { .. }));
                    answered += usize::from(matches!(seen, Seen::Written(_)));
                }
                _ => {}
            }
        }
        let verdicts = ended.expect("an attempt ends");
        let mut indices: Vec<_> = verdicts.iter().map(|(index, _)| *index).collect();
        indices.sort_unstable();
        prop_assert_eq!(indices, (0..said.len()).collect::<Vec<_>>(), "one verdict on each change");
        let is_written = |(_, verdict): &(usize, Verdict)| {
            matches!(verdict, Verdict::Done(Outcome::Created | Outcome::Updated))
        };
        let written = verdicts.iter().filter(|verdict| is_written(verdict)).count();
        prop_assert!(written <= answered, "what is done was answered: {:?}", verdicts);
    }
}
