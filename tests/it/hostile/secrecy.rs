//! Credentials and payloads never show up in answers, logs or printed texts, and an overheard
//! request that is sent again in another form stores nothing. The log of a usual run is checked in
//! `privacy`.

use super::*;

/// Attributes of an event, and headers that a mapping reads, are parked with a faulty item.
#[tokio::test(start_paused = true)]
async fn a_secret_that_would_let_its_token_be_parked_is_refused() {
    for (name, headers, wrong) in [
        ("ce-apikey", json!([]), "auth: header: name"),
        (
            "x-acme-token",
            json!(["x-acme-token"]),
            "mapping: expected headers without",
        ),
    ] {
        let world = World::new();
        world.put(json!({ "auth": { "header": { "name": name, "values": [TOKEN] } }, "org": "acme", "campaignId": "c1",
            "mapping": { "jq": "error(\"no\")", "headers": headers } }));
        let request = http::Request::post("/webhooks/crm")
            .header("content-type", "application/json")
            .header(name, TOKEN);
        let request = request.body(Body::Text("{}".to_owned())).unwrap();
        assert_eq!(world.send(request).await.0, 503, "{name}");
        let told = world.take_told().concat();
        let expected = format!("the secret is malformed: {wrong}");
        assert!(told.contains(&expected) && !told.contains(TOKEN), "{told}");
        assert!(parked(&world).is_empty(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_overheard_request_stores_nothing_as_another_media_type() {
    let world = World::new();
    world.put(
        json!({ "signingSecrets": [SECRET], "org": "acme", "campaignId": "c1", "onFault": "park" }),
    );
    let body = json!({ "eventId": "e", "contactKey": "k", "version": 1, "data": { "phone": "1" } })
        .to_string();
    world.send(world.signed("/webhooks/crm", &body)).await;
    let mut again = world.signed("/webhooks/crm", &body);
    again.headers_mut().insert(
        "content-type",
        "application/cloudevents+json".parse().unwrap(),
    );
    world.send(again).await;
    assert_eq!(bodies(&world).len(), 1, "the first request alone");
    assert!(parked(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_overheard_event_sent_with_another_media_type_stays_an_opt_out() {
    let world = World::new();
    world.put(json!({ "signingSecrets": [SECRET], "org": "acme", "campaignId": "c1",
        "mapping": { "jq": "{ contactKey: (.subject // $cloudevent.subject), version: 1, data: {}, callable: (.doNotCall // false | not) }" } }));
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/crm", "type": "t", "subject": "LEAD-1", "data": { "doNotCall": true } });
    for media_type in ["application/cloudevents+json", "application/json"] {
        let mut request = world.signed("/webhooks/crm", &event.to_string());
        request
            .headers_mut()
            .insert("content-type", media_type.parse().unwrap());
        world.send(request).await;
    }
    let all = bodies(&world);
    assert!(!all.is_empty());
    assert!(all.iter().all(|body| body["callable"] == false), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn no_name_of_a_payload_is_reported() {
    for (program, body) in [
        (
            "{ contactKey: .id, version: 1, data: .props }",
            json!({ "id": "k", "props": { CANARY: "x".repeat(600) } }),
        ),
        (
            "{ contactKey: .id, version: 1, data: .props }",
            json!({ "id": "k", "props": { CANARY: [1] } }),
        ),
        (
            ". + { contactKey: .id, version: 1, data: {} }",
            json!({ "id": "k", CANARY: 1 }),
        ),
        (
            "{ contactKey: .id, version: 1, data: {}, phones: .props }",
            json!({ "id": "k", "props": { CANARY: true } }),
        ),
        (
            "{ contactKey: .id, version: 1, data: {}, contactable: .props }",
            json!({ "id": "k", "props": { CANARY: true } }),
        ),
        ("error(.id)", json!({ "id": CANARY })),
        (".id.x", json!({ "id": CANARY })),
        (".[.id]", json!({ "id": CANARY, CANARY: {} })),
        (
            "{ contactKey: .id, version: (.id | ms) }",
            json!({ "id": CANARY }),
        ),
        (
            "{ contactKey: .id, eventId: .id, version: 1, operation: .id }",
            json!({ "id": CANARY }),
        ),
    ] {
        let world = world(json!({ "campaignId": "c1", "mapping": { "jq": program } }));
        assert_eq!(sent(&world, &body).await.0, 202);
        let messages = world.dead_letters.messages();
        assert_eq!(messages.len(), 1, "{program}");
        let shown = format!(
            "{:?} {:?}",
            world.take_told(),
            messages
                .iter()
                .map(|m| (&m.group, &m.attributes))
                .collect::<Vec<_>>()
        );
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_token_of_a_body_is_stored() {
    let world = World::new();
    world.put(json!({ "auth": { "body": { "pointer": "/0/token", "values": [TOKEN] } }, "org": "acme", "campaignId": "c1",
        "mapping": { "jq": "error(\"no\")" } }));
    let body = json!([{ "token": TOKEN, "id": 1 }, { "token": TOKEN, "id": 2 }]);
    sent(&world, &body).await;
    let all = parked(&world);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(!json!(all).to_string().contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn no_program_of_a_mapping_ends_the_process() {
    for (program, body) in [
        (
            "{ contactKey: .id, version: 1, data: { a: (.a | index(.[0:0]) | tostring) } }",
            json!({ "id": "k", "a": "abc" }),
        ),
        (
            "{ contactKey: .id, version: 1, data: { a: (.a | indices([]) | tostring) } }",
            json!({ "id": "k", "a": [1] }),
        ),
        (".a[.n] = 1 | empty", json!({ "a": [], "n": 1_000_000_000 })),
        (
            ".a[.n:.m] = [1] | empty",
            json!({ "a": [], "n": 1_000_000_000_i64, "m": 2_000_000_000_i64 }),
        ),
        ("[limit(.n; .a[])] | empty", json!({ "a": [1], "n": -1 })),
        (".n % .m", json!({ "n": i64::MIN, "m": -1 })),
        (".n % .m", json!({ "n": 1, "m": 0 })),
        (".n | abs", json!({ "n": i64::MIN })),
        (".n | round, floor, ceil", json!({ "n": 1e300 })),
        ("nth(.n; .a[])", json!({ "a": [1], "n": 1e18 })),
        (".a | first, last, min, max, add", json!({ "a": [] })),
        (".a | split(\"\")", json!({ "a": "x" })),
        (
            ".a | from_entries",
            json!({ "a": [{ "key": {}, "value": 1 }, { "name": null }] }),
        ),
        (
            ".n * .m | tostring | empty",
            json!({ "n": 1e308, "m": 1e308 }),
        ),
    ] {
        let world = world(json!({ "campaignId": "c1", "mapping": { "jq": program } }));
        assert_eq!(sent(&world, &body).await.0, 202, "{program}");
    }
}
