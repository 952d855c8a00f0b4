//! Keeps what a CRM says when it refuses, for the operator's own terminal, without the credentials
//! in it.
//!
//! A refusal often says what is wrong with the request, but it may quote a token. So every secret
//! that the feed holds or the request showed is taken out. What is printed is decided in `shown`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use io::Https;
use io::http::{Transport, TransportError, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::request::{HIDDEN, PLAIN, is_secret};

/// How many characters of a refusal are shown at most.
const MOST_SHOWN: usize = 600;
/// A secret that is shorter than this may be part of any word, so it is not hidden.
const SHORTEST_SECRET: usize = 3;
/// Members of `auth` that hold no secret.
const OPEN: [&str; 6] = [
    "kind",
    "grant",
    "tokenUrl",
    "style",
    "headerFormat",
    "lifetimeSeconds",
];

/// An answer that is no page: its status, and the beginning of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The body in one line.
    pub(super) body: String,
}

/// An HTTPS client that keeps the newest answer if it is a refusal.
pub(super) struct RefusalRecorder {
    https: Https,
    /// The texts of the feed's secret that authenticate a request.
    own: Vec<SecretString>,
    last: Mutex<Option<Refusal>>,
}

impl RefusalRecorder {
    /// `secret` is the text of the feed's secret.
    pub(super) fn new(https: Https, secret: &SecretString) -> Arc<RefusalRecorder> {
        Arc::new(RefusalRecorder {
            https,
            own: own(secret.expose_secret()),
            last: Mutex::default(),
        })
    }

    pub(super) fn last(&self) -> Option<Refusal> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for RefusalRecorder {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            *self.lock() = None;
            let secrets = shown_by(&request);
            let answer = self.https.send(request, timeout).await?;
            // A successful answer is a page or a token.
            if !answer.status().is_success() {
                let secrets: Vec<_> = self.own.iter().chain(&secrets).collect();
                *self.lock() = Some(refusal(answer.status(), answer.body(), &secrets));
            }
            Ok(answer)
        }
        .boxed()
    }
}

/// Every text of the secret that may authenticate a request.
fn own(secret: &str) -> Vec<SecretString> {
    fn texts(value: &Value, found: &mut Vec<SecretString>) {
        match value {
            Value::String(text) => found.push(text.as_str().into()),
            Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
            Value::Object(members) => {
                let hidden = members
                    .iter()
                    .filter(|(name, _)| !OPEN.contains(&name.as_str()));
                hidden.for_each(|(_, value)| texts(value, found));
            }
            _ => {}
        }
    }
    let secret: Value = serde_json::from_str(secret).unwrap_or_default();
    let mut found = Vec::new();
    texts(&secret["auth"], &mut found);
    texts(&secret["bearerToken"], &mut found);
    found
}

/// Every text of a request that may authenticate it. These include tokens that an endpoint issued,
/// and signatures.
fn shown_by(request: &Request<Bytes>) -> Vec<SecretString> {
    let mut found = Vec::new();
    let mut add = |text: &str| found.push(SecretString::from(text));
    let hidden = |headers: &HeaderMap| {
        let headers = headers
            .iter()
            .filter(|(name, _)| !PLAIN.contains(&name.as_str()) && *name != "content-type");
        let values = headers.filter_map(|(_, value)| value.to_str().ok().map(str::to_owned));
        values.collect::<Vec<_>>()
    };
    for value in hidden(request.headers()) {
        add(&value);
        // The token follows the scheme.
        value
            .split_once(' ')
            .into_iter()
            .for_each(|(_, token)| add(token));
    }
    let form = std::str::from_utf8(request.body()).unwrap_or_default();
    let is_form = !form.starts_with(['{', '[']);
    let query = request.uri().query().unwrap_or_default();
    for pairs in [query, if is_form { form } else { "" }] {
        // A form is written as the query of a URL is.
        let Ok(url) = Url::parse(&format!("http://localhost/?{pairs}")) else {
            continue;
        };
        let pairs = url.query_pairs();
        for (_, value) in pairs.filter(|(name, _)| is_secret(name) || name == "assertion") {
            add(&value);
        }
    }
    found
}

