//! Decides when an org or a campaign rests: one that answers slowly, with errors or not, gives
//! others their turn. One that does not answer at all is the concern of `breaker`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::change::CampaignId;

/// An answer that takes this long is slow, and so is a batch.
const SLOW: Duration = Duration::from_secs(1);
/// How long a campaign counts as slow, or as not slow, after it was seen so.
const LATELY: Duration = Duration::from_secs(60);
/// If this many campaigns are slow and none is not, the org is the reason.
const ALL: usize = 2;

/// The turns of an org. After a batch that it made slow, it rests as long as the batch took, and
/// the next batch of the copy is for others. If only some campaigns are slow, those rest together,
/// and the other campaigns of the org go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rests {
    /// The observations since the org's last batch.
    seen: SinceLastBatch,
    /// The time at which each slow campaign was last seen to be slow.
    slow: BTreeMap<CampaignId, Timestamp>,
    /// The time at which a campaign was last seen that was not slow.
    quick_at: Option<Timestamp>,
    rest: Option<Rest>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SinceLastBatch {
    slow: BTreeSet<CampaignId>,
    quick: BTreeSet<CampaignId>,
    /// Whether something that campaigns share was slow: the secret, the token, or calls that were
    /// refused.
    is_org_slow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    until: Timestamp,
    is_of_org: bool,
}

impl Rests {
    /// The time until which a campaign rests, or `None`.
    pub fn rests(&self, now: Timestamp, campaign: &CampaignId) -> Option<Timestamp> {
        let rest = self.rest.filter(|rest| now < rest.until)?;
        (rest.is_of_org || self.slow.contains_key(campaign)).then_some(rest.until)
    }

    /// Records how long an answer took. It was about a campaign, or for a token.
    pub fn answered_after(&mut self, campaign: Option<&CampaignId>, latency: Duration) {
        if latency >= SLOW {
            self.failed(campaign);
        } else if let Some(campaign) = campaign {
            self.seen.quick.insert(campaign.clone());
        }
    }

    /// Records that a call failed after all its tries. It was about a campaign, or concerns the
    /// org.
    pub fn failed(&mut self, campaign: Option<&CampaignId>) {
        match campaign {
            Some(campaign) => {
                self.seen.slow.insert(campaign.clone());
            }
            None => self.seen.is_org_slow = true,
        }
    }

    /// Records how long an invocation worked for the org.
    pub fn took(&mut self, now: Timestamp, time: Duration) {
        let mut seen = std::mem::take(&mut self.seen);
        seen.quick.retain(|campaign| !seen.slow.contains(campaign));
        if !seen.quick.is_empty() {
            self.quick_at = Some(now);
        }
        let is_lately = |at: Timestamp| now < at + LATELY;
        self.slow
            .retain(|campaign, at| is_lately(*at) && !seen.quick.contains(campaign));
        if time < SLOW || seen.slow.is_empty() && !seen.is_org_slow {
            return;
        }
        let slow = seen.slow.into_iter().map(|campaign| (campaign, now));
        self.slow.extend(slow);
        let is_any_quick = self.quick_at.is_some_and(is_lately);
        self.rest = Some(Rest {
            until: now + time,
            is_of_org: seen.is_org_slow || self.slow.len() >= ALL && !is_any_quick,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(999);
    const LONG: Duration = Duration::from_secs(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn campaign(name: &str) -> CampaignId {
        CampaignId::parse(name).unwrap()
    }

    /// A batch that takes `seconds` and ends at `then`, in which each of these calls is answered
    /// after its latency.
    fn batch(turns: &mut Rests, then: i64, seconds: u64, answers: &[(&str, Duration)]) {
        for (name, latency) in answers {
            turns.answered_after(Some(&campaign(name)), *latency);
        }
        turns.took(at(then), Duration::from_secs(seconds));
    }

    #[test]
    fn a_slow_campaign_rests_for_as_long_as_its_batch_took() {
        let mut turns = Rests::default();
        let rests = |turns: &Rests, seconds| turns.rests(at(seconds), &campaign("a"));
        batch(&mut turns, 0, 9, &[("a", FAST)]);
        assert_eq!(rests(&turns, 0), None, "it waited for calls");
        batch(&mut turns, 0, 0, &[("a", LONG)]);
        assert_eq!(rests(&turns, 0), None, "the batch was short");
        batch(&mut turns, 10, 10, &[("a", LONG), ("a", FAST)]);
        assert_eq!(rests(&turns, 19), Some(at(20)));
        assert_eq!(rests(&turns, 20), None);
        batch(&mut turns, 40, 20, &[("a", FAST)]);
        assert_eq!(rests(&turns, 40), None, "it was not slow this time");
    }

    #[test]
    fn a_slow_campaign_rests_alone_where_another_is_quick() {
        let mut turns = Rests::default();
        let rests = |turns: &Rests, name: &str| turns.rests(at(12), &campaign(name)).is_some();
        batch(&mut turns, 10, 5, &[("a", LONG), ("b", FAST)]);
        assert!(rests(&turns, "a") && !rests(&turns, "b") && !rests(&turns, "c"));
        batch(&mut turns, 12, 5, &[("c", LONG)]);
        assert!(rests(&turns, "a") && rests(&turns, "c"), "both at once");
        assert!(!rests(&turns, "b"), "it was quick within the last minute");
        batch(&mut turns, 12, 0, &[("a", FAST)]);
        assert!(!rests(&turns, "a"), "it is quick again");
    }

    #[test]
    fn two_slow_campaigns_and_none_that_is_quick_are_the_orgs_trouble() {
        let mut turns = Rests::default();
        let rests = |turns: &Rests, seconds| turns.rests(at(seconds), &campaign("other")).is_some();
        batch(&mut turns, 10, 5, &[("a", LONG)]);
        assert!(!rests(&turns, 12));
        batch(&mut turns, 71, 5, &[("b", LONG)]);
        assert!(
            !rests(&turns, 72),
            "a minute later nobody knows of the first"
        );
        batch(&mut turns, 80, 5, &[("a", LONG)]);
        assert!(rests(&turns, 84) && !rests(&turns, 85));
    }

    #[test]
    fn a_slow_or_failed_call_that_campaigns_share_makes_the_org_rest() {
        let mut turns = Rests::default();
        batch(&mut turns, 10, 5, &[("a", FAST)]);
        turns.answered_after(None, LONG);
        turns.took(at(20), LONG);
        assert_eq!(turns.rests(at(20), &campaign("a")), Some(at(21)));
        turns.failed(None);
        turns.took(at(30), LONG);
        assert_eq!(turns.rests(at(30), &campaign("a")), Some(at(31)));
    }
}
