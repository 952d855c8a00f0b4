//! The switches of a contact beside `callable`: one of each channel, and one of each number
//! (docs/contract.md "Channels and numbers").
//!
//! campaign-sync only ever lowers them. So what is said of them needs no rank: whatever comes late, or
//! twice, says nothing that could be undone.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value, json};

/// A way in which a campaign reaches people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Calls.
    Voice,
    /// Text messages.
    Sms,
    /// Mail.
    Email,
    /// Messages of `WhatsApp`.
    WhatsApp,
}

impl Channel {
    /// Every one.
    pub const ALL: [Channel; 4] = [
        Channel::Voice,
        Channel::Sms,
        Channel::Email,
        Channel::WhatsApp,
    ];

    /// The name in `contactableStatus`.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Voice => "Voice",
            Channel::Sms => "Sms",
            Channel::Email => "Email",
            Channel::WhatsApp => "WhatsApp",
        }
    }

    /// The channel of this name, byte for byte.
    pub fn of(name: &str) -> Option<Channel> {
        Channel::ALL
            .into_iter()
            .find(|channel| channel.as_str() == name)
    }
}

/// What an opt-out lowers beside `callable`: `optOut` of the org's secret (docs/contract.md "Secrets").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptOut {
    /// Nothing: messages are none of its business.
    #[default]
    Voice,
    /// Every channel.
    All,
}

/// Channels that are not to be used, and numbers, by their columns, that are not to be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lowered {
    /// By which nobody may reach the contact.
    pub channels: BTreeSet<Channel>,
    /// Columns of the contact list.
    pub phones: BTreeSet<String>,
}

impl Lowered {
    /// Nothing is.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.phones.is_empty()
    }

    /// Channels and columns by their names, for a person.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let channels = self.channels.iter().map(|channel| channel.as_str());
        channels.chain(self.phones.iter().map(String::as_str))
    }
}

/// `contactableStatus` and `phoneNumberStatus` of a contact as they were read, whatever they hold: what
/// the dialler wrote there is kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Statuses {
    contactable: Map<String, Value>,
    phones: Map<String, Value>,
}

const CONTACTABLE: &str = "contactable";
const CALLABLE: &str = "callable";

impl Statuses {
    /// As a contact shows them; what is no object is taken for empty.
    pub fn new(contactable: Value, phones: Value) -> Statuses {
        let members = |status| match status {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        Statuses {
            contactable: members(contactable),
            phones: members(phones),
        }
    }

    /// What of this is not lowered.
    pub fn lacks(&self, wish: &Lowered) -> Lowered {
        let mut lacks = wish.clone();
        lacks.channels.retain(|channel| !self.is_shut(*channel));
        lacks.phones.retain(|column| !self.is_mute(column));
        lacks
    }

    /// Whether a channel is lowered.
    pub(crate) fn is_shut(&self, channel: Channel) -> bool {
        is_lowered(&self.contactable, channel.as_str(), CONTACTABLE)
    }

    /// Whether the number in this column is lowered.
    pub(crate) fn is_mute(&self, column: &str) -> bool {
        is_lowered(&self.phones, column, CALLABLE)
    }

    /// The same with all of this lowered, and all else as it is.
    #[must_use]
    pub fn lowered(mut self, lowered: &Lowered) -> Statuses {
        for channel in &lowered.channels {
            lower(&mut self.contactable, channel.as_str(), CONTACTABLE);
        }
        for column in &lowered.phones {
            lower(&mut self.phones, column, CALLABLE);
        }
        self
    }

    /// `contactableStatus`.
    pub fn contactable(&self) -> &Map<String, Value> {
        &self.contactable
    }

    /// `phoneNumberStatus`.
    pub fn phones(&self) -> &Map<String, Value> {
        &self.phones
    }
}

/// Only what a status says outright counts: who is not lowered may be reached.
fn is_lowered(statuses: &Map<String, Value>, name: &str, switch: &str) -> bool {
    let status = statuses.get(name).and_then(|status| status.get(switch));
    status.and_then(Value::as_bool) == Some(false)
}

fn lower(statuses: &mut Map<String, Value>, name: &str, switch: &str) {
    match statuses.get_mut(name) {
        Some(Value::Object(status)) => drop(status.insert(switch.to_owned(), false.into())),
        _ => drop(statuses.insert(name.to_owned(), json!({ switch: false }))),
    }
}

impl fmt::Debug for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.contactable.keys().chain(self.phones.keys());
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(channels: &[Channel], phones: &[&str]) -> Lowered {
        Lowered {
            channels: channels.iter().copied().collect(),
            phones: phones.iter().map(|column| (*column).to_owned()).collect(),
        }
    }

    #[test]
    fn what_was_read_is_kept_and_only_what_is_said_outright_is_lowered() {
        let read = Statuses::new(
            json!({
                "Voice": { "contactable": true, "columnStatus": { "phone": { "contactable": false } } },
                "Sms": { "contactable": false },
                "Fax": { "contactable": true },
                "Email": {}, "WhatsApp": "no status",
            }),
            json!({ "home": { "callable": false, "seen": 1 }, "cell": { "callable": true } }),
        );
        let wish = lowered(&Channel::ALL, &["home", "cell", "work"]);
        let lacks = lowered(
            &[Channel::Voice, Channel::Email, Channel::WhatsApp],
            &["cell", "work"],
        );
        assert_eq!(read.lacks(&wish), lacks);
        let after = read.lowered(&lacks);
        assert!(after.lacks(&wish).is_empty());
        let expected = json!({
            "Voice": { "contactable": false, "columnStatus": { "phone": { "contactable": false } } },
            "Sms": { "contactable": false },
            "Fax": { "contactable": true },
            "Email": { "contactable": false }, "WhatsApp": { "contactable": false },
        });
        assert_eq!(Value::Object(after.contactable().clone()), expected);
        let expected = json!({
            "home": { "callable": false, "seen": 1 }, "cell": { "callable": false },
            "work": { "callable": false },
        });
        assert_eq!(Value::Object(after.phones().clone()), expected);
    }

    #[test]
    fn what_is_no_object_says_nothing() {
        let odd = Statuses::new(Value::Null, json!([1]));
        assert_eq!(odd, Statuses::default());
        let wish = lowered(&[Channel::Sms], &["phone"]);
        assert_eq!(odd.lacks(&wish), wish);
    }

    #[test]
    fn a_channel_has_the_name_of_the_api_and_no_other() {
        for channel in Channel::ALL {
            assert_eq!(Channel::of(channel.as_str()), Some(channel));
        }
        for other in ["voice", "SMS", "Whatsapp", "", "Voice "] {
            assert_eq!(Channel::of(other), None);
        }
    }
}
