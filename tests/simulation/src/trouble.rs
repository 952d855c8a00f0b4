//! Runs in which one org, one campaign or one region is in trouble and no other is
//! (docs/simulation.md "Liveness").
//!
//! No other fault strikes, so nothing else excuses a wait. This file says what each trouble is,
//! `steps` makes up what happens, and `check` checks it. `crate::seams` makes the calls fail, and
//! `crate::player` plays the run. Contacts and orgs in trouble are called `ill`, and the others
//! `well`.

mod check;
mod steps;

pub(crate) use check::check;

use std::time::Duration;

use fastrand::Rng;

use crate::chaos::Rates;
use crate::story::{CANARY, Org, Raise, Ranking, Story};

/// The kind of the trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// No call of the org is answered, not even for a token.
    Hangs,
    /// No call for a token is answered.
    HangingTokens,
    /// No read of a contact is answered.
    HangingReads,
    /// No write is answered; some writes are done all the same.
    HangingWrites,
    /// No call of any org of a region is answered.
    HangingRegion,
    /// No write of any org of a region is answered.
    HangingRegionWrites,
    /// No call of five orgs is answered. They share their host with an org that is well.
    HangingNeighbours,
    /// No call about one campaign is answered.
    HangingCampaign,
    /// No write of one campaign is answered.
    HangingCampaignWrites,
    /// Every answer takes 4.9 s.
    Slow,
    /// Every answer is a 503, for ten hours.
    Outage,
    /// Every call about one campaign is answered with 403.
    ForbiddenCampaign,
    /// The contact list of one campaign lacks the version column.
    NoVersionColumn,
    /// Every call about one campaign is answered with 404 for a minute.
    MissingCampaign,
    /// The budget is too small for what waits.
    SmallBudget,
    /// Every answer about one campaign takes 4.9 s.
    SlowCampaign,
    /// Every answer about one campaign is a 503, after 4.9 s.
    FailingCampaign,
    /// Every call but those for a token is answered with 429, which asks for five seconds.
    Refusing,
    /// One campaign refuses new contacts.
    FullCampaign,
    /// The dead-letter queue does not answer, and 300 messages a minute are to be parked.
    HangingParking,
}

const KINDS: [TroubleKind; 20] = [
    TroubleKind::Hangs,
    TroubleKind::HangingTokens,
    TroubleKind::HangingReads,
    TroubleKind::HangingWrites,
    TroubleKind::HangingRegion,
    TroubleKind::HangingNeighbours,
    TroubleKind::HangingCampaign,
    TroubleKind::HangingCampaignWrites,
    TroubleKind::Slow,
    TroubleKind::Outage,
    TroubleKind::ForbiddenCampaign,
    TroubleKind::NoVersionColumn,
    TroubleKind::MissingCampaign,
    TroubleKind::SmallBudget,
    TroubleKind::HangingRegionWrites,
    TroubleKind::SlowCampaign,
    TroubleKind::FailingCampaign,
    TroubleKind::Refusing,
    TroubleKind::HangingParking,
    TroubleKind::FullCampaign,
];

/// The trouble of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    pub(crate) kind: TroubleKind,
    pub(crate) since: Duration,
    pub(crate) time: Duration,
    /// Whether the queue hands out groups at random, instead of the oldest first.
    pub(crate) at_random: bool,
}

impl Trouble {
    /// Whether the trouble concerns a call of this org on this path.
    pub(crate) fn concerns(&self, org: &str, path: &str) -> bool {
        if self.is_of_campaign() {
            path.contains(ILL_CAMPAIGN)
        } else {
            org != WELL
                && !matches!(
                    self.kind,
                    TroubleKind::SmallBudget | TroubleKind::HangingParking
                )
        }
    }

    /// The region of this org.
    pub(crate) fn region(&self, org: &str) -> &'static str {
        let is_region = matches!(
            self.kind,
            TroubleKind::HangingRegion | TroubleKind::HangingRegionWrites
        );
        if is_region && org != WELL {
            "eu-west-1"
        } else {
            "us-east-1"
        }
    }

    fn is_of_campaign(&self) -> bool {
        matches!(
            self.kind,
            TroubleKind::ForbiddenCampaign
                | TroubleKind::NoVersionColumn
                | TroubleKind::MissingCampaign
                | TroubleKind::HangingCampaign
                | TroubleKind::HangingCampaignWrites
                | TroubleKind::SlowCampaign
                | TroubleKind::FailingCampaign
                | TroubleKind::FullCampaign
        )
    }
}

