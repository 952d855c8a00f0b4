//! Reads requests and answers of Genesys Cloud, without any code of the product. It also computes
//! the hashes from which faults are drawn.
//!
//! Changes are read in `crate::change`.

use base64::Engine;
use bytes::Bytes;
use emulator::world::VERSION_FIELD;
use http::{HeaderValue, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

const PREDICTIVE: &str = "/api/v2/predictivedialing/campaigns/";
const LISTS: &str = "/api/v2/outbound/contactlists/list-of-";

/// Whether a request asks for a token.
pub(crate) fn is_token(request: &Request<Bytes>) -> bool {
    request.uri().path() == "/oauth/token"
}

/// The campaign of the contacts that a request concerns, and the rest of the path.
fn parts(request: &Request<Bytes>) -> Option<(&str, &str)> {
    let path = request.uri().path();
    let rest = path
        .strip_prefix(PREDICTIVE)
        .or_else(|| path.strip_prefix(LISTS))?;
    let (campaign, rest) = rest.split_once('/').unwrap_or((rest, ""));
    Some((campaign, rest))
}

pub(crate) fn campaign(request: &Request<Bytes>) -> Option<String> {
    parts(request).map(|(campaign, _)| campaign.to_owned())
}

/// Whether a request concerns contacts of a list.
pub(crate) fn is_of_list(request: &Request<Bytes>) -> bool {
    request.uri().path().starts_with(LISTS)
}

/// A request as readable text.
pub(crate) fn text(request: &Request<Bytes>) -> String {
    format!(
        "{} {}",
        decode(request.uri().path()),
        String::from_utf8_lossy(request.body())
    )
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Whether a request alters nothing and asks whether a contact exists.
pub(crate) fn is_existence_check(request: &Request<Bytes>) -> bool {
    request.body().as_ref() == br#"{"data":{}}"#
}

/// The contacts that a request would write, and what it says about `callable`. `None` means that it
/// writes nothing.
pub(crate) fn written(request: &Request<Bytes>) -> Option<Vec<(String, Option<bool>)>> {
    let (_, rest) = parts(request)?;
    let body: Value = serde_json::from_slice(request.body()).ok()?;
    match (request.method().as_str(), rest) {
        ("POST", "contacts") => {
            let item =
                |item: &Value| Some((item["id"].as_str()?.to_owned(), item["callable"].as_bool()));
            Some(body.as_array()?.iter().filter_map(item).collect())
        }
        // A PATCH of nothing alters nothing. Apply reads with it.
        ("PATCH", _) if body == serde_json::json!({ "data": {} }) => None,
        ("PATCH", rest) => Some(vec![(
            decode(rest.strip_prefix("contacts/")?),
            body["callable"].as_bool(),
        )]),
        _ => None,
    }
}

/// Whether a request is a POST of the `predictive` API.
pub(crate) fn is_create_of_campaign(request: &Request<Bytes>) -> bool {
    request.method() == http::Method::POST && request.uri().path().starts_with(PREDICTIVE)
}

/// The contacts that a request reads.
pub(crate) fn read(request: &Request<Bytes>) -> Vec<String> {
    let Some((_, rest)) = parts(request) else {
        return Vec::new();
    };
    match (request.method().as_str(), rest) {
        ("POST", "contacts/bulk") => serde_json::from_slice(request.body()).unwrap_or_default(),
        ("GET" | "PATCH", rest) => rest
            .strip_prefix("contacts/")
            .map(decode)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

fn authorization<'a>(request: &'a Request<Bytes>, scheme: &str) -> Option<&'a str> {
    request
        .headers()
        .get("authorization")?
        .to_str()
        .ok()?
        .strip_prefix(scheme)?
        .strip_prefix(' ')
}

/// The token of a request.
pub(crate) fn token(request: &Request<Bytes>) -> Option<&str> {
    authorization(request, "Bearer")
}

pub(crate) fn set_token(request: &mut Request<Bytes>, token: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}")) {
        request.headers_mut().insert("authorization", value);
    }
}

/// The OAuth client of a request for a token.
pub(crate) fn client_of_token_request(request: &Request<Bytes>) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(authorization(request, "Basic")?)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(client, _)| client.to_owned())
}

