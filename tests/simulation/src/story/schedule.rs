//! The stories of runs of a schedule, and which CRM each org has.
//!
//! In these stories reconcile alone brings what the CRMs say, while runs are killed, feeds and
//! records fail, and the changes of another org fill the queue. `steps` makes up what happens. The
//! CRMs themselves are in `crate::player::crms`, and the checks in `crate::checks::schedule`.

mod steps;

use std::time::Duration;

use emulator::crm::Vendor;
use fastrand::Rng;

use super::{Org, Raise, Ranking, Story};
use crate::chaos::{FaultKind, Rates};

/// One run in this many is a run of a schedule.
const ONE_IN: u64 = 10;
/// Part of the key of each contact that no campaign ever had and that the CRM deletes.
pub(crate) const NEVER: &str = "never-there";

/// The schedule of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) window_minutes: u64,
    /// The setting that says how lists are read.
    pub(crate) read: Option<&'static str>,
    /// How late a vendor's API shows a change.
    pub(crate) lag: Duration,
    /// The budget that the orgs' secrets name. It decides how deep their repairs fill the
    /// queue.
    pub(crate) budget_in_secret: u64,
    /// How long an export takes.
    pub(crate) export: Duration,
    /// Whether changes of another org fill the queue. If they do, nothing else goes wrong.
    pub(crate) is_crowded: bool,
}

/// The vendor whose form the CRM of the org at this position has. `None` means the product's own
/// form.
pub(crate) fn crm_vendor(seed: u64, org: usize) -> Option<Vendor> {
    match Rng::with_seed(seed ^ 0xfeed ^ ((org as u64) << 32)).u8(..8) {
        0 => Some(Vendor::Hubspot),
        1 => Some(Vendor::Salesforce),
        2 => Some(Vendor::Dataverse),
        3 => Some(Vendor::Pipedrive),
        _ => None,
    }
}

/// Whether the run of this seed is a run of a schedule.
pub(crate) fn is_scheduled(seed: u64) -> bool {
    seed % ONE_IN == ONE_IN - 3
}

pub(super) fn story(seed: u64) -> Story {
    let mut rng = Rng::with_seed(seed ^ 0x5c4e);
    let is_crowded = rng.u8(..4) == 0;
    let schedule = Schedule {
        window_minutes: rng.choice([20, 60]).unwrap_or(60),
        read: rng.choice([None, Some("export"), Some("bulk")]).flatten(),
        lag: Duration::from_secs(rng.choice([0, 0, 30, 400]).unwrap_or(0)),
        budget_in_secret: rng.choice([1, 2, 300]).unwrap_or(300),
        export: Duration::from_secs(match rng.u8(..4) {
            _ if is_crowded => 20,
            0 => 5,
            1 => 300,
            2 => 1_200,
            _ => 20,
        }),
        is_crowded,
    };
    let orgs = rng.usize(1..3).max(usize::from(is_crowded) + 1);
    let orgs: Vec<_> = (0..orgs).map(|n| org(&mut rng, n, is_crowded)).collect();
    let copies = rng.usize(1..4);
    let mut rates = Rates::draw(&mut rng);
    rates.draw_kills(&mut rng);
    // Runs in which two copies work on one contact are not runs of a schedule.
    rates.clear(&[FaultKind::LatePoller].into());
    if is_crowded {
        rates = Rates::default();
    }
    let read_lag = Duration::from_millis(rng.choice([0, 500, 20_000]).unwrap_or(0));
    let lists_lag = Duration::from_secs(rng.choice([0, 0, 2, 20]).unwrap_or(0));
    let skew = (0..=copies).map(|_| rng.i64(-90..91)).collect();
    let steps = steps::steps(seed, rng, &orgs, schedule);
    Story {
        seed,
        orgs,
        steps,
        rates,
        copies,
        read_lag,
        lists_lag,
        rate_headers: true,
        counts_each_token: seed.is_multiple_of(3),
        skew,
        trouble: None,
        schedule: Some(schedule),
    }
}

fn org(rng: &mut Rng, n: usize, is_crowded: bool) -> Org {
    let campaigns = if is_crowded { 2 } else { rng.usize(1..3) };
    Org {
        name: format!("org-{n}"),
        uses_lists: rng.bool(),
        ranking: if rng.u8(..4) == 0 {
            Ranking::OccurredAt
        } else {
            Ranking::Version
        },
        raise: Raise::Own,
        has_dnc_list: !is_crowded && rng.u8(..3) == 0,
        opts_out_of_all: false,
        campaigns: (0..campaigns)
            .map(|c| format!("campaign-{n}-{c}"))
            .collect(),
        calls_per_minute: 300,
    }
}
