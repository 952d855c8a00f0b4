//! Vendors that send several items in a webhook, good and faulty ones, about people of their own.
//!
//! A source of theirs parks an item that becomes no change. Each `Item` says what must become of
//! it, and `crate::checks::vendor` checks that. These steps have a generator of their own, so that
//! the other steps stay as they are.

mod items;
mod mapping;

pub(crate) use mapping::program;

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;

use super::{Action, CANARY, Org, Ranking, STRANGER, Step};
use items::About;

/// Part of the key of each contact of a vendor, and of the id of each of its events.
pub(crate) const VENDOR_KEY: &str = "told-of";
/// The suffix of the event id of a change that a mended mapping makes.
pub(crate) const MENDED: &str = "-mended";

/// The form in which an org's vendor sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadForm {
    /// The vendor's own payload, which a mapping turns into changes.
    Mapped,
    /// Changes, as the contract describes them.
    Plain,
}

/// One item of a webhook, and what must become of it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) raw: Value,
    /// The change that the item becomes.
    pub(crate) becomes: Option<Value>,
    /// Whether the item is parked.
    pub(crate) is_faulty: bool,
    /// The opt-out that takes effect although the item is faulty.
    pub(crate) opt_out: Option<Value>,
    /// The change that the mended mapping makes of the item.
    pub(crate) mended: Option<Value>,
}

impl Item {
    /// All changes that the item ever becomes.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Value> {
        let changes = [&self.becomes, &self.opt_out, &self.mended];
        changes.into_iter().flatten()
    }

    /// The changes that must be in the queue when the webhook is accepted.
    pub(crate) fn at_once(&self) -> impl Iterator<Item = &Value> {
        [&self.becomes, &self.opt_out].into_iter().flatten()
    }
}

/// The form in which the vendor of the org at this position sends, if the org has a vendor.
pub(crate) fn payload_form(seed: u64, org: usize) -> Option<PayloadForm> {
    match Rng::with_seed(seed ^ 0x7e_4d02 ^ ((org as u64) << 32)).u8(..4) {
        0 | 1 => None,
        2 => Some(PayloadForm::Mapped),
        _ => Some(PayloadForm::Plain),
    }
}

/// The source name of an org's vendor.
pub(crate) fn source(org: &Org) -> String {
    format!("{}-vendor", org.name)
}

/// The member of a change that holds its rank.
fn rank_member(org: &Org) -> Option<&'static str> {
    match org.ranking {
        Ranking::Version => Some("version"),
        Ranking::OccurredAt => Some("occurredAt"),
        Ranking::None => None,
    }
}

/// The webhooks of all vendors, and before them changes that put some of their people into a
/// campaign.
pub(super) fn steps(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x7e_4d03);
    let mut steps = Vec::new();
    for (n, org) in orgs.iter().enumerate() {
        let Some(form) = payload_form(seed, n) else {
            continue;
        };
        let campaign = &org.campaigns[rng.usize(..org.campaigns.len())];
        let known = rng.usize(1..4);
        let mut keys: Vec<_> = (0..known)
            .map(|who| format!("{CANARY}-{VENDOR_KEY}-{who}-of-{}", org.name))
            .collect();
        keys.push(format!("{CANARY}-{STRANGER}-{VENDOR_KEY}-of-{}", org.name));
        let about = |key, at| About {
            org,
            campaign,
            key,
            at,
        };
        for (who, key) in keys[..known].iter().enumerate() {
            let at = Duration::from_millis(who as u64);
            steps.push(joins(&mut rng, n, &about(key, at)));
        }
        // No two items of a contact have the same rank.
        let latest = end.as_millis() as u64 / 100 + 2;
        let times: BTreeSet<_> = (0..rng.usize(1..7)).map(|_| rng.u64(1..latest)).collect();
        for time in times {
            let at = Duration::from_millis(time * 100);
            let count = Rng::with_seed(seed ^ time).u64(1..10);
            let item = |place: u64| {
                let key = &keys[rng.usize(..keys.len())];
                about(key, at + Duration::from_millis(place)).item(&mut rng, form)
            };
            let items: Vec<_> = (0..count).map(item).collect();
            let mut sent = vec![Duration::from_millis(rng.u64(10..20_000))];
            if rng.u8(..3) == 0 {
                sent.push(Duration::from_secs(rng.u64(0..900)));
            }
            let action = Action::Deliver {
                org: n,
                items,
                sent,
            };
            let at = at + Duration::from_millis(10);
            steps.push(Step { at, action });
        }
    }
    steps
}

/// A change with all columns, which puts a person of the vendor into a campaign.
fn joins(rng: &mut Rng, org: usize, about: &About<'_>) -> Step {
    let id = format!(
        "{VENDOR_KEY}-joins-{}-{}",
        about.at.as_millis(),
        rng.u16(..)
    );
    let data = about.data(rng);
    let callable = [None, Some(true), Some(true), Some(false)][rng.usize(..4)];
    let mut body = about.change(&id, Some(&data), callable);
    body.as_object_mut()
        .map(|members| members.remove("ifAbsent"));
    let action = Action::Change {
        org,
        bodies: vec![body],
        is_poison: false,
        sent: vec![Duration::from_millis(rng.u64(10..20_000))],
    };
    Step {
        at: about.at,
        action,
    }
}
