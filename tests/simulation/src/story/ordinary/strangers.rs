//! People whom no full change ever puts into a campaign. Changes of them must not create a contact
//! that is called.
//!
//! `crate::checks::strangers` checks that.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::story::{Action, CANARY, COLUMNS, Org, Ranking, STRANGER, Step, start};

/// Steps for half of the runs. They have a generator of their own, so that the other steps stay as
/// they are.
pub(super) fn steps(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x57_4a6e);
    let mut steps = Vec::new();
    if rng.bool() {
        return steps;
    }
    for (n, org) in orgs.iter().enumerate() {
        for campaign in &org.campaigns {
            for who in 0..rng.usize(0..3) {
                let key = format!("{CANARY}-{STRANGER}-{who}-of-{}", org.name);
                let times = (0..rng.usize(1..7)).map(|_| rng.u64(..end.as_millis() as u64 + 1));
                // No two changes of a contact have the same rank.
                let times: BTreeSet<_> = times.collect();
                for at in times {
                    let at = Duration::from_millis(at);
                    let bodies = vec![body(&mut rng, org, campaign, &key, at)];
                    let sent = vec![Duration::from_millis(rng.u64(10..20_000))];
                    let is_poison = false;
                    let action = Action::Change {
                        org: n,
                        bodies,
                        is_poison,
                        sent,
                    };
                    steps.push(Step { at, action });
                }
            }
        }
    }
    steps
}

fn body(rng: &mut Rng, org: &Org, campaign: &str, key: &str, at: Duration) -> Value {
    let value = |rng: &mut Rng| format!("{CANARY} {} of {}", rng.u8(..2), org.name);
    let data: serde_json::Map<_, _> = COLUMNS
        .into_iter()
        .map(|name| (name.to_owned(), value(rng).into()))
        .collect();
    let mut body = json!({
        "eventId": format!("evt-{STRANGER}-{}-{}", at.as_millis(), rng.u16(..)),
        "org": org.name,
        "campaignId": campaign,
        "contactKey": key,
        "data": data,
        "ifAbsent": if rng.u8(..4) == 0 { "skipOptOut" } else { "skip" },
    });
    let when = start() + at;
    match org.ranking {
        Ranking::Version => body["version"] = when.as_millisecond().into(),
        Ranking::OccurredAt => body["occurredAt"] = when.to_string().into(),
        Ranking::None => {}
    }
    match rng.u8(..10) {
        0..3 => {}
        3..6 => body["callable"] = true.into(),
        6..8 => body["callable"] = false.into(),
        8 if org.uses_lists && body["ifAbsent"] == "skip" => {
            body["contactable"] = json!({ "Sms": false });
        }
        _ => {
            body["operation"] = "remove".into();
            body.as_object_mut().map(|members| members.remove("data"));
        }
    }
    body
}
