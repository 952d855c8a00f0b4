//! Prints the report as text, for a person: the counts, the contacts of each kind, and how the run
//! ended.
//!
//! Each function writes one part. Nothing is counted here: see [`super`]. For a program the report
//! is JSON: see `json.rs`.

use std::fmt::{Result, Write};

use domain::batch::ParkReason;
use domain::change::MessageGroup;
use domain::drift::{Difference, Drift};
use reconcile::Answer;

use super::{LISTED, Report};
use crate::table::{counted, number, table};

impl Report {
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text.trim_end().to_owned()
    }

    fn write(&self, out: &mut String) -> Result {
        self.write_counts(out)?;
        if self.answer.different > 0 {
            self.write_differences(out)?;
        }
        self.write_left_out(out)?;
        self.write_ahead(out)?;
        self.write_unknown(out)?;
        self.write_enqueued(out)?;
        self.write_end(out)
    }

    /// How many contacts were compared, and how many of them are as the CRM says.
    fn write_counts(&self, out: &mut String) -> Result {
        let Answer {
            checked,
            missing,
            different,
            kept,
            stale,
            unranked,
            ..
        } = self.answer;
        let mut found = table(["contacts".to_owned(), "number".to_owned()]);
        for (what, contacts) in [
            ("checked", checked),
            ("missing in the campaign", missing),
            ("different", different),
            ("not callable although the CRM says otherwise (kept)", kept),
            ("newer in the campaign", stale),
            ("without a rank (not compared)", unranked),
        ] {
            found.add_row([what.to_owned(), number(contacts)]);
        }
        writeln!(out, "{found}\n")
    }

    /// How many contacts differ in each column, and in whether they may be called.
    fn write_differences(&self, out: &mut String) -> Result {
        let mut columns = table(["what differs".to_owned(), "contacts".to_owned()]);
        for (column, contacts) in &self.columns {
            columns.add_row([format!("column {column}"), number(*contacts)]);
        }
        for (channel, contacts) in &self.channels {
            let what = format!("contactable: not by {channel}");
            columns.add_row([what, number(*contacts)]);
        }
        for (column, contacts) in &self.numbers {
            let what = format!("phones: not the number in {column}");
            columns.add_row([what, number(*contacts)]);
        }
        for (what, contacts) in [
            ("callable: must not be called", self.to_be_lowered),
            ("callable: may be called again", self.to_be_raised),
            (
                "  of them, left as they are: nothing else differs",
                self.left_uncallable,
            ),
            ("its rank alone", self.rank_alone),
        ] {
            if contacts > 0 {
                columns.add_row([what.to_owned(), number(contacts)]);
            }
        }
        writeln!(out, "{columns}\n")
    }

    /// The changes that reconcile does not enqueue because apply would park them, and the faulty
    /// contacts of the feed.
    fn write_left_out(&self, out: &mut String) -> Result {
        for (reason, contacts) in &self.left_out {
            let what = match reason {
                ParkReason::ReservedColumn | ParkReason::UnknownColumn => "A column",
                ParkReason::Channel => "The change of channels and numbers",
                ParkReason::RankAhead => "All but opt-outs",
                ParkReason::InvalidChange => "All but opt-outs that have a rank",
                _ => "All that differs",
            };
            let reason = reason.as_str();
            writeln!(
                out,
                "{what} of {} is left out, since apply would park it as {reason}.",
                counted(*contacts, "contact")
            )?;
        }
        for what in self.faulty.iter().take(LISTED) {
            writeln!(out, "{what}")?;
        }
        Ok(())
    }

    fn write_ahead(&self, out: &mut String) -> Result {
        if self.answer.ahead == 0 {
            return Ok(());
        }
        let contacts = counted(self.answer.ahead, "contact");
        writeln!(
            out,
            "{contacts} with a stored rank that is ahead, so that what the CRM says is stale (check --contact, then contact \
             reset-rank):"
        )?;
        list(&self.ahead, out)
    }

    /// The contacts that the CRM does not list, and how many of them are made not callable.
    fn write_unknown(&self, out: &mut String) -> Result {
        if let Some(unknown) = self.answer.unknown_to_crm {
            let contacts = counted(unknown, "contact");
            writeln!(
                out,
                "{contacts} of the campaigns that the CRM does not list."
            )?;
            list(&self.unknown, out)?;
        }
        if let Some(removed) = self.answer.removed_unknown {
            let contacts = counted(removed, "contact");
            let verb = if self.answer.dry_run {
                "would be"
            } else {
                "are"
            };
            writeln!(out, "{contacts} of them {verb} made not callable.")?;
        }
        Ok(())
    }

    /// How many changes were enqueued; in a dry run, the contacts that they would be about.
    fn write_enqueued(&self, out: &mut String) -> Result {
        if !self.answer.dry_run {
            return writeln!(out, "{} enqueued.", counted(self.answer.enqueued, "change"));
        }
        for found in self.found.iter().take(LISTED) {
            writeln!(out, "{} {}", found.group.as_str(), what(&found.drift))?;
        }
        if self.found.len() > LISTED {
            writeln!(
                out,
                "and {} more: --json lists them",
                number((self.found.len() - LISTED) as u64)
            )?;
        }
        writeln!(out, "A dry run: nothing was enqueued.")
    }

    fn write_end(&self, out: &mut String) -> Result {
        match (&self.answer.cursor, &self.why) {
            (Some(_), Some(why)) if self.is_stopped => writeln!(out, "Not complete: {why}."),
            (Some(cursor), Some(why)) => {
                writeln!(
                    out,
                    "Not complete: {why}.\nThe same command goes on with: --cursor {cursor}"
                )
            }
            (None, Some(why)) if !self.answer.complete => writeln!(out, "Not complete: {why}."),
            (None, Some(why)) => writeln!(
                out,
                "Complete. Without --dry-run the command would stop: {why}."
            ),
            _ => writeln!(out, "Complete."),
        }
    }
}

/// The first contacts of a kind, a line each.
fn list(groups: &[MessageGroup], out: &mut String) -> Result {
    for group in groups.iter().take(LISTED) {
        writeln!(out, "{}", group.as_str())?;
    }
    Ok(())
}

/// The names of what differs in a contact.
fn what(drift: &Drift) -> String {
    match drift {
        Drift::Different(Difference {
            columns,
            callable,
            lowers,
            ..
        }) => {
            let callable = callable.map(|callable| format!("callable, to be {callable}"));
            let lowered = lowers.names().map(|name| format!("{name}, to be lowered"));
            let parts = columns.iter().cloned().chain(callable);
            let parts: Vec<_> = parts.chain(lowered).collect();
            if parts.is_empty() {
                "its rank alone".to_owned()
            } else {
                parts.join(", ")
            }
        }
        _ => "missing".to_owned(),
    }
}
