//! The calls that this copy made in the last minute.

use std::collections::VecDeque;

use jiff::Timestamp;

const MINUTE: i64 = 60;

/// The number of calls that began in each second.
#[derive(Debug, Default)]
pub(super) struct OwnCalls(VecDeque<(i64, u64)>);

impl OwnCalls {
    /// Records that a call begins.
    pub(super) fn count(&mut self, now: Timestamp) {
        let second = now.as_second();
        match self.0.back_mut() {
            Some((last, calls)) if *last == second => *calls += 1,
            _ => self.0.push_back((second, 1)),
        }
        self.0.retain(|(old, _)| *old > second - MINUTE - 1);
    }

    /// How many calls began in the last minute, and when the first of them drops out.
    pub(super) fn in_last_minute(&self, now: Timestamp) -> (u64, Timestamp) {
        let oldest = now.as_second() - MINUTE;
        let recent = || self.0.iter().filter(|(second, _)| *second >= oldest);
        let first = recent()
            .next()
            .map_or(now.as_second(), |(second, _)| *second);
        let more_at = Timestamp::from_second(first + 1 + MINUTE).unwrap_or(now);
        (recent().map(|(_, calls)| calls).sum(), more_at)
    }
}
