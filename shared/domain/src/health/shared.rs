//! The health of something shared: an org by its campaigns, or a host by its orgs. Each user has a
//! [`Breaker`] of its own (`breaker`); this module decides what the silence of several users says
//! about all.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::breaker::{Breaker, FIRST_WAIT, May, Prober, Silence};

/// How often it is reported that an org or a host is ill.
const TOLD_EVERY: Duration = Duration::from_mins(15);
/// If the others are ill, a new user of the shared service is tried by itself, one at a time. For
/// each one that does not answer either, the next waits this much longer.
const BETWEEN_NEW_USERS: Duration = Duration::from_secs(2);
/// If this many users have unanswered writes and none has an answered one, it is no coincidence.
/// The number for reads is a parameter of [`SharedHealth`]. A write holds up its batch twice as
/// long as a read.
const SILENT_WRITES: usize = 2;

/// The health of a service that many users share. It is ill if `SILENT` of them get no answer and
/// nobody has got one since. If fewer get none, the trouble may be their own. An answered read says
/// nothing about writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedHealth<Id, const SILENT: usize> {
    reads: Silent<Id>,
    writes: Silent<Id>,
    told_at: Option<Timestamp>,
}

/// The users without an answer, for reads or for writes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Silent<Id> {
    /// Those that got no answer since the last answer to any user.
    ids: BTreeSet<Id>,
    breaker: Breaker,
    /// When a new user may be tried while the others get no answer.
    next_new_user_at: Option<Timestamp>,
}

impl<Id, const SILENT: usize> Default for SharedHealth<Id, SILENT> {
    fn default() -> Self {
        SharedHealth {
            reads: Silent::default(),
            writes: Silent::default(),
            told_at: None,
        }
    }
}

impl<Id> Default for Silent<Id> {
    fn default() -> Self {
        Silent {
            ids: BTreeSet::new(),
            breaker: Breaker::default(),
            next_new_user_at: None,
        }
    }
}

impl<Id: Clone + Ord, const SILENT: usize> SharedHealth<Id, SILENT> {
    /// Decides which calls this user may begin now. A probe goes to whoever asks first: one to a
    /// user without an answer, and beside it one to a user that is new. A new user may be healthy
    /// although the others are not, so it does not queue behind them.
    pub fn begin(&mut self, id: &Id, was_answered: bool, now: Timestamp, prober: Prober) -> May {
        let may = self.may(id, was_answered, now);
        if may != May::Probe {
            return may;
        }
        let reads = self.reads.begin(id, was_answered, now, prober);
        reads.and(self.writes.begin(id, was_answered, now, prober))
    }

    /// Says which calls the user may begin, without beginning one. A user that got an answer
    /// depends only on its own health, because the trouble of the others may be their own.
    pub fn may(&self, id: &Id, was_answered: bool, now: Timestamp) -> May {
        let reads = self.reads.may(id, was_answered, now);
        reads.and(self.writes.may(id, was_answered, now))
    }

    /// Whether any user ever got an answer.
    pub(super) fn was_answered(&self) -> bool {
        self.reads.breaker.was_answered()
    }

    /// Whether no user gets an answer.
    pub fn is_ill(&self) -> bool {
        self.reads.is_ill() || self.writes.is_ill()
    }

    /// Records an answer.
    pub fn answered(&mut self, now: Timestamp, is_write: bool) {
        self.reads.answered(now);
        if is_write {
            self.writes.answered(now);
        }
    }

    /// Records that a user got no answer. Returns whether the service has just become ill.
    pub fn unanswered(
        &mut self,
        id: &Id,
        now: Timestamp,
        is_write: bool,
        silence: Silence,
    ) -> bool {
        if is_write {
            self.writes.unanswered(id, now, silence, SILENT_WRITES)
        } else {
            self.reads.unanswered(id, now, silence, SILENT)
        }
    }

    /// Whether to report now that the service, or one of its users, is ill. It is `true` once in
    /// `TOLD_EVERY` at most.
    pub fn take_report_due(&mut self, now: Timestamp) -> bool {
        let is_told = self.told_at.is_some_and(|at| now < at + TOLD_EVERY);
        if !is_told {
            self.told_at = Some(now);
        }
        !is_told
    }
}

impl<Id: Clone + Ord> Silent<Id> {
    fn is_ill(&self) -> bool {
        self.breaker.is_ill()
    }

    fn may(&self, id: &Id, was_answered: bool, now: Timestamp) -> May {
        let is_silent = self.ids.contains(id);
        match self.next_new_user_at {
            _ if was_answered && !is_silent => May::All,
            _ if is_silent || !self.is_ill() => self.breaker.may_unless_ill(now),
            Some(at) if now < at => May::InTurn(at),
            _ => May::Probe,
        }
    }

    fn begin(&mut self, id: &Id, was_answered: bool, now: Timestamp, prober: Prober) -> May {
        let may = self.may(id, was_answered, now);
        match may {
            May::Probe if self.ids.contains(id) => self.breaker.begin(now, prober),
            May::Probe => {
                self.next_new_user_at = Some(now + FIRST_WAIT);
                may
            }
            _ => may,
        }
    }

    fn answered(&mut self, now: Timestamp) {
        *self = Silent::default();
        self.breaker.answered(now);
    }

    fn unanswered(&mut self, id: &Id, now: Timestamp, silence: Silence, least: usize) -> bool {
        self.ids.insert(id.clone());
        let more = (self.ids.len() + 1).saturating_sub(least);
        if more == 0 {
            return false;
        }
        let of = u32::try_from(more).unwrap_or(u32::MAX);
        self.next_new_user_at = Some(now + BETWEEN_NEW_USERS.saturating_mul(of));
        self.breaker.fall_ill(now, silence)
    }
}
