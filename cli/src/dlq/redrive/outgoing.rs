//! Decides what replaces a parked message: the change itself, the changes that an unmapped item
//! becomes by its source's present secret, or nothing, because it stays.
//!
//! `super` sends the messages and deletes the parked one.

use domain::change::{Change, OrgId};
use ingest::webhook::Unmapped;
use io::Clock;

use super::Redrive;
use crate::dlq::parked::Parked;
use crate::dlq::queue::Outgoing;

impl Redrive<'_> {
    /// The messages that replace a parked one. `None` means that it stays; if it was chosen,
    /// the report says why.
    pub(super) async fn outgoing(&mut self, parked: &Parked) -> Option<Vec<Outgoing>> {
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
        if !self.choice.is_chosen(parked) {
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

    /// Why a change without a rank stays.
    fn has_no_rank(&self) -> String {
        let by = self.how.unranked_by;
        format!("it has no rank: {by} sends it, and it may overwrite what is newer")
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
                return Err(self.has_no_rank());
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
                return Err(self.has_no_rank());
            }
            let body = change.body();
            // The id includes the body, because a mapping that was repaired meanwhile may make
            // another one.
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
                "source {source}: it now writes to another org than when this item arrived: let the CRM send it \
                 again, or let campaign-sync reconcile find it in the feed, then drop it"
            ));
        }
        let sender = secret.sender(source);
        let (_, reading) = unmapped.read_again(&secret, &sender, Clock::system().now());
        if let Some(fault) = reading.faulty.iter().flat_map(|(_, faults)| faults).next() {
            return Err(format!(
                "source {}: it still becomes no change ({fault}). Correct the mapping, or make sure that \
                 nothing in it is lost and drop it",
                sender.source
            ));
        }
        let changes = reading.changes.into_iter().map(|placed| placed.change);
        Ok(changes.collect())
    }
}
