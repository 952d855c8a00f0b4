//! The steps of a run of a trouble: a backlog of the org or campaign in trouble, and each minute
//! changes of others.
//!
//! `super` lists the troubles, and `check` knows the changes of this file by their ids.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Trouble, TroubleKind, WELL_CAMPAIGN, backlog, key};
use crate::story::{Action, CANARY, COLUMNS, Org, Step, start};

/// The changes of a webhook.
const WEBHOOK: usize = 50;

/// A campaign whose CRM sends changes: the position of its org, its id, and the beginning of the
/// event ids and keys of these changes. `check` knows the changes by that.
#[derive(Clone, Copy)]
struct Sender<'a> {
    org: usize,
    campaign: &'a str,
    id: &'a str,
}

/// All steps, in order.
pub(super) fn steps(rng: &mut Rng, orgs: &[Org], trouble: Trouble) -> Vec<Step> {
    let mut builder = Builder {
        orgs,
        steps: Vec::new(),
    };
    let (org, campaign, changes) = backlog(trouble);
    let ill = Sender {
        org,
        campaign,
        id: "ill",
    };
    builder.push(trouble.since, Action::Trouble);
    // The backlog arrives just after the trouble began, long before any copy notices it.
    let at = trouble.since + Duration::from_millis(rng.u64(1..2_000));
    builder.backlog(ill, changes, at);
    builder.other_orgs_in_trouble(trouble, at);
    if trouble.kind == TroubleKind::HangingParking {
        builder.poison(ill, trouble);
    }
    for minute in 0..20 {
        let at = Duration::from_secs(60 * minute as u64 + rng.u64(1..59));
        builder.changes_of_a_minute(ill, trouble, minute, at);
    }
    builder.steps.sort_by_key(|step| step.at);
    builder.steps
}

struct Builder<'a> {
    orgs: &'a [Org],
    steps: Vec<Step>,
}

impl Builder<'_> {
    fn push(&mut self, at: Duration, action: Action) {
        self.steps.push(Step { at, action });
    }

    /// One webhook.
    fn change(&mut self, org: usize, bodies: Vec<Value>, at: Duration) {
        let action = Action::Change {
            org,
            bodies,
            is_poison: false,
            sent: vec![Duration::from_millis(20)],
        };
        self.push(at, action);
    }

    /// The nth change of a sender.
    fn body(&self, sender: Sender<'_>, n: usize, at: Duration) -> Value {
        let Sender { org, campaign, id } = sender;
        let name = &self.orgs[org].name;
        let value = || json!(format!("{CANARY} {n} of {name}"));
        let columns = COLUMNS.into_iter();
        let data: serde_json::Map<_, _> =
            columns.map(|column| (column.to_owned(), value())).collect();
        let mut body = json!({
            "eventId": format!("{id}-{org}-{n}"),
            "org": name,
            "campaignId": campaign,
            "contactKey": key(id, n, name),
            "version": (start() + at).as_millisecond() + i64::try_from(n).unwrap_or(0),
            "data": data,
        });
        if id.ends_with("out") {
            body["callable"] = false.into();
        }
        body
    }

    /// Many changes at once, all of the org or campaign in trouble.
    fn backlog(&mut self, ill: Sender<'_>, changes: usize, at: Duration) {
        for from in (0..changes).step_by(WEBHOOK) {
            let bodies = (from..changes.min(from + WEBHOOK)).map(|n| self.body(ill, n, at));
            let bodies = bodies.collect();
            self.change(ill.org, bodies, at);
        }
    }

    /// A few changes of each further org in trouble.
    fn other_orgs_in_trouble(&mut self, trouble: Trouble, at: Duration) {
        let each = if trouble.kind == TroubleKind::HangingRegionWrites {
            10
        } else {
            1
        };
        let orgs = self.orgs;
        for (org, of) in orgs.iter().enumerate().skip(2) {
            let sender = Sender {
                org,
                campaign: &of.campaigns[0],
                id: "ill",
            };
            let bodies = (0..each).map(|n| self.body(sender, n, at)).collect();
            self.change(org, bodies, at);
        }
    }

    /// Five messages a second that nobody can read.
    fn poison(&mut self, ill: Sender<'_>, trouble: Trouble) {
        let poison = Sender {
            id: "poison",
            ..ill
        };
        for n in 0..trouble.time.as_secs() * 5 {
            let at = trouble.since + Duration::from_millis(200 * n + 1);
            let action = Action::Poison {
                org: ill.org,
                like: self.body(poison, n as usize, at),
                body: format!("{{{CANARY}"),
            };
            self.push(at, action);
        }
    }

    /// An opt-out and a change of somebody who is not in trouble, and an opt-out of somebody who
    /// is.
    fn changes_of_a_minute(
        &mut self,
        ill: Sender<'_>,
        trouble: Trouble,
        minute: usize,
        at: Duration,
    ) {
        let well = |id| Sender {
            org: 0,
            campaign: WELL_CAMPAIGN,
            id,
        };
        let id = if trouble.kind == TroubleKind::SmallBudget {
            "backlog-out"
        } else {
            "ill-out"
        };
        for sender in [well("well-out"), well("well"), Sender { id, ..ill }] {
            let bodies = vec![self.body(sender, minute, at)];
            self.change(sender.org, bodies, at);
        }
    }
}
