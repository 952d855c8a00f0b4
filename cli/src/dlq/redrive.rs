//! Sends what is parked again: in order, and where nothing newer would be overwritten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::change::{Change, VersionFrom};
use ingest::webhook::{REASON, Unmapped};
use io::Clock;
use io::secrets::{OrgSecret, Secrets, SecretsManager, SourceSecret};
use serde_json::json;

use super::Which;
use super::parked::{DeadLetters, Outgoing, Parked};
use crate::table::number;

/// What is sent again, and how fast.
pub(super) struct How<'a> {
    pub(super) which: &'a Which,
    pub(super) pause: Duration,
    pub(super) unranked: bool,
    pub(super) dry_run: bool,
}

/// The rules of orgs and sources, read once each.
pub(super) struct Rules {
    secrets: SecretsManager,
    prefix: String,
    orgs: BTreeMap<String, Result<Option<VersionFrom>, String>>,
    sources: BTreeMap<String, Result<Arc<SourceSecret>, String>>,
}

impl Rules {
    pub(super) fn new(secrets: SecretsManager, prefix: String) -> Rules {
        Rules {
            secrets,
            prefix,
            orgs: BTreeMap::new(),
            sources: BTreeMap::new(),
        }
    }

    /// What the source sends, and how it becomes changes.
    async fn source(&mut self, source: &str) -> Result<Arc<SourceSecret>, String> {
        if let Some(known) = self.sources.get(source) {
            return known.clone();
        }
        let name = format!("{}/source/{source}", self.prefix);
        let read = self.secrets.read(&name).await;
        let read = read.map_err(|error| format!("secret {name}: {error}"));
        let secret = read.and_then(|text| {
            let secret = SourceSecret::parse(&text);
            let secret = secret.map_err(|error| format!("secret {name}: {error}"))?;
            Ok(Arc::new(secret))
        });
        self.sources.insert(source.to_owned(), secret.clone());
        secret
    }

    /// Which member ranks this org's changes; none: it stores no ranks.
    async fn ranking(&mut self, org: &str) -> Result<Option<VersionFrom>, String> {
        if let Some(known) = self.orgs.get(org) {
            return known.clone();
        }
        let name = format!("{}/org/{org}", self.prefix);
        let read = self
            .secrets
            .read(&name)
            .await
            .map_err(|error| format!("secret {name}: {error}"));
        let ranking = read.and_then(|text| {
            let secret =
                OrgSecret::parse(&text).map_err(|error| format!("secret {name}: {error}"))?;
            Ok(secret.rules.ranking())
        });
        self.orgs.insert(org.to_owned(), ranking.clone());
        ranking
    }
}

/// What came of it.
#[derive(Default)]
pub(super) struct Report {
    /// Changes that were sent, and are not parked again.
    sent: u64,
    /// Items of which their mapping makes no change, as it should.
    ignored: u64,
    /// Why what was meant was not sent, and of how many changes.
    pub(super) left: BTreeMap<String, u64>,
    /// Why it ended before everything was looked at.
    pub(super) ended: Option<String>,
}

impl Report {
    fn leave(&mut self, why: impl Into<String>) {
        *self.left.entry(why.into()).or_default() += 1;
    }

    pub(super) fn json(&self) -> String {
        json!({ "sent": self.sent, "ignored": self.ignored, "left": self.left, "ended": self.ended }).to_string()
    }

    pub(super) fn text(&self, is_dry: bool) -> String {
        let sent = if is_dry {
            "would be sent again"
        } else {
            "sent again"
        };
        let mut lines = vec![format!("{} {sent}", number(self.sent))];
        if self.ignored > 0 {
            let taken_off = if is_dry {
                "would be taken off"
            } else {
                "taken off"
            };
            lines.push(format!(
                "{} {taken_off}: the mapping of its source ignores it",
                number(self.ignored)
            ));
        }
        lines.extend(
            self.left
                .iter()
                .map(|(why, count)| format!("{} left: {why}", number(*count))),
        );
        lines.extend(
            self.ended
                .iter()
                .map(|why| format!("ended before everything was looked at: {why}")),
        );
        lines.join("\n")
    }
}

