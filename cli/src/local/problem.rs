//! Shows the problem that campaign-sync solves: pushes the same changes as plain batch POSTs, and
//! counts those that are answered with 409.
//!
//! The POSTs go to an emulated Genesys Cloud that nothing else uses, so the run itself is not
//! affected. `table.rs` prints the comparison.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use emulator::Genesys;
use emulator::genesys::Options;
use emulator::world::{client_id, client_secret};
use http::{Request, Response, StatusCode};
use io::http::Transport;
use serde_json::{Value, json};

use super::crm::{self, Story};
use super::world;

/// The most contacts that one POST may hold (docs/contract.md "Predictive API").
const BATCH: usize = 100;

/// The batch POSTs, and how many of them were answered with 409.
#[derive(Default)]
pub(crate) struct BatchPosts {
    pub(crate) requests: usize,
    pub(crate) requests_refused: usize,
    pub(crate) contacts: usize,
    pub(crate) contacts_refused: usize,
}

/// Pushes every upsert of the story to a Genesys Cloud that nothing else uses.
pub(crate) async fn push(story: &Story) -> BatchPosts {
    let options = Options {
        calls_per_minute: None,
        ..Options::default()
    };
    let clock = emulator::logical_clock(crm::start());
    let genesys = world::outside(clock, story, options, "https://local").genesys;
    let mut of_campaign: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    for body in story.pushed() {
        if let Some((org, campaign, contact)) = contact(&body) {
            of_campaign
                .entry((org, campaign))
                .or_default()
                .push(contact);
        }
    }
    let mut posts = BatchPosts::default();
    for ((org, campaign), contacts) in of_campaign {
        let Some(token) = token(&genesys, &org).await else {
            continue;
        };
        for batch in contacts.chunks(BATCH) {
            let path = format!("/api/v2/predictivedialing/campaigns/{campaign}/contacts");
            let answer = post(
                &genesys,
                &path,
                &format!("Bearer {token}"),
                json!(batch).to_string(),
            )
            .await;
            let is_conflict = answer.is_some_and(|answer| answer.status() == StatusCode::CONFLICT);
            posts.requests += 1;
            posts.contacts += batch.len();
            posts.requests_refused += usize::from(is_conflict);
            posts.contacts_refused += if is_conflict { batch.len() } else { 0 };
        }
    }
    posts
}

/// The org, the campaign, and the contact as a batch POST holds it. A change without data has none.
fn contact(body: &Value) -> Option<(String, String, Value)> {
    let text = |name: &str| body.get(name)?.as_str().map(str::to_owned);
    let mut data = body.get("data")?.as_object()?.clone();
    data.retain(|_, value| !value.is_null());
    let mut contact = json!({ "id": text("contactKey")?, "data": data });
    if let Some(callable) = body.get("callable") {
        contact["callable"] = callable.clone();
    }
    Some((text("org")?, text("campaignId")?, contact))
}

async fn token(genesys: &Genesys, org: &str) -> Option<String> {
    let credentials = format!("{}:{}", client_id(org), client_secret(org));
    let basic = base64::engine::general_purpose::STANDARD.encode(credentials);
    let answer = post(
        genesys,
        "/oauth/token",
        &format!("Basic {basic}"),
        "grant_type=client_credentials".to_owned(),
    )
    .await?;
    let answer: Value = serde_json::from_slice(answer.body()).ok()?;
    answer.get("access_token")?.as_str().map(str::to_owned)
}

async fn post(
    genesys: &Genesys,
    path: &str,
    authorization: &str,
    body: String,
) -> Option<Response<Bytes>> {
    let request = Request::post(path)
        .header("authorization", authorization)
        .body(Bytes::from(body))
        .ok()?;
    genesys.send(request, Duration::from_secs(60)).await.ok()
}
