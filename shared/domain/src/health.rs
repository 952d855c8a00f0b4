//! Whether a host, an org or a campaign is well: a circuit breaker, without clock or I/O.
//!
//! What does not answer holds whoever waits for it. So calls are made side by side only where an
//! answer came lately. Where none did, one call probes; while it is under way, and for a while after
//! it got no answer, no other call is made, and whoever wants one is told when to come back:
//!
//! ```text
//! unknown ──answer──▶ well ──3 calls in a row without an answer──▶ ill
//!    │                 ▲                                            │ wait: 15 s, 30 s, … 5 min
//!    └──no answer──▶ ill ◀──no answer── probe ◀─────────────────────┘
//!                          answer: well
//! ```
//!
//! An error that is answered (5xx) is an answer: it holds nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::change::{CampaignId, OrgId};
use crate::failure::{Failure, Kind};

/// How many calls in a row may get no answer before what was well is ill.
const UNANSWERED: u32 = 3;
/// How long an answer says that all is well.
const WELL_FOR: Duration = Duration::from_secs(60);
/// The wait before the first probe of what is ill; each is twice the last.
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// Which probes are left to one copy in so many: those after waits of 30 s, 1 and 2 minutes. What
/// waits longer comes back at times of its own.
const LEFT: std::ops::RangeInclusive<u32> = 1..=3;
/// An answer that takes this long is slow, and so is a batch.
const SLOW: Duration = Duration::from_secs(1);
/// That an org or a host is ill is told once in this time.
const TOLD_EVERY: Duration = Duration::from_mins(15);
/// Where the others are ill what is not known is met by itself, one at a time. Whoever was met and
/// is silent too makes the next one wait for this long, once for each that is silent.
const BETWEEN_MEETINGS: Duration = Duration::from_secs(2);
/// So many of whose writes none is answered are no chance. Of reads it is said where they are
/// shared: a write holds whoever waits twice as long as a read.
const SILENT_WRITES: usize = 2;
/// The longest wait before a probe.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What may be begun now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum May {
    /// Nothing before this time: it does not answer.
    NotBefore(Timestamp),
    /// Nothing before this time: what does not answer is asked by one at a time, and it is another's
    /// turn.
    InTurn(Timestamp),
    /// One call, whose answer tells.
    Probe,
    /// As many as the budget allows.
    All,
}

impl May {
    /// What two of them allow together.
    #[must_use]
    pub fn and(self, other: May) -> May {
        match (self, other) {
            (May::NotBefore(one), May::NotBefore(two)) => May::NotBefore(one.max(two)),
            (May::InTurn(one), May::InTurn(two)) => May::InTurn(one.max(two)),
            _ => self.min(other),
        }
    }

    /// Whether anything may be begun.
    ///
    /// # Errors
    /// [`Kind::Closed`]: not before the next probe. [`Kind::BudgetSpent`]: not before its turn,
    /// which comes without the backoff of what failed.
    pub fn allowed(self, now: Timestamp) -> Result<(), Failure> {
        let after = |then: Timestamp| then.duration_since(now).try_into().unwrap_or_default();
        match self {
            May::NotBefore(then) => Err(Failure::new(
                Kind::Closed { after: after(then) },
                "the org does not answer: the next probe tells",
            )),
            May::InTurn(then) => Err(Failure::new(
                Kind::BudgetSpent { after: after(then) },
                "what does not answer is asked by one at a time: it is another's turn",
            )),
            May::Probe | May::All => Ok(()),
        }
    }
}

/// How a call got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// There was no connection, or it was lost: that held nobody for long.
    Lost,
    /// None came in time.
    Hung,
}

/// Who asks to probe what still hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prober {
    /// Another copy may: this one is not drawn.
    None,
    /// Drawn, one copy in so many.
    Drawn,
    /// Somebody who opts out waits for it.
    OptOut,
}

/// What is known of whether calls are answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    answered_at: Option<Timestamp>,
    /// Calls in a row without an answer.
    unanswered: u32,
    ill: Option<Ill>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ill {
    /// How often it was found to be so.
    times: u32,
    /// When it is probed next.
    next: Timestamp,
    /// How it was silent the last time.
    silence: Silence,
    /// Until when a probe may be under way.
    claimed: Option<Timestamp>,
    /// Until when it is left to another copy.
    left: Option<Timestamp>,
}

