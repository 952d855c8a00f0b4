//! The dead-letter queue, which all orgs share.

use std::time::Duration;

use jiff::Timestamp;

use super::SLOW_AWS;
use super::breaker::{Breaker, May, Prober, Silence};

/// The health of the dead-letter queue. While it hangs, one call at a time probes it, because each
/// call holds up its batch until the SDK gives up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterHealth(Breaker);

impl DeadLetterHealth {
    /// Whether a call may be made. The caller then reports the result to
    /// [`DeadLetterHealth::took`].
    pub fn begin(&mut self, now: Timestamp) -> bool {
        let may = self.0.begin_unless_ill(now, Prober::Drawn);
        matches!(may, May::Probe | May::All)
    }

    /// Records how long a call took and whether it was answered. Returns whether the queue has just
    /// become ill, which is reported once.
    pub fn took(&mut self, now: Timestamp, duration: Duration, is_answered: bool) -> bool {
        if is_answered {
            self.0.answered(now);
            return false;
        }
        // A call that failed at once held nobody up, and one that was given less time proves
        // nothing.
        duration >= SLOW_AWS && self.0.unanswered(now, Silence::Hung)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUNG: Duration = Duration::from_millis(2_800);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_hanging_dead_letter_queue_is_probed_by_one_call_with_growing_waits() {
        let mut health = DeadLetterHealth::default();
        assert!(health.begin(at(0)) && health.begin(at(0)));
        assert!(health.took(at(3), HUNG, false), "it is told");
        assert!(!health.took(at(3), HUNG, false), "once");
        assert!(!health.begin(at(17)));
        assert!(health.begin(at(18)));
        assert!(!health.begin(at(18)), "the probe is under way");
        assert!(!health.took(at(21), HUNG, false));
        assert!(!health.begin(at(50)));
        assert!(health.begin(at(51)));
        health.took(at(51), Duration::from_millis(20), true);
        assert!(health.begin(at(51)));
    }

    #[test]
    fn one_slow_call_of_what_was_well_is_no_illness() {
        let mut health = DeadLetterHealth::default();
        health.took(at(0), Duration::from_millis(20), true);
        assert!(!health.took(at(3), HUNG, false));
        assert!(!health.took(at(6), HUNG, false));
        assert!(health.begin(at(6)));
        assert!(health.took(at(9), HUNG, false), "the third in a row");
    }
}
