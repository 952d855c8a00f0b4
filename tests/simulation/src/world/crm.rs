//! The CRM: what it says of contacts, and how it sends its webhooks.
//!
//! Vendors have a module of their own (`vendor`), and feeds too (`feeds`).

use std::time::Duration;

use http::Request;
use lambda_http::Body;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::time::{sleep, timeout};

use super::{SIGNING_SECRET, World};
use crate::chaos::Kind;
use crate::checks::is_stranger;
use crate::lock;
use crate::story::{Key, Org, Ranking};

impl World<'_> {
    /// Puts a change into the CRM's feed.
    pub(super) fn crm_says(&self, body: &Value) {
        let said = match (body["operation"].as_str(), body["callable"].as_bool()) {
            (Some("remove"), _) => Some(false),
            (_, said) => said,
        };
        let now = {
            let mut callable = self.callable.borrow_mut();
            let now = callable.entry(key_of(body)).or_insert(true);
            *now = said.unwrap_or(*now);
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
        self.list(listed);
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
            let crash = outside.chaos.draw(Kind::IngestCrash, event_id);
            let answered = match crash.map(|mut rng| rng.u64(0..12)) {
                Some(after) => {
                    let handled = ingest::handle(&self.ingest, self.request(source, &text));
                    timeout(Duration::from_millis(after), handled).await.ok()
                }
                None => Some(ingest::handle(&self.ingest, self.request(source, &text)).await),
            };
            let status = answered.map_or(0, |answer| answer.status().as_u16());
            outside.say(|| format!("ingest     answers {status} to {}", ids.join(", ")));
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

/// The message group by docs/contract.md "Message group and deduplication ids", computed by hand.
pub(crate) fn group_of(body: &Value) -> String {
    let (org, campaign, key) = key_of(body);
    format!("{org}/{campaign}/{}", &sha256(key.as_bytes())[..32])
}

pub(crate) fn deduplication_id_of(body: &Value) -> String {
    let mut said = body.clone();
    said.as_object_mut().map(|members| members.remove("source"));
    sha256(said.to_string().as_bytes())
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
