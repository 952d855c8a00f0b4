//! What an answer says about a question. An answer that is none of the readings says nothing: it is
//! told as such, and never guessed at.

use std::time::Duration;

use io::genesys::{Failure, Kind, ScratchContact, scratch_permission};

use super::questions::Seen;

/// Why a call says nothing. Nothing of what the operator's secret names is in it.
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
        Kind::Refused | Kind::Closed { .. } => "the OAuth client is not let in",
        Kind::Unanswered | Kind::Lost => "the service did not answer",
        _ => "the answer is not what was asked for",
    }
    .to_owned()
}

/// Whether the service said that it does not take this very write.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::Rejected | Kind::Conflict)
}

/// Whether an update that omitted `callable` left the contact as it was.
pub(super) fn callable(before: Option<&ScratchContact>, after: &ScratchContact) -> Seen {
    if before.and_then(|before| before.callable) != Some(false) {
        return Seen::not_found_out("the contact was not read as uncallable before");
    }
    match after.callable {
        Some(true) => Seen::Differs("is callable again".into()),
        Some(false) => Seen::AsAssumed("stays uncallable".into()),
        None => Seen::not_found_out("the answer does not say callable"),
    }
}

/// Whether a write that left a column out was taken.
pub(super) fn subset(answer: Result<(), &Failure>, is_assumed_taken: bool) -> Seen {
    match answer {
        Ok(()) => Seen::is(is_assumed_taken, "is taken"),
        Err(failure) if is_refusal(failure) => Seen::is(!is_assumed_taken, "is refused"),
        Err(failure) => Seen::NotFoundOut(why(failure)),
    }
}

/// What became of a column that held `before` and that a write left out.
pub(super) fn left_out(before: &str, after: Option<&String>) -> Seen {
    match after.map(String::as_str).unwrap_or_default() {
        "" => Seen::AsAssumed("is emptied".into()),
        after if after == before => Seen::Differs("is kept".into()),
        _ => Seen::not_found_out("it holds something else"),
    }
}

/// `first` holds `old`, and `second`, which differs in case alone, was written with `new`.
pub(super) fn case(
    found: &[ScratchContact],
    (first, old): (&str, &str),
    (second, new): (&str, &str),
    column: &str,
) -> Seen {
    let holds = |id: &str, value: &str| {
        let is_it = |contact: &&ScratchContact| contact.id == id;
        let found = found.iter().find(is_it);
        found.is_some_and(|contact| contact.data.get(column).is_some_and(|held| held == value))
    };
    let all_new = found
        .iter()
        .all(|contact| contact.data.get(column).is_some_and(|held| held == new));
    if holds(first, old) && holds(second, new) {
        Seen::AsAssumed("makes two contacts".into())
    } else if !found.is_empty() && all_new {
        Seen::Differs("makes no other contact".into())
    } else {
        Seen::not_found_out("the contacts that are read are neither one nor two")
    }
}

/// An id was sent twice in one POST, with these values.
pub(super) fn duplicates(found: &[ScratchContact], values: [&str; 2], column: &str) -> Seen {
    let held = match found {
        [contact] => contact.data.get(column).map(String::as_str),
        _ => None,
    };
    match held {
        Some(held) if held == values[0] => Seen::Differs("is taken: the first wins".into()),
        Some(held) if held == values[1] => Seen::Differs("is taken: the last wins".into()),
        _ => Seen::not_found_out("it was taken, and what is read is neither of the two"),
    }
}

pub(super) fn order(sent: &[ScratchContact], answered: &[ScratchContact]) -> Seen {
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
        Seen::AsAssumed("are as they were sent".into())
    } else if sorted(&sent) == sorted(&answered) {
        Seen::Differs("are in another order".into())
    } else {
        Seen::not_found_out("the answer does not show each contact once, by the id that was sent")
    }
}

/// Whether a GET right after a create found it, and after how long all that was created was read in
/// bulk; `None`: it never was.
pub(super) fn new_contact(by_id: bool, in_bulk: Option<Duration>) -> Seen {
    match (by_id, in_bulk) {
        (true, Some(Duration::ZERO)) => Seen::AsAssumed("at once".into()),
        (false, Some(Duration::ZERO)) => Seen::Differs("at once in bulk, and later by GET".into()),
        (_, Some(after)) => Seen::Differs(format!("in bulk after some {} s", after.as_secs())),
        (_, None) => Seen::Differs("not within the time that was waited".into()),
    }
}

/// After how long a read showed an update.
pub(super) fn update(after: Duration) -> Seen {
    if after.is_zero() {
        Seen::AsAssumed("at once".into())
    } else {
        Seen::Differs(format!("after some {} s", after.as_secs()))
    }
}

/// Groups of characters, and whether an id with them was taken.
pub(super) fn characters(groups: &[(&str, bool)], assumed: &str) -> Seen {
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
        Seen::AsAssumed(seen)
    } else if refused.any(|(characters, _)| *characters == assumed) {
        Seen::Differs(seen)
    } else {
        Seen::AsFarAsAssumed(seen)
    }
}

/// Lengths from the longest on, and the first of them that was taken, if any.
pub(super) fn length(lengths: &[usize], taken: Option<usize>) -> Seen {
    let Some(n) = taken else {
        let shortest = lengths.last().copied().unwrap_or_default();
        return Seen::Differs(format!("less than {shortest} characters"));
    };
    let longest = lengths[n];
    match n.checked_sub(1).map(|above| lengths[above]) {
        None => Seen::AsAssumed(format!("{longest} characters")),
        Some(refused) => Seen::Differs(format!(
            "{longest} characters, not {refused}: one between may be taken"
        )),
    }
}

/// Counts that four calls were answered with, by two tokens in turn.
pub(super) fn budget(counts: [u64; 4]) -> Seen {
    let [first, other, second, last] = counts;
    if second == first + 1 && last == other + 1 {
        Seen::Differs("are each token's own".into())
    } else if counts.is_sorted_by(|one, next| one < next) {
        Seen::AsAssumed("are shared".into())
    } else {
        Seen::not_found_out(
            "the counts rise neither together nor apart: a new minute may have begun",
        )
    }
}

#[cfg(test)]
mod tests;
