//! Changes that are never folded with others, and contacts that are never created without a read.
//! Folding itself is tested in `plan`.

use super::*;

#[test]
fn a_contact_assumed_new_is_created_unread_and_read_after_a_refusal() {
    let mut new = attempt(&["1"]);
    assert_eq!(new.assumed_new(), None, "nothing began");
    assert_eq!(new.next(StepResult::Nothing), Step::Read);
    let create = new.assumed_new();
    assert!(matches!(create, Some(Step::Create { alone: false, .. })));
    assert_eq!(new.next(together(Kind::Conflict)), Step::Read);
    assert_eq!(new.assumed_new(), None, "now it must be read");
    let update = new.next(StepResult::Contact(contact(9, true)));
    assert_eq!(shown(&update), "stale", "the newer state stays");
}

#[test]
fn a_change_that_a_rule_refuses_a_reset_and_an_adoption_are_never_assumed_new() {
    let parked = refused(0, change(5, "out"), ParkReason::KeyPattern);
    let key = ContactKey::parse("k").unwrap();
    let mut salvaged = Attempt::new(key, vec![parked], ranked(), plan);
    assert_eq!(salvaged.next(StepResult::Nothing), Step::Read);
    assert_eq!(salvaged.assumed_new(), None);
    let reset = r#"{"schema": 1, "eventId": "r", "org": "o", "campaignId": "c", "contactKey": "k",
        "operation": "resetRank", "reset": {"from": 9, "reason": "the CRM's clock"}}"#;
    let reset = taken(0, Arc::new(Change::parse(reset).unwrap()));
    for of_operator in [reset, adoption(0, "9")] {
        let key = ContactKey::parse("k").unwrap();
        let mut attempt = Attempt::new(key, vec![of_operator], ranked(), plan);
        assert_eq!(attempt.next(StepResult::Nothing), Step::Read);
        assert_eq!(attempt.assumed_new(), None);
    }
}

/// The change for a contact that was seen to store this rank.
fn adoption(index: usize, stored: &str) -> PendingChange {
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
    let read = |version| StepResult::Contact(Some(lowered(version)));
    let written = |version| StepResult::Written(Some(lowered(version)));
    let alone = new(vec![adoption(0, "9")]);
    assert_eq!(
        steps(alone, vec![read("9"), written("9:9-")]),
        ["read", "update 9 bare", "updated"]
    );
    // An opt-out before it in the queue finds no mark, and leaves one that stays.
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
    let at = |rank| StepResult::Contact(contact(rank, true));
    let written = |rank| StepResult::Written(contact(rank, true));
    // The change before the reset is stale by the rank that is reset, and the one after it is not.
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
    // The reset looks at what the change before it wrote, and the operator did not see that rank.
    let after = vec![taken(0, change(10, "2")), reset(1, 9, None)];
    assert_eq!(
        steps(new(after), vec![at(9), written(10)]),
        ["read", "update 10", "updated, stale"]
    );
    let refused = vec![reset(0, 9, None), taken(1, change(6, "out"))];
    assert_eq!(
        steps(
            new(refused),
            vec![at(9), failed(Kind::Unavailable), StepResult::NoTime]
        ),
        [
            "read",
            "update  bare",
            "pause 1",
            "retry Unavailable, retry Unavailable"
        ]
    );
}
