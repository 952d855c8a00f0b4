//! Tests of a feed's secret in both its forms: a URL and a token, and a configuration. `refused`
//! has the secrets that are refused, and `oauth::tests` the tokens.

mod refused;

use domain::change::CampaignId;

use super::*;

fn parse(url: &str, is_local: bool) -> Result<FeedSecret, String> {
    let text = serde_json::json!({ "url": url, "bearerToken": "hush" }).to_string();
    FeedSecret::parse(&SecretString::from(text), is_local).map_err(|error| error.to_string())
}

#[test]
fn a_page_is_asked_for_by_campaign_time_and_cursor_beside_what_the_url_holds() {
    let secret = parse("https://crm.example.com/contacts?tenant=7", false).unwrap();
    let campaign = CampaignId::parse("c1").unwrap();
    let since = "2026-11-24T15:00:00Z".parse().unwrap();
    let page = |cursor| {
        let asked = Asked {
            campaign: &campaign,
            since,
            cursor,
        };
        String::from(secret.request(&asked).unwrap().url)
    };
    let first =
        "https://crm.example.com/contacts?tenant=7&campaignId=c1&since=2026-11-24T15%3A00%3A00Z";
    assert_eq!(page(None), first);
    assert_eq!(
        page(Some("a&b=/ é")),
        format!("{first}&cursor=a%26b%3D%2F%20%C3%A9")
    );
}

#[test]
fn a_token_goes_over_tls_alone_but_to_this_machine_in_a_local_run() {
    for url in [
        "http://127.0.0.1:8787/feed",
        "http://localhost/feed",
        "http://[::1]:80/feed",
    ] {
        assert!(parse(url, true).is_ok(), "{url}");
        assert!(parse(url, false).is_err(), "{url}");
    }
    for url in [
        "http://crm.example.com/contacts",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
        "ftp://crm.example.com/",
        "https://user:hush@crm.example.com/",
        "https://hush@crm.example.com/",
        "https://crm.example.com/#hush",
        "crm.example.com/contacts",
        "",
    ] {
        let error = parse(url, true).unwrap_err();
        let expected =
            "url: expected a URL that begins with https://, without user, password or fragment";
        assert_eq!(
            error,
            format!("the secret is malformed: {expected}"),
            "{url}"
        );
    }
}

fn configured(more: &serde_json::Value) -> Result<FeedSecret, String> {
    let mut secret = serde_json::json!({
        "auth": { "kind": "none" },
        "request": { "url": "https://crm.example.com/v1/contacts" },
    });
    let members = secret.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let text = SecretString::from(secret.to_string());
    FeedSecret::parse(&text, false).map_err(|error| error.to_string())
}

fn asked(secret: &FeedSecret, cursor: Option<&str>) -> Result<Plain, Unfit> {
    let campaign = CampaignId::parse("c1").unwrap();
    secret.request(&Asked {
        campaign: &campaign,
        since: "2026-11-24T15:00:00Z".parse().unwrap(),
        cursor,
    })
}

/// A feed that uses HubSpot's search.
fn search() -> serde_json::Value {
    serde_json::json!({
        "auth": { "kind": "bearer", "token": "hush" },
        "request": { "method": "POST", "url": "https://api.hubapi.com/crm/v3/objects/contacts/search",
            "body": { "limit": 200, "filterGroups": [{ "filters": [
                { "propertyName": "lastmodifieddate", "operator": "GTE", "value": "{since:ms}" },
                { "propertyName": "campaign", "operator": "EQ", "value": "{campaign.name}" },
                { "propertyName": "hs_object_id", "operator": "GT", "value": "{cursor|0}" } ] }] } },
        "campaigns": { "c1": { "name": "O'Brien \"&\" é{" } },
        "items": "/results", "next": { "keyset": "/id" }, "minIntervalMs": 250, "overlapSeconds": 120,
    })
}

