//! Webhooks as a CRM sends them.

use http::{HeaderName, HeaderValue, Request};
use jiff::Timestamp;
use lambda_http::Body;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

/// The headers of a webhook that is signed now, by Standard Webhooks.
pub(crate) fn headers(body: &str, secret: &str, now: Timestamp) -> [(&'static str, String); 4] {
    let sent_at = now.as_second();
    let id = format!("msg_{}", now.as_microsecond());
    let signature =
        Webhook::new(secret).and_then(|webhook| webhook.sign(&id, sent_at, body.as_bytes()));
    [
        ("content-type", "application/json".to_owned()),
        (HEADER_WEBHOOK_ID, id),
        (HEADER_WEBHOOK_TIMESTAMP, sent_at.to_string()),
        (HEADER_WEBHOOK_SIGNATURE, signature.unwrap_or_default()),
    ]
}

/// The request of a webhook that is signed now.
pub(crate) fn signed(source: &str, body: &str, secret: &str, now: Timestamp) -> Request<Body> {
    let mut request = Request::new(Body::Text(body.to_owned()));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = format!("/webhooks/{source}").parse().unwrap_or_default();
    for (name, value) in headers(body, secret, now) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    request
}
