//! Tests of feeds' secrets that are refused. Each fault names the member at fault and what was
//! expected, and holds no value. Secrets that are right are in [`super`].

use super::*;

#[test]
fn a_missing_unknown_or_malformed_member_is_named_without_its_value() {
    let parse = |text: &str| {
        FeedSecret::parse(&SecretString::from(text), false).map_err(|error| error.to_string())
    };
    let error = |text: &str| parse(text).unwrap_err();
    assert!(error(r#"{"url": "https://crm.example.com/"}"#).contains("bearerToken: expected"));
    assert!(
        error(r#"{"url": "https://crm.example.com/", "bearerToken": "two\nlines"}"#)
            .contains("bearerToken")
    );
    let extra = r#"{"url": "https://crm.example.com/", "bearerToken": "hush", "token": "hush"}"#;
    assert_eq!(
        error(extra),
        "the secret is malformed: unknown member \"token\": expected none but url and bearerToken"
    );
    let misspelt = r#"{"url": "https://crm.example.com/", "bearertoken": "hush"}"#;
    assert_eq!(
        error(misspelt),
        "the secret is malformed: unknown member \"bearertoken\": expected none but url and bearerToken"
    );
    let forms = "expected url and bearerToken, or request, auth and the other members of a feed by configuration";
    assert!(error("{}").contains(forms), "{}", error("{}"));
    let neither = error(r#"{"bearer": "hush"}"#);
    assert!(
        neither.contains("unknown member \"bearer\"") && neither.contains(forms),
        "{neither}"
    );
    let good = parse(r#"{"url": "https://crm.example.com/?key=hush", "bearerToken": "hush"}"#);
    assert_eq!(format!("{good:?}"), "Ok(FeedSecret(hidden))");
}

#[test]
fn an_invalid_member_of_a_configured_feed_is_named_without_its_value() {
    let request = |url: &str| serde_json::json!({ "request": { "url": url } });
    let url = "request: url: expected a URL that begins with https://";
    for (more, expected) in [
        (request("http://crm.example.com/hush"), url),
        (request("https://user:hush@crm.example.com/"), url),
        (request("https://{campaign.hush}/"), url),
        (request("https://crm.example.com:{campaign.hush}/"), url),
        (request("https://crm.example.com{campaign.hush}/"), url),
        (request("{campaign.hush}://crm.example.com/"), url),
        (request("https:/\\crm.example.com/{since}"), url),
        (
            request("https://crm.example.com/{hush}"),
            "request: url: expected only the placeholders {since}",
        ),
        (
            serde_json::json!({ "request": { "url": "https://crm.example.com/", "query": { "q": "{hush}" } } }),
            "request: query: expected only the placeholders",
        ),
        (
            serde_json::json!({ "request": { "url": "https://crm.example.com/", "headers": { "Authorization": "hush" } } }),
            "request: headers: expected names of headers",
        ),
        (
            serde_json::json!({ "request": { "url": "https://crm.example.com/", "body": {} } }),
            "request: body: expected none beside method GET",
        ),
        (
            serde_json::json!({ "request": { "method": "PUT", "url": "https://crm.example.com/" } }),
            "request: method: expected",
        ),
        (
            serde_json::json!({ "next": { "cursor": "/next" } }),
            "request: expected a place for {cursor}, which next gives",
        ),
        (
            request("https://crm.example.com/{cursor}"),
            "next: expected cursor, keyset or offset",
        ),
        (
            serde_json::json!({ "next": { "link": "/a", "cursor": "/b" } }),
            "next: expected exactly one of",
        ),
        (
            serde_json::json!({ "next": { "keyset": "/id", "offset": {} } }),
            "next: expected exactly one of",
        ),
        (
            serde_json::json!({ "next": { "link": "a" } }),
            "next: link: expected a JSON pointer",
        ),
        (
            serde_json::json!({ "auth": { "kind": "hush" } }),
            "auth: kind: expected none, bearer",
        ),
        (
            serde_json::json!({ "auth": { "kind": "bearer", "token": "a b" } }),
            "auth: token: expected",
        ),
        (
            serde_json::json!({ "auth": { "kind": "none", "token": "hush" } }),
            "auth: unknown member \"token\"",
        ),
        (
            serde_json::json!({ "auth": null }),
            "auth: expected an object with its kind",
        ),
        (serde_json::json!({ "empty": [200] }), "empty: expected"),
        (
            serde_json::json!({ "overlapSeconds": 86_401 }),
            "overlapSeconds: expected",
        ),
        (
            serde_json::json!({ "minIntervalMs": 60_001 }),
            "minIntervalMs: expected",
        ),
        (
            serde_json::json!({ "campaigns": { "c1": { "a b": "hush" } } }),
            "campaigns: expected",
        ),
        (
            serde_json::json!({ "mapping": { "jq": "hush(" } }),
            "mapping.jq",
        ),
        (
            serde_json::json!({ "items": "/a", "mapping": { "jq": ".", "items": "/b" } }),
            "items: expected none beside",
        ),
        (
            serde_json::json!({ "auth": { "kind": "bearer", "tokn": "hush" } }),
            "auth: unknown member \"tokn\": expected none but token",
        ),
        (
            serde_json::json!({ "request": { "adress": "https://hush.example.com/" } }),
            "request: unknown member \"adress\": expected none but method, url, query, headers and body",
        ),
        (
            serde_json::json!({ "next": { "curser": "/next" } }),
            "next: unknown member \"curser\": expected none but cursor, link",
        ),
        (
            serde_json::json!({ "reqest": {} }),
            "unknown member \"reqest\": expected none but auth, request",
        ),
        (
            serde_json::json!({ "mapping": { "preset": "hubspotRecord", "columns": {}, "optOut": "none", "campaignField": "hush" } }),
            "mapping.campaignField: expected none in a feed's mapping, since a feed is asked for one campaign",
        ),
        (
            serde_json::json!({ "mapping": { "jq": ".", "headers": ["x-hush"] } }),
            "mapping.headers: expected none in a feed's mapping, since the items of a feed come without headers",
        ),
        (
            serde_json::json!({ "url": "https://hush.example.com/" }),
            "unknown member \"url\"",
        ),
        (
            serde_json::json!({ "bearerToken": "hush" }),
            "unknown member \"bearerToken\"",
        ),
    ] {
        let error = configured(&more).unwrap_err();
        assert!(error.contains(expected), "{more}: {error}");
        assert!(!error.contains("hush"), "{more}: {error}");
    }
    let debug = format!("{:?}", configured(&search()).unwrap());
    assert_eq!(debug, "FeedSecret(hidden)");
}
