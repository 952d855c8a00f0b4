//! Checks what must hold in a run, by code that shares nothing with the product.
//!
//! A number before a violation is that of a promise in docs/design.md "Promises". Some checks run
//! at each event (here, in `batches`, `dnc` and `vendor`), and the others once everything is quiet
//! (`final_state`, and then `repeat`). A check never repairs or changes anything. Functions whose
//! names begin with `check_` record violations, and others return them. `schedule` checks runs of a
//! schedule, and the liveness of others is checked in `crate::trouble`.

mod agents;
mod batches;
mod channels;
mod dialler;
mod dnc;
mod final_state;
mod repeat;
pub(crate) mod schedule;
mod strangers;
pub(crate) mod ties;
pub(crate) mod vendor;

pub(crate) use batches::{Before, check_answer, check_parked};
pub(crate) use dialler::dial;
pub(crate) use dnc::check_done;
pub(crate) use final_state::{check_before_reconcile, check_final_state, rank};
pub(crate) use repeat::check_nothing_changed;
pub(crate) use strangers::{is_hollow, is_stranger, would_count_now};

use serde_json::Value;

use crate::change::{deduplication_id_of, effective_part, group_of, key_of, opts_out};
use crate::lock;
use crate::seams::Outside;
use crate::story::vendor::Item;
use crate::story::{Action, CANARY, Org, Ranking, Step};

/// Texts that no log, metric, id or attribute may hold.
const SECRET: [&str; 5] = [CANARY, "hush", "secret-of-", "token-", "whsec_"];

/// Promise 8: no text holds personal data, a token or a secret. Returns the violations.
pub(crate) fn leaks(place: &str, text: &str) -> Vec<String> {
    let found = SECRET.iter().find(|secret| text.contains(**secret));
    found
        .map(|secret| format!("8: {place} holds {secret}"))
        .into_iter()
        .collect()
}

/// Checks docs/contract.md "Message group and deduplication ids": in which group a change is, and
/// when it is the same change again.
pub(crate) fn check_ids(outside: &Outside, message: &io::queue::Message) {
    let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
    if message.group != group_of(&body) {
        outside.violated("ids: a change is not in the message group of its contact".to_owned());
    }
    if message.deduplication_id != deduplication_id_of(&body) {
        outside.violated("ids: a change has not the deduplication id of its event".to_owned());
    }
}

/// Checks the answer of a run of reconcile.
pub(crate) fn check_answer_of_reconcile(outside: &Outside, org: &Org, answer: &reconcile::Answer) {
    if org.ranking == Ranking::None && answer.enqueued > 0 {
        outside.violated("reconcile: what has no rank is enqueued".to_owned());
    }
    if answer.complete != answer.cursor.is_none() {
        outside.violated(
            "reconcile: a complete run has a cursor, or an incomplete run has none".to_owned(),
        );
    }
}

/// Checks that reconcile enqueues nothing for an org that stores no ranks.
pub(crate) fn check_no_repair_without_a_rank(outside: &Outside) {
    let is_wrong = |message: &io::queue::Message| {
        let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
        let mut orgs = outside.story.orgs.iter();
        let org = orgs.find(|org| body["org"] == org.name.as_str());
        body["source"] == "reconcile" && org.is_some_and(|org| org.ranking == Ranking::None)
    };
    if lock(&outside.seen).stored.iter().any(is_wrong) {
        outside.violated("reconcile: what has no rank is enqueued".to_owned());
    }
}

/// Whether the CRM ever said that this contact must not be called.
fn is_opted_out(outside: &Outside, campaign: &str, key: &str) -> bool {
    changes(outside).any(|body| {
        let of = key_of(&body);
        of.1 == campaign && of.2 == key && opts_out(&body)
    })
}

/// All changes that the CRM ever made. For a poisoned change this is the part that counts, and for
/// a faulty item the change that the mended mapping makes of it.
fn changes(outside: &Outside) -> impl Iterator<Item = Value> {
    let bodies = |step: &Step| match &step.action {
        Action::Change { bodies, .. } => bodies.iter().filter_map(effective_part).collect(),
        Action::Deliver { items, .. } => items.iter().flat_map(Item::changes).cloned().collect(),
        _ => Vec::new(),
    };
    outside.story.steps.iter().flat_map(bodies)
}
