//! The CRM: what its feed lists of contacts, and how it sends its webhooks.
//!
//! Vendors have a module of their own (`vendor`), and so have their feeds (`crms`).

use std::time::Duration;

use http::Request;
use lambda_http::Body;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::time::{sleep, timeout};

use super::{Player, SIGNING_SECRET};
use crate::change::key_of;
use crate::chaos::FaultKind;
use crate::checks::is_stranger;
use crate::lock;

impl Player<'_> {
    /// Puts a change into the CRM's feed.
    pub(super) fn list_change(&self, body: &Value) {
        let callable = match (body["operation"].as_str(), body["callable"].as_bool()) {
            (Some("remove"), _) => Some(false),
            (_, callable) => callable,
        };
        let now = {
            let mut known = self.callable.borrow_mut();
            let now = known.entry(key_of(body)).or_insert(true);
            *now = callable.unwrap_or(*now);
            *now
        };
        let mut listed = body.clone();
        // The feed lists all columns of the contacts that the CRM put into a campaign.
        let is_whole = !is_stranger(&key_of(body));
        if let Some(members) = listed.as_object_mut() {
            members.retain(|name, _| name != "eventId" && !(is_whole && name == "ifAbsent"));
        }
        if body["operation"] != "remove" {
            listed["callable"] = now.into();
        }
        self.put_into_the_feed(listed);
    }

    /// Sends a webhook as a CRM does: until it is answered with 202, or with an error that
    /// never passes. If several changes are refused together, they are sent one by one.
    pub(super) async fn send_webhook(
        &self,
        org: usize,
        bodies: &[Value],
        is_poison: bool,
        delay: Duration,
    ) {
        sleep(delay).await;
        if self.is_taken(org, bodies, is_poison, 20).await {
            return;
        }
        for body in bodies {
            if !self
                .is_taken(org, std::slice::from_ref(body), is_poison, 40)
                .await
            {
                self.outside
                    .violated("1: ingest took no webhook for an hour".to_owned());
            }
        }
    }

    async fn is_taken(&self, org: usize, bodies: &[Value], is_poison: bool, tries: usize) -> bool {
        let outside = self.outside;
        let source = &outside.story.orgs[org].name;
        let text = match bodies {
            [body] => body.to_string(),
            bodies => serde_json::json!({ "changes": bodies }).to_string(),
        };
        let ids: Vec<_> = bodies
            .iter()
            .map(|body| body["eventId"].as_str().unwrap_or_default())
            .collect();
        let event_id = ids[0];
        for n in 0..tries {
            let crash = outside.chaos.draw(FaultKind::IngestCrash, event_id);
            let answered = match crash.map(|mut rng| rng.u64(0..12)) {
                Some(after) => {
                    let handled = ingest::handle(&self.ingest, self.request(source, &text));
                    timeout(Duration::from_millis(after), handled).await.ok()
                }
                None => Some(ingest::handle(&self.ingest, self.request(source, &text)).await),
            };
            let status = answered.map_or(0, |answer| answer.status().as_u16());
            outside.trace(|| format!("ingest     answers {status} to {}", ids.join(", ")));
            match status {
                202 => {
                    if !is_poison {
                        lock(&outside.seen)
                            .acknowledged
                            .extend(ids.iter().map(|id| (*id).to_owned()));
                    }
                    return true;
                }
                400 if is_poison => return true,
                0 | 503 => sleep(Duration::from_secs(if n < 3 { 5 } else { 120 })).await,
                status => {
                    outside.violated(format!("1: ingest answered {status} to a good webhook"));
                    return true;
                }
            }
        }
        false
    }

    /// A signed webhook with this body.
    pub(super) fn request(&self, source: &str, body: &str) -> Request<Body> {
        let sent_at = self.outside.clock.now().as_second();
        let ahead = sent_at - self.ingest_clock.now().as_second();
        debug_assert!(
            (-180..=60).contains(&ahead),
            "clocks are that wrong nowhere"
        );
        let signed = Webhook::new(SIGNING_SECRET)
            .and_then(|webhook| webhook.sign("msg_1", sent_at, body.as_bytes()));
        let request = Request::post(format!("/webhooks/{source}"))
            .header("content-type", "application/json")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", sent_at)
            .header("webhook-signature", signed.unwrap_or_default());
        request.body(Body::from(body)).unwrap_or_default()
    }
}
