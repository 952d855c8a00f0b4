//! Resets of ranks, wrap-up codes that make a contact not callable, and full DNC lists, in some of
//! the runs.
//!
//! Each kind has a generator of its own, so that the other steps stay as they are.

use std::time::Duration;

use fastrand::Rng;

use super::people::{Person, people};
use crate::story::{Action, HORIZON, Interference, Org, Part, Ranking, Step, omits_callable};

pub(super) fn steps(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut steps = resets(seed, orgs, end);
    steps.extend(wrap_ups(seed, orgs, end));
    steps.extend(full_lists(seed, orgs, end));
    steps
}

/// Resets of ranks, in some of the runs.
fn resets(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x2e5e7);
    let ranked = |person: &Person| orgs[person.org].ranking != Ranking::None;
    let people: Vec<_> = people(seed, orgs).into_iter().filter(ranked).collect();
    let resets = match rng.u8(..6) {
        0 if !people.is_empty() => rng.usize(1..5),
        _ => 0,
    };
    let mut reset = || {
        let person = &people[rng.usize(..people.len())];
        let action = Action::Interfere {
            campaign: person.campaign.clone(),
            key: person.key.clone(),
            how: Interference::ResetRank {
                to_none: rng.bool(),
            },
        };
        let at = Duration::from_millis(rng.u64(..end.as_millis() as u64 + 1));
        Step { at, action }
    };
    (0..resets).map(|_| reset()).collect()
}

/// In some of the runs that allow it, the dialler makes contacts that it called not callable,
/// because an agent says so.
fn wrap_ups(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0xd1a1);
    let people = people(seed, orgs);
    let lowered = match rng.u8(..2) {
        0 if !omits_callable(seed) => rng.usize(1..7),
        _ => 0,
    };
    let mut wrap_up = || {
        let person = &people[rng.usize(..people.len())];
        let action = Action::Interfere {
            campaign: person.campaign.clone(),
            key: person.key.clone(),
            how: Interference::MakeNotCallable,
        };
        let at = Duration::from_millis(rng.u64(..end.as_millis() as u64 + 1));
        Step { at, action }
    };
    (0..lowered).map(|_| wrap_up()).collect()
}

/// In some of the runs a DNC list is full for a while, and in a few for longer than the horizon.
fn full_lists(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0xf011);
    let mut steps = Vec::new();
    for org in 0..orgs.len() {
        let minutes = match rng.u8(..12) {
            0 => HORIZON.as_secs() / 60 + 120,
            1..4 => rng.u64(1..30),
            _ => continue,
        };
        let at = Duration::from_millis(rng.u64(..end.as_millis() as u64 + 1));
        let time = Duration::from_mins(minutes);
        let part = Part::DncList;
        let action = Action::Fail { org, part, time };
        steps.push(Step { at, action });
    }
    steps
}
