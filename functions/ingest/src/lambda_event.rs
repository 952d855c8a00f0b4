//! Prepares an event of API Gateway for `lambda_http`, which turns it into a request.
//!
//! `lambda_http` panics if the parts of an event do not make a URL, or if its body is not base64.
//! Anybody could cause such a panic, which counts as a failure of the function; and a token in the
//! query could not hold every character. So [`legal`] encodes the query, and replaces what cannot
//! be part of any request that ingest accepts. What a request means is not decided here but in
//! [`handle`](crate::handle).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HOST;
use lambda_http::request::LambdaRequest;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The characters that the query of a URL cannot hold.
const ILLEGAL: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// The longest path and query together, in bytes. Encoded, a path may be three times as long, and a
/// URL has 64 KB at most. API Gateway lets 10 KB through.
const LONGEST: usize = 16 << 10;

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
    // Then lambda_http takes the domain name that API Gateway itself says.
    request.headers.remove(HOST);
    request.headers.remove("x-forwarded-proto");
    if let Some(body) = &request.body
        && request.is_base64_encoded
        && STANDARD.decode(body).is_err()
    {
        (request.body, request.is_base64_encoded) = (None, false);
    }
    event
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
        for host in [
            "api.example.com",
            "a b",
            "[::1",
            "a:+80",
            "a.1",
            "a.0x",
            "xn--a",
            "",
        ] {
            let headers = json!({ "host": host, "x-forwarded-proto": "h t" });
            let request = request("/", "", headers, "e30=");
            assert!(!request.headers().contains_key("host"), "{host}");
            assert_eq!(request.body().as_ref(), b"{}");
        }
        let wide = format!("/{}", "é".repeat(LONGEST));
        assert_eq!(request(&wide, "", json!({}), "").uri().path(), "/");
        request(
            &format!("/{}", "é".repeat(LONGEST / 2 - 1)),
            "",
            json!({}),
            "",
        );
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
