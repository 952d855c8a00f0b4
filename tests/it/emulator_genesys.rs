//! A careless client, which does what campaign-sync must not do, meets each trap of the real
//! service: a 409 for a whole batch, contacts that cannot be read yet, tokens that expire, and 429.
//! The API of contact lists is in `emulator_lists`.

use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use emulator::Genesys;
use emulator::genesys::Options;
use http::Request;
use io::http::Transport;
use serde_json::{Value, json};

const CONTACTS: &str = "/api/v2/predictivedialing/campaigns/c/contacts";

/// A client that makes one call at a time and never retries.
struct Naive {
    genesys: Genesys,
    token: String,
}

impl Naive {
    async fn new(options: Options) -> Naive {
        let genesys = Genesys::new(
            emulator::logical_clock("2026-11-24T16:00:00Z".parse().unwrap()),
            options,
        );
        genesys.put_client("id", "hush");
        genesys.put_campaign("id", "c", None);
        let mut naive = Naive {
            genesys,
            token: String::new(),
        };
        naive.token = naive.log_in("id", "hush").await.1["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        naive
    }

    async fn log_in(&self, id: &str, secret: &str) -> (u16, Value) {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        let form = "grant_type=client_credentials".to_owned();
        let (status, body, _) = self
            .send("POST", "/oauth/token", &format!("Basic {basic}"), form)
            .await;
        (status, body)
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        authorization: &str,
        body: String,
    ) -> (u16, Value, http::HeaderMap) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", authorization);
        let answer = self
            .genesys
            .send(
                request.body(Bytes::from(body)).unwrap(),
                Duration::from_secs(60),
            )
            .await
            .unwrap();
        (
            answer.status().as_u16(),
            serde_json::from_slice(answer.body()).unwrap(),
            answer.headers().clone(),
        )
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value, http::HeaderMap) {
        self.send(
            method,
            &format!("{CONTACTS}{path}"),
            &format!("Bearer {}", self.token),
            body.to_string(),
        )
        .await
    }

    async fn post(&self, keys: &[&str]) -> (u16, Value) {
        let contacts: Vec<_> = keys
            .iter()
            .map(|key| json!({ "id": key, "data": { "phone": "1" } }))
            .collect();
        let (status, body, _) = self.call("POST", "", json!(contacts)).await;
        (status, body)
    }

    async fn get(&self, key: &str) -> (u16, Value) {
        let (status, body, _) = self.call("GET", &format!("/{key}"), Value::Null).await;
        (status, body)
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_one_known_key_is_refused_whole() {
    let naive = Naive::new(Options::default()).await;
    assert_eq!(naive.post(&["a"]).await.0, 200);
    let (status, body) = naive.post(&["b", "a"]).await;
    assert_eq!(status, 409);
    assert_eq!(
        body["message"],
        "Duplicate contact key detected for campaign context."
    );
    assert_eq!(
        (&body["code"], &body["status"]),
        (&json!("conflict"), &json!(409))
    );
    assert_eq!(naive.get("b").await.0, 404, "nothing was stored");
    assert_eq!(
        naive.post(&["x", "x"]).await.0,
        409,
        "two changes of one contact in a batch"
    );
    assert_eq!(naive.post(&["A"]).await.0, 200, "keys are case-sensitive");
    assert_eq!(naive.genesys.conflicts_left(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_new_contact_cannot_be_read_for_a_while_though_its_key_is_taken() {
    let naive = Naive::new(Options {
        read_lag: Duration::from_mins(15),
        ..Options::default()
    })
    .await;
    naive.post(&["a"]).await;
    tokio::time::sleep(Duration::from_mins(14)).await;
    assert_eq!(
        (naive.get("a").await.0, naive.post(&["a"]).await.0),
        (404, 409)
    );
    let (status, contact, _) = naive.call("PATCH", "/a", json!({ "data": {} })).await;
    assert_eq!(
        (status, &contact["data"]["phone"]),
        (200, &json!("1")),
        "PATCH finds it and alters nothing"
    );
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(naive.get("a").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_token_expires() {
    let naive = Naive::new(Options {
        token_life: Duration::from_mins(50),
        ..Options::default()
    })
    .await;
    assert_eq!(naive.get("a").await.0, 404);
    tokio::time::sleep(Duration::from_mins(50)).await;
    let (status, body) = naive.get("a").await;
    assert_eq!((status, &body["code"]), (401, &json!("bad.credentials")));
}

#[tokio::test(start_paused = true)]
async fn unknown_clients_and_wrong_secrets_are_told_apart() {
    let naive = Naive::new(Options::default()).await;
    let (status, body) = naive.log_in("nobody", "hush").await;
    assert_eq!(
        (status, &body["error"], &body["description"]),
        (400, &json!("invalid_client"), &json!("client not found"))
    );
    let (status, body) = naive.log_in("id", "wrong").await;
    assert_eq!(
        (status, &body["description"]),
        (401, &json!("authentication failed"))
    );
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_of_a_minute_calls_are_refused_until_it_is_over() {
    let naive = Naive::new(Options {
        calls_per_minute: Some(3),
        ..Options::default()
    })
    .await;
    let (_, _, headers) = naive.call("GET", "/a", Value::Null).await;
    assert_eq!(headers["inin-ratelimit-count"], "1");
    assert_eq!(headers["inin-ratelimit-allowed"], "3");
    naive.get("a").await;
    naive.get("a").await;
    let (status, body, headers) = naive.call("GET", "/a", Value::Null).await;
    assert_eq!(
        (status, &body["code"]),
        (429, &json!("too.many.requests.retry.after"))
    );
    assert_eq!(headers["retry-after"], "60");
    assert_eq!(headers["inin-ratelimit-reset"], "60");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(naive.get("a").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn another_orgs_campaign_is_not_there() {
    let naive = Naive::new(Options::default()).await;
    naive.genesys.put_client("other", "hush");
    naive.genesys.put_campaign("other", "c", None);
    assert_eq!(naive.post(&["a"]).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_patch_merges_by_column_and_null_clears() {
    let naive = Naive::new(Options::default()).await;
    naive
        .genesys
        .put_contact("c", "a", &[("x", "1"), ("y", "2"), ("z", "3")], true);
    let body = json!({ "data": { "x": "9", "y": null }, "callable": false });
    let (status, contact, _) = naive.call("PATCH", "/a", body).await;
    assert_eq!(
        (status, &contact["data"], &contact["callable"]),
        (200, &json!({ "x": "9", "z": "3" }), &json!(false))
    );
    assert_eq!(
        naive.call("PATCH", "/b", json!({ "data": {} })).await.0,
        404
    );
    for bad in [
        json!([]),
        json!({ "data": { "x": 1 } }),
        json!({ "callable": "no" }),
    ] {
        assert_eq!(naive.call("PATCH", "/a", bad.clone()).await.0, 400, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_takes_1_to_100_contacts_whose_values_are_all_texts() {
    let naive = Naive::new(Options::default()).await;
    let many: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(
        (
            naive.post(&many).await.0,
            naive.post(&[]).await.0,
            naive.post(&many[..100]).await.0
        ),
        (400, 400, 200)
    );
    let null = json!([{ "id": "n", "data": { "x": null } }]);
    assert_eq!(naive.call("POST", "", null).await.0, 400);
}
