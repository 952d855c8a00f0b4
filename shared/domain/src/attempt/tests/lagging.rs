//! If reads lag, a change that is written comes back, and nothing is planned on what reads may not
//! show yet. docs/design.md "Where reads lag" explains it, and `confirm` has the code.

use super::*;
use crate::batch::{Confirm, Settled};

const LAG: Duration = Duration::from_mins(1);
/// The verdict on a change behind a write that reads may not show yet.
const BEHIND: &str = "retry Confirming { after: 60s, wrote: None }";

fn lagging(pieces: Vec<PendingChange>) -> Attempt {
    let rules = Rules {
        read_lag: LAG,
        ..(*ranked()).clone()
    };
    let key = ContactKey::parse("k").unwrap();
    Attempt::new(key, pieces, Arc::new(rules), plan)
}

/// Changes with the ranks 5, 6, …
fn saying(said: &[&str]) -> Attempt {
    let piece = |(index, said): (usize, &&str)| taken(index, change(5 + index as u64, said));
    lagging(said.iter().enumerate().map(piece).collect())
}

fn holding(phone: &str, rank: u64, callable: bool) -> Contact {
    let data = [("phone".to_owned(), phone.to_owned())].into();
    Contact {
        data: Columns(data),
        callable,
        version: Version::from(Rank::new(rank)),
        statuses: Statuses::default(),
    }
}

fn shows(phone: &str, rank: u64, callable: bool) -> StepResult {
    StepResult::Contact(Some(holding(phone, rank, callable)))
}

fn wrote(phone: &str, rank: u64, callable: bool) -> StepResult {
    StepResult::Written(Some(holding(phone, rank, callable)))
}

fn ended(attempt: Attempt, seen: Vec<StepResult>) -> String {
    steps(attempt, seen).pop().unwrap()
}

#[test]
fn a_written_change_returns_and_ends_once_it_is_read() {
    let made = ended(saying(&["2"]), vec![ABSENT, StepResult::Written(None)]);
    assert_eq!(made, "written created");
    let written = || wrote("2", 5, true);
    let changed = ended(saying(&["2"]), vec![THERE(), written()]);
    assert_eq!(changed, "written updated");
    let opt_out = steps(saying(&["out"]), vec![THERE(), wrote("1", 5, false)]);
    assert_eq!(opt_out, ["read", "update -5", "written updated"], "at once");
    let again = |seen| ended(saying(&["2"]), vec![seen]);
    assert_eq!(again(shows("2", 5, true)), "unchanged");
    assert_eq!(again(shows("3", 7, true)), "stale");
    let lost = ended(saying(&["2"]), vec![THERE(), written()]);
    assert_eq!(lost, "written updated", "reads never showed it");
    assert_eq!(
        ended(saying(&["2", "3"]), vec![THERE(), wrote("3", 6, true)]),
        "superseded, written updated",
        "the write includes what was folded"
    );
}

#[test]
fn a_write_that_alters_nothing_has_nothing_to_be_read() {
    // The service stores the value in another form each time.
    let seen = vec![shows("2!", 5, true), wrote("2!", 5, true)];
    assert_eq!(steps(saying(&["2"]), seen), ["read", "update ", "updated"]);
}

#[test]
fn an_opt_out_that_is_parked_comes_back_too_so_that_nothing_older_undoes_it() {
    let new = || lagging(vec![refused(0, change(5, "out"), ParkReason::KeyPattern)]);
    let first = ended(new(), vec![THERE(), wrote("old", 5, false)]);
    assert_eq!(first, "written updated");
    let then = ended(new(), vec![shows("old", 5, false)]);
    assert_eq!(then, "parked keyPattern");
    // The service refuses the change, and the opt-out is written alone.
    let rejected = || failed(Kind::Rejected);
    let seen = vec![THERE(), rejected(), wrote("old", 5, false)];
    assert_eq!(ended(saying(&["out"]), seen), "written updated");
    let seen = vec![shows("old", 5, false), rejected()];
    assert_eq!(ended(saying(&["out"]), seen), "parked rejected");
    // The service refuses even its rank, so the second write alters nothing.
    let without_rank = |before: StepResult| {
        let seen = vec![before, rejected(), rejected(), wrote("old", 1, false)];
        ended(saying(&["out"]), seen)
    };
    assert_eq!(without_rank(THERE()), "written updated");
    assert_eq!(without_rank(shows("old", 1, false)), "parked rejected");
    // Reads refuse the key, so nothing can be planned on them.
    let blind = vec![rejected(), wrote("old", 9, false)];
    assert_eq!(ended(saying(&["out"]), blind), "parked rejected");
}

#[test]
fn changes_applied_one_by_one_stop_at_the_first_write() {
    let rejected = || failed(Kind::Rejected);
    let first = vec![THERE(), rejected(), wrote("2", 5, true)];
    let waits = format!("written updated, {BEHIND}, {BEHIND}");
    assert_eq!(ended(saying(&["2", "3", "4"]), first), waits);
    let second = vec![
        shows("2", 5, true),
        rejected(),
        rejected(),
        wrote("4", 7, true),
    ];
    assert_eq!(
        ended(saying(&["2", "3", "4"]), second),
        "unchanged, parked rejected, written updated"
    );
}

#[test]
fn a_reset_is_written_once_and_what_follows_it_waits() {
    let body = r#"{"schema": 1, "eventId": "r", "org": "o", "campaignId": "c", "contactKey": "k",
        "operation": "resetRank", "reset": {"from": 9, "to": 4, "reason": "a test"}}"#;
    let reset = Arc::new(Change::parse(body).unwrap());
    let new = || lagging(vec![taken(0, Arc::clone(&reset)), taken(1, change(5, "2"))]);
    let first = vec![shows("old", 9, true), wrote("old", 4, true)];
    let waits = format!("written updated, {BEHIND}");
    assert_eq!(ended(new(), first), waits);
    let second = vec![shows("old", 4, true), wrote("2", 5, true)];
    assert_eq!(ended(new(), second), "unchanged, written updated");
}

#[test]
fn a_write_with_an_unknown_result_is_retried_once_reads_show_it() {
    let at_least = |seen: Vec<StepResult>| {
        let mut attempt = saying(&["2"]);
        let all = std::iter::once(StepResult::Nothing).chain(seen);
        match all.map(|seen| attempt.next(seen)).last() {
            Some(Step::Done(verdicts)) => match &verdicts[0].1 {
                Verdict::Retry(retry) => retry.at_least,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    let lost = || failed(Kind::Lost);
    assert_eq!(at_least(vec![ABSENT, lost(), ABSENT]), LAG);
    assert_eq!(at_least(vec![THERE(), lost(), StepResult::NoTime]), LAG);
    let read_again = vec![THERE(), lost(), StepResult::Paused, failed(Kind::OutOfTime)];
    assert_eq!(at_least(read_again), LAG);
    assert_eq!(at_least(vec![lost()]), Duration::ZERO, "a read");
    let not_done = vec![THERE(), failed(Kind::OutOfTime)];
    assert_eq!(at_least(not_done), Duration::ZERO);
}

#[test]
fn a_written_change_keeps_its_outcome_for_its_last_day() {
    let mut attempt = saying(&["2"]);
    for seen in [StepResult::Nothing, THERE()] {
        attempt.next(seen);
    }
    let confirm = Confirm {
        after: LAG,
        wrote: Outcome::Updated,
        then: Settled::Done(Outcome::Updated),
    };
    let done = Step::Done(vec![(0, Verdict::Confirm(confirm))]);
    assert_eq!(attempt.next(wrote("2", 5, true)), done);
}
