//! Decides what an answer of Genesys Cloud says about a question.
//!
//! Each function knows the answers that are possible. Any other answer says nothing: the question
//! stays open, and nothing is guessed. No call is made here. [`verdict`](super::verdict) says what
//! each result means for the operator.

use std::time::Duration;

use io::genesys::{Failure, Kind, ScratchContact, scratch_permission};

use super::questions::Finding;

/// Why a failed call says nothing about its question. The text holds nothing of the operator's
/// secret.
pub(super) fn why(failure: &Failure) -> String {
    let detail = &failure.detail;
    if let Some(permission) = scratch_permission(failure) {
        return format!("{detail} (needs {permission})");
    }
    if failure.http_status.is_some() {
        return match failure.kind {
            Kind::Throttled { .. } => format!("{detail}: run it again in a minute"),
            _ => detail.clone(),
        };
    }
    match failure.kind {
        Kind::Throttled { .. } | Kind::BudgetSpent { .. } => {
            "no call is left in this minute: run it again in a minute"
        }
        Kind::Refused | Kind::Closed { .. } => "the OAuth client cannot log in",
        Kind::Unanswered | Kind::Lost => "the service did not answer",
        _ => "the answer is not what was asked for",
    }
    .to_owned()
}

/// Whether the service refused this very write.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::Rejected | Kind::Conflict)
}

/// Decides whether an update that omitted `callable` left the contact uncallable.
pub(super) fn callable(before: Option<&ScratchContact>, after: &ScratchContact) -> Finding {
    if before.and_then(|before| before.callable) != Some(false) {
        return Finding::not_found_out("the contact was not read as uncallable before");
    }
    match after.callable {
        Some(true) => Finding::Differs("is callable again".into()),
        Some(false) => Finding::AsAssumed("stays uncallable".into()),
        None => Finding::not_found_out("the answer does not say callable"),
    }
}

/// Decides whether a write that left a column out was accepted.
pub(super) fn subset(answer: Result<(), &Failure>, is_assumed_taken: bool) -> Finding {
    match answer {
        Ok(()) => Finding::is(is_assumed_taken, "is taken"),
        Err(failure) if is_refusal(failure) => Finding::is(!is_assumed_taken, "is refused"),
        Err(failure) => Finding::NotFoundOut(why(failure)),
    }
}

/// Decides what became of a column that held `before` and that a write left out.
pub(super) fn left_out(before: &str, after: Option<&String>) -> Finding {
    match after.map(String::as_str).unwrap_or_default() {
        "" => Finding::AsAssumed("is emptied".into()),
        after if after == before => Finding::Differs("is kept".into()),
        _ => Finding::not_found_out("it holds something else"),
    }
}

/// Decides whether ids that differ only in case are two contacts. `first` held `old`; then `second`
/// was written with `new`.
pub(super) fn case(
    found: &[ScratchContact],
    (first, old): (&str, &str),
    (second, new): (&str, &str),
    column: &str,
) -> Finding {
    let holds = |id: &str, value: &str| {
        let is_it = |contact: &&ScratchContact| contact.id == id;
        let found = found.iter().find(is_it);
        found.is_some_and(|contact| contact.data.get(column).is_some_and(|held| held == value))
    };
    let all_new = found
        .iter()
        .all(|contact| contact.data.get(column).is_some_and(|held| held == new));
    if holds(first, old) && holds(second, new) {
        Finding::AsAssumed("makes two contacts".into())
    } else if !found.is_empty() && all_new {
        Finding::Differs("makes no other contact".into())
    } else {
        Finding::not_found_out("the contacts that are read are neither one nor two")
    }
}

/// Decides what became of an id that was sent twice in one POST, with these values.
pub(super) fn duplicates(found: &[ScratchContact], values: [&str; 2], column: &str) -> Finding {
    let held = match found {
        [contact] => contact.data.get(column).map(String::as_str),
        _ => None,
    };
    match held {
        Some(held) if held == values[0] => Finding::Differs("is taken: the first wins".into()),
        Some(held) if held == values[1] => Finding::Differs("is taken: the last wins".into()),
        _ => Finding::not_found_out("it was taken, and what is read is neither of the two"),
    }
}

