//! The ways in which a feed by configuration authenticates: headers, parameters, and tokens of
//! OAuth 2.0. The pages of such a feed are in `pages`.

use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn each_way_to_authenticate_sends_its_credentials_with_every_page_and_nowhere_else() {
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
        // Some APIs put the credential of the request into the link.
        0 => page(&["a"], &json!({ "next": "?api_token=h%261&page=2" })),
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
async fn a_refusal_of_the_credentials_or_a_redirect_is_an_error() {
    for (told, expected) in [
        (
            status(401),
            "it answered 401: the CRM does not accept the credentials in the secret's auth",
        ),
        (
            status(403),
            "it answered 403: the CRM does not accept the credentials in the secret's auth",
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
    ] {
        let run = Run::new(&secret(&json!({})), move |_, _| told.clone());
        let error = run.error().await;
        assert!(error.ends_with(expected), "{error}");
        assert_eq!(run.asked().len(), 1);
    }
}

/// A feed whose tokens come from a token endpoint.
fn oauth(more: &Value) -> Value {
    let mut auth = json!({ "kind": "oauth2", "grant": "client_credentials", "tokenUrl": "https://login.test/token",
                           "clientId": "id", "clientSecret": "hush-client" });
    let members = auth.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    secret(&json!({ "auth": auth, "next": { "link": "/next" } }))
}

fn is_token(asked: &Asked) -> bool {
    asked.url == "https://login.test/token"
}

fn token(name: &str, more: &Value) -> Told {
    let mut token = json!({ "access_token": name });
    token
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    (200, vec![], token.to_string())
}

/// Two pages for a caller whose token is not `spent`.
fn pages(asked: &Asked, spent: &str) -> Told {
    match (asked.header("authorization"), asked.url.contains("page=2")) {
        (shown, _) if shown == spent || !shown.starts_with("Bearer hush-") => status(401),
        (_, false) => page(&["a"], &json!({ "next": "?page=2" })),
        (_, true) => page(&["b"], &json!({})),
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_a_minute_before_its_end() {
    let run = Run::new(&oauth(&json!({})), |asked, before| match is_token(asked) {
        true => token(&format!("hush-{before}"), &json!({ "expires_in": 600 })),
        false => pages(asked, ""),
    });
    let tokens = || run.asked().iter().filter(|asked| is_token(asked)).count();
    run.run(json!({})).await.unwrap();
    assert_eq!((tokens(), run.asked().len()), (1, 3));
    let asked = &run.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.header("content-type")),
        ("POST", "application/x-www-form-urlencoded")
    );
    assert_eq!(
        asked.body,
        "grant_type=client_credentials&client_id=id&client_secret=hush-client"
    );
    run.world.pass(Duration::from_secs(500)).await;
    run.run(json!({})).await.unwrap();
    assert_eq!(tokens(), 1);
    run.world.pass(Duration::from_secs(45)).await;
    run.run(json!({})).await.unwrap();
    assert_eq!(tokens(), 2, "a minute before its end");
    // The next token is requested with the new secret.
    run.world
        .put_feed("acme", &oauth(&json!({ "scope": "more" })));
    run.run(json!({})).await.unwrap();
    assert_eq!(tokens(), 3);
}

#[tokio::test(start_paused = true)]
async fn after_a_401_exactly_one_more_token_is_requested() {
    let run = Run::new(&oauth(&json!({})), |asked, before| match is_token(asked) {
        true => token(&format!("hush-{before}"), &json!({ "expires_in": 3600 })),
        // The first token was revoked.
        false => pages(asked, "Bearer hush-0"),
    });
    assert_eq!(run.run(json!({})).await.unwrap().checked, 2);
    let kinds: Vec<_> = run.asked().iter().map(is_token).collect();
    assert_eq!(kinds, [true, false, true, false, false]);

    let run = Run::new(&oauth(&json!({})), |asked, _| match is_token(asked) {
        true => token("hush-same", &json!({})),
        false => status(401),
    });
    let error = run.error().await;
    assert!(
        error.ends_with(
            "it answered 401: the CRM does not accept the credentials in the secret's auth"
        ),
        "{error}"
    );
    let kinds: Vec<_> = run.asked().iter().map(is_token).collect();
    assert_eq!(kinds, [true, false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_refuses_or_rotates_is_an_error_that_shows_nothing() {
    let refresh = json!({ "grant": "refresh_token", "refreshToken": "hush-refresh" });
    for (told, times, expected) in [
        (
            (
                400,
                vec![],
                json!({ "error": "invalid_grant", "error_description": "hush" }).to_string(),
            ),
            1,
            "the token endpoint: it answered 400 (invalid_grant): expected it to accept the secret's auth",
        ),
        (
            status(503),
            3,
            "the token endpoint: it answered 503, 3 times",
        ),
        (
            (
                302,
                vec![("location", "https://evil.test/".into())],
                String::new(),
            ),
            1,
            "the token endpoint: it answered 302: expected",
        ),
        (
            token("hush-1", &json!({ "refresh_token": "hush-other" })),
            1,
            "the token endpoint: it issues another refresh_token with each use, and campaign-sync cannot store it",
        ),
    ] {
        let run = Run::new(&oauth(&refresh), move |_, _| told.clone());
        let error = run.error().await;
        assert!(error.contains(expected), "{error}");
        assert!(run.asked().iter().all(is_token));
        assert_eq!(run.asked().len(), times, "{expected}");
    }
    let run = Run::new(&oauth(&refresh), |asked, _| match is_token(asked) {
        true => token("hush-1", &json!({ "refresh_token": "hush-refresh" })),
        false => pages(asked, ""),
    });
    assert!(run.run(json!({})).await.unwrap().complete, "one that stays");
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_asks_for_a_long_wait_gets_it_and_the_run_may_go_on() {
    let run = Run::new(&oauth(&json!({})), |asked, before| match is_token(asked) {
        true if before == 0 => (429, vec![("retry-after", "3600".into())], String::new()),
        true => token("hush-1", &json!({})),
        false => pages(asked, ""),
    });
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!((answer.complete, run.asked().len()), (false, 1));
    let answer = run.run(json!({ "cursor": answer.cursor })).await.unwrap();
    assert_eq!((answer.checked, answer.complete), (2, true));
}

#[tokio::test(start_paused = true)]
async fn the_header_is_sent_in_the_form_of_the_vendor() {
    let form = json!({ "headerFormat": "Zoho-oauthtoken {token}", "style": "basic" });
    let run = Run::new(&oauth(&form), |asked, _| match is_token(asked) {
        true => token("hush-1", &json!({})),
        false => page(&["a"], &json!({})),
    });
    run.run(json!({})).await.unwrap();
    let shown: Vec<_> = run
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").to_owned())
        .collect();
    assert_eq!(
        shown,
        ["Basic aWQ6aHVzaC1jbGllbnQ=", "Zoho-oauthtoken hush-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn runs_side_by_side_ask_for_one_token() {
    let run = Run::new(&oauth(&json!({})), |asked, _| match is_token(asked) {
        true => token("hush-1", &json!({})),
        false => pages(asked, ""),
    });
    let (one, two) = tokio::join!(run.run(json!({})), run.run(json!({})));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(
        run.asked().iter().filter(|asked| is_token(asked)).count(),
        1
    );
}
