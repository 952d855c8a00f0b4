//! What a file holds, and what became of it.

use serde_json::json;

use super::rows::{Found, RowFault};
use super::state::StateFile;
use super::warnings::Warnings;
use crate::table::{are, counted, number};

/// Faults that are shown.
const SHOWN: usize = 20;

/// What a script says that a file holds.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Expected {
    /// Sends nothing unless the file has so many rows, without those that are blank
    #[arg(long, value_name = "N")]
    expect_rows: Option<u64>,
    /// Sends nothing unless so many rows say that nobody may call, by callable or by remove, or lower a
    /// channel or number
    #[arg(long, value_name = "N")]
    expect_opt_outs: Option<u64>,
}

pub(super) struct Report {
    /// Lines of the file.
    pub(super) lines: u64,
    pub(super) rows: u64,
    /// Rows without any value.
    blank: u64,
    pub(super) faulty: u64,
    /// The first of them.
    faults: Vec<RowFault>,
    /// Rows that say that nobody may call.
    opt_outs: u64,
    /// Whether some row says if its contact may be called.
    says_callable: bool,
    pub(super) warnings: Warnings,
    /// What is not as it was said to be.
    unexpected: Vec<String>,
    /// Rows that earlier runs sent.
    pub(super) sent_before: u64,
    pub(super) sent: u64,
    /// Why it ended before the last row.
    pub(super) ended: Option<String>,
}

impl Report {
    /// `lines`: of the file.
    pub(super) fn new(lines: usize, warnings: Warnings) -> Report {
        Report {
            lines: lines as u64,
            rows: 0,
            blank: 0,
            faulty: 0,
            faults: Vec::new(),
            opt_outs: 0,
            says_callable: false,
            warnings,
            unexpected: Vec::new(),
            sent_before: 0,
            sent: 0,
            ended: None,
        }
    }

    pub(super) fn saw(&mut self, row: Result<Found, RowFault>) {
        match row {
            Ok(Found::Blank) => self.blank += 1,
            Ok(Found::Change(place, change)) => {
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

    /// Once all rows were seen.
    pub(super) fn compare(&mut self, expected: &Expected) {
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

    /// Whether anything may be sent.
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

    /// What is about to be sent, for a person to look at before it is.
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
            let told = "No row says whether its contact may be called: those that are new may be.";
            lines.push(told.to_owned());
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
                format!("{faulty} of {rows} {are} not right: nothing was sent.")
            }
        });
        if let Some(why) = &self.ended {
            lines.push(format!(
                "Ended: {why}. The same command goes on from there ({}).",
                state.path()
            ));
        }
        lines.join("\n")
    }
}
