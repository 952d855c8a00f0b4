//! Prepares an event of API Gateway for `lambda_http`, which turns it into a request.
//!
//! `lambda_http` panics if the parts of an event do not make a URL, or if its body is not base64.
//! Anybody could cause such a panic, which counts as a failure of the function; and a token in the
//! query could not hold every character. So [`legal`] encodes the query, and replaces what cannot
//! be part of any request that ingest accepts. What a request means is not decided here but in
//! [`handle`](crate::handle).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::HOST;
use lambda_http::request::LambdaRequest;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The characters that the query of a URL cannot hold.
const ILLEGAL: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// The longest path and query together, in bytes. API Gateway lets 10 KB through.
const LONGEST: usize = 32 << 10;

/// The event with a legal query, path, host and body.
///
/// A query keeps its meaning. A path that is too long becomes `/`, which no source has, and a body
/// that is not base64 becomes empty.
pub fn legal(mut event: LambdaRequest) -> LambdaRequest {
    let LambdaRequest::ApiGatewayV2(request) = &mut event else {
        return event;
    };
    let path = request.raw_path.take().unwrap_or_default();
    let query = request.raw_query_string.take().unwrap_or_default();
    let query = utf8_percent_encode(&query, ILLEGAL).to_string();
    if path.starts_with('/') && path.len() + query.len() <= LONGEST {
        (request.raw_path, request.raw_query_string) = (Some(path), Some(query));
    } else {
        request.raw_path = Some("/".to_owned());
    }
    keep_host(&mut request.headers);
    if let Some(body) = &request.body
        && request.is_base64_encoded
        && STANDARD.decode(body).is_err()
    {
        (request.body, request.is_base64_encoded) = (None, false);
    }
    event
}

/// Removes the headers that name a host and a scheme if they cannot be part of a URL.
fn keep_host(headers: &mut HeaderMap) {
    let is_host = |host: &str| {
        let (name, port) = host.split_once(':').unwrap_or((host, "443"));
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        name.bytes().any(|byte| byte.is_ascii_alphabetic())
            && name.bytes().all(is_of_name)
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok()
    };
    let is_scheme = |scheme: &str| ["http", "https"].contains(&scheme);
    if !headers
        .get(HOST)
        .is_some_and(|host| host.to_str().is_ok_and(is_host))
    {
        headers.remove(HOST);
    }
    const SCHEME: &str = "x-forwarded-proto";
    if !headers
        .get(SCHEME)
        .is_some_and(|scheme| scheme.to_str().is_ok_and(is_scheme))
    {
        headers.remove(SCHEME);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use lambda_http::Request;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// The request that an event becomes.
    fn request(path: &str, query: &str, headers: Value, body: &str) -> Request {
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": headers, "body": body, "isBase64Encoded": true,
            "requestContext": {
                "stage": "$default", "timeEpoch": 0, "domainName": "api.example.com",
                "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1" },
            },
        });
        legal(serde_json::from_value(event).unwrap()).into()
    }

    #[test]
    fn a_query_may_hold_every_character_and_keeps_its_meaning() {
        let token: String = (0x20..0x7f_u8).map(char::from).chain(['é']).collect();
        let request = request("/webhooks/crm", &format!("token={token}"), json!({}), "");
        let (query, mut encoded) = (request.uri().query().unwrap(), String::new());
        for char in token.chars() {
            match char {
                ' ' | '"' | '#' | '<' | '>' => write!(encoded, "%{:02X}", char as u32).unwrap(),
                'é' => encoded.push_str("%C3%A9"),
                other => encoded.push(other),
            }
        }
        assert_eq!(query, format!("token={encoded}"));
        assert_eq!(request.uri().path(), "/webhooks/crm");
    }

    #[test]
    fn parts_that_no_accepted_request_has_are_replaced_or_removed() {
        let long = "a".repeat(LONGEST);
        let unknown = request("/webhooks/crm", &long, json!({}), "");
        assert_eq!((unknown.uri().path(), unknown.uri().query()), ("/", None));
        let headers = |host: &str| json!({ "host": host, "x-forwarded-proto": "https" });
        let kept = request("/", "", headers("api.example.com:8443"), "e30=");
        assert_eq!(kept.headers()["host"], "api.example.com:8443");
        assert_eq!(kept.body().as_ref(), b"{}");
        for host in [
            "a b",
            "[::1",
            "a:99999",
            "a:+80",
            "",
            "1.2.3.4.5",
            "x/y",
            "u@h",
        ] {
            assert!(
                !request("/", "", headers(host), "")
                    .headers()
                    .contains_key("host"),
                "{host}"
            );
        }
        assert!(request("/", "", json!({}), "no base64!").body().is_empty());
    }

    proptest! {
        /// The request is built without a panic.
        #[test]
        fn no_event_panics(path in ".{0,30}", query in ".{0,30}", host in "[ -~]{0,20}", scheme in "[ -~]{0,8}", body in ".{0,20}") {
            request(&path, &query, json!({ "host": host, "x-forwarded-proto": scheme }), &body);
        }
    }
}
