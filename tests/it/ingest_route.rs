//! The campaigns that a change goes to if its sender names none: `campaigns` of the source's secret
//! (docs/contract.md "Secrets"). `ingest::webhook::route` has the rules.

use serde_json::{Value, json};

use crate::support::ingest::{SECRET, World};

const PROGRAM: &str = "{ contactKey: .id, version: .at, data: (.data // {}), campaigns: .segments, campaignsBefore: .before, ifAbsent: .ifAbsent, \
                       callable: .calls } | with_entries(select(.value != null))";

fn world() -> World {
    let world = World::new();
    world.put(json!({
        "signingSecrets": [SECRET], "org": "acme", "campaigns": { "spring": "c-spring", "autumn": "c-autumn", "winter": null },
        "mapping": { "jq": PROGRAM },
    }));
    world
}

/// The answer, and the campaign, `callable` and `ifAbsent` of each queued change.
async fn routed(body: Value) -> (Value, Vec<Value>) {
    let world = world();
    let request = world.signed("/webhooks/crm", &body.to_string());
    let (status, answer, _) = world.send(request).await;
    assert_eq!(status, 202);
    let shown = |body: String| {
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["contactKey"], "k");
        match body["operation"].as_str() {
            Some(operation) => json!([body["campaignId"], operation]),
            None => json!([body["campaignId"], body["callable"], body["ifAbsent"]]),
        }
    };
    let mut queued: Vec<_> = world.take_queued().into_iter().map(shown).collect();
    queued.sort_by_key(Value::to_string);
    (answer, queued)
}

#[tokio::test(start_paused = true)]
async fn a_contact_is_created_in_the_campaigns_that_name_it_and_its_opt_out_goes_to_all() {
    for (said, accepted, parked, expected) in [
        (
            json!({ "segments": ["spring"] }),
            2,
            0,
            json!([["c-autumn", "leave"], ["c-spring", null, null]]),
        ),
        (
            json!({ "segments": "autumn", "calls": true }),
            2,
            0,
            json!([["c-autumn", true, null], ["c-spring", "leave"]]),
        ),
        (
            json!({ "segments": ["winter"], "before": ["spring"] }),
            1,
            0,
            json!([["c-spring", "leave"]]),
        ),
        (
            json!({ "segments": ["spring"], "before": [] }),
            1,
            0,
            json!([["c-spring", null, null]]),
        ),
        (
            json!({ "ifAbsent": "skip" }),
            2,
            0,
            json!([["c-autumn", null, "skip"], ["c-spring", null, "skip"]]),
        ),
        (
            json!({ "segments": ["spring"], "calls": false }),
            2,
            0,
            json!([["c-autumn", false, "skipOptOut"], ["c-spring", false, null]]),
        ),
        (
            json!({ "calls": false }),
            2,
            0,
            json!([
                ["c-autumn", false, "skipOptOut"],
                ["c-spring", false, "skipOptOut"]
            ]),
        ),
        (json!({}), 0, 1, json!([])),
        (json!({ "segments": ["sprign"] }), 0, 1, json!([])),
        (
            json!({ "segments": ["sprign"], "calls": false }),
            2,
            1,
            json!([
                ["c-autumn", false, "skipOptOut"],
                ["c-spring", false, "skipOptOut"]
            ]),
        ),
    ] {
        let mut body = json!({ "id": "k", "at": 7 });
        body.as_object_mut()
            .unwrap()
            .extend(said.as_object().unwrap().clone());
        let (answer, queued) = routed(body).await;
        assert_eq!(
            answer,
            json!({ "accepted": accepted, "parked": parked }),
            "{said}"
        );
        assert_eq!(json!(queued), expected, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_campaigns_in_a_payload_put_nobody_into_the_configured_one() {
    let world = World::new();
    world.put(json!({
        "signingSecrets": [SECRET], "org": "acme", "campaignId": "c1", "mapping": { "jq": PROGRAM },
    }));
    let body = json!({ "id": "k", "at": 7, "segments": [], "calls": true });
    let (status, answer, _) = world
        .send(world.signed("/webhooks/crm", &body.to_string()))
        .await;
    assert_eq!(
        (status, answer),
        (202, json!({ "accepted": 0, "parked": 1 }))
    );
    let told = world.take_told().concat();
    assert!(
        told.contains("expected campaigns in the source's secret"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn impossible_campaigns_make_the_secret_malformed() {
    let mapping = json!({ "jq": PROGRAM });
    for (wrong, expected) in [
        (
            json!({ "campaigns": {}, "mapping": mapping }),
            "campaigns: expected an object from values of mapping.campaignField to 1 to 20 campaign ids",
        ),
        (
            json!({ "campaigns": { "a": "b c" }, "mapping": mapping }),
            "campaigns: expected an object from values of mapping.campaignField to 1 to 20 campaign ids",
        ),
        (
            json!({ "campaigns": { "a": "b" } }),
            "campaigns: expected a mapping beside it",
        ),
        (
            json!({ "campaigns": { "a": "b" }, "campaignId": "c", "mapping": mapping }),
            "campaigns: expected a mapping beside it, and no campaignId",
        ),
    ] {
        let mut secret = json!({ "signingSecrets": [SECRET], "org": "acme" });
        secret
            .as_object_mut()
            .unwrap()
            .extend(wrong.as_object().unwrap().clone());
        let world = World::new();
        world.put(secret);
        assert_eq!(world.send(world.signed("/webhooks/crm", "{}")).await.0, 503);
        let told = world.take_told().concat();
        assert!(told.contains(expected), "{told}");
    }
}
