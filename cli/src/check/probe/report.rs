//! Prints what a probe found out, for a person and for a program.
//!
//! The meaning of each answer comes from [`verdict`](super::verdict). Neither the org nor the list
//! is named in the JSON, so that it can be passed on.

use std::collections::BTreeMap;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::{Value, json};

use super::made::Left;
use super::page;
use super::questions::{Finding, Question, QuestionRow, TABLE};
use super::verdict::{Verdict, summary};
use crate::table::counted;

/// The widths of the table's columns. With the lines between them they fill a page.
const WIDTHS: [u16; 3] = [35, 23, 38];

pub(super) struct Report {
    pub(super) found: BTreeMap<Question, Finding>,
    /// Why the contacts that most questions are about could not be made.
    pub(super) no_contact: Option<String>,
    /// Whether Ctrl-C ended the probe before everything was asked.
    pub(super) is_stopped: bool,
    pub(super) calls: u64,
    pub(super) left: Left,
    /// The call that deletes the contacts that are left.
    pub(super) deletion: String,
}

impl Report {
    /// Whether every answer is as campaign-sync assumes or harmless, and no contact is left.
    pub(super) fn is_right(&self) -> bool {
        let verdicts = self.verdicts();
        let is_right = |(_, verdict): &(&QuestionRow, Verdict)| verdict.matters == Some(false);
        self.left.ids.is_empty() && verdicts.iter().all(is_right)
    }

    fn verdicts(&self) -> Vec<(&'static QuestionRow, Verdict)> {
        let verdict =
            |row: &'static QuestionRow| (row, Verdict::new(row, self.seen(row), &self.found));
        TABLE.iter().map(verdict).collect()
    }

    fn seen(&self, row: &QuestionRow) -> Finding {
        if let Some(found) = self.found.get(&row.question) {
            return found.clone();
        }
        Finding::NotFoundOut(match &self.no_contact {
            Some(why) if is_of_contacts(row) => format!("no contact could be made: {why}"),
            _ => "the probe ended before".to_owned(),
        })
    }

    /// Whether the question has its own line. Questions that stay open for the same reason share
    /// one line.
    fn is_listed(&self, row: &QuestionRow) -> bool {
        let is_open_with_others =
            self.is_stopped || (self.no_contact.is_some() && is_of_contacts(row));
        self.found.contains_key(&row.question) || !is_open_with_others
    }

    /// The report in this width: a table if it fits, otherwise a block for each answer.
    pub(super) fn text(&self, width: usize) -> String {
        let verdicts = self.verdicts();
        let listed: Vec<_> = verdicts
            .iter()
            .filter(|(row, _)| self.is_listed(row))
            .map(|(row, verdict)| [row.asks.to_owned(), verdict.seen.clone(), verdict.text(row)])
            .collect();
        let mut lines = Vec::new();
        if !listed.is_empty() {
            lines.push(if width < page::WIDTH {
                blocks(&listed, width)
            } else {
                table(&listed)
            });
        }
        let is_open_with_others = |(row, _): &&(&QuestionRow, Verdict)| !self.is_listed(row);
        let open = verdicts.iter().filter(is_open_with_others).count() as u64;
        let stay = if open == 1 { "stays" } else { "stay" };
        let questions = format!("{} {stay} open", counted(open, "question"));
        match &self.no_contact {
            Some(why) => lines.push(format!("No contact could be made ({why}): {questions}.")),
            None if self.is_stopped => lines.push(format!("It was stopped: {questions}.")),
            None => {}
        }
        lines.push(format!("{}. {}", counted(self.calls, "call"), self.end()));
        lines.push(summary(&verdicts));
        let lines = lines.iter().map(|line| page::wrapped(line, width, ""));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Says what became of the contacts that were made.
    pub(super) fn end(&self) -> String {
        let Left { ids, why } = &self.left;
        if ids.is_empty() {
            return "Every contact that was made is deleted.".to_owned();
        }
        let contacts = counted(ids.len() as u64, "contact");
        let why = why.as_ref().map(|why| format!(" ({why})"));
        format!(
            "NOT DELETED, as far as is known: {contacts}{}. Their ids begin with {}. Delete the list if it is for nothing \
             else, or them:\n{}",
            why.unwrap_or_default(),
            super::PREFIX,
            self.deletion
        )
    }

    /// The report as JSON. It names neither the org nor the list.
    pub(super) fn json(&self) -> Value {
        let fact = |(row, verdict): &(&QuestionRow, Verdict)| {
            json!({ "question": row.id, "seen": verdict.seen, "assumed": row.assumed,
                    "asAssumed": verdict.is_as_assumed, "matters": verdict.matters,
                    "meaning": verdict.meaning })
        };
        let facts: Vec<_> = self.verdicts().iter().map(fact).collect();
        json!({ "ok": self.is_right(), "facts": facts,
                "calls": self.calls, "leftOver": self.left.ids })
    }
}

fn is_of_contacts(row: &QuestionRow) -> bool {
    Question::OF_CONTACTS.contains(&row.question)
}

fn table(answers: &[[String; 3]]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTHS.iter().sum::<u16>() + 4)
        .set_header(["question", "seen", "beside what campaign-sync assumes"])
        .set_constraints(WIDTHS.map(|width| ColumnConstraint::Absolute(Width::Fixed(width))));
    for answer in answers {
        table.add_row(answer);
    }
    table.to_string()
}

fn blocks(answers: &[[String; 3]], width: usize) -> String {
    let block = |[asks, seen, verdict]: &[String; 3]| {
        let [seen, verdict] = [format!("seen: {seen}"), verdict.clone()]
            .map(|line| page::wrapped(&format!("  {line}"), width, "  "));
        format!("{}\n{seen}\n{verdict}\n", page::wrapped(asks, width, ""))
    };
    answers.iter().map(block).collect::<Vec<_>>().join("\n") + "\n"
}