fn refusal(status: StatusCode, body: &[u8], secrets: &[&SecretString]) -> Refusal {
    let text = String::from_utf8_lossy(body);
    let text = match serde_json::from_str::<Value>(&text) {
        Ok(mut json) => {
            hide(&mut json);
            json.to_string()
        }
        Err(_) => text.into_owned(),
    };
    let text = without(text, secrets);
    // The text becomes one line without control characters, which a terminal would obey.
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let mut body: String = words.join(" ");
    if let Some((cut, _)) = body.char_indices().nth(MOST_SHOWN) {
        body.truncate(cut);
        body.push_str(" …");
    }
    Refusal {
        status: status.as_u16(),
        body,
    }
}

/// Hides members whose names are those of secrets. A member `code` stays, because it says why the
/// CRM refuses.
fn hide(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(hide),
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            if is_secret(name) && !lower.contains("code") && !lower.contains("error") {
                *value = HIDDEN.into();
            }
            hide(value);
        }),
        _ => {}
    }
}

/// The text without the secrets, in each encoding in which it may hold them.
fn without(mut text: String, secrets: &[&SecretString]) -> String {
    let mut written: Vec<String> = Vec::new();
    for secret in secrets.iter().map(|secret| secret.expose_secret()) {
        if secret.len() < SHORTEST_SECRET {
            continue;
        }
        written.push(secret.to_owned());
        written.push(Value::from(secret).to_string().trim_matches('"').to_owned());
        if let Ok(mut url) = Url::parse("http://localhost/") {
            url.query_pairs_mut().append_pair("s", secret);
            let of_form = url.query().unwrap_or_default().trim_start_matches("s=");
            written.extend([of_form.to_owned(), of_form.replace('+', "%20")]);
        }
    }
    // The longest go first, because one secret may be a part of another.
    written.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    written.dedup();
    for secret in &written {
        text = text.replace(secret.as_str(), HIDDEN);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(body: &str) -> String {
        let auth = json!({ "auth": { "kind": "basic", "user": "ada", "password": "hush+/ =\"x" } });
        let own = own(&auth.to_string());
        let request = Request::post("https://crm.example.com/a?api_key=hush-hush&limit=50")
            .header("authorization", "Bearer hushed-token")
            .header("prefer", "much")
            .body(Bytes::from("grant_type=x&assertion=hush.a.b"))
            .unwrap();
        let shown = shown_by(&request);
        let all: Vec<_> = own.iter().chain(&shown).collect();
        let refusal = refusal(StatusCode::UNAUTHORIZED, body.as_bytes(), &all);
        assert_eq!(refusal.status, 401);
        refusal.body
    }

    #[test]
    fn a_refusal_is_shown_in_one_line_without_credentials() {
        for (body, expected) in [
            (
                r#"[{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}]"#,
                r#"[{"errorCode":"INVALID_SESSION_ID","message":"Session expired"}]"#,
            ),
            (
                r#"{"error":"invalid_grant","access_token":"other","limit":50}"#,
                r#"{"access_token":"…","error":"invalid_grant","limit":50}"#,
            ),
            ("token hushed-token is spent", "token … is spent"),
            ("Bearer hushed-token", "…"),
            ("user ada, hush+/ =\"x", "user …, …"),
            (r#"{"a":"no hush+/ =\"x here"}"#, r#"{"a":"no … here"}"#),
            ("?password=hush%2B%2F+%3D%22x&b=much", "?password=…&b=much"),
            ("hush-hush hush.a.b", "… …"),
            ("a\u{1b}[2J\n\t b\r\n", "a [2J b"),
            ("", ""),
        ] {
            assert_eq!(told(body), expected, "{body:?}");
        }
        let long = told(&"é".repeat(MOST_SHOWN + 1));
        assert_eq!(long, format!("{} …", "é".repeat(MOST_SHOWN)));
    }
}