impl Breaker {
    /// What may be begun now.
    pub fn may(&self, now: Timestamp) -> May {
        match self.ill {
            Some(ill) if now < ill.next => May::NotBefore(ill.next),
            Some(_) => May::Probe,
            None if self.is_known_well(now) => May::All,
            None => May::Probe,
        }
    }

    /// As [`Breaker::may`], for whoever begins. What still hangs at the first probe is probed by those
    /// who are drawn alone, one copy at a time as a rule: its changes come back at about one time, and
    /// if every copy waited for it then, none were left for others.
    fn begin(&mut self, now: Timestamp, prober: Prober) -> May {
        let may = self.may(now);
        match &mut self.ill {
            Some(ill) if may == May::Probe => {
                if let Some(until) = ill.claimed.filter(|until| now < *until) {
                    return May::NotBefore(until);
                }
                let left = ill.left.filter(|until| now < *until);
                if let Some(until) = left.filter(|_| prober != Prober::OptOut) {
                    return May::InTurn(until);
                }
                let until = now + FIRST_WAIT;
                let is_left = LEFT.contains(&ill.times) && ill.silence == Silence::Hung;
                if prober == Prober::None && is_left {
                    ill.left = Some(until);
                    return May::InTurn(until);
                }
                ill.claimed = Some(until);
                may
            }
            _ => may,
        }
    }

    /// As [`Breaker::begin`], for what is well until the contrary is seen.
    fn begin_unless_ill(&mut self, now: Timestamp, prober: Prober) -> May {
        if self.ill.is_some() {
            self.begin(now, prober)
        } else {
            May::All
        }
    }

    /// As [`Breaker::may`], for what is well until the contrary is seen.
    fn may_unless_ill(&self, now: Timestamp) -> May {
        if self.ill.is_some() {
            self.may(now)
        } else {
            May::All
        }
    }

    fn is_known_well(&self, now: Timestamp) -> bool {
        self.answered_at.is_some_and(|at| now < at + WELL_FOR)
    }

    /// A call was answered, by whatever status.
    pub fn answered(&mut self, now: Timestamp) {
        *self = Breaker {
            answered_at: Some(now),
            ..Breaker::default()
        };
    }

    /// A call got no answer. Answers whether it is ill from now on and was not before: that is to be
    /// told, once.
    pub fn unanswered(&mut self, now: Timestamp, silence: Silence) -> bool {
        self.unanswered += 1;
        let is_probe = self.ill.is_some() || !self.is_known_well(now);
        let is_ill = self.unanswered >= UNANSWERED || is_probe && silence == Silence::Hung;
        is_ill && self.fall_ill(now, silence)
    }

    fn fall_ill(&mut self, now: Timestamp, silence: Silence) -> bool {
        let before = self.ill;
        // Calls that were under way side by side are one probe.
        if before.is_none_or(|ill| ill.next <= now) {
            let times = before.map_or(0, |ill| ill.times + 1);
            let wait = FIRST_WAIT.saturating_mul(2u32.saturating_pow(times));
            let next = now + wait.min(LONGEST_WAIT);
            self.ill = Some(Ill {
                times,
                next,
                silence,
                claimed: None,
                left: None,
            });
        }
        before.is_none()
    }
}

/// The health of a campaign. Reads and writes are told apart: where reads are answered and writes
/// are not, an answered read must not let another ten writes hang.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignHealth {
    reads: Breaker,
    writes: Breaker,
}

impl CampaignHealth {
    /// How many contacts may be begun now: read, and then written.
    pub fn may(&self, now: Timestamp) -> May {
        self.reads.may(now).and(self.writes.may_unless_ill(now))
    }

    /// The same, for whoever begins. What hangs is probed as [`Prober`] says.
    pub fn begin(&mut self, now: Timestamp, prober: Prober) -> May {
        let reads = self.reads.begin(now, prober);
        reads.and(self.writes.begin_unless_ill(now, prober))
    }

    /// Whether an answer ever came, to this copy.
    pub fn was_answered(&self) -> bool {
        self.reads.answered_at.is_some()
    }

    /// A read or a write was answered.
    pub fn answered(&mut self, now: Timestamp, is_write: bool) {
        self.reads.answered(now);
        if is_write {
            self.writes.answered(now);
        }
    }

