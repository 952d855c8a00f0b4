//! CloudEvents 1.0 over HTTP (github.com/cloudevents/spec, "HTTP Protocol Binding", "JSON Event
//! Format"). A request holds one event, a batch of events, or the data of one event whose
//! attributes are in headers.
//!
//! This module finds the form of a body ([`Form`]) and separates an event into its data and its
//! attributes. How the data becomes changes is decided in [`crate::webhook`].

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use domain::change::{Fault, FaultCode};
use domain::json::Members;
use http::HeaderMap;
use percent_encoding::percent_decode;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The prefix of each header that holds an attribute.
pub const PREFIX: &str = "ce-";
/// The attributes that every event must have.
const REQUIRED: [&str; 4] = ["id", "source", "specversion", "type"];
const VERSION: &str = "1.0";

/// The form of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// It is not an event.
    Plain,
    /// It is one event.
    Structured,
    /// It is an array of events.
    Batch,
    /// It is the data of one event with these attributes.
    Binary(Map<String, Value>),
}

impl Form {
    /// The form of a body, by its content.
    pub fn of_text(text: &str) -> Form {
        let is_event = |text: &str| {
            let members: Result<Members<'_>, _> = serde_json::from_str(text);
            let has = |name: &str| {
                let members = members.as_ref().map(|members| members.0.iter());
                members.is_ok_and(|mut members| members.any(|(said, _)| said == name))
            };
            REQUIRED.into_iter().all(has)
        };
        if text.trim_start().starts_with('[') {
            let events: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            let is_batch = events.first().is_some_and(|event| is_event(event.get()));
            return if is_batch { Form::Batch } else { Form::Plain };
        }
        if is_event(text) {
            Form::Structured
        } else {
            Form::Plain
        }
    }

    /// The form of a request's body, by its media type and headers. `None` means that it is not
    /// JSON.
    ///
    /// # Errors
    /// The fault in the attributes in the headers.
    pub fn of(headers: &HeaderMap) -> Option<Result<Form, Fault>> {
        let media_type = headers.get(http::header::CONTENT_TYPE);
        let media_type = media_type.and_then(|text| text.to_str().ok()).unwrap_or("");
        let essence = media_type.split(';').next().unwrap_or("").trim();
        let essence = essence.to_ascii_lowercase();
        let subtype = essence.strip_prefix("application/")?;
        match subtype {
            "cloudevents+json" => Some(Ok(Form::Structured)),
            "cloudevents-batch+json" => Some(Ok(Form::Batch)),
            _ if subtype != "json" && !subtype.ends_with("+json") => None,
            _ if headers.contains_key("ce-specversion") => {
                Some(of_headers(headers).map(Form::Binary))
            }
            _ => Some(Ok(Form::Plain)),
        }
    }
}

/// The attributes of an event in headers. Their values are percent-encoded once, with or without
/// quotes.
fn of_headers(headers: &HeaderMap) -> Result<Map<String, Value>, Fault> {
    let mut attributes = Map::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        let text = unquoted(value.as_bytes());
        let text = percent_decode(&text).decode_utf8();
        let text = text.map_err(|_| wrong("", "expected UTF-8 in the ce- headers"))?;
        if attributes.insert(name.to_owned(), text.into()).is_some() {
            return Err(wrong("", "expected each ce- header once"));
        }
    }
    checked("", attributes)
}

/// The characters of a quoted string, or the bytes as they are.
fn unquoted(bytes: &[u8]) -> Cow<'_, [u8]> {
    let within = bytes
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let Some(within) = within else {
        return Cow::Borrowed(bytes);
    };
    let mut text = Vec::with_capacity(within.len());
    let mut bytes = within.iter();
    while let Some(&byte) = bytes.next() {
        let is_escape = byte == b'\\';
        text.extend(if is_escape { bytes.next() } else { Some(&byte) });
    }
    Cow::Owned(text)
}

/// The data of an event, if it has any, and its attributes.
type Parted<'a> = (Option<Cow<'a, str>>, Map<String, Value>);

/// The data of an event in JSON, if it has any, and its attributes.
///
/// # Errors
/// The fault of the event, with its place below `pointer`.
pub(crate) fn of_text<'a>(pointer: &str, text: &'a str) -> Result<Parted<'a>, Fault> {
    let members: Members<'a> = serde_json::from_str(text)
        .map_err(|_| wrong(pointer, "expected an event, which is a JSON object"))?;
    let (mut attributes, mut data) = (Map::new(), None);
    for (name, value) in members.0 {
        let is_again = match name.as_ref() {
            "data" => data.replace(Cow::Borrowed(value.get())).is_some(),
            "data_base64" => data.replace(decoded(pointer, value)?.into()).is_some(),
            _ => {
                let value = serde_json::from_str(value.get());
                let value = value.map_err(|_| wrong(pointer, "expected whole characters"))?;
                attributes.insert(name.into_owned(), value).is_some()
            }
        };
        if is_again {
            return Err(wrong(
                pointer,
                "expected each member once, and one of data and data_base64",
            ));
        }
    }
    Ok((data, checked(pointer, attributes)?))
}

fn decoded(pointer: &str, value: &RawValue) -> Result<String, Fault> {
    const EXPECTED: &str = "expected base64 of JSON in UTF-8";
    let text: Option<String> = serde_json::from_str(value.get()).ok();
    let bytes = text.and_then(|text| STANDARD_PAD_INDIFFERENT.decode(text).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| wrong(&format!("{pointer}/data_base64"), EXPECTED))
}

fn checked(pointer: &str, attributes: Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    for name in REQUIRED {
        let text = attributes.get(name).and_then(Value::as_str);
        match text {
            None | Some("") => {
                let pointer = format!("{pointer}/{name}");
                let (code, message) = (FaultCode::Required, "expected this attribute, as a text");
                return Err(Fault {
                    pointer,
                    code,
                    message: message.into(),
                });
            }
            Some(text) if name == "specversion" && text != VERSION => {
                return Err(wrong(&format!("{pointer}/specversion"), "expected 1.0"));
            }
            Some(_) => {}
        }
    }
    Ok(attributes)
}

fn wrong(pointer: &str, message: &'static str) -> Fault {
    Fault {
        pointer: pointer.to_owned(),
        code: FaultCode::WrongFormat,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
