//! The campaigns of an org, as this copy knows them: the contact list of each, which of them may
//! not be written now, and which of them have contacts that make calls fail. It makes no call:
//! `campaign` does. Whether calls are answered is in `health`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::batch::Evidence;
use domain::change::{CampaignId, ContactKey};
use domain::failure::{Failure, Kind};
use domain::health::{CampaignHealth, CreateHealth, CreateRefusal};
use domain::retry::CLOSED;
use jiff::Timestamp;

use super::Org;
use super::contact_lists::List;
use crate::telemetry::Event;

/// How long a campaign stays in doubt. It is longer than the longest retry, so a change that fails
/// returns to a copy that remembers it.
const IN_DOUBT: Duration = Duration::from_mins(30);

/// How long a campaign is not topped up after a call failed or was refused.
const NARROW: Duration = Duration::from_mins(5);

/// This many reads in a row without a contact make a first load. If one contact in this many exists
/// after all, that costs one POST in vain for this many reads saved.
const NEW_AFTER: u32 = 20;

/// Everything that this copy knows about each campaign.
#[derive(Default)]
pub(super) struct CampaignCache(Mutex<BTreeMap<CampaignId, Known>>);

#[derive(Default)]
struct Known {
    /// The list of the campaign, and until when it is known. Only for `contactLists`.
    list: Option<(Arc<List>, Timestamp)>,
    /// The time until which no call is made about the campaign, because a person must act.
    closed_until: Option<Timestamp>,
    health: CampaignHealth,
    creates: CreateHealth,
    /// How many reads in a row found no contact.
    absent: u32,
    /// The time until which one of its contacts may be the reason why calls fail.
    in_doubt_until: Option<Timestamp>,
    /// The time until which its batches stay as small as Lambda hands them over.
    narrow_until: Option<Timestamp>,
}

impl CampaignCache {
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

    /// Records that calls about the campaign fail, and that one of its contacts may be the cause.
    pub fn record_doubt(&self, campaign: &CampaignId) {
        let until = self.shared.clock.now() + IN_DOUBT;
        self.campaigns
            .with(campaign, |known| known.in_doubt_until = Some(until));
        self.record_bulk_failure(campaign);
    }

    /// Records that a call about several contacts failed or was refused. For a while the batches of
    /// the campaign stay small, so that few contacts share a call with the one that is the cause.
    pub(super) fn record_bulk_failure(&self, campaign: &CampaignId) {
        let until = self.shared.clock.now() + NARROW;
        self.campaigns
            .with(campaign, |known| known.narrow_until = Some(until));
    }

    /// Whether batches of the campaign may be large: no call about several contacts failed lately.
    pub(super) fn may_be_wide(&self, campaign: &CampaignId) -> bool {
        let now = self.shared.clock.now();
        let narrow_until = self.campaigns.with(campaign, |known| known.narrow_until);
        narrow_until.is_none_or(|until| now >= until)
    }

    /// Whether calls of the campaign failed lately. One of its contacts may be the cause, and
    /// everything in one call with that contact fails.
    pub fn is_in_doubt(&self, campaign: &CampaignId) -> bool {
        let now = self.shared.clock.now();
        let until = self.campaigns.with(campaign, |known| known.in_doubt_until);
        until.is_some_and(|until| now < until)
    }

    /// Records whether a read found a contact.
    pub fn record_read(&self, campaign: &CampaignId, is_found: bool) {
        self.campaigns.with(campaign, |known| {
            known.absent = if is_found {
                0
            } else {
                known.absent.saturating_add(1)
            };
        });
    }

    /// Whether contacts of the campaign count as new, as in a first load: the last reads found
    /// none, and creates succeed.
    pub fn are_new(&self, campaign: &CampaignId) -> bool {
        let (absent, are_held) = self
            .campaigns
            .with(campaign, |known| (known.absent, known.creates.are_held()));
        absent >= NEW_AFTER && !are_held && !self.is_in_doubt(campaign)
    }

    /// Whether creates of the campaign are held back because none succeeded.
    pub fn holds_creates(&self, campaign: &CampaignId) -> bool {
        self.campaigns
            .with(campaign, |known| known.creates.are_held())
    }

    /// Chooses the contact whose create probes for all that are held back. `draw` is a random
    /// number from 0 up to 1.
    ///
    /// # Errors
    /// None of them may be created for this long.
    pub fn probe_of_creates(
        &self,
        campaign: &CampaignId,
        keys: &[&ContactKey],
        draw: f64,
    ) -> Result<usize, Duration> {
        let now = self.shared.clock.now();
        self.campaigns
            .with(campaign, |known| known.creates.probe(keys, now, draw))
    }

    /// Records that a contact was created.
    pub fn created(&self, campaign: &CampaignId, key: &ContactKey) {
        let now = self.shared.clock.now();
        self.campaigns
            .with(campaign, |known| known.creates.created(key, now));
    }

    /// Records that a create was refused with a code that may concern this contact or all. If none
    /// can be created, that is reported. Returns whether the contact itself is the reason.
    pub fn record_create_refused(
        &self,
        campaign: &CampaignId,
        key: &ContactKey,
        failure: &Failure,
    ) -> bool {
        let now = self.shared.clock.now();
        let fault = self
            .campaigns
            .with(campaign, |known| known.creates.refused(key, now));
        if fault == (CreateRefusal::All { is_told: true }) {
            self.shared.telemetry.tell(&Event::CampaignRefused {
                org: self.id.as_str(),
                campaign: campaign.as_str(),
                evidence: &Evidence {
                    detail: format!("no contact can be created: {failure}"),
                    ..Evidence::from(failure)
                },
            });
        }
        fault == CreateRefusal::Own
    }

    /// Makes no call about the campaign for a while. The first time is reported.
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