/// Ten at a time, until nothing comes: what is deleted lets those behind it out.
pub(super) async fn redrive(queue: &DeadLetters, mut rules: Rules, how: &How<'_>) -> Report {
    let mut report = Report::default();
    // By id, with the newest receipt handle; and the message groups in which something stays.
    let mut kept: BTreeMap<String, Parked> = BTreeMap::new();
    let mut staying = BTreeSet::new();
    // By message group and text, and whether it is parked: what is parked again at once is another
    // message, and says the same. A change counts once, however often it is seen.
    let mut sent: BTreeMap<(String, String), bool> = BTreeMap::new();
    'all: loop {
        let batch = match queue.receive().await {
            Ok(batch) => batch,
            Err(error) => {
                report.ended = Some(error);
                break;
            }
        };
        if batch.is_empty() {
            break;
        }
        let mut batch = batch.into_iter();
        while let Some(parked) = batch.next() {
            let is_known = kept.contains_key(&parked.id);
            let change = (parked.group.clone(), parked.text.clone());
            let is_sent = sent.get(&change).copied();
            let outgoing = if is_known || is_sent.is_some() || !how.which.is_meant(&parked) {
                None
            } else {
                let outgoing = outgoing(&parked, &mut rules, how.unranked, &staying).await;
                outgoing.map_err(|why| report.leave(why)).ok()
            };
            if !is_known && !how.dry_run && is_sent == Some(false) {
                report.sent -= 1;
                report.leave("it was sent again, and is parked again");
                sent.insert(change.clone(), true);
            }
            let Some(outgoing) = outgoing else {
                staying.insert(parked.group.clone());
                kept.insert(parked.id.clone(), parked);
                continue;
            };
            let counted = if outgoing.is_empty() {
                &mut report.ignored
            } else {
                &mut report.sent
            };
            if how.dry_run {
                *counted += 1;
                sent.insert(change, false);
                kept.insert(parked.id.clone(), parked);
                continue;
            }
            // Sent before it is deleted: in between it is in both queues, and never in none.
            let mut sending = Ok(());
            for message in outgoing {
                if sending.is_ok() {
                    sending = queue.send_again(message).await;
                }
            }
            if let Err(error) = sending {
                report.ended = Some(error);
                kept.insert(parked.id.clone(), parked);
                kept.extend(batch.map(|parked| (parked.id.clone(), parked)));
                break 'all;
            }
            let mut deleted = queue.delete(&parked).await;
            if deleted.is_err() {
                deleted = queue.delete(&parked).await;
            }
            sent.insert(change, deleted.is_err());
            match deleted {
                Ok(()) => *counted += 1,
                Err(error) => {
                    report.leave(format!(
                        "{} was sent, and is still parked: drop it ({error})",
                        parked.id
                    ));
                    staying.insert(parked.group.clone());
                    kept.insert(parked.id.clone(), parked);
                }
            }
            tokio::time::sleep(how.pause).await;
        }
    }
    queue
        .give_back(&kept.into_values().collect::<Vec<_>>())
        .await;
    report
}

/// What is sent in place of what is parked, or why it stays. `staying`: the groups of what does.
async fn outgoing(
    parked: &Parked,
    rules: &mut Rules,
    unranked: bool,
    staying: &BTreeSet<String>,
) -> Result<Vec<Outgoing>, String> {
    if parked.reason == REASON {
        return mapped_again(parked, rules, unranked).await;
    }
    let change = Change::parse(&parked.text);
    let change = change
        .map_err(|_| "ingest would refuse it: repair it at its source, and drop it".to_owned())?;
    if change.message_group().as_str() != parked.group {
        return Err("its message group is not that of its contact: drop it".to_owned());
    }
    if !is_ranked(&change, rules).await? {
        if !unranked {
            return Err(UNRANKED.to_owned());
        }
        if staying.contains(&parked.group) {
            return Err("it has no rank, and an earlier change of its contact stays".to_owned());
        }
    }
    Ok(vec![Outgoing {
        body: parked.text.clone(),
        group: parked.group.clone(),
        deduplication_id: domain::sha256_hex(parked.id.as_bytes()),
    }])
}

const UNRANKED: &str = "it has no rank: --unranked sends it, and it may overwrite what is newer";

/// Whether its rank, or the change itself, keeps it from overwriting what is newer.
async fn is_ranked(change: &Change, rules: &mut Rules) -> Result<bool, String> {
    let ranking = rules.ranking(change.org.as_str()).await?;
    let has_rank = ranking.is_some_and(|from| change.rank(from).is_some());
    // It knows by itself whether it comes too late.
    Ok(change.operation.is_of_operator() || has_rank)
}

/// The changes that an item becomes by its source's secret as it is now.
async fn mapped_again(
    parked: &Parked,
    rules: &mut Rules,
    unranked: bool,
) -> Result<Vec<Outgoing>, String> {
    let unmapped = Unmapped::parse(&parked.text)?;
    let source = unmapped
        .source()
        .map_err(|expected| format!("its source: {expected}"))?;
    let secret = rules.source(source.as_str()).await?;
    let sender = secret.sender(source);
    let reading = unmapped.read_again(&secret, &sender, Clock::system().now());
    if let Some(fault) = reading.faulty.iter().flat_map(|(_, faults)| faults).next() {
        return Err(format!(
            "source {}: it still becomes no change ({fault}): mend its mapping, or drop it",
            sender.source
        ));
    }
    let mut outgoing = Vec::new();
    for (place, placed) in reading.changes.iter().enumerate() {
        if !unranked && !is_ranked(&placed.change, rules).await? {
            return Err(UNRANKED.to_owned());
        }
        outgoing.push(Outgoing {
            body: placed.change.body(),
            group: placed.change.message_group().as_str().to_owned(),
            deduplication_id: domain::sha256_hex(format!("{} {place}", parked.id).as_bytes()),
        });
    }
    Ok(outgoing)
}