const WELL: &str = "org-000";
const WELL_CAMPAIGN: &str = "campaign-000-0";
/// The campaign in trouble, in runs in which the rest of its org is well.
pub(crate) const ILL_CAMPAIGN: &str = "campaign-000-1";

/// The story of the nth such run. The runs take the kinds in turn.
pub(crate) fn story(seed: u64, nth: u64) -> Story {
    let mut rng = Rng::with_seed(seed ^ 0x7120);
    let kind = KINDS[nth as usize % KINDS.len()];
    let uses_lists = kind == TroubleKind::NoVersionColumn || rng.bool();
    let calls_per_minute = if kind == TroubleKind::SmallBudget {
        60
    } else {
        300
    };
    let mut trouble = Trouble {
        kind,
        // The copies may or may not know that the org was healthy before the trouble.
        since: Duration::from_secs(rng.choice([0, 90]).unwrap_or(0)),
        time: Duration::from_mins(20),
        at_random: rng.bool(),
    };
    match kind {
        TroubleKind::NoVersionColumn => trouble.since = Duration::ZERO,
        TroubleKind::Outage => trouble.time = Duration::from_hours(10),
        TroubleKind::MissingCampaign => trouble.time = Duration::from_mins(1),
        TroubleKind::HangingParking => trouble.time = Duration::from_mins(4),
        _ => {}
    }
    let mut orgs = vec![org(0, uses_lists, calls_per_minute)];
    let others = match kind {
        _ if trouble.is_of_campaign() => 0,
        TroubleKind::HangingRegion => 200,
        TroubleKind::HangingRegionWrites => 60,
        TroubleKind::HangingNeighbours => 5,
        _ => 1,
    };
    if others == 0 {
        orgs[0].campaigns.push(ILL_CAMPAIGN.to_owned());
    }
    orgs.extend((1..=others).map(|n| org(n, uses_lists, calls_per_minute)));
    let steps = steps::steps(&mut rng, &orgs, trouble);
    let copies = rng.choice([1, 2, 5]).unwrap_or(1);
    Story {
        seed,
        orgs,
        steps,
        rates: Rates::default(),
        copies,
        read_lag: Duration::ZERO,
        lists_lag: Duration::ZERO,
        rate_headers: kind == TroubleKind::SmallBudget || rng.u8(..4) > 0,
        counts_each_token: !(nth / KINDS.len() as u64).is_multiple_of(2),
        skew: vec![0; copies + 1],
        trouble: Some(trouble),
        schedule: None,
    }
}

fn org(n: usize, uses_lists: bool, calls_per_minute: u64) -> Org {
    Org {
        name: format!("org-{n:03}"),
        uses_lists,
        ranking: Ranking::Version,
        raise: Raise::Own,
        has_dnc_list: false,
        opts_out_of_all: false,
        campaigns: vec![format!("campaign-{n:03}-0")],
        calls_per_minute,
    }
}

/// The contact key of the nth change with this id.
fn key(id: &str, n: usize, org: &str) -> String {
    format!("{CANARY}-{id}-{n}-of-{org}")
}

/// The org in trouble (by position), its campaign, and how many of its changes wait.
fn backlog(trouble: Trouble) -> (usize, &'static str, usize) {
    let (campaign, changes) = match trouble.kind {
        TroubleKind::HangingCampaign
        | TroubleKind::HangingCampaignWrites
        | TroubleKind::SlowCampaign
        | TroubleKind::FailingCampaign
        | TroubleKind::FullCampaign => (ILL_CAMPAIGN, 200),
        _ if trouble.is_of_campaign() => (ILL_CAMPAIGN, 20),
        TroubleKind::HangingRegion | TroubleKind::HangingRegionWrites => ("campaign-001-0", 10),
        TroubleKind::SmallBudget => ("campaign-001-0", 600),
        _ => ("campaign-001-0", 300),
    };
    (usize::from(!trouble.is_of_campaign()), campaign, changes)
}

/// Contacts that exist from the beginning: those of a backlog. So the backlog is no first load, and
/// each change takes a read and a write.
pub(crate) fn contacts(story: &Story) -> Vec<(&'static str, String)> {
    let trouble = story
        .trouble
        .filter(|it| it.kind != TroubleKind::FullCampaign);
    let Some((org, campaign, changes)) = trouble.map(backlog) else {
        return Vec::new();
    };
    let keys = (0..changes).map(|n| key("ill", n, &story.orgs[org].name));
    keys.map(|key| (campaign, key)).collect()
}
