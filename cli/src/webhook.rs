//! Builds webhooks as a CRM sends them.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue, Request};
use ingest::auth::{self, SignedRequest};
use io::http::Url;
use io::secrets::{Auth, SigningSecret};
use jiff::Timestamp;
use lambda_http::Body;
use secrecy::SecretString;

/// The headers of a webhook that is signed now, by Standard Webhooks.
pub(crate) fn headers(body: &str, secret: &str, now: Timestamp) -> Vec<(String, String)> {
    let content_type = ("content-type".to_owned(), "application/json".to_owned());
    let mut headers = vec![content_type];
    headers.extend(signature(body, secret, now));
    headers
}

/// The headers among these that make up the signature.
pub(crate) fn signature(body: &str, secret: &str, now: Timestamp) -> Vec<(String, String)> {
    let secret = SigningSecret {
        text: SecretString::from(secret),
        is_short: false,
    };
    let sent = auth::sent(&Auth::StandardWebhooks(vec![secret]), body, now);
    sent.map(|sent| sent.headers).unwrap_or_default()
}

/// The URL with the source's credentials, if they belong in the query.
pub(crate) fn with_query(url: &str, sent: &SignedRequest) -> String {
    match (sent.query.is_empty(), url.contains('?')) {
        (true, _) => url.to_owned(),
        (false, false) => format!("{url}?{}", sent.query),
        (false, true) => format!("{url}&{}", sent.query),
    }
}

/// Whether a source's credentials may be sent to this address: by TLS, or to this machine.
pub(crate) fn is_safe(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    is_safe && url.username().is_empty() && url.password().is_none()
}

/// A shell command that sends the request.
pub(crate) fn curl(url: &str, media_type: &str, sent: &SignedRequest) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let url = with_query(url, sent);
    let headers: String = sent
        .headers
        .iter()
        .map(|(name, value)| format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))))
        .collect();
    format!(
        "curl -i {} -H {}{headers} \\\n  --data-raw {}",
        quoted(&url),
        quoted(&format!("content-type: {media_type}")),
        quoted(&sent.body)
    )
}

/// The request of a webhook.
pub(crate) fn request(source: &str, sent: &SignedRequest) -> Request<Body> {
    let mut request = Request::new(Body::Text(sent.body.clone()));
    *request.method_mut() = http::Method::POST;
    let query = match sent.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let address = format!("/webhooks/{source}{query}");
    *request.uri_mut() = address.parse().unwrap_or_default();
    let content_type = ("content-type".to_owned(), "application/json".to_owned());
    for (name, value) in sent.headers.iter().chain([&content_type]) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            request.headers_mut().insert(name, value);
        }
    }
    request
}
