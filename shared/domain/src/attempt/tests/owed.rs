//! Entries that the DNC list is owed if changes are applied one by one and not all succeed.

use super::*;
use crate::dnc::{DncBy, DncList, DncListId};

#[test]
fn an_opt_in_that_is_planned_and_not_written_undoes_no_opt_out() {
    let dnc_list = Some(DncList {
        id: DncListId::parse("list-1").unwrap(),
        by: DncBy::ContactKey,
    });
    let rules = Arc::new(Rules {
        dnc_list,
        ..Rules::clone(&ranked())
    });
    let pieces = vec![taken(0, change(5, "out")), taken(1, change(6, "in"))];
    let key = ContactKey::parse("k").unwrap();
    let mut attempt = Attempt::new(key, pieces, rules, plan);
    let out = Contact {
        version: Version::from_text("5:5-"),
        ..contact(5, false).unwrap()
    };
    for seen in [
        StepResult::Nothing,
        StepResult::Contact(contact(1, true)),
        failed(Kind::Rejected),
        StepResult::Written(Some(out)),
    ] {
        attempt.next(seen);
    }
    assert_eq!(
        attempt.take_owed(),
        (Vec::new(), Vec::new()),
        "the opt-in is next"
    );
    // No call can be made for it now.
    let verdicts = attempt.give_back(&failure(Kind::Unavailable));
    assert!(matches!(
        verdicts[..],
        [(0, Verdict::Done(_)), (1, Verdict::Retry(_))]
    ));
    let (entries, by) = attempt.take_owed();
    let entries: Vec<_> = entries.iter().map(|entry| entry.as_str()).collect();
    assert_eq!((entries, by), (vec!["k"], vec![0]));
}
