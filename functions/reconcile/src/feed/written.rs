//! Writes a request as it is sent, and says what the status of its answer means.

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use io::secrets::{FeedAuth, FeedSecret, Pages, Plain, add_parameter};
use secrecy::{ExposeSecret, SecretString};

use super::{FaultOf, NoPage, Query};

/// The request as it is sent, with its credentials.
pub(super) fn written(
    mut plain: Plain,
    auth: &FeedAuth,
    token: Option<&SecretString>,
) -> Result<Request<Bytes>, NoPage> {
    let secret = |value: &SecretString| {
        let value = HeaderValue::from_str(value.expose_secret());
        value.map(|mut value| {
            value.set_sensitive(true);
            value
        })
    };
    let shown = match auth {
        FeedAuth::None => None,
        FeedAuth::OAuth2(_) => token.map(|token| (header::AUTHORIZATION, secret(token))),
        FeedAuth::Authorization(value) => Some((header::AUTHORIZATION, secret(value))),
        FeedAuth::Header(name, value) => Some((name.clone(), secret(value))),
        FeedAuth::Query(name, value) => {
            add_parameter(&mut plain.url, name, value.expose_secret());
            None
        }
    };
    let unwritten = || NoPage::of_page("its address cannot be written as a request");
    let request = Request::builder()
        .method(plain.method)
        .uri(plain.url.as_str())
        .header(header::ACCEPT, "application/json");
    let is_json = plain.body.is_some();
    let mut request = request
        .body(Bytes::from(plain.body.unwrap_or_default()))
        .map_err(|_| unwritten())?;
    let headers = request.headers_mut();
    if is_json {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    for (name, value) in &plain.headers {
        headers.insert(name, value.clone());
    }
    if let Some((name, value)) = shown {
        headers.insert(name, value.map_err(|_| unwritten())?);
    }
    Ok(request)
}

/// Whether the secret says that an answer with this status has no items. On a later page only a 204
/// counts: another status may mean that the cursor is gone, which is not the end of the feed.
pub(super) fn is_empty(secret: &FeedSecret, query: &Query<'_>, status: StatusCode) -> bool {
    let is_first = query.cursor.is_none();
    secret.empty.contains(&status) && (is_first || status == StatusCode::NO_CONTENT)
}

/// Whether a retry may help.
pub(super) fn is_for_now(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

/// The error of an answer that is no page.
pub(super) fn refusal(status: StatusCode, secret: &FeedSecret) -> NoPage {
    let expected = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match secret.pages {
            Pages::Own => "expected it to accept the secret's bearerToken",
            Pages::Configured { .. } => {
                "the CRM does not accept the credentials in the secret's auth"
            }
        },
        status if status.is_redirection() => "redirects are not followed; expected the page itself",
        _ => "expected 200",
    };
    let of = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FaultOf::Feed,
        _ => FaultOf::Page,
    };
    NoPage::Fault(of, format!("it answered {}: {expected}", status.as_u16()))
}
