//! Reports what a file holds and what became of its rows, as text and as JSON.
//!
//! The report counts; it does not check: a fault comes from [`rows`](super::rows) or
//! [`target`](super::target), and a warning from [`warnings`](super::warnings). It holds no value
//! of a row.

use serde_json::json;

use super::rows::{ParsedRow, RowFault};
use super::state::StateFile;
use super::warnings::Warnings;
use crate::args;
use crate::table::{are, counted, number};

/// The most faults that are shown.
const SHOWN: usize = 20;

/// The counts that a script expects of a file.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ExpectedCounts {
    /// Sends nothing unless the file has this many rows, blank ones left out
    #[arg(long, value_name = "N", value_parser = args::number::<u64>(0..=u64::MAX), allow_hyphen_values = true)]
    expect_rows: Option<u64>,
    /// Sends nothing unless this many rows are opt-outs: by callable, by remove, or for a channel
    /// or number
    #[arg(long, value_name = "N", value_parser = args::number::<u64>(0..=u64::MAX), allow_hyphen_values = true)]
    expect_opt_outs: Option<u64>,
}

pub(super) struct Report {
    /// How many lines the file has.
    pub(super) lines: u64,
    pub(super) rows: u64,
    /// How many rows have no value at all. They do not count as `rows`.
    blank: u64,
    pub(super) faulty: u64,
    /// The first of the faults.
    faults: Vec<RowFault>,
    /// How many rows opt their contact out, in whole or by a channel or number.
    opt_outs: u64,
    /// Whether any row says whether its contact may be called.
    says_callable: bool,
    /// The columns of the file that are not sent although no flag says so.
    not_sent: Vec<String>,
    pub(super) warnings: Warnings,
    /// The counts that differ from what a script expects.
    unexpected: Vec<String>,
    /// How many rows earlier runs sent.
    pub(super) sent_before: u64,
    pub(super) sent: u64,
    /// Why the run ended before the last row.
    pub(super) ended: Option<String>,
}

impl Report {
    /// A report on a file of this many lines, before any row was seen.
    pub(super) fn new(lines: usize, not_sent: Vec<String>, warnings: Warnings) -> Report {
        Report {
            lines: lines as u64,
            rows: 0,
            blank: 0,
            faulty: 0,
            faults: Vec::new(),
            opt_outs: 0,
            says_callable: false,
            not_sent,
            warnings,
            unexpected: Vec::new(),
            sent_before: 0,
            sent: 0,
            ended: None,
        }
    }

    pub(super) fn saw(&mut self, row: Result<ParsedRow, RowFault>) {
        match row {
            Ok(ParsedRow::Blank) => self.blank += 1,
            Ok(ParsedRow::Change(place, change)) => {
                self.rows += 1;
                self.warnings.look(&place, &change);
                let callable = change.operation.callable();
                self.says_callable |= callable.is_some();
                self.opt_outs += u64::from(change.operation.opts_out());
            }
            Err(fault) => {
                self.rows += 1;
                self.faulty += 1;
                if self.faults.len() < SHOWN {
                    self.faults.push(fault);
                }
            }
        }
    }

    /// Compares the counts with what a script expects. All rows must have been seen.
    pub(super) fn compare(&mut self, expected: &ExpectedCounts) {
        for (expected, found, what) in [
            (expected.expect_rows, self.rows, "row"),
            (expected.expect_opt_outs, self.opt_outs, "opt-out"),
        ] {
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                let (expected, found) = (counted(expected, what), counted(found, what));
                self.unexpected
                    .push(format!("expected {expected}; the file has {found}"));
            }
        }
    }

    /// Whether every row is right and the counts are as expected, so that rows may be sent.
    pub(super) fn is_right(&self) -> bool {
        self.faulty == 0 && self.unexpected.is_empty()
    }

    pub(super) fn is_complete(&self, is_dry: bool) -> bool {
        self.is_right()
            && self.ended.is_none()
            && (is_dry || self.sent_before + self.sent == self.rows)
    }

    pub(super) fn json(&self, is_dry: bool) -> String {
        let faults: Vec<_> = self
            .faults
            .iter()
            .map(|fault| json!({ "place": fault.place, "expected": fault.what }))
            .collect();
        json!({
            "lines": self.lines,
            "rows": self.rows,
            "blank": self.blank,
            "optOuts": self.opt_outs,
            "saysCallable": self.says_callable,
            "notSent": self.not_sent,
            "faulty": self.faulty,
            "faults": faults,
            "warnings": self.warnings.lines(),
            "unexpected": self.unexpected,
            "sentBefore": self.sent_before,
            "sent": self.sent,
            "complete": self.is_complete(is_dry),
            "dryRun": is_dry,
            "ended": self.ended,
        })
        .to_string()
    }

    /// Says what is about to be sent, so that a person can read it first.
    pub(super) fn summary(&self, delimiter: Option<&str>) -> String {
        let mut parts = vec![counted(self.lines, "line"), counted(self.rows, "row")];
        if self.blank > 0 {
            parts.push(format!(
                "{} without any value left out",
                counted(self.blank, "row")
            ));
        }
        parts.push(counted(self.opt_outs, "opt-out"));
        let mut lines = vec![format!("{}.", parts.join(", "))];
        if let Some(delimiter) = delimiter {
            lines.push(format!(
                "Its values are separated by {delimiter:?}, by its first line."
            ));
        }
        if self.rows > 0 && !self.says_callable {
            let told = "No row says whether its contact may be called, so new contacts are created callable.";
            lines.push(told.to_owned());
        }
        if !self.not_sent.is_empty() {
            let names: Vec<_> = self
                .not_sent
                .iter()
                .map(|name| format!("{name:?}"))
                .collect();
            lines.push(format!(
                "Not sent, because no flag names them: {} (--ignore leaves one out of this list).",
                names.join(", ")
            ));
        }
        lines.extend(
            self.warnings
                .lines()
                .iter()
                .map(|line| format!("Warning: {line}.")),
        );
        lines.join("\n")
    }

    pub(super) fn text(&self, is_dry: bool, state: &StateFile) -> String {
        let rows = counted(self.rows, "row");
        let mut lines: Vec<_> = self
            .faults
            .iter()
            .map(|fault| format!("{}: {}", fault.place, fault.what))
            .collect();
        if self.faulty > self.faults.len() as u64 {
            let more = self.faulty - self.faults.len() as u64;
            lines.push(format!("… and {} more", number(more)));
        }
        lines.extend(self.unexpected.iter().cloned());
        lines.push(match self.faulty {
            0 if !self.is_right() => "Nothing was sent.".to_owned(),
            0 if is_dry => format!("{rows} {} right; nothing was sent.", are(self.rows)),
            0 => {
                let before = match self.sent_before {
                    0 => String::new(),
                    before => format!(", {} of them by earlier runs", number(before)),
                };
                let sent = self.sent_before + self.sent;
                let (are, sent) = (are(sent), number(sent));
                format!("{sent} of {rows} {are} in the queue{before}.")
            }
            faulty => {
                let (are, faulty) = (are(faulty), number(faulty));
                format!("{faulty} of {rows} {are} invalid; nothing was sent.")
            }
        });
        if let Some(why) = &self.ended {
            let goes_on = match self.sent_before + self.sent {
                0 => String::new(),
                _ => format!(" The same command goes on from there ({}).", state.path()),
            };
            lines.push(format!("Ended: {why}.{goes_on}"));
        }
        lines.join("\n")
    }
}
