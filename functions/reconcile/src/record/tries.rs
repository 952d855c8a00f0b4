//! Counts how often a run's message was received, and how often the run failed.

use domain::change::CampaignId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;

/// After this many failures in a row of runs that began at a place, its campaign is begun anew. The
/// feed may not know the cursor any more, and what changed on earlier pages must not wait for another
/// campaign's fault. A run is given up before that, and the next run tries the place once.
const MOST_FAILED: u32 = 3;

/// The tries of a run's message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tries {
    /// The id of the message.
    pub(super) message: String,
    /// How often it had been received when this was noted, and the time of that in seconds.
    pub(super) receives: u32,
    pub(super) at: i64,
    /// How often the run has failed in a row.
    pub(super) failures: u32,
}

impl Record {
    /// How often a message had been received when its run last ended in good order or failed, and
    /// when that was.
    pub(crate) fn receives(&self, message: &str) -> Option<(u32, Timestamp)> {
        let tries = self.tries.as_ref().filter(|it| it.message == message)?;
        Some((tries.receives, Timestamp::from_second(tries.at).ok()?))
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
