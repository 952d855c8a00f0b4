//! What an attempt does, step by step.

mod channels;
mod failure_table;
mod lagging;
mod properties;

use std::time::Duration;

use super::*;
use crate::batch::{Evidence, ParkReason, Parking};
use crate::channel::Statuses;
use crate::contact::Columns;
use crate::plan::plan;
use crate::{Change, Rank, Version};

fn change(rank: u64, said: &str) -> Arc<Change> {
    let what = match said {
        "out" => r#""data": {"phone": "1"}, "callable": false"#,
        "in" => r#""data": {"phone": "1"}, "callable": true"#,
        "remove" => r#""operation": "remove""#,
        "quiet" => {
            r#""data": {"phone": "1"}, "contactable": {"Sms": false}, "phones": {"phone": false}"#
        }
        "out quiet" => {
            r#""data": {"phone": "1"}, "callable": false, "contactable": {"Sms": false}"#
        }
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
    let opt_out = ranked().opt_out(&change, jiff::Timestamp::UNIX_EPOCH, |_| true);
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
        version: Version::from(Rank::new(rank)),
        statuses: Statuses::default(),
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
/// Whatever was written: no version is shown, and that nobody may call.
const WRITTEN: fn() -> Seen = || {
    let written = Contact {
        version: Version::default(),
        ..contact(5, false).unwrap()
    };
    Seen::Written(Some(written))
};

/// As a person reads it: `create+` goes alone, `-` says not callable, `5` is the rank, and what is lowered
/// is named.
fn shown(step: &Step) -> String {
    let write = |name: &str, write: &Write| {
        let callable = match write.callable {
            None => "",
            Some(true) => "+",
            Some(false) => "-",
        };
        let rank = write.version.and_then(|version| version.rank);
        let rank = rank.map_or(String::new(), |rank| rank.to_string());
        let bare = if write.data.is_empty() { " bare" } else { "" };
        let lowered = write.lowers.names().map(|name| format!(" {name}"));
        let lowered: String = lowered.collect();
        format!("{name} {callable}{rank}{bare}{lowered}")
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
                Verdict::Kept(outcome) => format!("{}, kept", outcome.as_str()),
                Verdict::Park(parking) => format!("parked {}", parking.reason.as_str()),
                Verdict::Retry(retry) => format!("retry {:?}", retry.cause),
                Verdict::Confirm(confirm) => format!("written {}", confirm.wrote.as_str()),
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
fn whether_a_parked_opt_out_was_refused_too_stands_in_its_detail() {
    let detail = |seen: Vec<Seen>| {
        let mut attempt = attempt(&["out"]);
        let all = std::iter::once(Seen::Nothing).chain(seen);
        match all.map(|seen| attempt.next(seen)).last() {
            Some(Step::Done(verdicts)) => match verdicts.into_iter().next() {
                Some((_, Verdict::Park(parking))) => parking.evidence.detail,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    let refused = || failed(Kind::Rejected);
    let heard = || Seen::Written(contact(9, false));
    let too = "Rejected; that nobody may call was refused too: Rejected";
    assert_eq!(detail(vec![refused(), heard()]), "Rejected");
    assert_eq!(detail(vec![refused(), refused()]), too);
    assert_eq!(detail(vec![THERE(), refused(), heard()]), "Rejected");
    assert_eq!(detail(vec![THERE(), refused(), refused(), refused()]), too);
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
            "parked rejected, updated, kept"
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
    let verdicts = attempt.give_back(&Failure::budget_spent(Duration::ZERO));
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

#[test]
fn what_is_taken_for_new_is_created_without_a_look_and_read_once_that_is_refused() {
    let mut new = attempt(&["1"]);
    assert_eq!(new.taken_for_new(), None, "nothing began");
    assert_eq!(new.next(Seen::Nothing), Step::Read);
    let create = new.taken_for_new();
    assert!(matches!(create, Some(Step::Create { alone: false, .. })));
    assert_eq!(new.next(together(Kind::Conflict)), Step::Read);
    assert_eq!(new.taken_for_new(), None, "now it must be read");
    let update = new.next(Seen::Contact(contact(9, true)));
    assert_eq!(shown(&update), "stale", "what is newer stands");
}

#[test]
fn what_a_rule_refuses_and_a_reset_are_never_taken_for_new() {
    let parked = refused(0, change(5, "out"), ParkReason::KeyPattern);
    let key = ContactKey::parse("k").unwrap();
    let mut heard = Attempt::new(key, vec![parked], ranked(), plan);
    assert_eq!(heard.next(Seen::Nothing), Step::Read);
    assert_eq!(heard.taken_for_new(), None);
    let reset = r#"{"schema": 1, "eventId": "r", "org": "o", "campaignId": "c", "contactKey": "k",
        "operation": "resetRank", "reset": {"from": 9, "reason": "the CRM's clock"}}"#;
    let reset = taken(0, Arc::new(Change::parse(reset).unwrap()));
    for of_operator in [reset, adoption(0, "9")] {
        let key = ContactKey::parse("k").unwrap();
        let mut attempt = Attempt::new(key, vec![of_operator], ranked(), plan);
        assert_eq!(attempt.next(Seen::Nothing), Step::Read);
        assert_eq!(attempt.taken_for_new(), None);
    }
}

/// Of a contact that was seen to store this rank.
fn adoption(index: usize, stored: &str) -> Piece {
    let body = format!(
        r#"{{"schema": 1, "eventId": "a", "org": "o", "campaignId": "c", "contactKey": "k",
            "operation": "adopt", "adopt": {{"optOut": {stored}, "stored": {stored}}}}}"#
    );
    taken(index, Arc::new(Change::parse(&body).unwrap()))
}

#[test]
fn an_adoption_sees_what_the_changes_before_it_leave() {
    let new = |pieces| {
        let key = ContactKey::parse("k").unwrap();
        Attempt::new(key, pieces, ranked(), plan)
    };
    let lowered = |version: &str| Contact {
        version: Version::from_text(version),
        ..contact(9, false).unwrap()
    };
    let read = |version| Seen::Contact(Some(lowered(version)));
    let written = |version| Seen::Written(Some(lowered(version)));
    let alone = new(vec![adoption(0, "9")]);
    assert_eq!(
        steps(alone, vec![read("9"), written("9:9-")]),
        ["read", "update 9 bare", "updated"]
    );
    // An opt-out that stands before it finds no mark, and leaves one that stays.
    let behind = new(vec![taken(0, change(10, "out")), adoption(1, "9")]);
    assert_eq!(
        steps(behind, vec![read("9"), written("10:10!")]),
        ["read", "update -10", "updated, stale"]
    );
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
        [
            "read",
            "update 4 bare",
            "update 6",
            "stale, updated, updated"
        ]
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
            "update  bare",
            "pause 1",
            "retry Unavailable, retry Unavailable"
        ]
    );
}
