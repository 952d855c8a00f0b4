//! Counts what all stretches of a run of reconcile find.
//!
//! [`Report`] counts what each stretch reports and keeps the first contacts of each kind, so that
//! they can be listed. It decides nothing: `domain::drift` says what differs, and
//! `functions/reconcile` what is enqueued. [`text`] prints it for a person, [`json`] for a program.

mod json;
mod text;

use std::collections::BTreeMap;

use domain::batch::ParkReason;
use domain::change::MessageGroup;
use domain::drift::{Difference, Drift};
use reconcile::{Answer, Found, Progress, RunOutcome, Why};

use crate::stretches;
use crate::table::{counted, number};

/// The most contacts that the text lists of each kind.
const LISTED: usize = 50;
/// The most contacts that are kept of each kind, for `--json`.
const MAX_KEPT: usize = 100_000;

/// The counts of all stretches of a run, and the contacts to list.
#[derive(Default)]
pub(crate) struct Report {
    answer: Answer,
    /// Why the run is not complete, or why a run without --dry-run would stop.
    why: Option<String>,
    /// Whether too much drift stopped the run. A run from its cursor would find the same drift
    /// again.
    is_stopped: bool,
    /// How many contacts differ in each column.
    columns: BTreeMap<String, u64>,
    /// Contacts that are callable in the campaign and must not be called.
    to_be_lowered: u64,
    /// How many contacts must not be contacted by each channel, though the campaign allows it.
    channels: BTreeMap<String, u64>,
    /// How many contacts must not be called at the number in each column, though the campaign
    /// allows it.
    numbers: BTreeMap<String, u64>,
    /// Contacts that are not callable in the campaign and may be called.
    to_be_raised: u64,
    /// Those of them in which nothing else differs. They are left as they are.
    left_uncallable: u64,
    /// Contacts in which only the stored rank differs.
    rank_alone: u64,
    left_out: BTreeMap<ParkReason, u64>,
    /// Contacts that are missing in the campaign, or different.
    found: Vec<Found>,
    /// Contacts whose stored rank is ahead.
    ahead: Vec<MessageGroup>,
    /// Contacts that the CRM does not list.
    unknown: Vec<MessageGroup>,
    /// The faulty contacts of the feed: the place of each on its page, and what was expected there.
    faulty: Vec<String>,
}

impl stretches::Report for Report {
    fn saw(&mut self, progress: Progress) {
        match progress {
            Progress::Checked(contacts) => self.answer.checked += contacts,
            Progress::Enqueued(changes) => self.answer.enqueued += changes,
            Progress::Found(found) => self.found(found),
            // Only `contact adopt` asks for these.
            Progress::OptedOut(_) => {}
            // The outcome of the stretch counts them as left out.
            Progress::Faulty {
                campaign,
                what,
                group,
                ..
            } => {
                if self.faulty.len() < MAX_KEPT {
                    let group = group.map_or_else(
                        || format!("campaign {campaign}"),
                        |group| group.as_str().to_owned(),
                    );
                    self.faulty.push(format!("{group}: {what}"));
                }
            }
            Progress::Unknown { group, .. } => {
                if self.unknown.len() < MAX_KEPT {
                    self.unknown.push(group);
                }
            }
            Progress::Ahead { group, .. } => {
                self.answer.ahead += 1;
                if self.ahead.len() < MAX_KEPT {
                    self.ahead.push(group);
                }
            }
        }
    }

    fn add(&mut self, outcome: RunOutcome) {
        let RunOutcome {
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
        // A faulty contact of an earlier stretch leaves the run incomplete too.
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
        if self.found.len() < MAX_KEPT {
            self.found.push(found);
        }
    }

    /// Whether all was compared and all that differs is in the queue or, after a dry run, would be.
    pub(crate) fn is_complete(&self) -> bool {
        let would_stop = self.answer.dry_run && self.why.is_some();
        self.answer.complete && !would_stop
    }
}

#[cfg(test)]
mod tests;
