//! Keeps track of whether a host, an org or a campaign answers: a circuit breaker without clock or
//! I/O.
//!
//! A service that does not answer holds up whoever waits for it. So calls are made side by side
//! only if an answer came lately. Otherwise one call probes. While the probe is under way, and for
//! a while after it got no answer, no other call is made, and a caller learns when it may try
//! again:
//!
//! ```text
//! unknown ──answer──▶ well ──3 calls in a row without an answer──▶ ill
//!    │                 ▲                                            │ wait: 15 s, 30 s, … 5 min
//!    └──no answer──▶ ill ◀──no answer── probe ◀─────────────────────┘
//!                          answer: well
//! ```
//!
//! An error that is answered (5xx) counts as an answer, because it holds nobody up.
//!
//! `breaker` has the states above. `shared` is about orgs that share a host and campaigns that
//! share an org, so that one probe serves all. `rests` is about services that answer slowly,
//! `creates` about campaigns in which no contact can be created, and `dead_letters` about the
//! dead-letter queue. How many calls the budget allows is decided in [`crate::budget`].

mod breaker;
mod creates;
mod dead_letters;
mod rests;
mod shared;
#[cfg(test)]
mod tests;

use breaker::Breaker;
pub use breaker::{May, Prober, Silence};
pub use creates::{CreateHealth, CreateRefusal};
pub use dead_letters::DeadLetterHealth;
pub use rests::Rests;
pub use shared::SharedHealth;

use std::time::Duration;

use jiff::Timestamp;

use crate::change::{CampaignId, OrgId};

/// The health of a campaign. Reads and writes have a breaker each. So an answered read does not let
/// ten more writes hang.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignHealth {
    reads: Breaker,
    writes: Breaker,
    /// Since when Genesys Cloud says that there is no such campaign.
    missing_since: Option<Timestamp>,
    /// Whether a contact of the campaign was read or written, and the campaign was not missing
    /// since.
    is_known: bool,
}

impl CampaignHealth {
    /// How many contacts may be begun now: read, and then written.
    pub fn may(&self, now: Timestamp) -> May {
        self.reads.may(now).and(self.writes.may_unless_ill(now))
    }

    /// As [`CampaignHealth::may`], for a caller that begins a contact. [`Prober`] says whether it
    /// may probe a service that hangs.
    pub fn begin(&mut self, now: Timestamp, prober: Prober) -> May {
        let reads = self.reads.begin(now, prober);
        reads.and(self.writes.begin_unless_ill(now, prober))
    }

    /// Whether this copy ever got an answer from the campaign.
    pub fn was_answered(&self) -> bool {
        self.reads.was_answered()
    }

    /// Records that a read or a write was answered.
    pub fn answered(&mut self, now: Timestamp, is_write: bool) {
        self.reads.answered(now);
        if is_write {
            self.writes.answered(now);
        }
    }

    /// Records a call without an answer. Returns whether reads, or writes, have just become ill,
    /// which is reported once.
    pub fn unanswered(&mut self, now: Timestamp, is_write: bool, silence: Silence) -> bool {
        if is_write {
            self.writes.unanswered(now, silence)
        } else {
            self.reads.unanswered(now, silence)
        }
    }

    /// Records that there is no such campaign, or none yet. Returns for how long that has been so.
    pub fn record_missing(&mut self, now: Timestamp) -> Duration {
        self.is_known = false;
        let since = *self.missing_since.get_or_insert(now);
        now.duration_since(since).try_into().unwrap_or_default()
    }

    /// Records that a contact of the campaign was read or written.
    pub fn record_found(&mut self) {
        self.missing_since = None;
        self.is_known = true;
    }

    /// Whether a contact of the campaign was read or written, and the campaign was not missing
    /// since.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether a contact that was begun may make this call. A write with an unknown result is
    /// followed by a read, even while writes are ill.
    pub fn may_go_on(&self, now: Timestamp, is_write: bool) -> May {
        let breaker = if is_write { &self.writes } else { &self.reads };
        breaker.may_unless_ill(now)
    }
}

/// The health of an org: of its token, and of its campaigns together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgHealth {
    login: Breaker,
    /// The health that its campaigns share, as orgs share that of their host.
    pub campaigns: SharedHealth<CampaignId, 2>,
    /// When the org rests because it answers slowly.
    pub rests: Rests,
}

impl OrgHealth {
    /// Whether a token may be requested. [`Prober`] says whether the caller may probe a login that
    /// hangs.
    pub fn begin_log_in(&mut self, now: Timestamp, prober: Prober) -> May {
        self.login.begin_unless_ill(now, prober)
    }

    /// Records that a token was issued.
    pub fn logged_in(&mut self, now: Timestamp) {
        self.login.answered(now);
    }

    /// Records that a request for a token got no answer. Returns whether the login has just become
    /// ill.
    pub fn not_logged_in(&mut self, now: Timestamp, silence: Silence) -> bool {
        self.login.unanswered(now, silence)
    }

    /// Whether this copy ever got an answer from the org.
    pub fn was_answered(&self) -> bool {
        self.login.was_answered() || self.campaigns.was_answered()
    }
}

/// The health of a host. If it hangs, all orgs of its region hang. If each org had to find out by
/// itself, two hundred orgs would hold up a copy two hundred times.
pub type HostHealth = SharedHealth<OrgId, 3>;

/// The health of Secrets Manager, which holds the secrets of all orgs. One secret may hang alone:
/// its KMS key has limits of its own.
pub type VaultHealth = SharedHealth<OrgId, 3>;

/// A call to SQS or Secrets Manager that fails after at least this time counts as hung: it held up
/// its caller.
pub const SLOW_AWS: Duration = Duration::from_secs(1);
