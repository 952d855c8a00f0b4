//! Channels and numbers are lowered before their change is parked, and count as lowered only once
//! an answer shows it. What a plan lowers is tested in `plan`.

use super::*;
use crate::channel::{Channel, Lowered};

/// The contact with these lowered, and otherwise as [`contact`].
fn quiet(rank: u64, callable: bool, channels: &[Channel], phones: &[&str]) -> Contact {
    let contact = contact(rank, callable).unwrap();
    let lowered = Lowered {
        channels: channels.iter().copied().collect(),
        phones: phones.iter().map(|column| (*column).to_owned()).collect(),
    };
    Contact {
        statuses: contact.statuses.lowered(&lowered),
        ..contact
    }
}

fn written(rank: u64, callable: bool, channels: &[Channel], phones: &[&str]) -> StepResult {
    StepResult::Written(Some(quiet(rank, callable, channels, phones)))
}

#[test]
fn an_answer_that_does_not_show_them_lowered_is_no_write() {
    let sms = &[Channel::Sms];
    for (shown, end) in [
        (written(5, true, sms, &["phone"]), "updated"),
        (written(5, true, sms, &[]), "pause 1"),
        (written(5, true, &[], &["phone"]), "pause 1"),
        (written(5, true, &[Channel::Email], &["phone"]), "pause 1"),
    ] {
        let steps = steps(attempt(&["quiet"]), vec![THERE(), shown]);
        assert_eq!(steps, ["read", "update 5 Sms phone", end]);
    }
    let created = steps(
        attempt(&["quiet"]),
        vec![ABSENT, written(5, true, sms, &[])],
    );
    assert_eq!(created, ["read", "create 5 Sms phone", "read"]);
    // A channel that is lowered already is not written, and the answer need not show it.
    let known = StepResult::Contact(Some(quiet(1, true, sms, &[])));
    let rest = steps(
        attempt(&["quiet"]),
        vec![known, written(5, true, &[], &["phone"])],
    );
    assert_eq!(rest, ["read", "update 5 phone", "updated"]);
}

#[test]
fn lowered_channels_of_a_refused_write_are_written_alone_and_unranked() {
    let refused = || failed(Kind::Rejected);
    let salvaged = written(1, true, &[Channel::Sms], &["phone"]);
    let alone = steps(
        attempt(&["quiet"]),
        vec![THERE(), refused(), salvaged.clone()],
    );
    assert_eq!(
        alone,
        [
            "read",
            "update 5 Sms phone",
            "update  bare Sms phone",
            "parked rejected"
        ]
    );
    let new = steps(attempt(&["quiet"]), vec![ABSENT, refused(), salvaged]);
    assert_eq!(
        new,
        [
            "read",
            "create 5 Sms phone",
            "create alone  bare Sms phone",
            "parked rejected"
        ]
    );
    let unheard = steps(attempt(&["quiet"]), vec![THERE(), refused(), refused()]);
    assert_eq!(unheard.last().unwrap(), "parked rejected");
    let later = steps(
        attempt(&["quiet"]),
        vec![THERE(), refused(), failed(Kind::Unavailable)],
    );
    assert_eq!(
        later.last().unwrap(),
        "retry Unavailable",
        "not parked unheard"
    );
}

#[test]
fn a_refused_opt_out_is_tried_in_smaller_writes_and_parked_with_what_was_refused() {
    let refused = || failed(Kind::Rejected);
    let all = steps(
        attempt(&["out quiet"]),
        vec![
            THERE(),
            refused(),
            refused(),
            refused(),
            refused(),
            refused(),
        ],
    );
    assert_eq!(
        all,
        [
            "read",
            "update -5 Sms",
            "update -5 bare Sms",
            "update - bare Sms",
            "update -5 bare",
            "update - bare",
            "parked rejected",
        ]
    );
    let detail = |seen: Vec<StepResult>| {
        let mut attempt = attempt(&["out quiet"]);
        let all = std::iter::once(StepResult::Nothing).chain(seen);
        match all.map(|seen| attempt.next(seen)).last() {
            Some(Step::Done(verdicts)) => match &verdicts[..] {
                [(_, Verdict::Park(parking))] => parking.evidence.detail.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    let salvaged = written(5, false, &[Channel::Sms], &[]);
    assert_eq!(detail(vec![THERE(), refused(), salvaged]), "Rejected");
    let without = vec![THERE(), refused(), refused(), refused(), WRITTEN()];
    let too = "Rejected; the change of its channels and numbers was refused too: Rejected";
    assert_eq!(detail(without), too);
    let mut nothing = vec![THERE()];
    nothing.extend((0..5).map(|_| refused()));
    let nobody = "; the opt-out was refused too: Rejected";
    assert_eq!(detail(nothing), format!("{too}{nobody}"));
}

#[test]
fn a_key_that_no_bulk_read_takes_is_read_by_itself_and_lowered() {
    let read = || failed(Kind::Rejected);
    let found = StepResult::Contact(Some(quiet(1, true, &[], &[])));
    let salvaged = written(1, true, &[Channel::Sms], &["phone"]);
    let lowered = steps(attempt(&["quiet"]), vec![read(), found, salvaged]);
    assert_eq!(
        lowered,
        ["read", "lower", "update  bare Sms phone", "parked rejected"]
    );
    let known = StepResult::Contact(Some(quiet(9, true, &[Channel::Sms], &["phone"])));
    let done = steps(attempt(&["quiet"]), vec![read(), known]);
    assert_eq!(done, ["read", "lower", "parked rejected"]);
}

#[test]
fn lowered_channels_that_a_rule_refuses_are_written_unranked_as_an_opt_out() {
    let piece = refused(0, change(9, "quiet"), ParkReason::UnknownColumn);
    let key = ContactKey::parse("k").unwrap();
    let salvaged = Attempt::new(key, vec![piece], ranked(), plan);
    assert!(salvaged.is_opt_out(), "it goes first");
    let shown = written(1, true, &[Channel::Sms], &["phone"]);
    let steps = steps(salvaged, vec![THERE(), shown]);
    assert_eq!(
        steps,
        ["read", "update  bare Sms phone", "parked unknownColumn"]
    );
    let mut given_back = attempt(&["2", "quiet"]);
    given_back.next(StepResult::Nothing);
    let verdicts = given_back.give_back(&Failure::budget_spent(Duration::ZERO));
    let is_opt_out =
        |verdict: &Verdict| matches!(verdict, Verdict::Retry(retry) if retry.is_opt_out);
    let opt_outs: Vec<_> = verdicts.iter().map(|(_, of)| is_opt_out(of)).collect();
    assert_eq!(opt_outs, [false, true], "never given up for its failures");
}