    /// As [`Breaker::unanswered`].
    pub fn unanswered(&mut self, now: Timestamp, is_write: bool, silence: Silence) -> bool {
        if is_write {
            self.writes.unanswered(now, silence)
        } else {
            self.reads.unanswered(now, silence)
        }
    }

    /// Whether a call of what was begun goes on: a write of unknown end is followed by a read,
    /// however ill the writes are.
    pub fn may_go_on(&self, now: Timestamp, is_write: bool) -> May {
        let breaker = if is_write { &self.writes } else { &self.reads };
        breaker.may_unless_ill(now)
    }
}

/// The health of an org: of its token, and of its campaigns together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgHealth {
    login: Breaker,
    /// Its campaigns share it, as orgs do a host.
    pub campaigns: Shared<CampaignId, 2>,
    /// Whether an answer took long, or a call failed in all its tries, since it was last driven.
    is_slow: bool,
    /// Until when it rests, since it holds whoever waits.
    rests_until: Option<Timestamp>,
}

impl OrgHealth {
    /// Whether a token may be asked for. What hangs is probed as [`Prober`] says.
    pub fn begin_log_in(&mut self, now: Timestamp, prober: Prober) -> May {
        self.login.begin_unless_ill(now, prober)
    }

    /// A token was answered.
    pub fn logged_in(&mut self, now: Timestamp) {
        self.login.answered(now);
    }

    /// No token was. Answers whether that is news.
    pub fn not_logged_in(&mut self, now: Timestamp, silence: Silence) -> bool {
        self.login.unanswered(now, silence)
    }

    /// Whether anything ever answered, to this copy.
    pub fn was_answered(&self) -> bool {
        self.login.answered_at.is_some() || self.campaigns.reads.breaker.answered_at.is_some()
    }

    /// Until when it rests; `None`: it does not.
    pub fn rests(&self, now: Timestamp) -> Option<Timestamp> {
        self.rests_until.filter(|until| now < *until)
    }

    /// An answer took so long.
    pub fn answered_after(&mut self, latency: Duration) {
        self.is_slow |= latency >= SLOW;
    }

    /// A call failed, all its tries included.
    pub fn failed(&mut self) {
        self.is_slow = true;
    }

    /// An invocation drove it for so long. Who answers slowly, with errors or not, takes turns with
    /// all others of the queue: it rests for as long.
    pub fn took(&mut self, now: Timestamp, time: Duration) {
        if std::mem::take(&mut self.is_slow) && time >= SLOW {
            self.rests_until = Some(now + time);
        }
    }
}

/// The health of a host: all orgs of a region hang together, and two hundred of them would hold a
/// copy two hundred times until each had found out by itself.
pub type HostHealth = Shared<OrgId, 3>;

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
        self.breaker.ill.is_some()
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

#[cfg(test)]
mod tests {
    use super::Prober::Drawn;
    use super::Silence::{Hung, Lost};
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn org(name: &str) -> OrgId {
        OrgId::parse(name).unwrap()
    }