/// Decides whether the answer to a POST holds the contacts in the order in which they were sent.
pub(super) fn order(sent: &[ScratchContact], answered: &[ScratchContact]) -> Finding {
    let ids = |contacts: &[ScratchContact]| -> Vec<String> {
        contacts.iter().map(|contact| contact.id.clone()).collect()
    };
    let (sent, answered) = (ids(sent), ids(answered));
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids
    };
    if sent == answered {
        Finding::AsAssumed("are as they were sent".into())
    } else if sorted(&sent) == sorted(&answered) {
        Finding::Differs("are in another order".into())
    } else {
        Finding::not_found_out(
            "the answer does not show each contact once, by the id that was sent",
        )
    }
}

/// Decides when a new contact can be read. `by_id` says whether a GET right after the create found
/// it, and `in_bulk` how long it took until a bulk read found all; `None` means that none did.
pub(super) fn new_contact(by_id: bool, in_bulk: Option<Duration>) -> Finding {
    match (by_id, in_bulk) {
        (true, Some(Duration::ZERO)) => Finding::AsAssumed("at once".into()),
        (false, Some(Duration::ZERO)) => {
            Finding::Differs("at once in bulk, and later by GET".into())
        }
        (_, Some(after)) => Finding::Differs(format!("in bulk after some {} s", after.as_secs())),
        (_, None) => Finding::Differs("not within the time that was waited".into()),
    }
}

/// Decides when an update can be read: a read showed it after this time.
pub(super) fn update(after: Duration) -> Finding {
    if after.is_zero() {
        Finding::AsAssumed("at once".into())
    } else {
        Finding::Differs(format!("after some {} s", after.as_secs()))
    }
}

/// Decides which characters an id may hold. Each group says whether an id with its characters was
/// accepted.
pub(super) fn characters(groups: &[(&str, bool)], assumed: &str) -> Finding {
    let named = |is_taken: bool| {
        let of = groups.iter().filter(|(_, taken)| *taken == is_taken);
        let names: Vec<_> = of
            .map(|(characters, _)| match *characters {
                " " => "space",
                characters => characters,
            })
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(" ")
        }
    };
    let seen = format!("taken: {}   refused: {}", named(true), named(false));
    let mut refused = groups.iter().filter(|(_, is_taken)| !is_taken).peekable();
    if refused.peek().is_none() {
        Finding::AsAssumed(seen)
    } else if refused.any(|(characters, _)| *characters == assumed) {
        Finding::Differs(seen)
    } else {
        Finding::AsFarAsAssumed(seen)
    }
}

/// Decides how long an id may be. `lengths` begins with the longest, and `taken` is the place of
/// the first that was accepted.
pub(super) fn length(lengths: &[usize], taken: Option<usize>) -> Finding {
    let Some(n) = taken else {
        let shortest = lengths.last().copied().unwrap_or_default();
        return Finding::Differs(format!("less than {shortest} characters"));
    };
    let longest = lengths[n];
    match n.checked_sub(1).map(|above| lengths[above]) {
        None => Finding::AsAssumed(format!("{longest} characters")),
        Some(refused) => Finding::Differs(format!(
            "{longest} characters, not {refused}: one between may be taken"
        )),
    }
}

/// Decides whether two tokens share a budget. The counts are those in the answers to four calls,
/// made with the two tokens in turn.
pub(super) fn budget(counts: [u64; 4]) -> Finding {
    let [first, other, second, last] = counts;
    if second == first + 1 && last == other + 1 {
        Finding::Differs("are each token's own".into())
    } else if counts.is_sorted_by(|one, next| one < next) {
        Finding::AsAssumed("are shared".into())
    } else {
        Finding::not_found_out(
            "the counts rise neither together nor apart: a new minute may have begun",
        )
    }
}

#[cfg(test)]
mod tests;