#[test]
fn a_body_is_filled_with_values_that_stay_texts() {
    let secret = configured(&search()).unwrap();
    assert_eq!(secret.min_interval, Duration::from_millis(250));
    let filters = |cursor| {
        let body = asked(&secret, cursor).unwrap().body.unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["limit"], 200);
        body["filterGroups"][0]["filters"].clone()
    };
    let first = filters(None);
    // The request asks from 120 s before the time of the run.
    assert_eq!(first[0]["value"], "1795532280000");
    assert_eq!(first[1]["value"], "O'Brien \"&\" é{");
    assert_eq!(first[2]["value"], "0");
    assert_eq!(filters(Some("501"))[2]["value"], "501");
    for cursor in ["5' OR Id > '", "", "a b", "é"] {
        assert!(
            matches!(asked(&secret, Some(cursor)), Err(Unfit::Cursor)),
            "{cursor}"
        );
    }
}

#[test]
fn values_in_a_url_are_escaped_and_lead_nowhere_else() {
    let secret = |name: &str| {
        configured(&serde_json::json!({
            "request": { "url": "https://crm.example.com/lists/{campaign.name}/contacts?v=2",
                         "query": { "$filter": "at ge {since} and list eq '{campaign.name}'", "page": "{cursor}", "limit": 50 },
                         "headers": { "If-Modified-Since": "{since}", "X-List": "{campaign.name}" } },
            "campaigns": { "c1": { "name": name } }, "next": { "cursor": "/next" },
        }))
        .unwrap()
    };
    let plain = asked(&secret("a/b?c#d&e é'\""), Some("x&y=1")).unwrap();
    let escaped = "a%2Fb%3Fc%23d%26e%20%C3%A9%27%22";
    let expected = format!(
        "https://crm.example.com/lists/{escaped}/contacts?v=2&$filter=at%20ge%202026-11-24T15%3A00%3A00Z%20and%20list%20eq%20%27\
         {escaped}%27&limit=50&page=x%26y%3D1"
    );
    assert_eq!(plain.url.as_str(), expected);
    assert_eq!(plain.headers["if-modified-since"], "2026-11-24T15:00:00Z");
    assert_eq!(
        plain.headers["x-list"].as_bytes(),
        "a/b?c#d&e é'\"".as_bytes()
    );
    let first = asked(&secret("a"), None).unwrap();
    assert!(
        first.url.as_str().ends_with("%27a%27&limit=50"),
        "{}",
        first.url
    );
    assert!(matches!(asked(&secret(".."), None), Err(Unfit::Url)));

    let unnamed =
        serde_json::json!({ "request": { "url": "https://crm.example.com/{campaign.list}" } });
    let error = asked(&configured(&unnamed).unwrap(), None).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the secret's campaigns: expected \"list\" of this campaign, which the request names"
    );
    let in_header = serde_json::json!({ "request": { "url": "https://crm.example.com/", "headers": { "X-At": "{cursor}" } },
                                        "next": { "cursor": "/next" } });
    let error = asked(&configured(&in_header).unwrap(), Some("a\r\nb")).err();
    assert_eq!(error, Some(Unfit::Cursor));
}

