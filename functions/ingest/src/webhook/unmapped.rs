//! An item that becomes no change, as it is parked until a person has mended its source or its mapping
//! (docs/contract.md "Unmapped items").

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

/// The reason for which it is parked.
pub const REASON: &str = "unmapped";
/// The most characters of a detail.
const MOST_DETAIL: usize = 1_000;
/// The largest body that goes to the dead-letter queue, with its attributes: 1 MiB.
const MOST_BYTES: usize = (1 << 20) - 4_096;

/// The body of the parked message.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unmapped {
    /// The version of this shape.
    unmapped: u8,
    source: String,
    /// The org that the source may write to.
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    extent: Extent,
    pointer: String,
    /// RFC 3339, in UTC.
    arrived_at: String,
    /// Those that the mapping reads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// The attributes of its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Map<String, Value>>,
    /// Its JSON, which may be null.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "some"
    )]
    item: Option<Box<RawValue>>,
    /// Its text, where it is no JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The same in base64, where it would be too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

fn some<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(value).map(Some)
}

impl Unmapped {
    /// Of an item that arrived now.
    pub(crate) fn new(
        sender: &Sender,
        item: &Item<'_>,
        headers: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Unmapped {
        let json: Option<Box<RawValue>> = serde_json::from_str(&item.text).ok();
        // Escaped, a text may be six times as long.
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
    /// What was expected.
    pub fn parse(text: &str) -> Result<Unmapped, &'static str> {
        let unmapped = serde_json::from_str(text).ok();
        let unmapped = unmapped.filter(|unmapped: &Unmapped| unmapped.unmapped == 1);
        unmapped.ok_or("expected an unmapped item of the version 1")
    }

    /// The org that its source wrote to when it came; none: any.
    pub fn org(&self) -> Option<&str> {
        self.org.as_deref()
    }

    /// Who sent it.
    ///
    /// # Errors
    /// What was expected.
    pub fn source(&self) -> Result<SourceName, Cow<'static, str>> {
        SourceName::parse(&self.source)
    }

    /// What the item becomes by its source's secret as it is now, and where in the request's body stands what
    /// it is taken apart into.
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

    /// The message that parks it; `None`: it is too large for one.
    pub(crate) fn message(&self, faults: &[Fault]) -> Option<Message> {
        let body = serde_json::to_string(self).ok()?;
        // SQS takes neither of these two characters, and JSON can do without: they stand only in
        // strings.
        let body = body
            .replace('\u{FFFE}', "\\ufffe")
            .replace('\u{FFFF}', "\\uffff");
        // The same item that comes again is one.
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
        let detail = format!("of {}, {}", self.source, detail(&self.pointer, faults));
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

/// The place of the item and its first fault: nothing that the sender wrote.
pub(crate) fn detail(pointer: &str, faults: &[Fault]) -> String {
    let place = match pointer {
        "" => "the body".to_owned(),
        // Numbers, and names that a person configured.
        pointer => format!("the item {pointer}"),
    };
    // Of a fault within the item, the place in it.
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

/// Nothing of the item.
impl std::fmt::Debug for Unmapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unmapped")
            .field("source", &self.source)
            .field("pointer", &self.pointer)
            .finish_non_exhaustive()
    }
}
