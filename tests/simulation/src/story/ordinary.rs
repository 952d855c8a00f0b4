//! The ordinary story: orgs whose CRMs send changes, while people, the dialler and faults get in
//! the way.
//!
//! `changes` makes up the main line of the story. `interferences` and `strangers` add steps that
//! have generators of their own, so that the main line of a seed stays as it is; so do
//! `super::vendor` and `super::ties`.

mod changes;
mod interferences;
mod people;
mod strangers;

use std::time::Duration;

use fastrand::Rng;

use super::{Action, Org, Raise, Ranking, Step, Story, ties, vendor};
use crate::chaos::{FaultKind, Rates};

/// How often the dialler goes through its campaigns.
const DIALS: u32 = 24;

pub(super) fn story(seed: u64) -> Story {
    let mut rng = Rng::with_seed(seed);
    let mut orgs: Vec<_> = (0..rng.usize(1..4)).map(|n| org(&mut rng, n)).collect();
    let copies = if rng.u8(..3) == 0 {
        rng.usize(1..11)
    } else {
        rng.usize(1..4)
    };
    let mut rates = Rates::draw(&mut rng);
    // Generators of their own keep the rest of a seed as it was.
    let mut other = Rng::with_seed(seed ^ 0x1a6);
    rates.draw_agents(&mut other);
    rates.draw_kills(&mut Rng::with_seed(seed ^ 0x6111));
    choose_settings(seed, &mut orgs);
    let lists_lag = other.choice([0, 0, 0, 2, 20, 60]).unwrap_or(0);
    let read_lag = rng.choice([0, 500, 2_000, 20_000, 900_000]).unwrap_or(0);
    let rate_headers = rng.u8(..4) > 0;
    let skew = (0..=copies).map(|_| rng.i64(-90..91)).collect();
    let mut steps = steps(seed, rng, &orgs);
    // These steps need one writer at a time, which late pollers take away.
    if rates.of(FaultKind::LatePoller) == 0.0 {
        let end = steps.last().map_or(Duration::ZERO, |step| step.at);
        steps.extend(vendor::steps(seed, &orgs, end));
        steps.extend(ties::steps(seed, &orgs, end));
        steps.sort_by_key(|step| step.at);
    }
    Story {
        seed,
        orgs,
        steps,
        rates,
        copies,
        read_lag: Duration::from_millis(read_lag),
        lists_lag: Duration::from_secs(lists_lag),
        rate_headers,
        // It is not known how the service counts.
        counts_each_token: seed.is_multiple_of(3),
        skew,
        trouble: None,
        schedule: None,
    }
}

fn org(rng: &mut Rng, n: usize) -> Org {
    let name = format!("org-{n}");
    let campaigns = (0..rng.usize(1..3))
        .map(|c| format!("campaign-{n}-{c}"))
        .collect();
    let ranking = match rng.u8(..5) {
        0 => Ranking::None,
        1 => Ranking::OccurredAt,
        _ => Ranking::Version,
    };
    let calls_per_minute = rng.choice([12, 40, 300, 300, 300]).unwrap_or(300);
    Org {
        name,
        uses_lists: rng.bool(),
        ranking,
        raise: Raise::Own,
        has_dnc_list: false,
        opts_out_of_all: false,
        campaigns,
        calls_per_minute,
    }
}

/// The settings of the orgs that came after the others. They have generators of their own.
fn choose_settings(seed: u64, orgs: &mut [Org]) {
    let mut listed = Rng::with_seed(seed ^ 0xd7c);
    let mut wishes = Rng::with_seed(seed ^ 0xca11);
    let mut of_all = Rng::with_seed(seed ^ 0xa11);
    for org in orgs {
        org.opts_out_of_all = org.uses_lists && of_all.u8(..3) == 0;
        org.raise = match wishes.u8(..6) {
            0 => Raise::Always,
            1 => Raise::Never,
            _ => Raise::Own,
        };
        org.has_dnc_list = listed.bool();
    }
}

/// All steps of the story, in order.
fn steps(seed: u64, rng: Rng, orgs: &[Org]) -> Vec<Step> {
    let (mut steps, end) = changes::steps(seed, rng, orgs);
    steps.extend(interferences::steps(seed, orgs, end));
    steps.extend(strangers::steps(seed, orgs, end));
    steps.extend((1..=DIALS).map(|n| Step {
        at: end * n / DIALS,
        action: Action::Dial,
    }));
    steps.sort_by_key(|step| step.at);
    steps
}
