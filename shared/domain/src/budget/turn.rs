//! Whether a call may go now.

use jiff::Timestamp;

use super::{Budget, FIFTH, FRESH, Known, LEAST_SHARE, SIDE_BY_SIDE, Share, Turn};

impl Budget {
    /// Whether a call may go now. If it may, it is under way until [`Budget::is_over`].
    pub fn turn(&mut self, now: Timestamp, calls_per_minute: u32) -> Turn {
        let calls_per_minute = calls_per_minute.into();
        let turn = match self.throttle.until(now) {
            Some(until) => Turn::At(until),
            None => match self.share {
                Share::Whole => self.turn_of_apply(now, calls_per_minute),
                Share::Fifth => self.turn_of_reconcile(now, calls_per_minute),
            },
        };
        if turn == Turn::Go {
            self.under_way += 1;
            self.own.count(now);
            if let Known::Window(window) = &mut self.known {
                window.own += 1;
            }
        }
        turn
    }

    fn alone(&self) -> Turn {
        if self.under_way == 0 {
            Turn::Go
        } else {
            Turn::AfterAnswer
        }
    }

    fn turn_of_apply(&self, now: Timestamp, calls_per_minute: u64) -> Turn {
        match self.known {
            Known::Nothing => self.alone(),
            Known::Uncounted => {
                let share = self.uncounted_share(calls_per_minute);
                let is_alone = self.alone_until.is_some_and(|until| now < until);
                // The smallest shares of all copies may be more than is left. If so, one call at a
                // time goes, so that only one can be refused.
                if self.under_way > 0 && (share == LEAST_SHARE || is_alone) {
                    return Turn::AfterAnswer;
                }
                self.turn_within(now, share)
            }
            Known::Window(window) if now >= window.ends_at => self.alone(),
            Known::Window(window) if window.left() == 0 => Turn::At(window.ends_at),
            Known::Window(window) => {
                let left = window.left().saturating_sub(self.under_way);
                let is_fresh = now <= window.told_at + FRESH;
                if is_fresh && left > self.siblings * SIDE_BY_SIDE as u64 {
                    Turn::Go
                } else {
                    self.alone()
                }
            }
        }
    }

    fn turn_of_reconcile(&self, now: Timestamp, calls_per_minute: u64) -> Turn {
        let window = match self.known {
            Known::Nothing if self.under_way > 0 => return Turn::AfterAnswer,
            Known::Window(window) => Some(window),
            _ => None,
        };
        let budget = window.map_or(calls_per_minute, |window| window.allowed);
        let within = self.turn_within(now, (budget / FIFTH).max(1));
        if within != Turn::Go {
            return within;
        }
        match window.filter(|window| now < window.ends_at) {
            Some(window) if window.count + self.under_way >= budget - budget / FIFTH => {
                Turn::At(window.ends_at)
            }
            // There is no count to follow, only the share.
            None if matches!(self.known, Known::Uncounted)
                && self.alone_until.is_none_or(|until| now >= until) =>
            {
                Turn::Go
            }
            _ => self.turn_of_apply(now, calls_per_minute),
        }
    }

    /// Allows `share` calls in any minute, wherever the service's windows begin.
    fn turn_within(&self, now: Timestamp, share: u64) -> Turn {
        let (spent, more_at) = self.own.in_last_minute(now);
        if spent < share {
            Turn::Go
        } else {
            Turn::At(more_at)
        }
    }
}