#[test]
fn a_link_is_of_the_same_origin_or_none() {
    let secret = configured(&serde_json::json!({ "next": { "link": "/next" } })).unwrap();
    let at = Url::parse("https://crm.example.com/v1/contacts?x=1").unwrap();
    for (link, expected) in [
        ("/v1/more?c=%2520a", Some("/v1/more?c=%2520a")),
        ("more", Some("/v1/more")),
        ("?page=2", Some("/v1/contacts?page=2")),
        ("https://crm.example.com:443/a#b", Some("/a")),
        (
            "https://crm.example.com//evil.test/a",
            Some("//evil.test/a"),
        ),
        ("http://crm.example.com/a", None),
        ("https://crm.example.com:444/a", None),
        ("https://user:pw@crm.example.com/a", None),
        ("//evil.test/a", None),
        ("\\\\evil.test/a", None),
        ("https://crm.example.com.evil.test/", None),
        ("javascript:1", None),
    ] {
        assert_eq!(secret.within(&at, link).as_deref(), expected, "{link}");
    }
    let by_query = with_auth_in_query();
    let shown = by_query.within(&at, "?a=1&api%5Ftoken=hush&b=%2B&api_token=hush");
    assert_eq!(
        shown.as_deref(),
        Some("/v1/contacts?a=1&b=%2B"),
        "no token in a cursor"
    );
    let url = |link| asked(&secret, Some(link)).map(|plain| plain.url.to_string());
    assert_eq!(
        url("/a?c=%2520").unwrap(),
        "https://crm.example.com/a?c=%2520"
    );
    assert_eq!(
        url("//evil.test/a").unwrap(),
        "https://crm.example.com//evil.test/a"
    );
    for link in [
        "@evil.test/",
        ".evil.test/",
        ":80/",
        "https://evil.test/",
        "",
    ] {
        assert_eq!(url(link), Err(Unfit::Cursor), "{link}");
    }
}

#[test]
fn a_secret_knows_whether_its_requests_name_their_campaign() {
    for (more, expected) in [
        (serde_json::json!({}), false),
        (
            serde_json::json!({ "campaigns": { "c1": { "name": "a" } } }),
            false,
        ),
        (
            serde_json::json!({ "request": { "url": "https://crm.example.com/{campaignId}" } }),
            true,
        ),
        (
            serde_json::json!({ "request": { "url": "https://crm.example.com/", "query": { "l": "a{campaign.list}" } } }),
            true,
        ),
        (
            serde_json::json!({ "request": { "url": "https://crm.example.com/", "headers": { "x-l": "{campaignId}" } } }),
            true,
        ),
    ] {
        let secret = configured(&more).unwrap();
        assert_eq!(secret.asks_for_a_campaign(), expected, "{more}");
    }
    assert!(configured(&search()).unwrap().asks_for_a_campaign());
    let own = parse("https://crm.example.com/contacts", false).unwrap();
    assert!(own.asks_for_a_campaign());
}

fn with_auth_in_query() -> FeedSecret {
    let auth = serde_json::json!({ "kind": "query", "name": "api_token", "value": "hush" });
    configured(&serde_json::json!({ "auth": auth, "next": { "link": "/next" } })).unwrap()
}

proptest::proptest! {
    #[test]
    fn requests_never_leave_the_configured_origin(
        name in "\\PC{1,40}|[./\\\\@:?#%&{}]{1,12}", cursor in "\\PC{0,40}|[./\\\\@:?#%&{}]{0,12}", is_link: bool,
    ) {
        let next = if is_link { "link" } else { "cursor" };
        let at = if is_link { "" } else { "/{cursor|0}" };
        let url = format!("https://crm.example.com/a/{{campaign.name}}/b{at}");
        let secret = configured(&serde_json::json!({
            "request": { "url": url, "query": { "q": "x{campaign.name}&" }, "headers": { "x-q": "{campaign.name}" } },
            "campaigns": { "c1": { "name": name } }, "next": { next: "/next" },
        })).unwrap();
        let base = Url::parse("https://crm.example.com/").unwrap();
        if let Ok(plain) = asked(&secret, Some(&cursor)) {
            proptest::prop_assert_eq!(plain.url.origin(), base.origin());
            proptest::prop_assert!(plain.url.username().is_empty() && plain.url.password().is_none());
            if !is_link {
                proptest::prop_assert_eq!(plain.url.path_segments().unwrap().count(), 4);
                let (_, value) = plain.url.query_pairs().next().unwrap();
                proptest::prop_assert_eq!(value, format!("x{name}&"));
            }
        }
        if let Some(within) = secret.within(&base, &cursor) {
            let linked = configured(&serde_json::json!({ "next": { "link": "/next" } })).unwrap();
            if let Ok(plain) = asked(&linked, Some(&within)) {
                proptest::prop_assert_eq!(plain.url.origin(), base.origin());
            }
        }
    }
}
