//! Shows the request for a page to a person, without the credentials in it.
//!
//! The request itself is made by `io`. Whether a name is that of a secret is decided here, also for
//! answers (`super::refusals`).

use http::HeaderMap;
use io::secrets::{FeedSecret, Plain};
use serde_json::{Map, Value, json};

/// The text that replaces a value that may be a secret.
pub(super) const HIDDEN: &str = "…";

/// Headers that hold no credentials.
pub(super) const PLAIN: [&str; 6] = [
    "accept",
    "accept-language",
    "consistencylevel",
    "if-modified-since",
    "prefer",
    "sforce-query-options",
];

/// Whether a value of this name may be a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [
        "token",
        "key",
        "secret",
        "password",
        "auth",
        "code",
        "signature",
        "session",
    ];
    // A token that leads to the next page is no secret.
    let is_place = ["skiptoken", "page_token", "pagetoken", "next_token"]
        .iter()
        .any(|place| name.contains(place));
    !is_place && words.iter().any(|word| name.contains(word))
}

/// Method, address, headers and body.
pub(super) fn json(secret: &FeedSecret, plain: &Plain) -> Value {
    json!({
        "method": plain.method.as_str(),
        "url": address(plain),
        "auth": secret.auth.name(),
        "headers": headers(&plain.headers),
        "body": plain.body.as_deref().map(body),
    })
}

/// The request for a person, one part a line.
pub(super) fn lines(secret: &FeedSecret, plain: &Plain) -> Vec<String> {
    let mut lines = vec![
        format!("{} {}", plain.method, address(plain)),
        format!("  authenticated by: {}", secret.auth.name()),
    ];
    for (name, value) in headers(&plain.headers) {
        let value = value.as_str().unwrap_or_default().to_owned();
        lines.push(format!("  {name}: {value}"));
    }
    if let Some(text) = &plain.body {
        lines.push(format!("  {}", body(text)));
    }
    lines
}

fn address(plain: &Plain) -> String {
    let mut url = plain.url.clone();
    url.set_query(None);
    let pairs = plain.url.query().unwrap_or_default().split('&');
    let pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = if is_secret(name) { HIDDEN } else { value };
        format!("{name}={value}")
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    match query.is_empty() {
        true => url.to_string(),
        false => format!("{url}?{query}"),
    }
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let shown = headers.iter().map(|(name, value)| {
        let value = value.to_str().ok();
        let value = value.filter(|_| PLAIN.contains(&name.as_str()));
        (name.to_string(), value.unwrap_or(HIDDEN).into())
    });
    shown.collect()
}

fn body(text: &str) -> Value {
    fn hidden(value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(hidden),
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| {
                if is_secret(name) {
                    *value = HIDDEN.into();
                }
                hidden(value);
            }),
            _ => {}
        }
    }
    let mut body = serde_json::from_str(text).unwrap_or_default();
    hidden(&mut body);
    body
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn values_that_may_be_secrets_are_not_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", "odata.maxpagesize=5".parse().unwrap());
        headers.insert("x-api-key", "hush".parse().unwrap());
        headers.insert("x-tenant", "hush".parse().unwrap());
        let plain = Plain {
            method: Method::POST,
            url: "https://crm.example.com/a?since=2026&api_token=hush&$skiptoken=7&page_token=8"
                .parse()
                .unwrap(),
            headers: headers.clone(),
            body: Some(json!({ "limit": 5, "clientSecret": "hush", "in": [{ "password": { "a": "hush" } }] }).to_string()),
        };
        let address = address(&plain);
        let expected = "https://crm.example.com/a?since=2026&api_token=…&$skiptoken=7&page_token=8";
        assert_eq!(address, expected);
        let shown = super::headers(&headers);
        assert_eq!(
            Value::from(shown),
            json!({ "prefer": "odata.maxpagesize=5", "x-api-key": "…", "x-tenant": "…" })
        );
        let body = body(plain.body.as_deref().unwrap());
        assert_eq!(
            body,
            json!({ "limit": 5, "clientSecret": "…", "in": [{ "password": "…" }] })
        );
    }
}
