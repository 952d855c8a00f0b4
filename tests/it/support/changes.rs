//! Changes as ingest enqueues them.

use io::queue::Message;
use serde_json::{Value, json};

pub(crate) const CAMPAIGN: &str = "campaign-a";
pub(crate) const OTHER_CAMPAIGN: &str = "campaign-b";

/// A change on its way. Each has an event id of its own.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    body: Value,
    raw: Option<String>,
}

/// A change of org `acme` for a contact of [`CAMPAIGN`], with a rank and nothing else.
pub(crate) fn change(key: &str, version: u64) -> Change {
    let event_id = format!("evt-{key}-{version}").replace(|c: char| !c.is_ascii_graphic(), "_");
    let body = json!({
        "schema": 1,
        "eventId": event_id,
        "org": "acme",
        "campaignId": CAMPAIGN,
        "contactKey": key,
        "version": version,
        "data": {},
    });
    Change { body, raw: None }
}

impl Change {
    pub(crate) fn phone(mut self, phone: &str) -> Change {
        self.body["data"]["phone"] = phone.into();
        self
    }

    pub(crate) fn column(mut self, name: &str, value: Value) -> Change {
        self.body["data"][name] = value;
        self
    }

    /// Sets any member of the body.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Change {
        self.body[name] = value.into();
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Change {
        self.body.as_object_mut().unwrap().remove(name);
        self
    }

    pub(crate) fn callable(self, callable: bool) -> Change {
        self.with("callable", callable)
    }

    pub(crate) fn remove(self) -> Change {
        self.without("data").with("operation", "remove")
    }

    pub(crate) fn of(self, org: &str, campaign: &str) -> Change {
        self.with("org", org).with("campaignId", campaign)
    }

    /// A body that cannot be read, in the same message group.
    pub(crate) fn spoilt(mut self, body: &str) -> Change {
        self.raw = Some(body.to_owned());
        self
    }

    /// The text of the body.
    pub(crate) fn text(&self) -> String {
        self.raw.clone().unwrap_or_else(|| self.body.to_string())
    }

    /// The message in the group of its contact. A body that cannot be read keeps the group of the
    /// valid one.
    pub(crate) fn message(&self) -> Message {
        let mut good = json!({ "schema": 1, "operation": "remove" });
        for name in ["eventId", "org", "campaignId", "contactKey"] {
            good[name] = self.body[name].clone();
        }
        let good = domain::Change::parse(&good.to_string()).unwrap();
        Message {
            body: self.text(),
            group: good.message_group().as_str().to_owned(),
            deduplication_id: good.deduplication_id(),
            attributes: Vec::new(),
        }
    }
}
