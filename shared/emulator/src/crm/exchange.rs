//! A request and its answer, in the form that every vendor's module reads and writes.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request in the form that the vendors' modules read.
pub(super) struct ApiRequest<'a> {
    pub(super) method: &'a Method,
    /// The scheme and host that the addresses of the answer begin with.
    pub(super) origin: String,
    pub(super) path: &'a str,
    /// The decoded pairs of the query.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) most: usize,
}

/// The status and the body of a response.
pub(super) struct ApiAnswer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Value,
}

impl ApiAnswer {
    pub(super) fn new(status: u16, body: Value) -> ApiAnswer {
        let headers = Vec::new();
        ApiAnswer {
            status,
            headers,
            body,
        }
    }
}

impl ApiRequest<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The query as a map. The error names the first parameter that is not in `known` or that
    /// occurs twice.
    pub(super) fn parameters(&self, known: &[&str]) -> Result<BTreeMap<&str, &str>, String> {
        let mut parameters = BTreeMap::new();
        for (name, value) in &self.query {
            if !known.contains(&name.as_str()) {
                return Err(format!("the parameter {name} is not known"));
            }
            if parameters.insert(name.as_str(), value.as_str()).is_some() {
                return Err(format!("the parameter {name} stands twice"));
            }
        }
        Ok(parameters)
    }
}

/// Decodes the pairs of a query or of a form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

pub(super) fn response(
    status: u16,
    headers: Vec<(&'static str, String)>,
    text: String,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json;charset=UTF-8");
    response.headers_mut().insert("content-type", json);
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