/// The token that an answer issues.
pub(crate) fn access_token(answer: &Response<Bytes>) -> Option<String> {
    let body: Value = serde_json::from_slice(answer.body()).ok()?;
    body["access_token"].as_str().map(str::to_owned)
}

/// The number of seconds in a header.
pub(crate) fn seconds(answer: &Response<Bytes>, header: &str) -> Option<u64> {
    answer.headers().get(header)?.to_str().ok()?.parse().ok()
}

/// An answer with the status of an error.
pub(crate) fn error(status: u16) -> Response<Bytes> {
    let body =
        serde_json::json!({ "message": "On purpose.", "code": "on.purpose", "status": status });
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// The answer of a bulk read that finds nothing.
pub(crate) fn empty_bulk_answer() -> Response<Bytes> {
    Response::new(Bytes::from_static(b"[]"))
}

/// Turns the ids of an answer's contacts into capital letters.
pub(crate) fn shout_ids(answer: &mut Response<Bytes>) {
    let Ok(Value::Array(mut contacts)) = serde_json::from_slice(answer.body()) else {
        return;
    };
    for contact in &mut contacts {
        if let Some(id) = contact["id"].as_str().map(str::to_uppercase) {
            contact["id"] = id.into();
        }
    }
    *answer.body_mut() = Bytes::from(Value::Array(contacts).to_string());
}

/// Stamps an export as if it were taken now, in every second quarter of an hour. Otherwise the
/// first export of a campaign, which holds no contact, would be returned forever.
pub(crate) fn renew_export(answer: &mut Response<Bytes>, now: jiff::Timestamp) {
    if now.as_second() / 900 % 2 == 0 {
        return;
    }
    let body = serde_json::from_slice(answer.body());
    if let Ok(mut body @ Value::Object(_)) = body
        && body["exportTimestamp"].is_string()
    {
        body["exportTimestamp"] = format!("{now:.3}").into();
        *answer.body_mut() = Bytes::from(body.to_string());
    }
}

/// Makes every create say that its contact is callable.
pub(crate) fn say_callable(request: &mut Request<Bytes>) {
    let is_create = request.method() == http::Method::POST
        && parts(request).is_some_and(|(_, rest)| rest == "contacts");
    let Ok(Value::Array(mut items)) = serde_json::from_slice(request.body()) else {
        return;
    };
    if is_create {
        for item in items.iter_mut().filter(|item| item["callable"].is_null()) {
            item["callable"] = true.into();
        }
        *request.body_mut() = Bytes::from(Value::Array(items).to_string());
    }
}

/// Alters each contact of a write.
pub(crate) fn alter_writes(
    request: &mut Request<Bytes>,
    alter: impl Fn(&mut serde_json::Map<String, Value>),
) {
    if written(request).is_none() {
        return;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(request.body()) else {
        return;
    };
    match &mut body {
        Value::Array(items) => items
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(alter),
        Value::Object(item) => alter(item),
        _ => {}
    }
    *request.body_mut() = Bytes::from(body.to_string());
}

/// Whether a write of the `predictive` API only makes a contact not callable, by a change that
/// ranks below the stored columns.
pub(crate) fn only_opts_out(request: &Request<Bytes>) -> bool {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let is_late = |(name, text): (&String, &Value)| {
        let text = text.as_str().unwrap_or_default();
        let ranks = text.trim_end_matches(['-', '!']).split_once(':');
        name == VERSION_FIELD && ranks.is_some_and(|(columns, decided)| columns != decided)
    };
    request.method() == http::Method::PATCH
        && body["callable"] == false
        && body["data"]
            .as_object()
            .is_none_or(|data| data.iter().all(is_late))
}

/// A write as text for the trace.
pub(crate) fn shown_write(request: &Request<Bytes>) -> String {
    if written(request).is_some() {
        format!(" {}", String::from_utf8_lossy(request.body()))
    } else {
        String::new()
    }
}

/// Stands for the event id of a body that nobody can read.
pub(crate) const UNREADABLE: &str = "what cannot be read";

/// The event id of a change.
pub(crate) fn event_id(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    body["eventId"].as_str().unwrap_or(UNREADABLE).to_owned()
}

/// FNV-1a. It gives the same result in every version of Rust, so a seed always gives the same run.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(crate) fn digest(text: &str) -> String {
    format!("{:016x}", hash(text))
}
