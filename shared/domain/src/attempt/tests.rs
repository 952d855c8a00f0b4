//! Shows what an attempt does, step by step. `failure_table` goes through docs/design.md "Failure
//! table" row by row, and the other modules each cover one of the files of [`super`].

mod absent;
mod alone;
mod channels;
mod failure_table;
mod lagging;
mod owed;
mod properties;

use std::time::Duration;

use super::*;
use crate::batch::{Evidence, ParkReason, Parking};
use crate::channel::Statuses;
use crate::contact::Columns;
use crate::plan::plan;
use crate::{Change, Rank, Version};

/// A change from a short text. With `skip` or `skipOptOut` in front it creates no contact.
fn change(rank: u64, said: &str) -> Arc<Change> {
    let (if_absent, said) = match said.split_once(' ') {
        Some((if_absent, said)) if if_absent.starts_with("skip") => (if_absent, said),
        _ => ("create", said),
    };
    let what = match said {
        "out" => r#""data": {"phone": "1"}, "callable": false"#,
        "in" => r#""data": {"phone": "1"}, "callable": true"#,
        "cleared out" => r#""data": {"phone": null}, "callable": false"#,
        "in quiet" => r#""data": {"phone": "1"}, "callable": true, "contactable": {"Sms": false}"#,
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
            "version": {rank}, "ifAbsent": "{if_absent}", {what}}}"#
    );
    Arc::new(Change::parse(&body).unwrap())
}

fn ranked() -> Arc<Rules> {
    Arc::new(Rules {
        version_field: Some("v".to_owned()),
        ..Rules::default()
    })
}

/// The change, if a rule refuses it for this reason.
fn refused(index: usize, change: Arc<Change>, reason: ParkReason) -> PendingChange {
    let opt_out = ranked().opt_out(&change, jiff::Timestamp::UNIX_EPOCH, |_| true);
    PendingChange {
        index,
        change: opt_out.map_or(change, Arc::new),
        parking: Some(Parking {
            reason,
            evidence: Evidence::default(),
        }),
    }
}

fn taken(index: usize, change: Arc<Change>) -> PendingChange {
    PendingChange {
        index,
        change,
        parking: None,
    }
}

/// An attempt for these changes, which have the ranks 5, 6, …
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

fn failed(kind: Kind) -> StepResult {
    StepResult::Failed(failure(kind))
}

fn together(kind: Kind) -> StepResult {
    StepResult::RejectedTogether(failure(kind))
}

const THERE: fn() -> StepResult = || StepResult::Contact(contact(1, true));
const ABSENT: StepResult = StepResult::Contact(None);
/// An answer that shows no version and a contact that is not callable, whatever was written.
const WRITTEN: fn() -> StepResult = || {
    let written = Contact {
        version: Version::default(),
        ..contact(5, false).unwrap()
    };
    StepResult::Written(Some(written))
};

/// The step as a person reads it: `create+` goes alone, `-` means not callable, `5` is the rank,
/// and what is lowered is named.
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

/// The steps of an attempt that gets these answers.
fn steps(mut attempt: Attempt, seen: Vec<StepResult>) -> Vec<String> {
    let all = std::iter::once(StepResult::Nothing).chain(seen);
    all.map(|seen| shown(&attempt.next(seen))).collect()
}

#[test]
fn whether_a_parked_opt_out_was_refused_too_stands_in_its_detail() {
    let detail = |seen: Vec<StepResult>| {
        let mut attempt = attempt(&["out"]);
        let all = std::iter::once(StepResult::Nothing).chain(seen);
        match all.map(|seen| attempt.next(seen)).last() {
            Some(Step::Done(verdicts)) => match verdicts.into_iter().next() {
                Some((_, Verdict::Park(parking))) => parking.evidence.detail,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    let refused = || failed(Kind::Rejected);
    let salvaged = || StepResult::Written(contact(9, false));
    let too = "Rejected; the opt-out was refused too: Rejected";
    assert_eq!(detail(vec![refused(), salvaged()]), "Rejected");
    assert_eq!(detail(vec![refused(), refused()]), too);
    assert_eq!(detail(vec![THERE(), refused(), salvaged()]), "Rejected");
    assert_eq!(detail(vec![THERE(), refused(), refused(), refused()]), too);
}

#[test]
fn a_change_that_a_rule_refuses_is_parked_after_its_opt_out_is_written() {
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
    let salvaged = steps(new(&[("out", true)]), vec![THERE(), WRITTEN()]);
    assert_eq!(
        salvaged,
        ["read", "update -5 bare", "parked reservedColumn"],
        "no column of it"
    );
    let made = steps(
        new(&[("remove", true)]),
        vec![ABSENT, StepResult::Written(None)],
    );
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
fn a_later_change_of_equal_rank_does_not_undo_a_salvaged_opt_out() {
    // At an equal rank a contact can be made not callable, but not callable again.
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
        StepResult::Written(contact(5, false)),
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
    // After a create, the answer does not show what the contact holds now.
    let new = vec![
        ABSENT,
        refused(),
        refused(),
        StepResult::Written(None),
        WRITTEN(),
    ];
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
fn only_opt_outs_are_marked_as_such_among_returned_changes() {
    let mut attempt = attempt(&["2", "out"]);
    assert!(attempt.is_opt_out());
    attempt.next(StepResult::Nothing);
    let verdicts = attempt.give_back(&Failure::budget_spent(Duration::ZERO));
    let opt_outs: Vec<_> = verdicts
        .iter()
        .map(|(_, verdict)| matches!(verdict, Verdict::Retry(retry) if retry.is_opt_out))
        .collect();
    assert_eq!(opt_outs, [false, true]);
    assert_eq!(
        attempt.next(StepResult::Paused),
        Step::Done(Vec::new()),
        "that was all"
    );
}
