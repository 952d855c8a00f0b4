//! What each answer means for who runs campaign-sync, beside what it assumes.

use std::collections::BTreeMap;

use super::questions::{Question, Row, Seen, TABLE};
use crate::table::are;

/// An answer as it is told.
pub(super) struct Verdict {
    pub(super) seen: String,
    /// `None`: that was not found out.
    pub(super) is_as_assumed: Option<bool>,
    /// Whether it asks something of who runs campaign-sync.
    pub(super) matters: Option<bool>,
    pub(super) meaning: Option<String>,
}

impl Verdict {
    /// `seen`: what was found out about the row's question; `found`: about all of them.
    pub(super) fn new(row: &Row, seen: Seen, found: &BTreeMap<Question, Seen>) -> Verdict {
        let (seen, is_as_assumed, has_meaning) = match seen {
            Seen::AsAssumed(seen) => (seen, Some(true), false),
            Seen::AsFarAsAssumed(seen) => (seen, Some(true), true),
            Seen::Differs(seen) => (seen, Some(false), true),
            Seen::NotFoundOut(why) => (format!("not found out: {why}"), None, false),
        };
        Verdict {
            seen,
            is_as_assumed,
            matters: is_as_assumed.map(|is_as_assumed| !is_as_assumed && row.matters),
            meaning: has_meaning.then(|| meaning(row, found)),
        }
    }

    /// Beside what campaign-sync assumes.
    pub(super) fn text(&self, row: &Row) -> String {
        let kind = match (self.is_as_assumed, self.matters) {
            (None, _) => return format!("assumed: {}", row.assumed),
            (Some(true), _) => "as assumed",
            (Some(false), Some(false)) => "otherwise, harmless",
            (Some(false), _) => "differs",
        };
        match &self.meaning {
            None => kind.to_owned(),
            Some(meaning) if self.is_as_assumed == Some(true) => format!("{kind}; {meaning}"),
            Some(meaning) => format!("{kind}: {meaning}"),
        }
    }
}

fn meaning(row: &Row, found: &BTreeMap<Question, Seen>) -> String {
    if !matches!(
        row.question,
        Question::ReadAfterCreate | Question::ReadAfterUpdate
    ) {
        return row.meaning.to_owned();
    }
    let opt_out = match found.get(&Question::PostCallable) {
        Some(Seen::Differs(_)) => {
            "and by the answer to the first question that person is then callable again: put opt-outs on a DNC list too"
        }
        Some(Seen::AsAssumed(_) | Seen::AsFarAsAssumed(_)) => {
            "but by the answer to the first question it stays"
        }
        _ => "and whether that person is then callable again is the first question, which is open",
    };
    format!("{}, {opt_out}", row.meaning)
}

/// For whoever decides: all answers in one sentence.
pub(super) fn summary(verdicts: &[(&Row, Verdict)]) -> String {
    let count = |is: fn(&Verdict) -> bool| {
        let told = verdicts.iter().filter(|(_, verdict)| is(verdict));
        told.count() as u64
    };
    let as_assumed = count(|verdict| verdict.is_as_assumed == Some(true));
    let all = TABLE.len() as u64;
    let asks = |is: fn(&Verdict) -> bool| -> Vec<&str> {
        let told = verdicts.iter().filter(|(_, verdict)| is(verdict));
        told.map(|(row, _)| row.asks).collect()
    };
    let also = asks(|verdict| verdict.is_as_assumed == Some(true) && verdict.meaning.is_some());
    let also = if also.is_empty() {
        String::new()
    } else {
        format!(" Look too at: {}.", also.join("; "))
    };
    if as_assumed == all {
        return format!("All {all} answers are as assumed.{also}");
    }
    let harmless =
        count(|verdict| verdict.is_as_assumed == Some(false) && verdict.matters == Some(false));
    let open = count(|verdict| verdict.is_as_assumed.is_none());
    let mut parts = vec![format!("{as_assumed} {} as assumed", are(as_assumed))];
    if harmless > 0 {
        parts.push(format!(
            "{harmless} {} otherwise and harmless",
            are(harmless)
        ));
    }
    if open > 0 {
        parts.push(format!("{open} {} not found out", are(open)));
    }
    let matters = asks(|verdict| verdict.matters == Some(true));
    if !matters.is_empty() {
        let need = if matters.len() == 1 { "needs" } else { "need" };
        let count = matters.len();
        parts.push(format!(
            "{count} {need} something of you: {}",
            matters.join("; ")
        ));
    }
    format!("Of {all} answers {}.{also}", parts.join(", "))
}
