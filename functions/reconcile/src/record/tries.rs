//! Counts how often a run's message was received, and how often the run failed. What follows from
//! the counts is decided in `runs/turn/given_up.rs` and `again.rs`.

use domain::change::CampaignId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;

/// If runs that began at a place fail this often in a row, the campaign is begun anew. The feed may
/// no longer know the cursor, and new changes on the pages before it must not wait while another
/// campaign makes runs fail. Example: a run fails twice and is given up. If the next run fails at
/// the same place too, its retry begins the campaign anew.
const MOST_FAILED: u32 = 3;

/// The tries of a run's message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tries {
    /// The id of the message.
    pub(super) message: String,
    /// How often it had been received before the invocation that is counted next.
    pub(super) receives: u32,
    /// The time since which that invocation is counted, in seconds. It is when the invocation
    /// began, or when the one before it ended.
    pub(super) at: i64,
    /// How often the run has failed in a row.
    pub(super) failures: u32,
    /// How many of its invocations were killed in a row before that.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) killed: u32,
    /// The wait for exports that the run is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) waiting: Option<Waiting>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

/// Invocations of a run in a row that did nothing but wait for an export.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// The time at which the first began, in seconds.
    since: i64,
    invocations: u32,
}

impl Record {
    /// How often a message had been received when this was last noted, and when that was: at the
    /// end of an invocation that ended in good order or failed, or at the beginning of one. An
    /// invocation that has begun is not among them.
    pub(crate) fn receives(&self, message: &str) -> Option<(u32, Timestamp)> {
        let tries = self.tries.as_ref().filter(|it| it.message == message)?;
        Some((tries.receives, Timestamp::from_second(tries.at).ok()?))
    }

    /// How many invocations of a message's run were noted as killed in a row.
    pub(crate) fn killed(&self, message: &str) -> u32 {
        let tries = self.tries.as_ref().filter(|it| it.message == message);
        tries.map_or(0, |it| it.killed)
    }

    /// Notes that an invocation begins, and that this many before it were killed in a row. If it
    /// neither ends in good order nor fails, the next one counts it as killed.
    pub(crate) fn begin(&mut self, message: &str, receives: u32, now: Timestamp, killed: u32) {
        let tries = self.tries.take().filter(|it| it.message == message);
        self.tries = Some(Tries {
            message: message.to_owned(),
            receives: receives.saturating_sub(1),
            at: now.as_second(),
            failures: tries.as_ref().map_or(0, |it| it.failures),
            killed,
            waiting: tries.and_then(|it| it.waiting),
        });
    }

    /// Since when a message's run has done nothing but wait for an export, and in how many
    /// invocations.
    pub(crate) fn waiting(&self, message: &str) -> Option<(Timestamp, u32)> {
        let tries = self.tries.as_ref().filter(|it| it.message == message)?;
        let waiting = tries.waiting.as_ref()?;
        let since = Timestamp::from_second(waiting.since).ok()?;
        Some((since, waiting.invocations))
    }

    /// The wait with one more invocation, which began at this time.
    pub(super) fn wait(&self, message: &str, began: Timestamp) -> Waiting {
        let (since, before) = self.waiting(message).unwrap_or((began, 0));
        Waiting {
            since: since.as_second(),
            invocations: before + 1,
        }
    }

    /// Notes that a run of these campaigns failed. Returns how often it has failed in a row.
    pub(crate) fn fail(
        &mut self,
        message: &str,
        receives: u32,
        now: Timestamp,
        campaigns: &[CampaignId],
    ) -> u32 {
        let tries = self.tries.as_ref().filter(|it| it.message == message);
        let failures = tries.map_or(0, |it| it.failures) + 1;
        let waiting = tries.and_then(|it| it.waiting.clone());
        self.tries = Some(Tries {
            message: message.to_owned(),
            receives,
            at: now.as_second(),
            failures,
            killed: 0,
            waiting,
        });
        if let Some(place) = &mut self.unfinished
            && campaigns.iter().any(|campaign| place.is_in(campaign))
        {
            place.failed += 1;
            if place.failed == MOST_FAILED {
                self.unfinished = None;
            }
        }
        failures
    }
}
