//! Sends parked changes again: in order, and never over something newer.
//!
//! `super::queue` receives and deletes messages, `super::rules` knows the ranks of an org, and
//! `super::report` counts what happened. `outgoing` decides what is sent for a message.

mod outgoing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::Selection;
use super::parked::Parked;
use super::queue::{DeadLetters, HELD_AGAIN, Outgoing};
use super::report::Report;
use super::rules::Rules;
use super::which::Choice;

/// The messages to send again, and the pace.
pub(crate) struct RedriveOptions<'a> {
    pub(crate) which: &'a Selection,
    /// The pause between two changes.
    pub(crate) pause: Duration,
    pub(crate) unranked: bool,
    /// The name of the option, or of the box on the page, that also sends changes without a rank.
    pub(crate) unranked_by: &'a str,
    pub(crate) dry_run: bool,
    /// A function to call after each message that was looked at.
    pub(crate) told: &'a (dyn Fn() + Sync),
}

/// One run over the dead-letter queue.
struct Redrive<'a> {
    queue: &'a DeadLetters,
    rules: Rules,
    how: &'a RedriveOptions<'a>,
    choice: Choice<'a>,
    report: Report,
    /// Messages that stay, by id, with their newest receipt handle.
    kept: BTreeMap<String, Parked>,
    /// The message groups in which a message stays.
    staying: BTreeSet<String>,
    /// Each change that was sent, by message group and text, and whether it is parked again. A
    /// change that is parked again at once is another message with the same text. It counts
    /// once, however often it is seen.
    sent: BTreeMap<(String, String), bool>,
    /// When the last change was sent.
    sent_at: Option<Instant>,
    /// When the messages that were received last became invisible.
    held_at: Instant,
    /// Ids of all messages that were looked at.
    seen: BTreeSet<String>,
}

/// Receives ten messages at a time until none comes. Deleting a message lets those behind it in its
/// group come.
pub(crate) async fn redrive(queue: &DeadLetters, rules: Rules, how: &RedriveOptions<'_>) -> Report {
    let mut run = Redrive {
        queue,
        rules,
        how,
        choice: how.which.choice(),
        report: Report::default(),
        kept: BTreeMap::new(),
        staying: BTreeSet::new(),
        sent: BTreeMap::new(),
        sent_at: None,
        held_at: Instant::now(),
        seen: BTreeSet::new(),
    };
    // The depth is read before anything is deleted, because SQS's counts lag behind deletes.
    let depth = queue.depth().await.unwrap_or_default();
    run.report.ended = run.all().await.err();
    // A run that ended early did not look at everything, and says so.
    if run.report.ended.is_none() {
        run.report.hidden = depth.saturating_sub(run.seen.len() as u64);
        for id in how.which.ids.iter().filter(|id| !run.seen.contains(*id)) {
            run.report.leave(super::unknown(id));
        }
    }
    let kept: Vec<_> = run.kept.into_values().collect();
    queue.give_back(&kept).await;
    run.report
}

impl Redrive<'_> {
    async fn all(&mut self) -> Result<(), String> {
        loop {
            let batch = self.queue.receive().await?;
            self.held_at = Instant::now();
            if batch.is_empty() {
                return Ok(());
            }
            let mut batch = batch.into_iter();
            while let Some(parked) = batch.next() {
                (self.how.told)();
                if let Err(error) = self.one(parked, batch.as_slice()).await {
                    batch.for_each(|parked| self.keep(parked));
                    return Err(error);
                }
            }
        }
    }

    fn keep(&mut self, parked: Parked) {
        self.kept.insert(parked.id.clone(), parked);
    }

    /// Sends one message, and deletes it from the dead-letter queue. `behind` holds the messages
    /// that were received with it and are still to come.
    async fn one(&mut self, parked: Parked, behind: &[Parked]) -> Result<(), String> {
        let Some(outgoing) = self.outgoing(&parked).await else {
            self.staying.insert(parked.group.clone());
            self.keep(parked);
            return Ok(());
        };
        let (changes, is_unmapped) = (outgoing.len(), parked.is_unmapped());
        let said = outgoing
            .iter()
            .map(|one| (one.group.clone(), one.body.clone()));
        let said: Vec<_> = said.collect();
        if self.how.dry_run {
            self.sent.extend(said.into_iter().map(|said| (said, false)));
            self.report.add(changes, is_unmapped);
            self.report.would_go.push(parked.id.clone());
            self.keep(parked);
            return Ok(());
        }
        // The change is sent before it is deleted. In between it is in both queues, and
        // never in neither.
        if let Err(error) = self.send(outgoing, &parked, behind).await {
            self.keep(parked);
            return Err(error);
        }
        let mut deleted = self.queue.delete(&parked).await;
        if deleted.is_err() {
            deleted = self.queue.delete(&parked).await;
        }
        let is_parked = deleted.is_err();
        let said = said.into_iter().map(|said| (said, is_parked));
        self.sent.extend(said);
        match deleted {
            Ok(()) => {
                self.report.add(changes, is_unmapped);
                self.report.gone.insert(parked.id);
            }
            Err(error) => {
                self.report.leave(format!(
                    "{} was sent, and is still parked: drop it ({error})",
                    parked.id
                ));
                self.staying.insert(parked.group.clone());
                self.keep(parked);
            }
        }
        Ok(())
    }

    async fn send(
        &mut self,
        outgoing: Vec<Outgoing>,
        parked: &Parked,
        behind: &[Parked],
    ) -> Result<(), String> {
        let all = outgoing.len();
        for (place, message) in outgoing.into_iter().enumerate() {
            if let Some(sent_at) = self.sent_at {
                tokio::time::sleep_until(sent_at + self.how.pause).await;
            }
            // One item may become hundreds of changes.
            if self.held_at.elapsed() > HELD_AGAIN {
                self.queue.hold_on(parked, behind).await;
                self.held_at = Instant::now();
            }
            self.sent_at = Some(Instant::now());
            let sent = self.queue.send_again(message).await;
            sent.map_err(|error| match place {
                0 => error,
                place => format!(
                    "{}: {place} of its {all} changes were sent, and it is still parked ({error})",
                    parked.id
                ),
            })?;
        }
        Ok(())
    }
}
