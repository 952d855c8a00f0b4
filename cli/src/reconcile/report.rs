//! What a run found, as a person or a program reads it.

use std::collections::BTreeMap;
use std::fmt::Write;

use domain::batch::ParkReason;
use domain::change::MessageGroup;
use domain::drift::{Difference, Drift};
use reconcile::{Answer, Found, Outcome, Progress, Why};
use serde_json::{Value, json};

use crate::stretches;
use crate::table::{counted, number, table};

/// How many contacts that differ are listed.
const LISTED: usize = 50;
/// How many of them are kept for `--json`.
const KEPT: usize = 100_000;

/// Of all stretches of a run.
#[derive(Default)]
pub(crate) struct Report {
    answer: Answer,
    why: Option<String>,
    /// By too much drift: to go on would only find the same.
    is_stopped: bool,
    /// Contacts by the column that differs.
    columns: BTreeMap<String, u64>,
    /// Contacts that may be called and must not, or the contrary.
    to_be_lowered: u64,
    /// Contacts by the channel, or the column of the number, that is to be lowered.
    channels: BTreeMap<String, u64>,
    numbers: BTreeMap<String, u64>,
    to_be_raised: u64,
    left_uncallable: u64,
    rank_alone: u64,
    left_out: BTreeMap<ParkReason, u64>,
    found: Vec<Found>,
    /// Contacts whose stored rank is ahead.
    ahead: Vec<MessageGroup>,
    /// Contacts that the CRM does not list.
    unknown: Vec<MessageGroup>,
    /// Where faulty contacts stand on their pages, and what was expected.
    faulty: Vec<String>,
}

impl stretches::Report for Report {
    fn saw(&mut self, progress: Progress) {
        match progress {
            Progress::Checked(contacts) => self.answer.checked += contacts,
            Progress::Enqueued(changes) => self.answer.enqueued += changes,
            Progress::Found(found) => self.found(found),
            // Of another task.
            Progress::OptedOut(_) => {}
            // They are counted as left out.
            Progress::Faulty {
                campaign,
                what,
                group,
                ..
            } => {
                if self.faulty.len() < KEPT {
                    let group = group.map_or_else(
                        || format!("campaign {campaign}"),
                        |group| group.as_str().to_owned(),
                    );
                    self.faulty.push(format!("{group}: {what}"));
                }
            }
            Progress::Unknown { group, .. } => {
                if self.unknown.len() < KEPT {
                    self.unknown.push(group);
                }
            }
            Progress::Ahead { group, .. } => {
                self.answer.ahead += 1;
                if self.ahead.len() < KEPT {
                    self.ahead.push(group);
                }
            }
        }
    }

    fn add(&mut self, outcome: Outcome) {
        let Outcome {
            answer,
            why,
            left_out,
        } = outcome;
        self.answer.kept += answer.kept;
        self.answer.stale += answer.stale;
        self.answer.unranked += answer.unranked;
        if let Some(unknown) = answer.unknown_to_crm {
            *self.answer.unknown_to_crm.get_or_insert_default() += unknown;
        }
        if let Some(removed) = answer.removed_unknown {
            *self.answer.removed_unknown.get_or_insert_default() += removed;
        }
        self.answer.complete = answer.complete;
        self.answer.cursor = answer.cursor;
        self.answer.dry_run = answer.dry_run;
        self.is_stopped = matches!(why, Some(Why::TooMuchDrift { .. }));
        self.why = why.map(|why| why.to_string());
        for ((_, reason), contacts) in left_out {
            *self.left_out.entry(reason).or_default() += contacts;
        }
        // Also of a stretch before.
        if let Some(contacts) = self.left_out.get(&ParkReason::InvalidChange) {
            self.answer.complete = false;
            let faulty = Why::Faulty(*contacts).to_string();
            self.why = Some(match self.why.take() {
                Some(why) if why != faulty => format!("{why}; {faulty}"),
                _ => faulty,
            });
        }
    }

    fn is_empty(&self) -> bool {
        self.answer.checked == 0
    }

    fn line(&self) -> String {
        let Answer {
            checked,
            missing,
            different,
            enqueued,
            ..
        } = self.answer;
        let (checked, enqueued) = (counted(checked, "contact"), counted(enqueued, "change"));
        let [missing, different] = [missing, different].map(number);
        format!("{checked} checked, {missing} missing, {different} different, {enqueued} enqueued")
    }
}

