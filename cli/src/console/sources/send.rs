//! Signs a payload as the source would, and sends it to an endpoint.
//!
//! How a request is signed is decided in `crate::source`.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use io::Https;
use io::http::{Transport, Url};
use jiff::Timestamp;

use super::{Draft, headers};
use crate::source::signed;
use crate::webhook::{is_safe, with_query};

/// How long to wait for an answer: a little longer than the API in front of ingest waits for
/// ingest.
const PATIENCE: Duration = Duration::from_secs(31);
/// How many characters of an answer are shown at most.
const SHOWN: usize = 600;

/// The answer of an endpoint.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The beginning of its body.
    pub(super) body: String,
}

/// Sends the draft to the endpoint that it names.
///
/// Errors name the field that is wrong, or say that there was no answer. They quote no value.
pub(super) async fn send(https: &Https, draft: &Draft, now: Timestamp) -> Result<Answer, String> {
    let secret = draft.source_secret()?;
    let endpoint = endpoint(&draft.endpoint)?;
    let given = headers(&draft.headers)?;
    let (media_type, sent) = signed(&secret, &draft.asked(&given, now)?)?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(with_query(endpoint.as_str(), &sent))
        .header(CONTENT_TYPE, media_type);
    for (name, value) in &sent.headers {
        request = request.header(name, value);
    }
    let request = request.body(Bytes::from(sent.body));
    let request =
        request.map_err(|_| "The request: expected an endpoint and headers that can be sent.")?;
    let answer = https.send(request, PATIENCE).await;
    let answer = answer.map_err(|error| format!("The endpoint did not answer: {error}."))?;
    let body = String::from_utf8_lossy(answer.body());
    Ok(Answer {
        status: answer.status(),
        body: body.chars().take(SHOWN).collect(),
    })
}

/// Parses an address to which the source's credentials may be sent.
fn endpoint(text: &str) -> Result<Url, String> {
    const EXPECTED: &str = "The endpoint: expected https://…/webhooks/SOURCE, the output WebhookUrl of the stack with the source's name in it; \
         http:// is for 127.0.0.1 alone.";
    let text = text.trim();
    let url = Url::parse(text).map_err(|_| EXPECTED)?;
    match is_safe(text) && !text.contains('{') {
        true => Ok(url),
        false => Err(EXPECTED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_over_tls_or_nowhere_else_than_this_machine() {
        for good in [
            "https://abc.execute-api.us-east-1.amazonaws.com/webhooks/crm",
            "http://127.0.0.1:8500/webhooks/crm",
            "http://localhost:8500/webhooks/crm",
            "http://[::1]:8500/webhooks/crm",
        ] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "crm",
            "http://example.com/webhooks/crm",
            "http://127.0.0.1.example.com/webhooks/crm",
            "https://user:word@example.com/webhooks/crm",
            "https://example.com/webhooks/{source}",
            "file:///etc/passwd",
        ] {
            assert!(
                endpoint(bad).is_err_and(|why| why.contains("https://")),
                "{bad}"
            );
        }
    }
}
