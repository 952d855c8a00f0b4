//! The health of an org and its host, as this copy knows it. Every call reports to it, and it is
//! asked before contacts begin.
//!
//! The decisions are made in [`domain::health`]. This module combines them: an org may be called
//! only if its host may, and a campaign only if its org may. It also reports what an operator must
//! know.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::change::CampaignId;
use domain::failure::{Failure, Kind};
use domain::health::{CampaignHealth, HostHealth, May, OrgHealth, Prober, SLOW_AWS, Silence};
use jiff::Timestamp;

use super::Org;
use crate::telemetry::Event;

/// The health of one org, and of the host that it shares with others.
#[derive(Default)]
pub(super) struct Health {
    org: Mutex<OrgHealth>,
    host: Mutex<Option<Arc<Mutex<HostHealth>>>>,
}

fn with<T, R>(mutex: &Mutex<T>, act: impl FnOnce(&mut T) -> R) -> R {
    act(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Health {
    /// Sets the host that the org's secret names.
    pub(super) fn set_host(&self, host: Arc<Mutex<HostHealth>>) {
        with(&self.host, |of| *of = Some(host));
    }

    /// Whether the host is known.
    pub(super) fn has_host(&self) -> bool {
        with(&self.host, |host| host.is_some())
    }

    fn with_host<R>(&self, act: impl FnOnce(&mut HostHealth) -> R) -> Option<R> {
        let host = with(&self.host, |host| host.clone());
        host.map(|host| with(&host, act))
    }
}

impl Org {
    /// Whether a token may be asked for and the host called. If the host is ill, the org that asks
    /// first probes it, as `prober` says.
    ///
    /// # Errors
    /// As [`May::allowed`].
    pub fn may_begin(&self, prober: Prober) -> Result<(), Failure> {
        let now = self.shared.clock.now();
        let (login, was_answered) = with(&self.health.org, |org| {
            (org.begin_log_in(now, prober), org.was_answered())
        });
        login.allowed(now)?;
        self.may_call_host(was_answered, prober)
    }

    /// Whether the org may call its host, which was unknown until now.
    pub(super) fn may_log_in(&self) -> Result<(), Failure> {
        self.may_call_host(false, Prober::Drawn)
    }

    /// Whether the org's secret may be read. While Secrets Manager hangs, one read at a time probes
    /// it, and orgs whose secrets were never read take turns.
    ///
    /// # Errors
    /// [`Kind::Unavailable`], which returns with the backoff and not at the next probe: another
    /// copy may know the secret.
    pub(super) fn may_read_secret(&self, now: Timestamp) -> Result<(), Failure> {
        let may = with(&self.vault, |vault| {
            vault.begin(&self.id, false, now, Prober::Drawn)
        });
        let detail = "Secrets Manager does not answer, and the next probe is not due yet";
        may.allowed(now)
            .map_err(|_| Failure::new(Kind::Unavailable, detail))
    }

    /// Records that the secret was asked for at this time, and whether it was answered.
    pub(super) fn asked_for_secret(&self, began: Timestamp, is_answered: bool) {
        let now = self.shared.clock.now();
        let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
        // A call that was given less time proves nothing.
        let hung = !is_answered && took >= SLOW_AWS;
        let is_ill = with(&self.vault, |vault| {
            if is_answered {
                vault.answered(now, false);
            } else if hung {
                vault.unanswered(&self.id, now, false, Silence::Hung);
            }
            vault.is_ill()
        });
        // While it lasts, this is reported once for all who share it, or for the one org whose
        // secret hangs.
        let is_told = hung
            && if is_ill {
                with(&self.vault, |vault| vault.take_report_due(now))
            } else {
                with(&self.health.org, |org| org.campaigns.take_report_due(now))
            };
        if is_told {
            self.shared.telemetry.tell(&Event::OrgIll {
                org: self.id.as_str(),
                campaign: None,
                detail: "Secrets Manager does not answer: a secret that was read before stays in use",
            });
        }
    }

    fn may_call_host(&self, was_answered: bool, prober: Prober) -> Result<(), Failure> {
        let now = self.shared.clock.now();
        let host = self
            .health
            .with_host(|host| host.begin(&self.id, was_answered, now, prober));
        host.map_or(Ok(()), |may| may.allowed(now))
    }

    /// Whether a campaign may be worked on, or rests because it or its org is slow or fails. The
    /// changes of a resting campaign are given back.
    ///
    /// # Errors
    /// [`Kind::InTurn`]: the changes return when it is their turn.
    pub fn is_turn_of(&self, campaign: &CampaignId) -> Result<(), Failure> {
        let after = self.rests(campaign);
        if after.is_zero() {
            return Ok(());
        }
        let detail = "the org or the campaign answers slowly or with errors: its changes take turns with all others";
        Err(Failure::new(Kind::InTurn { after }, detail))
    }

    /// Whether calls about a campaign are answered and it does not rest.
    pub fn is_well(&self, campaign: &CampaignId) -> bool {
        self.rests(campaign).is_zero()
            && self.is_open(campaign).is_ok()
            && self.may_go_on_with(campaign) == May::All
    }

    /// How long a campaign, or its whole org, still rests.
    pub fn rests(&self, campaign: &CampaignId) -> Duration {
        let now = self.shared.clock.now();
        let then = with(&self.health.org, |org| org.rests.rests(now, campaign)).unwrap_or(now);
        then.duration_since(now).try_into().unwrap_or_default()
    }

    /// Records that an invocation has worked for the org since this time.
    pub fn record_driven(&self, since: Timestamp) {
        let now = self.shared.clock.now();
        let time = now.duration_since(since).try_into().unwrap_or_default();
        with(&self.health.org, |org| org.rests.took(now, time));
    }

    /// Whether contacts of a campaign may begin now: side by side, one as a probe, or none. If the
    /// org is ill, the campaign that asks first probes it, as `prober` says.
    pub fn may_begin_with(&self, campaign: &CampaignId, prober: Prober) -> May {
        let now = self.shared.clock.now();
        let (own, was_answered) = self
            .campaigns
            .health(campaign, |of| (of.begin(now, prober), of.was_answered()));
        if let May::NotBefore(_) | May::InTurn(_) = own {
            return own;
        }
        let org = with(&self.health.org, |org| {
            org.campaigns.begin(campaign, was_answered, now, prober)
        });
        org.and(own)
    }

    /// As [`Org::may_begin_with`], for a contact that has begun.
    pub fn may_go_on_with(&self, campaign: &CampaignId) -> May {
        let now = self.shared.clock.now();
        let own = |of: &mut CampaignHealth| (of.may(now), of.was_answered());
        let (own, was_answered) = self.campaigns.health(campaign, own);
        let org = with(&self.health.org, |org| {
            org.campaigns.may(campaign, was_answered, now)
        });
        org.and(own)
    }

    /// Whether a contact that has begun may go on. It may, unless the campaign became ill
    /// meanwhile.
    pub(super) fn may_go_on(&self, campaign: &CampaignId, is_write: bool) -> Result<(), Failure> {
        let now = self.shared.clock.now();
        let may = |of: &mut CampaignHealth| of.may_go_on(now, is_write);
        self.campaigns.health(campaign, may).allowed(now)
    }

    /// Records that Genesys Cloud has no such campaign. Returns for how long that has been so, as
    /// far as this copy knows.
    pub fn record_missing(&self, campaign: &CampaignId) -> Duration {
        let now = self.shared.clock.now();
        self.campaigns.health(campaign, |of| of.record_missing(now))
    }

    /// Records that a contact of the campaign was read or written.
    pub fn record_found(&self, campaign: &CampaignId) {
        self.campaigns
            .health(campaign, CampaignHealth::record_found);
    }

    /// Whether a contact of the campaign was read or written, and the campaign was not missing
    /// since.
    pub fn knows(&self, campaign: &CampaignId) -> bool {
        self.campaigns.health(campaign, |of| of.is_known())
    }

    /// Records that a call was answered. It was about a campaign, or for a token.
    pub(super) fn record_answer(
        &self,
        campaign: Option<&CampaignId>,
        is_write: bool,
        latency: Duration,
    ) {
        let now = self.shared.clock.now();
        if let Some(campaign) = campaign {
            self.campaigns
                .health(campaign, |of| of.answered(now, is_write));
        }
        with(&self.health.org, |org| {
            org.rests.answered_after(campaign, latency);
            match campaign {
                Some(_) => org.campaigns.answered(now, is_write),
                None => org.logged_in(now),
            }
        });
        self.health.with_host(|host| host.answered(now, is_write));
    }

    /// Records that a call failed after all its tries: whether it held up its batch, and whether it
    /// got no answer.
    pub(super) fn record_silence(
        &self,
        campaign: Option<&CampaignId>,
        is_write: bool,
        failure: &Failure,
    ) {
        // The org is slow, and not the campaign: the calls are limited for the whole org.
        let slow = match failure.kind {
            Kind::Throttled { .. } => None,
            _ if failure.leaves_unknown() => campaign,
            _ => return,
        };
        with(&self.health.org, |org| org.rests.failed(slow));
        let silence = match failure.kind {
            Kind::Lost => Silence::Lost,
            Kind::Unanswered => Silence::Hung,
            _ => return,
        };
        let now = self.shared.clock.now();
        let is_own = campaign.is_some_and(|campaign| {
            let unanswered = |of: &mut CampaignHealth| of.unanswered(now, is_write, silence);
            self.campaigns.health(campaign, unanswered)
        });
        let is_org = with(&self.health.org, |org| match campaign {
            Some(campaign) => org.campaigns.unanswered(campaign, now, is_write, silence),
            None => org.not_logged_in(now, silence),
        });
        let host = self.health.with_host(|host| {
            let was_ill = host.is_ill();
            let has_become_ill = host.unanswered(&self.id, now, is_write, silence);
            (was_ill, has_become_ill && host.take_report_due(now))
        });
        let (was_host_ill, is_host_told) = host.unwrap_or_default();
        let is_told = (is_own || is_org)
            && !was_host_ill
            && with(&self.health.org, |org| org.campaigns.take_report_due(now));
        let own = campaign.filter(|_| !is_org).map(CampaignId::as_str);
        let whose = own.map_or("it", |_| "its campaign");
        for (is_so, campaign, whose) in [(is_told, own, whose), (is_host_told, None, "its host")] {
            if is_so {
                self.shared.telemetry.tell(&Event::OrgIll {
                    org: self.id.as_str(),
                    campaign,
                    detail: &format!("{whose} does not answer: {failure}"),
                });
            }
        }
    }
}
