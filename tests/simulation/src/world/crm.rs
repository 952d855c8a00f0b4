//! The CRM: what it says, and how it sends it.

use std::time::Duration;

use http::Request;
use lambda_http::Body;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::time::{sleep, timeout};

use super::{SIGNING_SECRET, World};
use crate::chaos::Kind;
use crate::lock;
use crate::story::{Key, Org, Ranking};

impl World<'_> {
    /// What the CRM's feed lists from now on, and what may be found in a write.
    pub(super) fn crm_says(&self, org: &Org, body: &Value) {
        let key = key_of(body);
        let rank = rank_of(org, body);
        let said = match (body["operation"].as_str(), body["callable"].as_bool()) {
            (Some("remove"), _) => Some(false),
            (_, said) => said,
        };
        let now = {
            let mut callable = self.callable.borrow_mut();
            let now = callable.entry(key.clone()).or_insert(true);
            *now = said.unwrap_or(*now);
            *now
        };
        let mut listed = body.clone();
        listed.as_object_mut().map(|members| members.remove("eventId"));
        if body["operation"] != "remove" {
            listed["callable"] = now.into();
        }
        self.outside.feed.put(listed);
        let mut seen = lock(&self.outside.seen);
        seen.said.push((key, rank, said.unwrap_or(now)));
    }

    /// As a CRM does: until it is told 202, or that it never will be.
    pub(super) async fn send_webhook(&self, org: usize, body: &Value, is_poison: bool, delay: Duration) {
        sleep(delay).await;
        let outside = self.outside;
        let (source, text) = (&outside.story.orgs[org].name, body.to_string());
        let event_id = body["eventId"].as_str().unwrap_or_default();
        for n in 0..40 {
            let crash = outside.chaos.draw(Kind::IngestCrash, event_id);
            let answered = match crash.map(|mut rng| rng.u64(0..12)) {
                Some(after) => {
                    let handled = ingest::handle(&self.ingest, self.request(source, &text));
                    timeout(Duration::from_millis(after), handled).await.ok()
                }
                None => Some(ingest::handle(&self.ingest, self.request(source, &text)).await),
            };
            let status = answered.map_or(0, |answer| answer.status().as_u16());
            outside.say(|| format!("ingest     answers {status} to {event_id}"));
            match status {
                202 => {
                    if !is_poison {
                        lock(&outside.seen).acknowledged.insert(event_id.to_owned());
                    }
                    return;
                }
                400 if is_poison => return,
                0 | 503 => sleep(Duration::from_secs(if n < 3 { 5 } else { 120 })).await,
                status => return outside.violated(format!("ingest answered {status} to a good webhook")),
            }
        }
        outside.violated("ingest took no webhook for an hour".to_owned());
    }

    fn request(&self, source: &str, body: &str) -> Request<Body> {
        let sent_at = self.outside.clock.now().as_second();
        debug_assert!(self.ingest_clock.now().as_second().abs_diff(sent_at) < 300, "clocks are that wrong nowhere");
        let signed = Webhook::new(SIGNING_SECRET).and_then(|webhook| webhook.sign("msg_1", sent_at, body.as_bytes()));
        let request = Request::post(format!("/webhooks/{source}"))
            .header("content-type", "application/json")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", sent_at)
            .header("webhook-signature", signed.unwrap_or_default());
        request.body(Body::from(body)).unwrap_or_default()
    }
}

pub(crate) fn key_of(body: &Value) -> Key {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (text("org"), text("campaignId"), text("contactKey"))
}

pub(crate) fn rank_of(org: &Org, body: &Value) -> Option<u64> {
    match org.ranking {
        Ranking::Version => body["version"].as_u64(),
        Ranking::OccurredAt => {
            let at: jiff::Timestamp = body["occurredAt"].as_str()?.parse().ok()?;
            u64::try_from(at.as_millisecond()).ok()
        }
        Ranking::None => None,
    }
}

/// CONTRACT.md section 1, by hand.
pub(super) fn group_of(body: &Value) -> String {
    use sha2::Digest;
    let (org, campaign, key) = key_of(body);
    let hash: String = sha2::Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{org}/{campaign}/{}", &hash[..32])
}
