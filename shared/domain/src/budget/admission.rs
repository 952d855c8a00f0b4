//! Decides whether a call may go now. Which contacts may begin at all is decided in [`super`].

use jiff::Timestamp;

use super::{Admission, Budget, BudgetPart, FIFTH, FRESH, Known, LEAST_SHARE, SIDE_BY_SIDE};

impl Budget {
    /// Whether a call may go now. If it may, it is under way until [`Budget::record_call_ended`].
    pub fn admit(&mut self, now: Timestamp, calls_per_minute: u32) -> Admission {
        let calls_per_minute = calls_per_minute.into();
        let turn = match self.throttle.until(now) {
            Some(until) => Admission::At(until),
            None => match self.share {
                BudgetPart::Whole => self.admit_apply(now, calls_per_minute),
                BudgetPart::Fifth => self.admit_reconcile(now, calls_per_minute),
            },
        };
        if turn == Admission::Go {
            self.under_way += 1;
            self.own.count(now);
            if let Known::Window(window) = &mut self.known {
                window.own += 1;
            }
        }
        turn
    }

    fn alone(&self) -> Admission {
        if self.under_way == 0 {
            Admission::Go
        } else {
            Admission::AfterAnswer
        }
    }

    fn admit_apply(&self, now: Timestamp, calls_per_minute: u64) -> Admission {
        match self.known {
            Known::Nothing => self.alone(),
            Known::Uncounted => {
                let share = self.uncounted_share(calls_per_minute);
                let is_alone = self.alone_until.is_some_and(|until| now < until);
                // The smallest shares of all copies may be more than is left. If so, one call at a
                // time goes, so that only one can be refused.
                if self.under_way > 0 && (share == LEAST_SHARE || is_alone) {
                    return Admission::AfterAnswer;
                }
                self.admit_within(now, share)
            }
            Known::Window(window) if now >= window.ends_at => self.alone(),
            Known::Window(window) if window.left() == 0 => Admission::At(window.ends_at),
            Known::Window(window) => {
                let left = window.left().saturating_sub(self.under_way);
                let is_fresh = now <= window.told_at + FRESH;
                if is_fresh && left > self.siblings * SIDE_BY_SIDE as u64 {
                    Admission::Go
                } else {
                    self.alone()
                }
            }
        }
    }

    fn admit_reconcile(&self, now: Timestamp, calls_per_minute: u64) -> Admission {
        let window = match self.known {
            Known::Nothing if self.under_way > 0 => return Admission::AfterAnswer,
            Known::Window(window) => Some(window),
            _ => None,
        };
        let budget = window.map_or(calls_per_minute, |window| window.allowed);
        let within = self.admit_within(now, (budget / FIFTH).max(1));
        if within != Admission::Go {
            return within;
        }
        match window.filter(|window| now < window.ends_at) {
            Some(window) if window.count + self.under_way >= budget - budget / FIFTH => {
                Admission::At(window.ends_at)
            }
            // There is no count to follow, only the share.
            None if matches!(self.known, Known::Uncounted)
                && self.alone_until.is_none_or(|until| now >= until) =>
            {
                Admission::Go
            }
            _ => self.admit_apply(now, calls_per_minute),
        }
    }

    /// Allows `share` calls in any minute, wherever the service's windows begin.
    fn admit_within(&self, now: Timestamp, share: u64) -> Admission {
        let (spent, more_at) = self.own.in_last_minute(now);
        if spent < share {
            Admission::Go
        } else {
            Admission::At(more_at)
        }
    }
}
