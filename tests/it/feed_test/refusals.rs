//! A CRM that refuses or does not answer: `feed test` prints the request and why there is no page,
//! and no credential. CRMs that answer with a page are in [`super`].

use axum::http::{StatusCode, header};
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{CAMPAIGN, file};
use crate::support::served::Served;

/// Starts a CRM that refuses each request and quotes its credentials, as some do. Returns its
/// address.
async fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let says = async |request: axum::extract::Request| {
        let shown = request.headers().get(header::AUTHORIZATION).cloned();
        let shown = shown.map(|value| value.to_str().unwrap().to_owned());
        let query = request.uri().query().unwrap_or_default().to_owned();
        let body = json!({ "errorCode": "INVALID_SESSION_ID", "message": format!("no session of {shown:?} in {query}") });
        (StatusCode::UNAUTHORIZED, body.to_string())
    };
    let page = async || {
        (
            StatusCode::NOT_FOUND,
            "<html>\n  <p>No\u{1b}[2J such page</p>",
        )
    };
    let token = async || {
        let said = json!({ "error": "invalid_client", "error_description": "client hush-client with hush-secret" });
        (StatusCode::BAD_REQUEST, said.to_string())
    };
    let app = axum::Router::new()
        .route("/contacts", any(says))
        .route("/token", any(token))
        .fallback(page);
    tokio::spawn(axum::serve(listener, app).into_future());
    url
}

async fn tested(name: &str, secret: &Value, more: &[&str]) -> (i32, Value, String) {
    let served = Served::new().await;
    let path = file(&format!("refusals-{name}"), secret);
    let arguments = ["feed", "test", "--secret", &path, "--campaign", CAMPAIGN];
    let told = served.command(&[&arguments[..], more].concat()).await;
    assert_eq!(told.0, 1, "{}", told.2);
    assert!(!told.2.contains("hush"), "{}", told.2);
    told
}

#[tokio::test]
async fn a_refusal_is_printed_with_its_status_and_text_and_without_credentials() {
    let url = refusing().await;
    let own =
        json!({ "url": format!("{url}/contacts?api_key=hush-key"), "bearerToken": "hush-token" });
    let (_, _, text) = tested("own", &own, &[]).await;
    let lines: Vec<_> = text.lines().collect();
    let [campaign, asked, by, none, says] = lines[..] else {
        panic!("{text}")
    };
    assert_eq!(campaign, format!("page 1 of campaign {CAMPAIGN}:"));
    assert!(asked.starts_with(&format!("GET {url}/contacts?api_key=…&campaignId=")));
    assert!(by.contains("a token or password"), "{by}");
    assert_eq!(
        none,
        "There is no page: it answered 401: expected it to accept the secret's bearerToken"
    );
    assert!(
        says.starts_with(r#"Its answer 401 says: {"errorCode":"INVALID_SESSION_ID","message":"no session of Some(\"…\") in api_key=…&"#),
        "{says}"
    );
    let (_, told, text) = tested("json", &own, &["--json"]).await;
    assert_eq!(told["answer"]["status"], 401, "{text}");
    let body = told["answer"]["body"].as_str().unwrap();
    assert!(body.contains("INVALID_SESSION_ID"), "{body}");

    let other = json!({ "url": format!("{url}/other"), "bearerToken": "hush-token" });
    let (_, _, text) = tested("html", &other, &[]).await;
    assert!(
        text.contains("Its answer 404 says: <html> <p>No [2J such page</p>"),
        "{text}"
    );
    let oauth = json!({
        "auth": { "kind": "oauth2", "grant": "client_credentials", "tokenUrl": format!("{url}/token"),
            "clientId": "hush-client", "clientSecret": "hush-secret" },
        "request": { "method": "POST", "url": format!("{url}/contacts"), "body": { "since": "{since}", "campaign": "{campaignId}" } },
    });
    let (_, _, text) = tested("oauth", &oauth, &[]).await;
    for line in [
        &format!("POST {url}/contacts"),
        r#"{"campaign":"5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11","since":"1970-01-01T00:00:00Z"}"#,
        "There is no page: the token endpoint: it answered 400 (invalid_client)",
        r#"Its answer 400 says: {"error":"invalid_client","error_description":"client … with …"}"#,
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test]
async fn the_request_is_printed_even_if_no_answer_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/contacts", listener.local_addr().unwrap());
    drop(listener);
    let secret = json!({ "auth": { "kind": "none" }, "request": { "url": url } });
    let (_, _, text) = tested("nobody", &secret, &[]).await;
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    let (asked, none) = (
        place(&format!("GET {url}")),
        place("There is no page: no connection"),
    );
    assert!(asked < none && !text.contains("Its answer"), "{text}");
    // The CRM would return the same contacts for every campaign.
    place("note: request names no campaign ({campaignId} or {campaign.NAME})");
    let (_, told, _) = tested("nobody-json", &secret, &["--json"]).await;
    assert_eq!(told["answer"], Value::Null);
    assert_eq!(told["notes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_request_is_printed_before_its_answer_arrives() {
    use tokio::io::AsyncReadExt;

    // It accepts the connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/contacts", silent.local_addr().unwrap());
    let secret = json!({ "auth": { "kind": "none" }, "request": { "url": url } });
    let path = file("refusals-silent", &secret);
    let served = Served::new().await;
    let arguments = ["feed", "test", "--secret", &path, "--campaign", CAMPAIGN];
    let mut command = served.prepared(&arguments).spawn().unwrap();
    let (connection, _) = silent.accept().await.unwrap();
    let mut told = vec![0; 400];
    let read = command.stdout.as_mut().unwrap().read(&mut told).await;
    told.truncate(read.unwrap());
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains(&format!("GET {url}")), "{told}");
    command.kill().await.unwrap();
    drop(connection);
}

#[tokio::test]
async fn an_empty_or_misspelt_secret_is_reported_with_what_was_expected() {
    let served = Served::new().await;
    for (name, secret, expected) in [
        (
            "empty",
            json!({}),
            "expected url and bearerToken, or request, auth and the other members of a feed by configuration",
        ),
        (
            "misspelt",
            json!({ "url": "https://crm.example.com/", "bearertoken": "hush" }),
            "unknown member \"bearertoken\": expected none but url and bearerToken",
        ),
        (
            "webhook",
            json!({ "auth": { "kind": "none" }, "request": { "url": "https://crm.example.com/" },
                "mapping": { "preset": "hubspotRecord", "columns": {}, "optOut": "none", "campaignField": "c" } }),
            "mapping.campaignField: expected none",
        ),
    ] {
        let path = file(&format!("refusals-{name}"), &secret);
        let (status, _, text) = served.command(&["feed", "test", "--secret", &path]).await;
        assert!(
            status == 2 && text.contains(expected) && !text.contains("hush"),
            "{text}"
        );
    }
}
