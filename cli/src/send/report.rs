//! What became of a file.

use domain::Change;
use serde_json::json;

use super::rows::RowFault;
use super::state::StateFile;
use crate::table::number;

/// Faults that are shown.
const SHOWN: usize = 20;

#[derive(Default)]
pub(super) struct Report {
    pub(super) rows: u64,
    pub(super) faulty: u64,
    /// The first of them.
    faults: Vec<RowFault>,
    /// Whether some row says if its contact may be called.
    says_callable: bool,
    /// Rows that earlier runs sent.
    pub(super) sent_before: u64,
    pub(super) sent: u64,
    /// Why it ended before the last row.
    pub(super) ended: Option<String>,
}

impl Report {
    pub(super) fn saw(&mut self, row: Result<Change, RowFault>) {
        self.rows += 1;
        match row {
            Ok(change) => self.says_callable |= change.operation.callable().is_some(),
            Err(fault) => {
                self.faulty += 1;
                if self.faults.len() < SHOWN {
                    self.faults.push(fault);
                }
            }
        }
    }

    pub(super) fn is_complete(&self, is_dry: bool) -> bool {
        self.faulty == 0
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
            "rows": self.rows, "faulty": self.faulty, "faults": faults, "sentBefore": self.sent_before, "sent": self.sent,
            "saysCallable": self.says_callable, "complete": self.is_complete(is_dry), "dryRun": is_dry, "ended": self.ended,
        })
        .to_string()
    }

    pub(super) fn text(&self, is_dry: bool, state: &StateFile) -> String {
        let rows = number(self.rows);
        let mut lines: Vec<_> = self
            .faults
            .iter()
            .map(|fault| format!("{}: {}", fault.place, fault.what))
            .collect();
        if self.faulty > self.faults.len() as u64 {
            lines.push(format!(
                "… and {} more",
                number(self.faulty - self.faults.len() as u64)
            ));
        }
        lines.push(match (self.faulty, is_dry) {
            (0, true) => format!("{rows} rows are right; nothing was sent."),
            (0, false) => {
                let before = match self.sent_before {
                    0 => String::new(),
                    before => format!(", {} of them by earlier runs", number(before)),
                };
                format!(
                    "{} of {rows} rows are in the queue{before}.",
                    number(self.sent_before + self.sent)
                )
            }
            (faulty, _) => format!(
                "{} of {rows} rows are not right: nothing was sent.",
                number(faulty)
            ),
        });
        if self.rows > 0 && self.faulty == 0 && !self.says_callable {
            lines.push(
                "No row says whether its contact may be called: those that are new may be."
                    .to_owned(),
            );
        }
        if let Some(why) = &self.ended {
            lines.push(format!(
                "Ended: {why}. The same command goes on from there ({}).",
                state.path()
            ));
        }
        lines.join("\n")
    }
}
