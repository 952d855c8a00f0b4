use super::*;

const URL: &str = "https://api.hubapi.com/crm/v3/objects/contacts/search";

fn hubspot(count: u64) -> Crm {
    let crm = crm(Vendor::Hubspot);
    for n in 0..count {
        crm.put(contact(n));
    }
    crm
}

/// Contact n, which was changed n seconds after the beginning.
fn contact(n: u64) -> Value {
    let at = format!(
        "2026-11-24T{:02}:{:02}:{:02}.123Z",
        n / 3_600,
        n / 60 % 60,
        n % 60
    );
    json!({ "id": (n + 8).to_string(), "archived": false, "properties": {
        "hs_object_id": (n + 8).to_string(), "firstname": "Ada", "phone": null, "campaign": if n.is_multiple_of(2) { "spring" } else { "autumn" },
        "createdate": "2020-01-01T00:00:00.000Z", "lastmodifieddate": at } })
}

fn search(since: i64, campaign: &str, cursor: &str) -> Value {
    json!({ "limit": 200, "properties": ["firstname", "phone", "misspelt"],
        "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
        "filterGroups": [{ "filters": [
            { "propertyName": "lastmodifieddate", "operator": "GTE", "value": since.to_string() },
            { "propertyName": "campaign", "operator": "EQ", "value": campaign },
            { "propertyName": "hs_object_id", "operator": "GT", "value": cursor } ] }] })
}

async fn ask(crm: &Crm, body: Value) -> (u16, Value) {
    // This stays below the limit of five searches a second.
    tokio::time::sleep(Duration::from_millis(250)).await;
    Call::post(URL, body).bearer(TOKEN).of(crm).await
}

#[tokio::test(start_paused = true)]
async fn a_search_filters_sorts_and_returns_the_named_properties() {
    let crm = hubspot(12);
    let since: Timestamp = "2026-11-24T00:00:04Z".parse().unwrap();
    let (status, body) = ask(&crm, search(since.as_millisecond(), "spring", "0")).await;
    assert_eq!(status, 200, "{body}");
    // The ids sort as numbers, not as texts.
    assert_eq!(ids(&body["results"], "id"), ["12", "14", "16", "18"]);
    let first = &body["results"][0];
    let expected = json!({ "firstname": "Ada", "phone": null, "createdate": "2020-01-01T00:00:00.000Z", "hs_object_id": "12",
        "lastmodifieddate": "2026-11-24T00:00:04.123Z" });
    assert_eq!(
        (&first["properties"], &first["archived"]),
        (&expected, &json!(false))
    );
    assert_eq!((&body["total"], body.get("paging")), (&json!(4), None));
    let (_, body) = ask(&crm, search(since.as_millisecond(), "spring", "14")).await;
    assert_eq!(ids(&body["results"], "id"), ["16", "18"]);
    // A search does not find archived contacts.
    let mut archived = contact(8);
    archived["archived"] = json!(true);
    crm.put(archived);
    let (_, body) = ask(&crm, search(since.as_millisecond(), "spring", "14")).await;
    assert_eq!(ids(&body["results"], "id"), ["18"]);
}

#[tokio::test(start_paused = true)]
async fn a_search_stops_at_ten_thousand() {
    let crm = hubspot(10_050);
    let (mut after, mut seen) = (json!(0), 0);
    loop {
        let (status, body) = ask(&crm, json!({ "limit": 200, "after": after })).await;
        if status != 200 {
            assert_eq!((status, seen), (400, 10_000), "{body}");
            break;
        }
        seen += body["results"].as_array().unwrap().len();
        after = body["paging"]["next"]["after"].clone();
    }
    // A new query behind the last id goes on where the 10,000 end.
    let (_, body) = ask(&crm, search(0, "spring", "10007")).await;
    assert_eq!(ids(&body["results"], "id").len(), 25);
}

#[tokio::test(start_paused = true)]
async fn unknown_parts_of_a_search_are_refused() {
    let crm = hubspot(3);
    let with = |pointer: &str, value: Value| {
        let mut body = search(0, "spring", "0");
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let filter = "/filterGroups/0/filters/0";
    for body in [
        json!([]),
        json!({ "limt": 5 }),
        with("/limit", json!(201)),
        with("/limit", json!(0)),
        with(&format!("{filter}/operator"), json!("BETWEEN")),
        with(&format!("{filter}/value"), json!("yesterday")),
        with(&format!("{filter}/value"), json!("")),
        with("/filterGroups/0/filters/2/value", json!("abc")),
        with("/filterGroups/0/filters/1/operator", json!("GT")),
        with("/sorts/0/direction", json!("UP")),
        json!({ "sorts": [{ "propertyName": "a" }, { "propertyName": "b" }] }),
        json!({ "after": "next" }),
    ] {
        let (status, answer) = ask(&crm, body.clone()).await;
        assert_eq!(
            (status, &answer["category"]),
            (400, &json!("VALIDATION_ERROR")),
            "{body}"
        );
    }
    let (status, _) = Call::post(URL, "{}").bearer("another").of(&crm).await;
    assert_eq!(status, 401);
    let (status, _) = Call::get(URL).bearer(TOKEN).of(&crm).await;
    assert_eq!(status, 404);
    // The sixth search in one second is refused.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for n in 0..8 {
        let (status, _) = Call::post(URL, "{}").bearer(TOKEN).of(&crm).await;
        assert_eq!(status, if n < 5 { 200 } else { 429 });
    }
}
