//! Senders whose ranks have whole seconds, so that several changes of a contact share one. They
//! have a generator of their own, so that the other steps stay as they are.
//!
//! `crate::checks::ties` says what must become of such changes.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::{Action, CANARY, COLUMNS, Org, Ranking, Step, start};

/// Part of the key of each contact whose changes share ranks.
pub(crate) const TIED: &str = "tied";

/// Steps for half of the runs.
pub(super) fn steps(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x71_ed5);
    let mut steps = Vec::new();
    if rng.bool() {
        return steps;
    }
    for (n, org) in orgs.iter().enumerate() {
        for who in 0..rng.usize(0..3) {
            let campaign = &org.campaigns[rng.usize(..org.campaigns.len())];
            let key = format!("{CANARY}-{TIED}-{who}-of-{}", org.name);
            let latest = end.as_secs() + 2;
            let seconds: BTreeSet<_> = (0..rng.usize(1..4)).map(|_| rng.u64(..latest)).collect();
            for second in seconds.into_iter().filter(|_| org.ranking != Ranking::None) {
                let changes = rng.u64(1..6);
                let bodies = (0..changes).map(|place| {
                    let at = second * 1_000 + place * 150;
                    (at, body(&mut rng, org, campaign, &key, (second, at)))
                });
                let bodies: Vec<_> = bodies.collect();
                steps.extend(sent(&mut rng, n, bodies));
            }
        }
    }
    steps
}

/// The changes of one second, in one webhook or in one webhook each.
fn sent(rng: &mut Rng, org: usize, bodies: Vec<(u64, Value)>) -> Vec<Step> {
    let is_one = rng.u8(..4) == 0;
    let bodies: Vec<(u64, Vec<Value>)> = if is_one {
        let at = bodies.last().map_or(0, |(at, _)| *at);
        vec![(at, bodies.into_iter().map(|(_, body)| body).collect())]
    } else {
        let bodies = bodies.into_iter();
        bodies.map(|(at, body)| (at, vec![body])).collect()
    };
    let step = |(at, bodies)| {
        let mut sent = vec![Duration::from_millis(rng.u64(10..20_000))];
        if rng.u8(..6) == 0 {
            sent.push(Duration::from_secs(rng.u64(0..900)));
        }
        let action = Action::Change {
            org,
            bodies,
            is_poison: false,
            sent,
        };
        Step {
            at: Duration::from_millis(at),
            action,
        }
    };
    bodies.into_iter().map(step).collect()
}

fn body(rng: &mut Rng, org: &Org, campaign: &str, key: &str, (second, at): (u64, u64)) -> Value {
    let mut value = || format!("{CANARY} {} of {}", rng.u8(..3), org.name);
    let columns = COLUMNS.into_iter();
    let data: Map<_, _> = columns.map(|name| (name.into(), value().into())).collect();
    let mut body = json!({
        "eventId": format!("evt-{TIED}-{at}-{}", rng.u16(..)),
        "org": org.name, "campaignId": campaign, "contactKey": key, "data": data,
    });
    let when = start() + Duration::from_secs(second);
    match org.ranking {
        Ranking::OccurredAt => body["occurredAt"] = when.to_string().into(),
        _ => body["version"] = when.as_millisecond().into(),
    }
    if let Some(callable) = [None, None, Some(true), Some(false)][rng.usize(..4)] {
        body["callable"] = callable.into();
    }
    body
}
