use http::HeaderValue;
use serde_json::json;

use super::*;

fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &'static str)| {
        (
            http::HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        )
    };
    all.iter().map(header).collect()
}

fn form(media_type: &'static str) -> Option<Form> {
    Form::of(&headers(&[("content-type", media_type)])).map(Result::unwrap)
}

#[test]
fn the_media_type_decides_the_form() {
    assert_eq!(form("application/json"), Some(Form::Plain));
    assert_eq!(
        form("Application/Vnd.Acme+JSON; charset=utf-8"),
        Some(Form::Plain)
    );
    assert_eq!(
        form("application/cloudevents+json; charset=UTF-8"),
        Some(Form::Structured)
    );
    assert_eq!(
        form("application/cloudevents-batch+json"),
        Some(Form::Batch)
    );
    for none in [
        "",
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "text/json",
        "application/cloudevents+avro",
    ] {
        assert_eq!(form(none), None, "{none}");
    }
}

const BINARY: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("ce-specversion", "1.0"),
    ("ce-id", "e-1"),
    ("ce-source", "\"/a \\\"b\\\"\""),
    ("ce-type", "caf%C3%A9%2525"),
];

#[test]
fn attributes_in_headers_are_decoded_once_and_unquoted() {
    let Some(Ok(Form::Binary(attributes))) = Form::of(&headers(&BINARY)) else {
        panic!("no event");
    };
    assert_eq!(
        Value::from(attributes),
        json!({ "specversion": "1.0", "id": "e-1", "source": "/a \"b\"", "type": "café%25" })
    );
}

#[test]
fn a_missing_repeated_or_undecodable_attribute_in_a_header_is_refused() {
    let without = |name: &str| {
        let all: Vec<_> = BINARY.into_iter().filter(|(n, _)| *n != name).collect();
        Form::of(&headers(&all)).unwrap()
    };
    assert_eq!(without("ce-id").unwrap_err().pointer, "/id");
    assert_eq!(without("ce-specversion"), Ok(Form::Plain));
    let mut twice = headers(&BINARY);
    twice.append("ce-id", HeaderValue::from_static("e-2"));
    assert!(Form::of(&twice).unwrap().is_err());
    let mut no_text = headers(&BINARY);
    no_text.insert("ce-id", HeaderValue::from_static("%FF"));
    assert!(Form::of(&no_text).unwrap().is_err());
}

fn read(text: &str) -> Result<(String, Value), String> {
    match of_text("/3", text) {
        Ok((data, attributes)) => Ok((data.unwrap_or_default().into_owned(), attributes.into())),
        Err(fault) => Err(fault.pointer),
    }
}

#[test]
fn an_event_is_its_data_and_its_attributes() {
    let attributes = r#""specversion": "1.0", "id": "1", "source": "s", "type": "t", "time": "2026-11-24T16:00:00Z""#;
    let expected = json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t", "time": "2026-11-24T16:00:00Z" });
    let event = |data: &str| read(&format!("{{{attributes}{data}}}"));
    assert_eq!(
        event(r#", "data": {"n": 90071992547409931}"#),
        Ok((r#"{"n": 90071992547409931}"#.to_owned(), expected.clone()))
    );
    assert_eq!(
        event(r#", "data_base64": "eyJhIjoxfQ==""#),
        Ok((r#"{"a":1}"#.to_owned(), expected.clone()))
    );
    assert_eq!(event(""), Ok((String::new(), expected)));
    for (wrong, place) in [
        (r#", "data_base64": "e*""#, "/3/data_base64"),
        (r#", "data": 1, "data_base64": "e30=""#, "/3"),
        (r#", "id": "2""#, "/3"),
    ] {
        assert_eq!(event(wrong), Err(place.to_owned()), "{wrong}");
    }
    for (text, place) in [
        ("[]", "/3"),
        ("{}", "/3/id"),
        (
            r#"{"id": "1", "source": "s", "type": "t", "specversion": "0.3"}"#,
            "/3/specversion",
        ),
        (
            r#"{"id": 1, "source": "s", "type": "t", "specversion": "1.0"}"#,
            "/3/id",
        ),
    ] {
        assert_eq!(read(text), Err(place.to_owned()), "{text}");
    }
}
