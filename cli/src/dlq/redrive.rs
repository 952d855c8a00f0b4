//! Sends parked changes again: in order, and never over something newer.
//!
//! `super::queue` receives and deletes messages, `super::rules` knows the ranks of an org, and
//! `super::report` counts what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::change::{Change, OrgId};
use ingest::webhook::Unmapped;
use io::Clock;
use tokio::time::Instant;

use super::Which;
use super::parked::Parked;
use super::queue::{DeadLetters, HELD_AGAIN, Outgoing};
use super::report::Report;
use super::rules::Rules;

const UNRANKED: &str = "it has no rank: --unranked sends it, and it may overwrite what is newer";

/// Which messages are sent again, and how fast.
pub(crate) struct How<'a> {
    pub(crate) which: &'a Which,
    /// The pause between two changes.
    pub(crate) pause: Duration,
    pub(crate) unranked: bool,
    pub(crate) dry_run: bool,
    /// Called after each message that was looked at.
    pub(crate) told: &'a (dyn Fn() + Sync),
}

/// One run over the dead-letter queue.
struct Run<'a> {
    queue: &'a DeadLetters,
    rules: Rules,
    how: &'a How<'a>,
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
    /// Since when the messages received last are invisible.
    held_at: Instant,
    /// Ids of all messages that were looked at.
    seen: BTreeSet<String>,
}

/// Receives ten messages at a time until none comes. Deleting a message lets those behind it in its
/// group come.
pub(crate) async fn redrive(queue: &DeadLetters, rules: Rules, how: &How<'_>) -> Report {
    let mut run = Run {
        queue,
        rules,
        how,
        report: Report::default(),
        kept: BTreeMap::new(),
        staying: BTreeSet::new(),
        sent: BTreeMap::new(),
        sent_at: None,
        held_at: Instant::now(),
        seen: BTreeSet::new(),
    };
    run.report.ended = run.all().await.err();
    for id in how.which.ids.iter().filter(|id| !run.seen.contains(*id)) {
        run.report.leave(super::unknown(id));
    }
    let kept: Vec<_> = run.kept.into_values().collect();
    queue.give_back(&kept).await;
    run.report
}

impl Run<'_> {
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

    /// Sends one message, and takes it off the dead-letter queue. `behind` holds the messages
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

    /// The messages that replace a parked one. `None` means that it stays; if it was chosen,
    /// the report says why.
    async fn outgoing(&mut self, parked: &Parked) -> Option<Vec<Outgoing>> {
        self.seen.insert(parked.id.clone());
        if self.kept.contains_key(&parked.id) {
            return None;
        }
        let said = (parked.group.clone(), parked.text.clone());
        if let Some(is_parked) = self.sent.get_mut(&said) {
            if !self.how.dry_run && !*is_parked {
                *is_parked = true;
                self.report.leave_sent();
            }
            return None;
        }
        if !self.how.which.is_chosen(parked) {
            return None;
        }
        let outgoing = if parked.is_unmapped() {
            self.mapped_again(parked).await
        } else if self.how.which.is_org(parked) {
            self.as_it_is(parked).await.map(|one| Some(vec![one]))
        } else {
            Ok(None)
        };
        outgoing.unwrap_or_else(|why| {
            self.report.leave(why);
            None
        })
    }

    /// The change itself, or the reason why it stays.
    async fn as_it_is(&mut self, parked: &Parked) -> Result<Outgoing, String> {
        let change = Change::parse(&parked.text);
        let change = change.map_err(|_| {
            "ingest would refuse it: let its source say it again in the right form, then drop it".to_owned()
        })?;
        if change.message_group().as_str() != parked.group {
            return Err(
                "its message group is not that of its contact: let its source say it again, then drop it"
                    .to_owned(),
            );
        }
        if !self.rules.is_ranked(&change).await? {
            if !self.how.unranked {
                return Err(UNRANKED.to_owned());
            }
            if self.staying.contains(&parked.group) {
                return Err("it has no rank, and an earlier change of its contact stays".to_owned());
            }
        }
        Ok(Outgoing {
            body: parked.text.clone(),
            group: parked.group.clone(),
            deduplication_id: domain::sha256_hex(parked.id.as_bytes()),
        })
    }

    /// The changes that an item becomes by its source's present secret. `None` means that they
    /// belong to another org than the chosen one.
    async fn mapped_again(&mut self, parked: &Parked) -> Result<Option<Vec<Outgoing>>, String> {
        let changes = self.changes(parked).await;
        if let Some(org) = &self.how.which.org {
            let all = changes.as_deref().unwrap_or_default();
            let own = all.iter().filter(|change| change.org == *org).count();
            // An item that becomes no change belongs to the org of its source, if the
            // source has one.
            let is_meant = own > 0 || (all.is_empty() && self.how.which.is_org(parked));
            if !is_meant {
                return Ok(None);
            }
            if own < all.len() {
                return Err(
                    "it becomes changes of other orgs too: redrive it without --org".to_owned(),
                );
            }
        }
        let mut outgoing = Vec::new();
        for (place, change) in changes?.iter().enumerate() {
            if !self.how.unranked && !self.rules.is_ranked(change).await? {
                return Err(UNRANKED.to_owned());
            }
            let body = change.body();
            // The id holds the body: a mapping that was mended since may say something
            // else.
            let id = format!("{} {place} {body}", parked.id);
            outgoing.push(Outgoing {
                group: change.message_group().as_str().to_owned(),
                deduplication_id: domain::sha256_hex(id.as_bytes()),
                body,
            });
        }
        Ok(Some(outgoing))
    }

    async fn changes(&mut self, parked: &Parked) -> Result<Vec<Change>, String> {
        let unmapped = Unmapped::parse(&parked.text)?;
        let source = unmapped
            .source()
            .map_err(|expected| format!("its source: {expected}"))?;
        let secret = self.rules.source(source.as_str()).await?;
        let now = secret.org.as_ref().map(OrgId::as_str);
        if unmapped.org().is_some() && unmapped.org() != now {
            return Err(format!(
                "source {source}: it writes to another org than when this came: let the CRM say it again, or campaign-sync reconcile \
                 find it in its feed, then drop it"
            ));
        }
        let sender = secret.sender(source);
        let (_, reading) = unmapped.read_again(&secret, &sender, Clock::system().now());
        if let Some(fault) = reading.faulty.iter().flat_map(|(_, faults)| faults).next() {
            return Err(format!(
                "source {}: it still becomes no change ({fault}): mend its mapping, or see that nothing it says is lost, then drop it",
                sender.source
            ));
        }
        let changes = reading.changes.into_iter().map(|placed| placed.change);
        Ok(changes.collect())
    }
}
