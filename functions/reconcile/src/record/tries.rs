//! How often a run's message was received, and the run failed.

use domain::change::CampaignId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;

/// So often in a row a run fails that began at a place, until its campaign is begun anew: the cursor may have ended,
/// and what changed on earlier pages must not wait for another campaign's fault. A run is given up before that, and
/// the next one tries it once.
const MOST_FAILED: u32 = 3;

/// How it went with a run's message until now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tries {
    /// Its id.
    pub(super) message: String,
    /// How often it had been received when this was noted, and when that was.
    pub(super) receives: u32,
    pub(super) at: i64,
    /// How often in a row the run failed.
    pub(super) failures: u32,
}

impl Record {
    /// How often a message was received until its run last ended in good order, or failed, and when that was.
    pub(crate) fn receives(&self, message: &str) -> Option<(u32, Timestamp)> {
        let tries = self.tries.as_ref().filter(|it| it.message == message)?;
        Some((tries.receives, Timestamp::from_second(tries.at).ok()?))
    }

    /// Notes that a run of these campaigns failed. Answers how often it failed in a row.
    pub(crate) fn fail(
        &mut self,
        message: &str,
        receives: u32,
        now: Timestamp,
        campaigns: &[CampaignId],
    ) -> u32 {
        let tries = self.tries.as_ref().filter(|it| it.message == message);
        let failures = tries.map_or(0, |it| it.failures) + 1;
        self.tries = Some(Tries {
            message: message.to_owned(),
            receives,
            at: now.as_second(),
            failures,
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
