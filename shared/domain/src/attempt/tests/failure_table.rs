//! The rows of docs/design.md "Failure table" that concern one contact, one after the other. The
//! rows about orgs, campaigns and the budget are tested in `tests/it/failures.rs`.

use super::*;

#[test]
fn the_failure_table_holds_row_by_row() {
    use Kind::{
        Conflict, NotFound, OutOfTime, Refused, Rejected, Unanswered, Unavailable, UnknownCampaign,
    };
    let closed = Kind::Closed {
        after: Duration::ZERO,
    };
    for (row, said, seen, expected) in [
        // The contact is read, and written as the plan says.
        (
            "new",
            &["2"][..],
            vec![ABSENT, StepResult::Written(None)],
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
            vec![StepResult::Contact(contact(5, true))],
            &["read", "unchanged"],
        ),
        (
            "older",
            &["2"],
            vec![StepResult::Contact(contact(9, true))],
            &["read", "stale"],
        ),
        (
            "older opt-out",
            &["out"],
            vec![StepResult::Contact(contact(9, true)), WRITTEN()],
            &["read", "update -9 bare", "updated"],
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
            vec![failed(Rejected), StepResult::Written(contact(9, false))],
            &["read", "lower", "parked rejected"],
        ),
        (
            "read 400, opt-out whose rank is the newest",
            &["out"],
            vec![
                failed(Rejected),
                StepResult::Written(contact(1, false)),
                StepResult::Written(contact(5, false)),
            ],
            &["read", "lower", "update -5 bare", "parked rejected"],
        ),
        (
            "read 400, opt-out that is read in another way",
            &["out"],
            vec![failed(Rejected), THERE(), WRITTEN()],
            &["read", "lower", "update -5 bare", "parked rejected"],
        ),
        (
            "read 400, opt-out of nobody",
            &["out"],
            vec![
                failed(Rejected),
                failed(NotFound),
                StepResult::Written(None),
            ],
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
            vec![failed(Rejected), StepResult::Written(contact(9, false))],
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
            vec![
                ABSENT,
                together(Conflict),
                ABSENT,
                StepResult::Written(None),
            ],
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
        // Writes with an unknown result.
        (
            "POST of unknown end that was done",
            &["2"],
            vec![
                ABSENT,
                failed(Unanswered),
                StepResult::Contact(contact(1, true)),
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
                StepResult::Paused,
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
                StepResult::Paused,
                StepResult::Contact(contact(5, true)),
            ],
            &["read", "update 5 bare", "pause 1", "read", "unchanged"],
        ),
        (
            "PATCH of unknown end, three times",
            &["2"],
            vec![
                THERE(),
                failed(Unavailable),
                StepResult::Paused,
                THERE(),
                failed(Unavailable),
                StepResult::Paused,
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
            vec![THERE(), failed(Unavailable), StepResult::NoTime],
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
                StepResult::Contact(contact(1, false)),
                failed(Rejected),
                WRITTEN(),
            ],
            &["read", "update -5", "update -5 bare", "parked rejected"],
        ),
        (
            "PATCH 200 with the contact as it was: of unknown end",
            &["out"],
            vec![
                THERE(),
                StepResult::Written(contact(1, true)),
                StepResult::Paused,
                StepResult::Contact(contact(6, false)),
            ],
            &["read", "update -5", "pause 1", "read", "stale"],
        ),
        (
            "PATCH 200 with the rank as it was",
            &["2"],
            vec![
                THERE(),
                StepResult::Written(contact(1, true)),
                StepResult::NoTime,
            ],
            &["read", "update 5", "pause 1", "retry Unavailable"],
        ),
        (
            "POST 200 with a contact that may be called, opt-out",
            &["out"],
            vec![ABSENT, StepResult::Written(contact(5, true)), ABSENT],
            &["read", "create -5", "read", "retry Unavailable"],
        ),
        (
            "PATCH 200 with a rank that is cut, but not the one of before",
            &["2"],
            vec![THERE(), StepResult::Written(contact(3, true))],
            &["read", "update 5", "updated"],
        ),
        (
            "PATCH 400, opt-out, then 200 with the contact as it was",
            &["out"],
            vec![
                THERE(),
                failed(Rejected),
                StepResult::Written(contact(1, true)),
            ],
            &["read", "update -5", "update -5 bare", "retry Unavailable"],
        ),
        (
            "POST 400, opt-out",
            &["out"],
            vec![ABSENT, failed(Rejected), StepResult::Written(None)],
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
