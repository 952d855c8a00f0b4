//! The parked form of an item that becomes no change. It waits until a person has corrected its
//! source or its mapping (docs/contract.md "Unmapped items").
//!
//! [`Unmapped::read_again`] reads such an item with the source's secret as it is then.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::change::{Fault, Sender, SourceName};
use io::queue::Message;
use io::secrets::SourceSecret;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::items::{Apart, Bounds};
use super::{Event, Extent, Item, Reading, read};
use crate::cloud_event::Form;

/// The reason with which it is parked.
pub const REASON: &str = "unmapped";
/// The most characters of a detail.
const MOST_DETAIL: usize = 1_000;
/// The largest body that the dead-letter queue accepts: 1 MiB, minus room for the attributes.
const MOST_BYTES: usize = (1 << 20) - 4_096;

/// The body of the parked message.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unmapped {
    /// The version of this format.
    unmapped: u8,
    source: String,
    /// The org to which the source was bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    extent: Extent,
    pointer: String,
    /// The arrival time, as RFC 3339 in UTC.
    arrived_at: String,
    /// The headers that the mapping reads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// The attributes of its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Map<String, Value>>,
    /// The item as JSON. It may be null.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "some"
    )]
    item: Option<Box<RawValue>>,
    /// The text of the item, if it is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The text in base64, if it would be too long otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

fn some<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(value).map(Some)
}

impl Unmapped {
    /// An item that arrived now.
    pub(crate) fn new(
        sender: &Sender,
        item: &Item<'_>,
        headers: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Unmapped {
        let json: Option<Box<RawValue>> = serde_json::from_str(&item.text).ok();
        // Escaping can make a text six times as long.
        let (text, base64) = match &json {
            Some(_) => (None, None),
            None if item.text.len() > MOST_BYTES / 8 => (None, Some(STANDARD.encode(&*item.text))),
            None => (Some(item.text.clone().into_owned()), None),
        };
        Unmapped {
            unmapped: 1,
            source: sender.source.as_str().to_owned(),
            org: sender.org.as_ref().map(|org| org.as_str().to_owned()),
            extent: item.extent,
            pointer: item.pointer.clone(),
            arrived_at: now.to_string(),
            headers: headers.clone(),
            event: item.event.as_ref().map(|event| event.attributes.clone()),
            text,
            base64,
            item: json,
        }
    }

    /// Reads the body of a parked message.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn parse(text: &str) -> Result<Unmapped, &'static str> {
        let unmapped = serde_json::from_str(text).ok();
        let unmapped = unmapped.filter(|unmapped: &Unmapped| unmapped.unmapped == 1);
        unmapped.ok_or("expected an unmapped item of version 1")
    }

    /// The org to which the source was bound when the item came. `None` means that it was bound to
    /// none.
    pub fn org(&self) -> Option<&str> {
        self.org.as_deref()
    }

    /// The source.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn source(&self) -> Result<SourceName, Cow<'static, str>> {
        SourceName::parse(&self.source)
    }

    /// Reads the item again with the source's current secret. Also returns the place of the item in
    /// the body of its request.
    pub fn read_again(
        &self,
        secret: &SourceSecret,
        sender: &Sender,
        now: Timestamp,
    ) -> (Vec<String>, Reading) {
        let decoded = self
            .base64
            .as_ref()
            .and_then(|base64| STANDARD.decode(base64).ok());
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = self.item.as_ref().map(|item| item.get());
        let text = text.or(self.text.as_deref()).or(decoded.as_deref());
        let text = text.unwrap_or_default();
        let item = |pointer| Item {
            pointer,
            text: Cow::Borrowed(text),
            event: self.event.clone().map(Event::new),
            extent: self.extent,
            broken: Vec::new(),
        };
        let apart = Apart {
            mapping: secret.mapping.as_ref(),
            bounds: Bounds::NONE,
        };
        let items = match (self.extent, &self.event) {
            (Extent::Item, _) => vec![item(self.pointer.clone())],
            (Extent::Event, _) => apart.items(&Form::Structured, text),
            (Extent::Body, None) => apart.items(&Form::Plain, text),
            (Extent::Body, Some(event)) => {
                let form = Form::Binary(event.clone());
                apart.items(&form, text)
            }
        };
        let most = Bounds::NONE.mapped;
        let reading = read(most, secret, sender, &items, &self.headers, now);
        (
            items.into_iter().map(|item| item.pointer).collect(),
            reading,
        )
    }

    /// The message that parks the item, or `None` if it is too large for one.
    pub(crate) fn message(&self, faults: &[Fault]) -> Option<Message> {
        let body = serde_json::to_string(self).ok()?;
        // SQS refuses these two characters. They occur only within JSON strings, where they can be
        // escaped.
        let body = body
            .replace('\u{FFFE}', "\\ufffe")
            .replace('\u{FFFF}', "\\uffff");
        // The same item gets the same deduplication id when it comes again.
        let said = (
            &self.source,
            &self.headers,
            &self.event,
            &self.item,
            &self.text,
            &self.base64,
        );
        let said = serde_json::to_string(&said).ok()?;
        let id = domain::sha256_hex(said.as_bytes());
        let detail = format!("source {}, {}", self.source, detail(&self.pointer, faults));
        let attributes = vec![
            ("reason", REASON.to_owned()),
            ("detail", detail.chars().take(MOST_DETAIL).collect()),
            ("firstReceivedAt", self.arrived_at.clone()),
        ];
        let group = format!("{REASON}/{}/{}", self.source, id.get(..32)?);
        (body.len() <= MOST_BYTES).then_some(Message {
            body,
            group,
            deduplication_id: id,
            attributes,
        })
    }
}

/// The place of the item and its first fault, without anything that the sender wrote.
pub(crate) fn detail(pointer: &str, faults: &[Fault]) -> String {
    let place = match pointer {
        "" => "the body".to_owned(),
        // A place consists of numbers, and of names that a person configured.
        pointer => format!("the item {pointer}"),
    };
    // If the fault lies within the item, the place of the fault follows.
    let first = faults.first().map(|fault| {
        let mut fault = fault.clone();
        if let Some(within) = fault.pointer.strip_prefix(pointer) {
            fault.pointer = within.to_owned();
        }
        fault.to_string()
    });
    let more = match faults.len() {
        0 | 1 => String::new(),
        several => format!(" (the first of {several} faults)"),
    };
    format!("{place}: {}{more}", first.unwrap_or_default())
}

/// `Debug` shows nothing of the item.
impl std::fmt::Debug for Unmapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unmapped")
            .field("source", &self.source)
            .field("pointer", &self.pointer)
            .finish_non_exhaustive()
    }
}
