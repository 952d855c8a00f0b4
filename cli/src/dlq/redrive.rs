//! Sends what is parked again: in order, and where nothing newer would be overwritten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::change::{Change, VersionFrom};
use io::secrets::{OrgSecret, Secrets, SecretsManager};
use serde_json::json;

use super::Which;
use super::parked::{DeadLetters, Parked};
use crate::table::number;

/// What is sent again, and how fast.
pub(super) struct How<'a> {
    pub(super) which: &'a Which,
    pub(super) pause: Duration,
    pub(super) unranked: bool,
    pub(super) dry_run: bool,
}

/// The orgs' rules, read once each.
pub(super) struct Orgs {
    pub(super) secrets: SecretsManager,
    pub(super) prefix: String,
    pub(super) known: BTreeMap<String, Result<Option<VersionFrom>, String>>,
}

impl Orgs {
    /// Which member ranks this org's changes; none: it stores no ranks.
    async fn ranking(&mut self, org: &str) -> Result<Option<VersionFrom>, String> {
        if let Some(known) = self.known.get(org) {
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
        self.known.insert(org.to_owned(), ranking.clone());
        ranking
    }
}

/// What came of it.
#[derive(Default)]
pub(super) struct Report {
    /// Changes that were sent, and are not parked again.
    sent: u64,
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
        json!({ "sent": self.sent, "left": self.left, "ended": self.ended }).to_string()
    }

    pub(super) fn text(&self, is_dry: bool) -> String {
        let sent = if is_dry {
            "would be sent again"
        } else {
            "sent again"
        };
        let mut lines = vec![format!("{} {sent}", number(self.sent))];
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
pub(super) async fn redrive(queue: &DeadLetters, mut orgs: Orgs, how: &How<'_>) -> Report {
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
            let may_be_sent = if is_known || is_sent.is_some() || !how.which.is_meant(&parked) {
                false
            } else {
                let verdict = may_be_sent(&parked, &mut orgs, how.unranked, &staying).await;
                verdict.map_err(|why| report.leave(why)).is_ok()
            };
            if !is_known && !how.dry_run && is_sent == Some(false) {
                report.sent -= 1;
                report.leave("it was sent again, and is parked again");
                sent.insert(change.clone(), true);
            }
            if !may_be_sent {
                staying.insert(parked.group.clone());
                kept.insert(parked.id.clone(), parked);
                continue;
            }
            if how.dry_run {
                report.sent += 1;
                sent.insert(change, false);
                kept.insert(parked.id.clone(), parked);
                continue;
            }
            // Sent before it is deleted: in between it is in both queues, and never in none.
            if let Err(error) = queue.send_again(&parked).await {
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
                Ok(()) => report.sent += 1,
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

/// Why a parked change stays, if it does. `staying`: the groups of those that do.
async fn may_be_sent(
    parked: &Parked,
    orgs: &mut Orgs,
    unranked: bool,
    staying: &BTreeSet<String>,
) -> Result<(), String> {
    let change = Change::parse(&parked.text);
    let change = change
        .map_err(|_| "ingest would refuse it: repair it at its source, and drop it".to_owned())?;
    if change.message_group().as_str() != parked.group {
        return Err("its message group is not that of its contact: drop it".to_owned());
    }
    let ranking = orgs.ranking(change.org.as_str()).await?;
    // It knows by itself whether it comes too late.
    if change.operation.is_of_operator() {
        return Ok(());
    }
    if ranking.is_some_and(|from| change.rank(from).is_some()) {
        return Ok(());
    }
    if !unranked {
        return Err(
            "it has no rank: --unranked sends it, and it may overwrite what is newer".to_owned(),
        );
    }
    if staying.contains(&parked.group) {
        return Err("it has no rank, and an earlier change of its contact stays".to_owned());
    }
    Ok(())
}
