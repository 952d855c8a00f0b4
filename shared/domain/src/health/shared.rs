//! What many share: campaigns an org, orgs a host.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::breaker::{Breaker, FIRST_WAIT, May, Prober, Silence};

/// That an org or a host is ill is told once in this time.
const TOLD_EVERY: Duration = Duration::from_mins(15);
/// Where the others are ill what is not known is met by itself, one at a time. Whoever was met and
/// is silent too makes the next one wait for this long, once for each that is silent.
const BETWEEN_MEETINGS: Duration = Duration::from_secs(2);
/// So many of whose writes none is answered are no chance. Of reads it is said where they are
/// shared: a write holds whoever waits twice as long as a read.
const SILENT_WRITES: usize = 2;

/// The health of what many share. It is ill when so many of them are silent and none was answered
/// since. Where fewer are, that may be their own trouble. As of a campaign, an answered read says
/// nothing of writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared<Id, const SILENT: usize> {
    reads: Silent<Id>,
    writes: Silent<Id>,
    told_at: Option<Timestamp>,
}

/// Of reads, or of writes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Silent<Id> {
    /// Those without an answer since the last one of any.
    ids: BTreeSet<Id>,
    breaker: Breaker,
    /// When one that is not known may be met, while the others are ill.
    meets_at: Option<Timestamp>,
}

impl<Id, const SILENT: usize> Default for Shared<Id, SILENT> {
    fn default() -> Self {
        Shared {
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
            meets_at: None,
        }
    }
}

impl<Id: Clone + Ord, const SILENT: usize> Shared<Id, SILENT> {
    /// What this one of them may begin now. A probe is for whoever asks first: of those that are
    /// silent, and beside it of those that are not known. Who is not known may be well
    /// where the others are not, and does not queue up behind them.
    pub fn begin(&mut self, id: &Id, was_answered: bool, now: Timestamp, prober: Prober) -> May {
        let may = self.may(id, was_answered, now);
        if may != May::Probe {
            return may;
        }
        let reads = self.reads.begin(id, was_answered, now, prober);
        reads.and(self.writes.begin(id, was_answered, now, prober))
    }

    /// What it may begin, without beginning it. One that was answered, and is not among the silent,
    /// has its own health alone: the trouble of the others may be theirs.
    pub fn may(&self, id: &Id, was_answered: bool, now: Timestamp) -> May {
        let reads = self.reads.may(id, was_answered, now);
        reads.and(self.writes.may(id, was_answered, now))
    }

    /// Whether an answer ever came of any of them.
    pub(super) fn was_answered(&self) -> bool {
        self.reads.breaker.was_answered()
    }

    /// Whether none of them is answered.
    pub fn is_ill(&self) -> bool {
        self.reads.is_ill() || self.writes.is_ill()
    }

    /// A call was answered.
    pub fn answered(&mut self, now: Timestamp, is_write: bool) {
        self.reads.answered(now);
        if is_write {
            self.writes.answered(now);
        }
    }

    /// A call of this one got no answer. Answers whether what they share is ill from now on.
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

    /// Whether its trouble, or that of one of them, is to be told now: once in a while.
    pub fn tells(&mut self, now: Timestamp) -> bool {
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
        match self.meets_at {
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
                self.meets_at = Some(now + FIRST_WAIT);
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
        self.meets_at = Some(now + BETWEEN_MEETINGS.saturating_mul(of));
        self.breaker.fall_ill(now, silence)
    }
}
