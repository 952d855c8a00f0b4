//! Counts how often a run's message was received, and how often the run failed.

use domain::change::CampaignId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;

/// After this many refusals in a row from one place on, the campaign is begun anew, because the
/// feed may not know the cursor any more. A run is given up before that, and the next run tries the
/// place once.
const MOST_REFUSED: u32 = 3;

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

    /// Notes that a run failed. `refused` is the campaign whose page was refused. Returns how often
    /// the run has failed in a row.
    pub(crate) fn fail(
        &mut self,
        message: &str,
        receives: u32,
        now: Timestamp,
        refused: Option<&CampaignId>,
    ) -> u32 {
        let tries = self.tries.as_ref().filter(|it| it.message == message);
        let failures = tries.map_or(0, |it| it.failures) + 1;
        self.tries = Some(Tries {
            message: message.to_owned(),
            receives,
            at: now.as_second(),
            failures,
        });
        if let (Some(campaign), Some(place)) = (refused, &mut self.unfinished)
            && place.is_in(campaign)
        {
            place.refused += 1;
            if place.refused == MOST_REFUSED {
                self.unfinished = None;
            }
        }
        failures
    }
}
