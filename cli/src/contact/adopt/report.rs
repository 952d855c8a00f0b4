//! Prints, for a person or a program, which contacts the feed opts out, and in which state the
//! campaign holds them.
//!
//! How a contact is compared is decided in reconcile; this file only counts.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::Table;
use domain::batch::ParkReason;
use domain::change::OptedOut;
use reconcile::{Progress, RunOutcome, Why};
use serde_json::json;

use crate::stretches;
use crate::table::{counted, number, table};

/// Numbers of contacts, added up over all stretches of a run.
#[derive(Default)]
pub(super) struct Report {
    /// Contacts of the feed.
    checked: u64,
    /// The contacts among them that the feed opts out, and that could be looked at.
    opted_out: u64,
    missing: u64,
    callable: u64,
    marked: u64,
    newer: u64,
    unmarked: u64,
    /// The contacts without a mark for which the feed is newer than the campaign.
    behind: u64,
    /// The contacts whose stored rank is ahead of the feed.
    ahead: u64,
    left_out: BTreeMap<ParkReason, u64>,
    enqueued: u64,
    is_complete: bool,
    is_dry_run: bool,
    cursor: Option<String>,
    why: Option<String>,
}

impl stretches::Report for Report {
    fn saw(&mut self, progress: Progress) {
        match progress {
            Progress::Checked(contacts) => self.checked += contacts,
            Progress::Enqueued(changes) => self.enqueued += changes,
            Progress::Ahead { .. } => self.ahead += 1,
            Progress::OptedOut(found) => self.looked(found),
            // These events belong to another task.
            Progress::Found(_) | Progress::Unknown { .. } => {}
            // Faulty items are counted as left out.
            Progress::Faulty { .. } => {}
        }
    }

    fn add(&mut self, outcome: RunOutcome) {
        self.is_complete = outcome.answer.complete;
        self.is_dry_run = outcome.answer.dry_run;
        self.cursor = outcome.answer.cursor;
        self.why = outcome.why.map(|why| why.to_string());
        for ((_, reason), contacts) in outcome.left_out {
            *self.left_out.entry(reason).or_default() += contacts;
        }
        // The numbers of earlier stretches are included.
        if let Some(contacts) = self.left_out.get(&ParkReason::InvalidChange) {
            self.is_complete = false;
            self.why
                .get_or_insert_with(|| Why::Faulty(*contacts).to_string());
        }
    }

    fn is_empty(&self) -> bool {
        self.checked == 0
    }

    fn line(&self) -> String {
        let (checked, enqueued) = (
            counted(self.checked, "contact"),
            counted(self.enqueued, "adoption"),
        );
        let [opted_out, unmarked] = [self.opted_out, self.unmarked].map(number);
        format!(
            "{checked} checked, {opted_out} opted out, {unmarked} without a mark, {enqueued} enqueued"
        )
    }
}

impl Report {
    fn looked(&mut self, found: OptedOut) {
        self.opted_out += 1;
        let count = match found {
            OptedOut::Missing => &mut self.missing,
            OptedOut::Callable => &mut self.callable,
            OptedOut::Marked => &mut self.marked,
            OptedOut::Newer => &mut self.newer,
            OptedOut::Unmarked { is_behind } => {
                self.behind += u64::from(is_behind);
                &mut self.unmarked
            }
        };
        *count += 1;
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How many contacts are to be adopted.
    fn adopted(&self, also_newer: bool) -> u64 {
        self.unmarked + if also_newer { self.newer } else { 0 }
    }

    pub(super) fn json(&self, also_newer: bool) -> String {
        let left_out = self.left_out.iter();
        let left_out: BTreeMap<_, _> = left_out
            .map(|(reason, contacts)| (reason.as_str(), contacts))
            .collect();
        json!({
            "checked": self.checked, "optedOut": self.opted_out, "adopted": self.adopted(also_newer),
            "marked": self.marked, "callable": self.callable, "missing": self.missing, "newer": self.newer,
            "behind": self.behind, "ahead": self.ahead, "leftOut": left_out, "enqueued": self.enqueued,
            "complete": self.is_complete, "cursor": self.cursor, "stoppedBy": self.why, "dryRun": self.is_dry_run,
        })
        .to_string()
    }

    pub(super) fn table(&self, also_newer: bool) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, also_newer);
        text.trim_end().to_owned()
    }

    /// The table of the counts.
    fn counts(&self, also_newer: bool) -> Table {
        let mut found = table(["contacts".to_owned(), "number".to_owned()]);
        let newer = if also_newer {
            "  of them, newer in the campaign than the feed"
        } else {
            "newer in the campaign than the feed, left"
        };
        for (what, contacts) in [
            ("of the feed", self.checked),
            ("opted out by it", self.opted_out),
            (
                "to be adopted: not callable, no mark",
                self.adopted(also_newer),
            ),
            (
                "  of them, newer in the feed than the campaign",
                self.behind,
            ),
            (newer, self.newer),
            ("marked already", self.marked),
            ("callable in the campaign", self.callable),
            ("not in the campaign", self.missing),
        ] {
            found.add_row([what.to_owned(), number(contacts)]);
        }
        found
    }

    fn write(&self, out: &mut String, also_newer: bool) -> std::fmt::Result {
        writeln!(out, "{}\n", self.counts(also_newer))?;
        for (reason, contacts) in &self.left_out {
            let (reason, contacts) = (reason.as_str(), counted(*contacts, "contact"));
            writeln!(
                out,
                "{contacts} left out, since apply would park their changes as {reason}."
            )?;
        }
        if self.callable + self.missing > 0 {
            writeln!(
                out,
                "campaign-sync reconcile repairs contacts that the CRM opted out and that are callable or missing."
            )?;
        }
        if self.ahead > 0 {
            writeln!(
                out,
                "{} with a stored rank that is ahead: campaign-sync reconcile --dry-run lists them.",
                counted(self.ahead, "contact")
            )?;
        }
        if self.is_dry_run {
            writeln!(out, "A dry run: nothing was enqueued. --yes enqueues.")?;
        } else {
            writeln!(
                out,
                "{} enqueued: the log of apply tells what became of them.",
                counted(self.enqueued, "adoption")
            )?;
        }
        match (&self.cursor, &self.why) {
            (Some(cursor), Some(why)) => writeln!(
                out,
                "Not complete: {why}.\nThe same command goes on with: --cursor {cursor}"
            ),
            _ => writeln!(out, "Complete."),
        }
    }
}
