//! How a feed shows who asks.

use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn each_way_shows_who_asks_on_every_page_and_nowhere_else() {
    for (auth, header, value) in [
        (json!({ "kind": "none" }), "authorization", ""),
        (
            json!({ "kind": "bearer", "token": "hush1" }),
            "authorization",
            "Bearer hush1",
        ),
        (
            json!({ "kind": "basic", "user": "u", "password": "hush é" }),
            "authorization",
            "Basic dTpodXNoIMOp",
        ),
        (
            json!({ "kind": "header", "name": "X-Api-Token", "value": "hush3" }),
            "x-api-token",
            "hush3",
        ),
    ] {
        let more = json!({ "auth": auth, "next": { "link": "/next" } });
        let run = Run::new(&secret(&more), |_, before| match before {
            0 => page(&["a"], &json!({ "next": "/v1/more" })),
            _ => page(&["b"], &json!({})),
        });
        run.run(json!({})).await.unwrap();
        let asked = run.asked();
        assert_eq!(asked.len(), 2);
        for asked in asked {
            assert_eq!(asked.header(header), value);
            assert_eq!(asked.header("accept"), "application/json");
            assert!(!asked.url.contains("hush"));
        }
    }
    let more = json!({ "auth": { "kind": "query", "name": "api_token", "value": "h&1" }, "next": { "link": "/next" } });
    let run = Run::new(&secret(&more), |_, before| match before {
        0 => page(&["a"], &json!({ "next": "?page=2" })),
        _ => page(&["b"], &json!({})),
    });
    run.run(json!({})).await.unwrap();
    let expected = [
        "https://crm.test/v1/contacts?since=2026-11-24T15%3A00%3A00Z&api_token=h%261",
        "https://crm.test/v1/contacts?page=2&api_token=h%261",
    ];
    assert_eq!(run.urls(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_no_token_or_leads_elsewhere_is_an_error() {
    for (told, expected) in [
        (
            status(401),
            "it answered 401: expected that it takes what the secret's auth shows",
        ),
        (
            status(403),
            "it answered 403: expected that it takes what the secret's auth shows",
        ),
        (status(204), "it answered 204: expected 200"),
        (
            (
                302,
                vec![("location", "https://evil.test/".into())],
                String::new(),
            ),
            "it answered 302: redirects are not followed; expected the page itself",
        ),
        (
            (400, vec![], "hush".into()),
            "it answered 400: expected 200",
        ),
        (
            (429, vec![("retry-after", "3600".into())], String::new()),
            "it answered 429, 1 time",
        ),
    ] {
        let run = Run::new(&secret(&json!({})), move |_, _| told.clone());
        let error = run.error().await;
        assert!(error.ends_with(expected), "{error}");
        assert_eq!(run.asked().len(), 1);
    }
}
