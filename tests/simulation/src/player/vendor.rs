//! A vendor: the webhooks that it sends, and the changes that its faulty items become once their
//! mapping is repaired.
//!
//! The items are made up in `crate::story::vendor`.

use std::time::Duration;

use ingest::webhook::Unmapped;
use io::queue::Message;
use io::secrets::SourceSecret;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{Player, setup};
use crate::change::key_of;
use crate::chaos::FaultKind;
use crate::checks;
use crate::story::vendor::{self, Item};
use crate::story::{Org, Ranking};

/// How often a webhook is sent again, over more than two hours.
const TRIES: usize = 200;

impl Player<'_> {
    /// Puts the good items into the CRM's feed. The feed lists no faulty item.
    pub(super) fn list_items(&self, items: &[Item]) {
        for item in items {
            if let Some(body) = &item.becomes {
                self.list_change(body);
            }
            let callable = |body: &Value| match body["operation"].as_str() {
                Some("remove") => Some(false),
                _ => body["callable"].as_bool(),
            };
            let later = [&item.opt_out, &item.mended].into_iter().flatten();
            for (body, callable) in later.filter_map(|body| Some((body, callable(body)?))) {
                self.callable.borrow_mut().insert(key_of(body), callable);
            }
        }
    }

    /// Sends a webhook as a vendor does: until it is answered with 202.
    pub(super) async fn deliver(&self, org: usize, items: &[Item], delay: Duration) {
        sleep(delay).await;
        let outside = self.outside;
        let source = vendor::source(&outside.story.orgs[org]);
        let raw: Vec<_> = items.iter().map(|item| &item.raw).collect();
        let body = match vendor::payload_form(outside.story.seed, org) {
            Some(vendor::PayloadForm::Plain) => json!({ "changes": raw }),
            _ => json!(raw),
        };
        let text = body.to_string();
        for n in 0..TRIES {
            let crash = outside.chaos.draw(FaultKind::IngestCrash, &source);
            let handled = ingest::handle(&self.ingest, self.request(&source, &text));
            let answered = match crash.map(|mut rng| rng.u64(0..20)) {
                Some(after) => timeout(Duration::from_millis(after), handled).await.ok(),
                None => Some(handled.await),
            };
            let status = answered
                .as_ref()
                .map_or(0, |answer| answer.status().as_u16());
            outside.trace(|| format!("ingest     answers {status} to {source}"));
            match (status, answered) {
                (202, Some(answer)) => {
                    let reply = serde_json::from_slice(answer.body()).unwrap_or_default();
                    return checks::vendor::check_accepted(outside, items, &reply);
                }
                (0 | 503, _) => sleep(Duration::from_secs(if n < 3 { 5 } else { 40 })).await,
                (status, _) => {
                    let what = format!("1: ingest answered {status} to a source that parks");
                    return outside.violated(what);
                }
            }
        }
        outside.violated("1: ingest took no webhook of a vendor for two hours".to_owned());
    }

    /// Redrives unmapped items as `dlq redrive` does, with the mended mapping, if their changes
    /// have a rank.
    pub(super) fn redrive_unmapped(&self) {
        let outside = self.outside;
        self.redrive_each(|record| {
            let body = record["body"].as_str().unwrap_or_default();
            let messages = Unmapped::parse(body).ok();
            let messages = messages.and_then(|unmapped| self.read_again(&unmapped));
            messages.is_some_and(|messages| {
                let mut messages = messages.into_iter();
                messages.all(|message| outside.store(message).is_ok())
            })
        });
        checks::vendor::check_mended(outside);
    }

    /// The changes of a parked item by the mended mapping. `None` means that it stays parked.
    fn read_again(&self, unmapped: &Unmapped) -> Option<Vec<Message>> {
        let outside = self.outside;
        let source = unmapped.source().ok()?;
        let is_of = |(_, org): &(usize, &Org)| vendor::source(org) == source.as_str();
        let (n, org) = outside.story.orgs.iter().enumerate().find(is_of)?;
        if org.ranking == Ranking::None {
            return None;
        }
        let form = vendor::payload_form(outside.story.seed, n)?;
        let secret = setup::vendor_secret(org, form, true).to_string();
        let secret = SourceSecret::parse(&secret.into()).ok()?;
        let sender = secret.sender(source);
        let (_, reading) = unmapped.read_again(&secret, &sender, outside.clock.now());
        let messages = reading.changes.iter().map(|placed| Message {
            body: placed.change.body(),
            group: placed.change.message_group().as_str().to_owned(),
            deduplication_id: placed.change.deduplication_id(),
            attributes: Vec::new(),
        });
        reading.faulty.is_empty().then(|| messages.collect())
    }
}
