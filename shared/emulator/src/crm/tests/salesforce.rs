//! Tests of the emulated Salesforce: queries, pages, deleted records, and the client credentials
//! flow. The feed that reads it is tested in `tests/it/reconcile/vendors.rs`.

use super::*;

const HOST: &str = "https://acme.my.salesforce.com";

fn salesforce() -> Crm {
    let crm = crm(Vendor::Salesforce).with_page(2);
    for n in 0..7 {
        crm.put(json!({ "Id": format!("003RM{n}"), "FirstName": "Ada", "Phone": null, "DoNotCall": n == 1, "IsDeleted": n == 6,
            "Campaign__c": if n == 0 { "it's" } else { "spring" }, "LastModifiedDate": format!("2026-11-24T16:00:0{n}.000+0000"),
            "SystemModstamp": format!("2026-11-24T16:00:0{n}.000+0000") }));
    }
    crm
}

async fn ask(crm: &Crm, path: &str, query: &str) -> (u16, Value) {
    let token = token(crm, &format!("{HOST}/services/oauth2/token"), "").await;
    let url = format!("{HOST}/services/data/v65.0/{path}?q={}", encoded(query));
    Call::get(&url).bearer(&token).of(crm).await
}

#[tokio::test(start_paused = true)]
async fn a_query_is_read_page_by_page() {
    let crm = salesforce();
    let query = "SELECT Id, Phone, DoNotCall, IsDeleted, LastModifiedDate FROM Contact WHERE SystemModstamp >= 2026-11-24T16:00:01Z \
        AND Campaign__c = 'spring' ORDER BY Id";
    let (status, mut body) = ask(&crm, "queryAll", query).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["totalSize"], &body["done"]),
        (&json!(6), &json!(false))
    );
    let first = json!({ "attributes": { "type": "Contact", "url": "/services/data/v65.0/sobjects/Contact/003RM1" }, "Id": "003RM1", "Phone": null,
        "DoNotCall": true, "IsDeleted": false, "LastModifiedDate": "2026-11-24T16:00:01.000+0000" });
    assert_eq!(body["records"][0], first);
    let token = token(&crm, &format!("{HOST}/services/oauth2/token"), "").await;
    let mut seen = ids(&body["records"], "Id");
    while let Some(next) = body["nextRecordsUrl"].as_str().map(str::to_owned) {
        assert!(next.starts_with("/services/data/v65.0/query/01g"), "{next}");
        let url = format!("{HOST}{next}");
        // The same page may be requested again.
        for _ in 0..2 {
            let (status, again) = Call::get(&url).bearer(&token).of(&crm).await;
            assert_eq!(status, 200);
            body = again;
        }
        seen.extend(ids(&body["records"], "Id"));
    }
    let all = ["003RM1", "003RM2", "003RM3", "003RM4", "003RM5", "003RM6"];
    assert_eq!(
        (seen, &body["done"]),
        (all.map(str::to_owned).to_vec(), &json!(true))
    );
    // Some clients end the path with a slash.
    let (status, body) = ask(&crm, "queryAll/", query).await;
    assert_eq!((status, &body["totalSize"]), (200, &json!(6)));
    // Only `queryAll` returns deleted contacts.
    let (_, body) = ask(
        &crm,
        "query",
        "SELECT Id FROM Contact WHERE Id > '003RM4' ORDER BY Id DESC LIMIT 9",
    )
    .await;
    assert_eq!(ids(&body["records"], "Id"), ["003RM5"]);
    let (_, body) = ask(
        &crm,
        "queryAll",
        "select Id from Contact where Campaign__c='it\\'s' and DoNotCall = false",
    )
    .await;
    assert_eq!(ids(&body["records"], "Id"), ["003RM0"]);
}

#[tokio::test(start_paused = true)]
async fn unknown_parts_of_a_query_are_refused() {
    let crm = salesforce();
    for (query, code) in [
        ("", "MALFORMED_QUERY"),
        ("SELECT Id", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Contact WHERE Id = '1' OR Id = '2'",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Contact WHERE (Id = '1')", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Contact WHERE Id = 'it's'",
            "MALFORMED_QUERY",
        ),
        (
            "SELECT Id FROM Contact WHERE Id LIKE '0%'",
            "MALFORMED_QUERY",
        ),
        (
            "SELECT Id FROM Contact WHERE SystemModstamp >= yesterday",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Contact OFFSET 5", "MALFORMED_QUERY"),
        ("SELECT Id, Misspelt FROM Contact", "INVALID_FIELD"),
        (
            "SELECT Id FROM Contact WHERE Misspelt = true",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Contact WHERE SystemModstamp >= '2026-11-24T16:00:01Z'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Contact WHERE DoNotCall = 'true'",
            "INVALID_FIELD",
        ),
    ] {
        let (status, body) = ask(&crm, "queryAll", query).await;
        assert_eq!(
            (status, &body[0]["errorCode"]),
            (400, &json!(code)),
            "{query}"
        );
    }
    let (status, _) = ask(&crm, "search", "SELECT Id FROM Contact").await;
    assert_eq!(status, 404);
    let token = token(&crm, &format!("{HOST}/services/oauth2/token"), "").await;
    for (path, status) in [("query/01gother-2", 400), ("queryAll?q=a&x=1", 400)] {
        let url = format!("{HOST}/services/data/v65.0/{path}");
        assert_eq!(Call::get(&url).bearer(&token).of(&crm).await.0, status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_issued_to_the_right_client_and_expires() {
    let crm = salesforce();
    let url = format!("{HOST}/services/oauth2/token");
    let form = |body: &str| {
        let call = Call::post(&url, body);
        call.with("content-type", "application/x-www-form-urlencoded")
    };
    let basic = |secret: &str| {
        format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{CLIENT_ID}:{secret}"))
        )
    };
    let by_basic =
        form("grant_type=client_credentials").with("authorization", basic(CLIENT_SECRET));
    let (status, body) = by_basic.of(&crm).await;
    assert_eq!((status, body.get("expires_in")), (200, None));
    assert_eq!(body["instance_url"], HOST);
    for call in [
        form("grant_type=client_credentials").with("authorization", basic("wrong")),
        form("grant_type=password&client_id=client-of-the-crm&client_secret=secret-of-the-crm"),
        form("grant_type=client_credentials&client_id=client-of-the-crm"),
        Call::post(&url, "grant_type=client_credentials"),
    ] {
        let (status, body) = call.of(&crm).await;
        assert!(
            (400..=401).contains(&status) && body["error"].is_string(),
            "{body}"
        );
    }
    let query = format!(
        "{HOST}/services/data/v65.0/query?q={}",
        encoded("SELECT Id FROM Contact")
    );
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(Call::get(&query).bearer(token).of(&crm).await.0, 200);
    let (status, body) = Call::get(&query).bearer("access-token-99").of(&crm).await;
    assert_eq!(
        (status, &body[0]["errorCode"]),
        (401, &json!("INVALID_SESSION_ID"))
    );
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(Call::get(&query).bearer(token).of(&crm).await.0, 401);
}
