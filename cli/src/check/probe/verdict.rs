//! Says what each answer means for the operator, compared with what campaign-sync assumes.
//!
//! The answers come from [`judge`](super::judge), and the texts from the [`TABLE`] of questions.
//! How they are printed is decided in [`report`](super::report).

use std::collections::BTreeMap;

use super::questions::{Finding, Question, QuestionRow, TABLE};
use crate::table::are;

/// An answer, and what it means.
pub(super) struct Verdict {
    pub(super) seen: String,
    /// Whether the answer is as campaign-sync assumes; `None` means that the question stays open.
    pub(super) is_as_assumed: Option<bool>,
    /// Whether the answer asks the operator to do something; `None` means that the question stays
    /// open.
    pub(super) matters: Option<bool>,
    pub(super) meaning: Option<String>,
}

impl Verdict {
    /// The verdict on the answer `seen` to the row's question. `found` holds the answers to all
    /// questions: the meaning of some depends on another.
    pub(super) fn new(
        row: &QuestionRow,
        seen: Finding,
        found: &BTreeMap<Question, Finding>,
    ) -> Verdict {
        let (seen, is_as_assumed, has_meaning) = match seen {
            Finding::AsAssumed(seen) => (seen, Some(true), false),
            Finding::AsFarAsAssumed(seen) => (seen, Some(true), true),
            Finding::Differs(seen) => (seen, Some(false), true),
            Finding::NotFoundOut(why) => (format!("not found out: {why}"), None, false),
        };
        Verdict {
            seen,
            is_as_assumed,
            matters: is_as_assumed.map(|is_as_assumed| !is_as_assumed && row.matters),
            meaning: has_meaning.then(|| meaning(row, found)),
        }
    }

    /// The verdict in words, for the column "beside what campaign-sync assumes".
    pub(super) fn text(&self, row: &QuestionRow) -> String {
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

fn meaning(row: &QuestionRow, found: &BTreeMap<Question, Finding>) -> String {
    if !matches!(
        row.question,
        Question::ReadAfterCreate | Question::ReadAfterUpdate
    ) {
        return row.meaning.to_owned();
    }
    let opt_out = match found.get(&Question::PostCallable) {
        Some(Finding::Differs(_)) => {
            "and by the answer to the first question that person is then callable again: put opt-outs on a DNC list too"
        }
        Some(Finding::AsAssumed(_) | Finding::AsFarAsAssumed(_)) => {
            "but by the answer to the first question it stays"
        }
        _ => "and whether that person is then callable again is the first question, which is open",
    };
    format!("{}, {opt_out}", row.meaning)
}

/// All answers in one sentence, for a person who decides by them.
pub(super) fn summary(verdicts: &[(&QuestionRow, Verdict)]) -> String {
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
