use super::*;

const URL: &str = "https://acme.pipedrive.com/api/v2/persons";
const OWN: &str = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3";

fn pipedrive() -> Crm {
    let crm = crm(Vendor::Pipedrive);
    for n in 0..12 {
        let updated = (n != 2).then(|| format!("2026-11-24T16:00:{n:02}Z"));
        crm.put(json!({ "id": n, "name": "Ada", "add_time": "2026-11-24T16:00:02Z", "update_time": updated, "is_deleted": n == 11,
            "custom_fields": { OWN: if n % 2 == 0 { 17 } else { 18 }, "other": null } }));
    }
    crm.put_filter("71", OWN, json!(17));
    crm
}

async fn ask(crm: &Crm, query: &str) -> (u16, Value) {
    let url = format!("{URL}{query}");
    Call::get(&url).with("x-api-token", TOKEN).of(crm).await
}

#[tokio::test(start_paused = true)]
async fn persons_are_read_by_cursors() {
    let crm = pipedrive();
    let query = "?updated_since=2026-11-24T16:00:02Z&filter_id=71&limit=2&sort_by=update_time";
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, body) = ask(&crm, &format!("{query}{cursor}")).await;
        assert_eq!((status, &body["success"]), (200, &json!(true)), "{body}");
        seen.extend(ids(&body["data"], "id"));
        match body["additional_data"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        // A person that changes meanwhile comes again at the end, and no other person is skipped.
        crm.put(json!({ "id": 6, "name": "Eva", "add_time": "2026-11-24T16:00:02Z", "update_time": "2026-11-24T16:01:00Z", "custom_fields": { OWN: 17 } }));
    }
    // A person that was never changed sorts by the time of its creation.
    assert_eq!(seen, ["2", "4", "8", "10", "6"]);
    let (_, body) = ask(&crm, "?limit=500&custom_fields=other&sort_direction=desc").await;
    assert_eq!(body["data"].as_array().unwrap().len(), 11);
    assert_eq!(
        (&body["data"][0]["id"], &body["data"][0]["custom_fields"]),
        (&json!(10), &json!({ "other": null }))
    );
    let (_, body) = ask(&crm, "?updated_until=2026-11-24T16:00:01Z").await;
    assert_eq!(ids(&body["data"], "id"), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn unknown_parameters_of_pipedrive_are_refused() {
    let crm = pipedrive();
    for query in [
        "?since=2026-11-24T16:00:02Z",
        "?updated_since=yesterday",
        "?limit=501",
        "?limit=0",
        "?limit=1&limit=2",
        "?sort_by=name",
        "?sort_direction=up",
        "?filter_id=72",
        "?cursor=abc",
        "?custom_fields=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
    ] {
        let (status, body) = ask(&crm, query).await;
        assert_eq!((status, &body["success"]), (400, &json!(false)), "{query}");
    }
    assert_eq!(
        Call::get(URL)
            .with("x-api-token", "another")
            .of(&crm)
            .await
            .0,
        401
    );
    assert_eq!(Call::get(URL).bearer(TOKEN).of(&crm).await.0, 401);
    assert_eq!(
        Call::post(URL, "{}")
            .with("x-api-token", TOKEN)
            .of(&crm)
            .await
            .0,
        404
    );
}