impl Report {
    fn found(&mut self, found: Found) {
        match &found.drift {
            Drift::Missing => self.answer.missing += 1,
            Drift::Different(Difference {
                columns,
                callable,
                lowers,
                ..
            }) => {
                self.answer.different += 1;
                for column in columns {
                    *self.columns.entry(column.clone()).or_default() += 1;
                }
                for channel in &lowers.channels {
                    let channels = self.channels.entry(channel.as_str().to_owned());
                    *channels.or_default() += 1;
                }
                for column in &lowers.phones {
                    *self.numbers.entry(column.clone()).or_default() += 1;
                }
                let is_alone = columns.is_empty() && lowers.is_empty();
                match callable {
                    Some(false) => self.to_be_lowered += 1,
                    Some(true) => {
                        self.to_be_raised += 1;
                        self.left_uncallable += u64::from(is_alone);
                    }
                    None => self.rank_alone += u64::from(is_alone),
                }
            }
            Drift::Same | Drift::Kept | Drift::Stale | Drift::Unranked => {}
        }
        if self.found.len() < KEPT {
            self.found.push(found);
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.answer.complete
    }

    pub(crate) fn json(&self) -> Result<String, String> {
        let mut report = serde_json::to_value(&self.answer).map_err(|error| error.to_string())?;
        report["columns"] = json!(self.columns);
        report["toBeLowered"] = self.to_be_lowered.into();
        report["channelsToBeLowered"] = json!(self.channels);
        report["numbersToBeLowered"] = json!(self.numbers);
        report["toBeRaised"] = self.to_be_raised.into();
        report["leftUncallable"] = self.left_uncallable.into();
        report["rankAlone"] = self.rank_alone.into();
        let left_out = self.left_out.iter();
        let left_out: BTreeMap<_, _> = left_out
            .map(|(reason, contacts)| (reason.as_str(), contacts))
            .collect();
        report["leftOut"] = json!(left_out);
        if self.answer.unknown_to_crm.is_some() {
            let unknown = self.unknown.iter().map(MessageGroup::as_str);
            report["unknownContacts"] = unknown.collect();
        }
        let ahead = self.ahead.iter().map(MessageGroup::as_str);
        report["aheadContacts"] = ahead.collect();
        report["faultyContacts"] = json!(self.faulty);
        report["stoppedBy"] = self.why.clone().into();
        if self.answer.dry_run {
            report["contacts"] = self.found.iter().map(shown).collect();
        }
        serde_json::to_string_pretty(&report).map_err(|error| error.to_string())
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text.trim_end().to_owned()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Answer {
            checked,
            missing,
            different,
            kept,
            stale,
            unranked,
            ahead,
            enqueued,
            ..
        } = self.answer;
        let mut found = table(["contacts".to_owned(), "number".to_owned()]);
        for (what, contacts) in [
            ("checked", checked),
            ("missing in the campaign", missing),
            ("different", different),
            ("kept not callable, against the CRM", kept),
            ("newer in the campaign", stale),
            ("without a rank, not compared", unranked),
        ] {
            found.add_row([what.to_owned(), number(contacts)]);
        }
        writeln!(out, "{found}\n")?;
        if different > 0 {
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
            writeln!(out, "{columns}\n")?;
        }
        for (reason, contacts) in &self.left_out {
            let what = match reason {
                ParkReason::ReservedColumn | ParkReason::UnknownColumn => "A column is left out",
                ParkReason::Channel => "What is said of channels and numbers is left out",
                ParkReason::RankAhead => "All but opt-outs is left out",
                ParkReason::InvalidChange => "All but opt-outs that have a rank is left out",
                _ => "The whole contact is left out",
            };
            let reason = reason.as_str();
            writeln!(
                out,
                "{what}, since apply would park it as {reason}, of this many contacts: {}",
                number(*contacts)
            )?;
        }
        for what in self.faulty.iter().take(LISTED) {
            writeln!(out, "{what}")?;
        }
        if ahead > 0 {
            let contacts = counted(ahead, "contact");
            writeln!(
                out,
                "{contacts} with a stored rank that is ahead, so that what the CRM says is stale (check --contact, then contact \
                 reset-rank):"
            )?;
            for group in self.ahead.iter().take(LISTED) {
                writeln!(out, "{}", group.as_str())?;
            }
        }
        if let Some(unknown) = self.answer.unknown_to_crm {
            let contacts = counted(unknown, "contact");
            writeln!(
                out,
                "{contacts} of the campaigns that the CRM does not list."
            )?;
            for group in self.unknown.iter().take(LISTED) {
                writeln!(out, "{}", group.as_str())?;
            }
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
        if self.answer.dry_run {
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
            writeln!(out, "A dry run: nothing was enqueued.")?;
        } else {
            writeln!(out, "{} enqueued.", counted(enqueued, "change"))?;
        }
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
                "Complete. But a run that is not dry would stop: {why}."
            ),
            _ => writeln!(out, "Complete."),
        }
    }
}

fn shown(found: &Found) -> Value {
    let none = Difference::default();
    let difference = match &found.drift {
        Drift::Different(difference) => difference,
        _ => &none,
    };
    let is_missing = found.drift == Drift::Missing;
    let lowers = &difference.lowers;
    let channels: Vec<_> = lowers.channels.iter().map(|of| of.as_str()).collect();
    json!({
        "group": found.group.as_str(), "missing": is_missing, "columns": difference.columns,
        "callable": difference.callable, "contactable": channels, "phones": lowers.phones,
    })
}

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

#[cfg(test)]
mod tests;