    #[test]
    fn what_is_not_known_begins_with_one_probe_and_an_answer_lets_all_in_for_a_minute() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.may(at(0)), May::Probe);
        breaker.answered(at(5));
        assert_eq!(breaker.may(at(5)), May::All);
        assert_eq!(breaker.may(at(64)), May::All);
        assert_eq!(
            breaker.may(at(65)),
            May::Probe,
            "a minute later nobody knows"
        );
    }

    #[test]
    fn three_calls_in_a_row_without_an_answer_are_ill_and_one_of_what_was_not_known() {
        let mut well = Breaker::default();
        well.answered(at(0));
        assert!(!well.unanswered(at(1), Hung) && !well.unanswered(at(2), Hung));
        assert_eq!(well.may(at(2)), May::All);
        well.answered(at(3));
        assert!(
            !well.unanswered(at(4), Hung) && !well.unanswered(at(5), Hung),
            "an answer came in between"
        );
        assert!(well.unanswered(at(6), Hung));
        assert_eq!(well.may(at(6)), May::NotBefore(at(21)));
        assert!(!well.unanswered(at(6), Hung), "it is told once");

        let mut lost = Breaker::default();
        assert!(
            !lost.unanswered(at(0), Lost) && !lost.unanswered(at(0), Lost),
            "it held nobody"
        );
        assert!(lost.unanswered(at(0), Lost));

        let mut unknown = Breaker::default();
        assert!(unknown.unanswered(at(0), Hung));
        assert_eq!(unknown.may(at(14)), May::NotBefore(at(15)));
        assert_eq!(unknown.may(at(15)), May::Probe);
    }

    #[test]
    fn the_waits_between_probes_double_up_to_five_minutes_and_one_answer_ends_them() {
        let mut breaker = Breaker::default();
        let mut now = 0;
        for wait in [15, 30, 60, 120, 240, 300, 300] {
            breaker.unanswered(at(now), Hung);
            assert_eq!(breaker.may(at(now)), May::NotBefore(at(now + wait)));
            breaker.unanswered(at(now + 1), Hung);
            let same = May::NotBefore(at(now + wait));
            assert_eq!(
                breaker.may(at(now + 1)),
                same,
                "it was under way beside the first"
            );
            now += wait;
            assert_eq!(breaker.may(at(now)), May::Probe);
        }
        breaker.answered(at(now));
        assert_eq!(breaker.may(at(now)), May::All);
        assert!(breaker.unanswered(at(now + 61), Hung));
        assert_eq!(
            breaker.may(at(now + 61)),
            May::NotBefore(at(now + 76)),
            "it begins anew"
        );
    }

    #[test]
    fn an_answered_read_does_not_let_writes_hang_again() {
        let mut campaign = CampaignHealth::default();
        campaign.answered(at(0), false);
        for _ in 0..3 {
            campaign.unanswered(at(1), true, Hung);
        }
        assert_eq!(campaign.may(at(1)), May::NotBefore(at(16)));
        campaign.answered(at(16), false);
        assert_eq!(
            campaign.may(at(16)),
            May::Probe,
            "one contact is read and written"
        );
        campaign.unanswered(at(20), true, Hung);
        assert_eq!(
            campaign.may(at(21)),
            May::NotBefore(at(50)),
            "the wait doubles"
        );
        campaign.answered(at(50), false);
        campaign.answered(at(51), true);
        assert_eq!(campaign.may(at(51)), May::All);
    }

    #[test]
    fn a_host_is_ill_when_three_of_its_orgs_are_silent_and_none_is_answered() {
        let mut host = HostHealth::default();
        for _ in 0..9 {
            assert!(
                !host.unanswered(&org("one"), at(0), false, Hung),
                "it may be that org's own trouble"
            );
        }
        assert!(!host.unanswered(&org("two"), at(1), false, Hung));
        let begin =
            |host: &mut HostHealth, name, second| host.begin(&org(name), true, at(second), Drawn);
        assert_eq!(begin(&mut host, "one", 1), May::All);
        host.answered(at(2), false);
        assert!(
            !host.unanswered(&org("three"), at(3), false, Hung),
            "another one was answered"
        );
        host.unanswered(&org("one"), at(4), false, Hung);
        assert!(host.unanswered(&org("two"), at(5), false, Hung));
        assert_eq!(begin(&mut host, "one", 6), May::NotBefore(at(20)));
        assert_eq!(
            begin(&mut host, "four", 6),
            May::All,
            "it was answered before, and may be well"
        );
        let meet =
            |host: &mut HostHealth, name, second| host.begin(&org(name), false, at(second), Drawn);
        assert_eq!(meet(&mut host, "five", 6), May::InTurn(at(7)));
        assert_eq!(meet(&mut host, "five", 7), May::Probe, "it may be well too");
        assert_eq!(
            meet(&mut host, "six", 8),
            May::InTurn(at(22)),
            "one of them at a time"
        );
        host.unanswered(&org("five"), at(12), false, Hung);
        assert_eq!(meet(&mut host, "six", 12), May::InTurn(at(16)));
        assert_eq!(meet(&mut host, "six", 16), May::Probe);
        assert_eq!(meet(&mut host, "five", 16), May::NotBefore(at(20)));
        assert_eq!(begin(&mut host, "two", 20), May::Probe);
        assert_eq!(
            begin(&mut host, "one", 20),
            May::NotBefore(at(35)),
            "one org probes for all"
        );
        host.answered(at(22), false);
        assert_eq!(begin(&mut host, "one", 22), May::All);
    }

    #[test]
    fn an_answered_read_does_not_let_the_writes_of_all_others_hang() {
        let mut host = HostHealth::default();
        for name in ["one", "two"] {
            host.unanswered(&org(name), at(0), true, Hung);
            host.answered(at(1), false);
        }
        assert!(host.is_ill());
        let may = |host: &HostHealth, name, known| host.may(&org(name), known, at(2));
        assert_eq!(may(&host, "one", true), May::NotBefore(at(15)));
        assert_eq!(may(&host, "four", true), May::All, "it may be well");
        assert_eq!(host.begin(&org("five"), false, at(2), Drawn), May::Probe);
        assert_eq!(may(&host, "six", false), May::InTurn(at(17)));
        host.answered(at(2), true);
        assert_eq!(may(&host, "one", true), May::All);
        assert_eq!(may(&host, "six", false), May::All);
    }

    #[test]
    fn who_is_not_drawn_leaves_the_probe_to_another_copy_for_a_while() {
        let mut campaign = CampaignHealth::default();
        campaign.unanswered(at(0), false, Hung);
        assert_eq!(
            campaign.begin(at(15), Prober::None),
            May::Probe,
            "it may be over"
        );
        campaign.unanswered(at(20), false, Hung);
        let mut begin = |second, prober| campaign.begin(at(second), prober);
        assert_eq!(begin(49, Drawn), May::NotBefore(at(50)));
        assert_eq!(begin(50, Prober::None), May::InTurn(at(65)));
        assert_eq!(begin(64, Drawn), May::InTurn(at(65)));
        let mut of_opt_out = campaign.clone();
        assert_eq!(of_opt_out.begin(at(51), Prober::OptOut), May::Probe);
        let mut begin = |second, prober| campaign.begin(at(second), prober);
        assert_eq!(begin(65, Drawn), May::Probe);
        assert_eq!(begin(66, Drawn), May::NotBefore(at(80)), "one is under way");
        let may_go_on = campaign.may_go_on(at(66), false);
        assert_eq!(may_go_on, May::Probe, "its own call is let through");
        campaign.unanswered(at(70), false, Lost);
        assert_eq!(
            campaign.begin(at(129), Prober::None),
            May::NotBefore(at(130))
        );
        assert_eq!(
            campaign.begin(at(130), Prober::None),
            May::Probe,
            "that holds nobody"
        );
    }

    #[test]
    fn the_waits_between_a_hosts_probes_double_too() {
        let mut host = HostHealth::default();
        for name in ["one", "two", "three"] {
            host.unanswered(&org(name), at(0), false, Hung);
        }
        let begin =
            |host: &mut HostHealth, second| host.begin(&org("one"), true, at(second), Drawn);
        assert_eq!(begin(&mut host, 15), May::Probe);
        host.unanswered(&org("one"), at(20), false, Hung);
        assert_eq!(begin(&mut host, 21), May::NotBefore(at(50)));
    }

    #[test]
    fn the_more_are_silent_the_less_often_another_is_met() {
        let mut host = HostHealth::default();
        for n in 0..30 {
            host.unanswered(&org(&format!("org-{n}")), at(0), false, Hung);
        }
        let next = host.begin(&org("newer"), false, at(1), Drawn);
        assert_eq!(next, May::InTurn(at(56)), "28 times as long as at first");
    }

    #[test]
    fn who_answers_slowly_rests_for_as_long_as_it_took() {
        let mut slow = OrgHealth::default();
        slow.answered_after(Duration::from_millis(999));
        slow.took(at(0), Duration::from_secs(9));
        assert_eq!(slow.rests(at(0)), None, "it waited for calls");
        slow.answered_after(Duration::from_secs(1));
        slow.took(at(0), Duration::from_millis(999));
        assert_eq!(slow.rests(at(0)), None);
        slow.answered_after(Duration::from_secs(1));
        slow.answered_after(Duration::ZERO);
        slow.took(at(10), Duration::from_secs(10));
        assert_eq!(slow.rests(at(19)), Some(at(20)));
        assert_eq!(slow.rests(at(20)), None);
        slow.took(at(40), Duration::from_secs(20));
        assert_eq!(slow.rests(at(40)), None, "it was not slow this time");
    }
}
