//! A parked message: what it says, and how it is shown without personal data.
//!
//! `queue` receives and deletes such messages. Which of them are chosen is decided in `super`, and
//! what is sent again in `redrive`.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use domain::change::MessageGroup;
use ingest::webhook::REASON;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// The reason to show for a message without one: SQS itself moved the message.
pub(crate) const NO_REASON: &str = "none";

/// A parked message: a change, or an item that became no change.
pub(crate) struct Parked {
    pub(crate) id: String,
    pub(crate) parked_at: Option<Timestamp>,
    pub(crate) reason: String,
    pub(crate) detail: String,
    /// The body, as it was sent.
    pub(crate) text: String,
    /// The body as JSON, or null if it is not JSON.
    pub(crate) body: Value,
    pub(crate) group: String,
    pub(super) handle: String,
    /// Everything else that was noted when the message was parked.
    noted: Map<String, Value>,
}

impl Parked {
    pub(super) fn new(message: Message) -> Parked {
        let system = |name| {
            message
                .attributes
                .as_ref()
                .and_then(|all| all.get(&name))
                .cloned()
        };
        let noted = |name: &str| {
            let attribute = message.message_attributes.as_ref()?.get(name)?;
            attribute.string_value.clone()
        };
        let sent =
            system(MessageSystemAttributeName::SentTimestamp).and_then(|text| text.parse().ok());
        let others = ["firstReceivedAt", "httpStatus", "correlationId"];
        let text = message.body.clone().unwrap_or_default();
        Parked {
            parked_at: sent.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            // If SQS itself moved the message, nothing was noted.
            reason: noted("reason").unwrap_or_else(|| NO_REASON.to_owned()),
            detail: noted("detail").unwrap_or_default(),
            noted: others
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), noted(name)?.into())))
                .collect(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            group: system(MessageSystemAttributeName::MessageGroupId).unwrap_or_default(),
            handle: message.receipt_handle.unwrap_or_default(),
            id: message.message_id.unwrap_or_default(),
        }
    }

    /// Whether this is an item of a webhook that became no change, as ingest parks it.
    pub(crate) fn is_unmapped(&self) -> bool {
        self.reason == REASON
    }

    /// The org of the change, or that of its message group if the body cannot be read. For an
    /// unmapped item it is the org of its source, if the source has one.
    pub(crate) fn org(&self) -> Option<&str> {
        let of_group = || self.group.split('/').next();
        let org = self.body["org"].as_str();
        org.or_else(|| of_group().filter(|_| !self.is_unmapped()))
    }

    /// The message group. It is hidden if it is malformed, since it may then hold anything.
    pub(crate) fn shown_group(&self, reveal: bool) -> &str {
        match reveal || MessageGroup::is_well_formed(&self.group) {
            true => &self.group,
            false => HIDDEN,
        }
    }

    /// Everything else that was noted when the message was parked, by name.
    pub(crate) fn noted(&self) -> impl Iterator<Item = (&str, &str)> {
        let noted = self.noted.iter();
        noted.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// The body without personal data, or null if it cannot be read.
    pub(crate) fn hidden(&self) -> Value {
        match &self.body {
            Value::Null => Value::Null,
            body => hidden(body),
        }
    }

    /// All that is known of the message. If personal data are revealed, the change is shown as
    /// it was sent, unchanged: a name that stands twice in it may be an opt-out.
    pub(crate) fn shown(&self, reveal: bool) -> Shown {
        let about = json!({
            "id": self.id,
            "parkedAt": self.parked_at.map(|at| at.to_string()),
            "reason": self.reason,
            "detail": self.detail,
            "group": self.shown_group(reveal),
        });
        let mut about = match about {
            Value::Object(about) => about,
            _ => Map::new(),
        };
        about.extend(self.noted.clone());
        let change = match (&self.body, reveal) {
            (_, true) => {
                RawValue::from_string(self.text.clone()).or_else(|_| to_raw_value(&self.text))
            }
            (Value::Null, false) => to_raw_value("unreadable; --reveal shows it"),
            (body, false) => to_raw_value(&hidden(body)),
        };
        Shown {
            about,
            change: change.unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    }
}

/// A parked message, as a person or a program is shown it.
#[derive(Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    about: Map<String, Value>,
    change: Box<RawValue>,
}

const HIDDEN: &str = "…";

/// The body with values hidden. Names and structure stay. So do the members that docs/contract.md
/// "Contact change" lists as free of personal data, if they are of the right kind.
fn hidden(body: &Value) -> Value {
    const OPEN: [&str; 12] = [
        "unmapped",
        "extent",
        "arrivedAt",
        "schema",
        "eventId",
        "org",
        "campaignId",
        "operation",
        "version",
        "occurredAt",
        "source",
        "callable",
    ];
    const OF_PLAIN: [&str; 4] = ["adopt", "contactable", "phones", "reset"];
    let Value::Object(members) = body else {
        return HIDDEN.into();
    };
    let hide = |(name, value): (&String, &Value)| match value {
        value if OPEN.contains(&name.as_str()) => (name.clone(), plain(value)),
        Value::Object(columns) if name == "data" => {
            let column = |(column, value): (&String, &Value)| {
                (
                    column.clone(),
                    if value.is_null() {
                        Value::Null
                    } else {
                        HIDDEN.into()
                    },
                )
            };
            (name.clone(), columns.iter().map(column).collect())
        }
        Value::Object(named) if OF_PLAIN.contains(&name.as_str()) => {
            let member = |(name, value): (&String, &Value)| (name.clone(), plain(value));
            (name.clone(), named.iter().map(member).collect())
        }
        _ => (
            plain(&name.as_str().into())
                .as_str()
                .unwrap_or(HIDDEN)
                .to_owned(),
            HIDDEN.into(),
        ),
    };
    members.iter().map(hide).collect()
}

/// A number, a boolean, or a short text without spaces or unusual characters; anything else is
/// hidden.
pub(crate) fn plain(value: &Value) -> Value {
    let is_plain = |text: &str| {
        text.len() <= 128
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) if is_plain(text) => value.clone(),
        _ => HIDDEN.into(),
    }
}
