//! Whether a host, an org or a campaign answers: a circuit breaker without clock or I/O.
//!
//! A service that does not answer holds up whoever waits for it. So calls are made side by side
//! only if an answer came lately. Otherwise one call probes. While the probe is under way, and for
//! a while after it got no answer, no other call is made, and whoever wants one is told when to
//! come back:
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
//! share an org, so that one probe serves all. `turns` is about services that answer slowly,
//! `creates` about campaigns in which no contact can be created, and `dead_letters` about the
//! dead-letter queue. How many calls the budget allows is decided in [`crate::budget`].

mod breaker;
mod creates;
mod dead_letters;
mod shared;
#[cfg(test)]
mod tests;
mod turns;

use breaker::Breaker;
pub use breaker::{May, Prober, Silence};
pub use creates::{CreateRefusal, Creates};
pub use dead_letters::DeadLetterHealth;
pub use shared::Shared;
pub use turns::Turns;

use std::time::Duration;

use jiff::Timestamp;

use crate::change::{CampaignId, OrgId};

/// The health of a campaign. Reads and writes are told apart: where reads are answered and writes
/// are not, an answered read must not let another ten writes hang.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignHealth {
    reads: Breaker,
    writes: Breaker,
    /// Since when Genesys Cloud says that there is no such campaign.
    missing_since: Option<Timestamp>,
    /// Whether it answered about a contact of its own, and was not missing since.
    is_known: bool,
}

impl CampaignHealth {
    /// How many contacts may be begun now: read, and then written.
    pub fn may(&self, now: Timestamp) -> May {
        self.reads.may(now).and(self.writes.may_unless_ill(now))
    }

    /// The same, for whoever begins. What hangs is probed as [`Prober`] says.
    pub fn begin(&mut self, now: Timestamp, prober: Prober) -> May {
        let reads = self.reads.begin(now, prober);
        reads.and(self.writes.begin_unless_ill(now, prober))
    }

    /// Whether an answer ever came, to this copy.
    pub fn was_answered(&self) -> bool {
        self.reads.was_answered()
    }

    /// A read or a write was answered.
    pub fn answered(&mut self, now: Timestamp, is_write: bool) {
        self.reads.answered(now);
        if is_write {
            self.writes.answered(now);
        }
    }

    /// A call got no answer. Answers whether its kind, reads or writes, is ill from now on and was not
    /// before: that is to be told, once.
    pub fn unanswered(&mut self, now: Timestamp, is_write: bool, silence: Silence) -> bool {
        if is_write {
            self.writes.unanswered(now, silence)
        } else {
            self.reads.unanswered(now, silence)
        }
    }

    /// There is no such campaign, or none yet. Answers for how long.
    pub fn is_missing(&mut self, now: Timestamp) -> Duration {
        self.is_known = false;
        let since = *self.missing_since.get_or_insert(now);
        now.duration_since(since).try_into().unwrap_or_default()
    }

    /// A contact of it was read or written.
    pub fn is_found(&mut self) {
        self.missing_since = None;
        self.is_known = true;
    }

    /// Whether a contact of it was read or written, and it was not missing since.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether a call of what was begun goes on: a write of unknown end is followed by a read,
    /// however ill the writes are.
    pub fn may_go_on(&self, now: Timestamp, is_write: bool) -> May {
        let breaker = if is_write { &self.writes } else { &self.reads };
        breaker.may_unless_ill(now)
    }
}

/// The health of an org: of its token, and of its campaigns together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgHealth {
    login: Breaker,
    /// Its campaigns share it, as orgs do a host.
    pub campaigns: Shared<CampaignId, 2>,
    /// When it rests, since it holds whoever waits.
    pub turns: Turns,
}

impl OrgHealth {
    /// Whether a token may be asked for. What hangs is probed as [`Prober`] says.
    pub fn begin_log_in(&mut self, now: Timestamp, prober: Prober) -> May {
        self.login.begin_unless_ill(now, prober)
    }

    /// A token was answered.
    pub fn logged_in(&mut self, now: Timestamp) {
        self.login.answered(now);
    }

    /// No token was. Answers whether that is news.
    pub fn not_logged_in(&mut self, now: Timestamp, silence: Silence) -> bool {
        self.login.unanswered(now, silence)
    }

    /// Whether anything ever answered, to this copy.
    pub fn was_answered(&self) -> bool {
        self.login.was_answered() || self.campaigns.was_answered()
    }
}

/// The health of a host: all orgs of a region hang together, and two hundred of them would hold a
/// copy two hundred times until each had found out by itself.
pub type HostHealth = Shared<OrgId, 3>;

/// The health of Secrets Manager, which holds the secrets of all orgs. One secret may hang alone: its
/// KMS key has limits of its own.
pub type VaultHealth = Shared<OrgId, 3>;

/// A call to SQS or Secrets Manager that fails after this time or later has hung, and held whoever
/// waited for it.
pub const SLOW_AWS: Duration = Duration::from_secs(1);
