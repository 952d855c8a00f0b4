//! What this copy knows of an org's campaigns: which list each draws on, and which may not be
//! written now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::batch::Evidence;
use domain::change::{CampaignId, ContactKey};
use domain::failure::{Failure, Kind};
use domain::health::{CampaignHealth, Creates, Fault};
use domain::retry::CLOSED;
use jiff::Timestamp;

use super::Org;
use super::contact_lists::List;
use crate::telemetry::Event;

/// Longer than the longest wait of what fails: it comes back to a copy that remembers it.
const IN_DOUBT: Duration = Duration::from_mins(30);

/// How long a campaign is not topped up after a call that failed or was refused.
const NARROW: Duration = Duration::from_mins(5);

/// So many reads in a row that find nothing make a first load. Where one of so many exists all the same,
/// that takes a POST in vain for as many reads.
const NEW_AFTER: u32 = 20;

/// By campaign.
#[derive(Default)]
pub(super) struct Campaigns(Mutex<BTreeMap<CampaignId, Known>>);

#[derive(Default)]
struct Known {
    /// Of the contact list API: the list that it draws on, and until when that is known.
    list: Option<(Arc<List>, Timestamp)>,
    /// Until when no call is made about it, since a person must act.
    closed_until: Option<Timestamp>,
    health: CampaignHealth,
    creates: Creates,
    /// Reads of its contacts in a row that found none.
    absent: u32,
    /// Until when one of its contacts may be what makes calls fail.
    in_doubt_until: Option<Timestamp>,
    /// Until when no more of its changes are worked on at once than Lambda hands over.
    narrow_until: Option<Timestamp>,
}

impl Campaigns {
    fn with<R>(&self, campaign: &CampaignId, act: impl FnOnce(&mut Known) -> R) -> R {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(campaign) {
            Some(known) => act(known),
            None => act(all.entry(campaign.clone()).or_default()),
        }
    }

    pub(super) fn health<R>(
        &self,
        campaign: &CampaignId,
        act: impl FnOnce(&mut CampaignHealth) -> R,
    ) -> R {
        self.with(campaign, |known| act(&mut known.health))
    }

    pub(super) fn list(&self, campaign: &CampaignId, now: Timestamp) -> Option<Arc<List>> {
        self.with(campaign, |known| {
            let list = known.list.as_ref().filter(|(_, until)| now < *until)?;
            Some(Arc::clone(&list.0))
        })
    }

    pub(super) fn found(&self, campaign: &CampaignId, list: &Arc<List>, until: Timestamp) {
        self.with(campaign, |known| {
            known.list = Some((Arc::clone(list), until))
        });
    }
}

impl Org {
    /// Whether calls about the campaign are made now.
    ///
    /// # Errors
    /// [`Kind::Closed`] while it is closed.
    pub(super) fn is_open(&self, campaign: &CampaignId) -> Result<(), Failure> {
        let now = self.shared.clock.now();
        let closed_until = self.campaigns.with(campaign, |known| known.closed_until);
        let Some(until) = closed_until.filter(|until| now < *until) else {
            return Ok(());
        };
        let after = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        let detail = "the campaign was refused a moment ago: a person must act";
        Err(Failure::new(Kind::Closed { after }, detail))
    }

    /// A call about the campaign had no answer, or an error of the service.
    pub fn doubts(&self, campaign: &CampaignId) {
        let until = self.shared.clock.now() + IN_DOUBT;
        self.campaigns
            .with(campaign, |known| known.in_doubt_until = Some(until));
        self.narrows(campaign);
    }

    /// A call about several of its contacts failed or was refused: for a while few are with whoever is
    /// the cause.
    pub(super) fn narrows(&self, campaign: &CampaignId) {
        let until = self.shared.clock.now() + NARROW;
        self.campaigns
            .with(campaign, |known| known.narrow_until = Some(until));
    }

    /// Whether many of its changes may be worked on at once: no call about several of its contacts failed
    /// lately.
    pub(super) fn may_be_wide(&self, campaign: &CampaignId) -> bool {
        let now = self.shared.clock.now();
        let narrow_until = self.campaigns.with(campaign, |known| known.narrow_until);
        narrow_until.is_none_or(|until| now >= until)
    }

    /// Whether it had lately: one of its contacts may be the cause, and fails whatever is in one
    /// call with it.
    pub fn is_in_doubt(&self, campaign: &CampaignId) -> bool {
        let now = self.shared.clock.now();
        let until = self.campaigns.with(campaign, |known| known.in_doubt_until);
        until.is_some_and(|until| now < until)
    }

    /// A contact was looked for, and found or not.
    pub fn looked_for(&self, campaign: &CampaignId, is_found: bool) {
        self.campaigns.with(campaign, |known| {
            known.absent = if is_found {
                0
            } else {
                known.absent.saturating_add(1)
            };
        });
    }

    /// Whether its contacts are taken for new, as in a first load: the last reads found none, and
    /// creates go well.
    pub fn are_new(&self, campaign: &CampaignId) -> bool {
        let (absent, are_held) = self
            .campaigns
            .with(campaign, |known| (known.absent, known.creates.are_held()));
        absent >= NEW_AFTER && !are_held && !self.is_in_doubt(campaign)
    }

    /// Whether creates of the campaign are held, since none could be created.
    pub fn holds_creates(&self, campaign: &CampaignId) -> bool {
        self.campaigns
            .with(campaign, |known| known.creates.are_held())
    }

    /// Which of these contacts is created to probe for all that are held. `luck`: chance, from 0 up
    /// to 1.
    ///
    /// # Errors
    /// How long none of them may be.
    pub fn probe_of_creates(
        &self,
        campaign: &CampaignId,
        keys: &[&ContactKey],
        luck: f64,
    ) -> Result<usize, Duration> {
        let now = self.shared.clock.now();
        self.campaigns
            .with(campaign, |known| known.creates.probe(keys, now, luck))
    }

    /// A contact was created in the campaign.
    pub fn created(&self, campaign: &CampaignId, key: &ContactKey) {
        let now = self.shared.clock.now();
        self.campaigns
            .with(campaign, |known| known.creates.created(key, now));
    }

    /// A contact could not be created, by a code that may be about it or about all. That none can be
    /// is told. Answers whether it is the contact's own fault.
    pub fn is_refused_for_itself(
        &self,
        campaign: &CampaignId,
        key: &ContactKey,
        failure: &Failure,
    ) -> bool {
        let now = self.shared.clock.now();
        let fault = self
            .campaigns
            .with(campaign, |known| known.creates.refused(key, now));
        if fault == (Fault::All { is_told: true }) {
            self.shared.telemetry.tell(&Event::CampaignRefused {
                org: self.id.as_str(),
                campaign: campaign.as_str(),
                evidence: &Evidence {
                    detail: format!("no contact can be created: {failure}"),
                    ..Evidence::from(failure)
                },
            });
        }
        fault == Fault::Own
    }

    /// Makes no call about the campaign for a while; the first time is told.
    pub(super) fn close_campaign(&self, campaign: &CampaignId, failure: &Failure) {
        let now = self.shared.clock.now();
        let was_closed = self.campaigns.with(campaign, |known| {
            let was_closed = known.closed_until.is_some_and(|until| now < until);
            known.closed_until = Some(now + CLOSED);
            was_closed
        });
        if !was_closed {
            self.shared.telemetry.tell(&Event::CampaignRefused {
                org: self.id.as_str(),
                campaign: campaign.as_str(),
                evidence: &Evidence::from(failure),
            });
        }
    }
}
