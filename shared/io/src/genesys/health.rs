//! What this copy knows of the health of an org and of its host: told by every call, asked before
//! contacts are begun.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::failure::{Failure, Kind};
use domain::health::{HostHealth, May, OrgHealth, Silence};
use jiff::Timestamp;

use super::Org;
use crate::telemetry::Event;

/// Of one org, and of the host that it shares with others.
#[derive(Default)]
pub(super) struct Health {
    org: Mutex<OrgHealth>,
    host: Mutex<Option<Arc<Mutex<HostHealth>>>>,
}

fn with<T, R>(mutex: &Mutex<T>, act: impl FnOnce(&mut T) -> R) -> R {
    act(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Health {
    /// Which host its secret names.
    pub(super) fn is_of(&self, host: Arc<Mutex<HostHealth>>) {
        with(&self.host, |of| *of = Some(host));
    }

    /// Whether its host is known.
    pub(super) fn is_placed(&self) -> bool {
        with(&self.host, |host| host.is_some())
    }

    fn with_host<R>(&self, act: impl FnOnce(&mut HostHealth) -> R) -> Option<R> {
        let host = with(&self.host, |host| host.clone());
        host.map(|host| with(&host, act))
    }
}

impl Org {
    /// Whether contacts may be begun now: side by side, one of them as a probe, or none. Whoever
    /// asks first of the orgs of a host that is ill is the one that probes it.
    pub fn may_begin(&self) -> May {
        let now = self.shared.clock.now();
        let (org, was_answered) = with(&self.health.org, |org| (org.may(now), org.was_answered()));
        if let May::NotBefore(_) = org {
            return org;
        }
        let host = self
            .health
            .with_host(|host| host.begin(&self.id, was_answered, now));
        host.map_or(org, |host| host.and(org))
    }

    /// Whether an org that was not known until now may call its host.
    pub(super) fn may_log_in(&self) -> Result<(), Failure> {
        let now = self.shared.clock.now();
        let host = self
            .health
            .with_host(|host| host.begin(&self.id, false, now));
        match host {
            Some(May::NotBefore(then)) => Err(not_before(then, now)),
            _ => Ok(()),
        }
    }

    /// Whether it rests, since it answers slowly or with errors: then its changes are given back.
    ///
    /// # Errors
    /// [`Kind::BudgetSpent`]: they come back when it is their turn again.
    pub fn is_its_turn(&self) -> Result<(), Failure> {
        let now = self.shared.clock.now();
        let Some(then) = with(&self.health.org, |org| org.rests(now)) else {
            return Ok(());
        };
        let after = then.duration_since(now).try_into().unwrap_or_default();
        let detail =
            "the org answers slowly or with errors: its changes take turns with all others";
        Err(Failure::new(Kind::BudgetSpent { after }, detail))
    }

    /// An invocation drove it since then.
    pub fn was_driven(&self, since: Timestamp) {
        let now = self.shared.clock.now();
        let time = now.duration_since(since).try_into().unwrap_or_default();
        with(&self.health.org, |org| org.took(now, time));
    }

    /// The same, for whoever began already.
    pub fn health(&self) -> May {
        let now = self.shared.clock.now();
        let (org, was_answered) = with(&self.health.org, |org| (org.may(now), org.was_answered()));
        let host = self
            .health
            .with_host(|host| host.may(&self.id, was_answered, now));
        host.map_or(org, |host| host.and(org))
    }

    /// What was begun goes on, unless the org fell ill meanwhile.
    pub(super) fn may_go_on(&self, is_write: bool) -> Result<(), Failure> {
        let now = self.shared.clock.now();
        match with(&self.health.org, |org| org.may_go_on(now, is_write)) {
            May::NotBefore(then) => Err(not_before(then, now)),
            May::Probe | May::All => Ok(()),
        }
    }

    pub(super) fn is_answered(&self, is_write: bool, latency: Duration) {
        let now = self.shared.clock.now();
        with(&self.health.org, |org| org.answered(now, is_write, latency));
        self.health.with_host(|host| host.answered(now));
    }

    /// A call failed, all its tries included: whether it got no answer.
    pub(super) fn notes_silence(&self, is_write: bool, failure: &Failure) {
        if !failure.leaves_unknown() {
            return;
        }
        with(&self.health.org, OrgHealth::failed);
        let silence = match failure.kind {
            Kind::Lost => Silence::Lost,
            Kind::Unanswered => Silence::Hung,
            _ => return,
        };
        let now = self.shared.clock.now();
        let is_ill = with(&self.health.org, |org| {
            org.unanswered(now, is_write, silence)
        });
        let host = self.health.with_host(|host| {
            let was_ill = host.is_ill();
            (was_ill, host.unanswered(&self.id, now))
        });
        let (is_told, is_host_ill) = host.unwrap_or_default();
        for (is_so, whose) in [(is_ill && !is_told, "it"), (is_host_ill, "its host")] {
            if is_so {
                self.shared.telemetry.tell(&Event::OrgIll {
                    org: self.id.as_str(),
                    detail: &format!("{whose} does not answer: {failure}"),
                });
            }
        }
    }
}

/// No call was made, since none is answered now.
pub fn not_before(then: Timestamp, now: Timestamp) -> Failure {
    let after = then.duration_since(now).try_into().unwrap_or_default();
    Failure::new(
        Kind::Closed { after },
        "the org does not answer: the next probe tells",
    )
}
