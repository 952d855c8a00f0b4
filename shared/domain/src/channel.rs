//! The switches of a contact beside `callable`: one for each channel, and one for each phone number
//! (docs/contract.md "Channels and numbers").
//!
//! campaign-sync only lowers them. So a change needs no rank for them: one that comes late, or
//! twice, cannot undo anything.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value, json};

/// A way in which a campaign reaches people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Voice calls.
    Voice,
    /// Text messages.
    Sms,
    /// Mail.
    Email,
    /// `WhatsApp` messages.
    WhatsApp,
}

impl Channel {
    /// Every channel.
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

    /// The channel with this name, compared byte for byte.
    pub fn of(name: &str) -> Option<Channel> {
        Channel::ALL
            .into_iter()
            .find(|channel| channel.as_str() == name)
    }
}

/// The channels that an opt-out lowers beside `callable`: the member `optOut` of the org's secret
/// (docs/contract.md "Secrets").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptOut {
    /// Nothing: an opt-out is about calls only.
    #[default]
    Voice,
    /// Every channel.
    All,
}

/// Channels that may not be used, and phone numbers that may not be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lowered {
    /// The channels.
    pub channels: BTreeSet<Channel>,
    /// The columns of the contact list that hold the numbers.
    pub phones: BTreeSet<String>,
}

impl Lowered {
    /// Whether nothing is lowered.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.phones.is_empty()
    }

    /// The names of the channels and columns, for a person.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let channels = self.channels.iter().map(|channel| channel.as_str());
        channels.chain(self.phones.iter().map(String::as_str))
    }
}

/// `contactableStatus` and `phoneNumberStatus` of a contact as they were read. They may hold
/// anything, and what the dialler wrote there is kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Statuses {
    contactable: Map<String, Value>,
    phones: Map<String, Value>,
}

const CONTACTABLE: &str = "contactable";
const CALLABLE: &str = "callable";

impl Statuses {
    /// Takes both values as a contact shows them. A value that is no object counts as empty.
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

    /// The part of `wish` that is not lowered yet.
    pub fn not_yet_lowered(&self, wish: &Lowered) -> Lowered {
        let mut lacks = wish.clone();
        lacks
            .channels
            .retain(|channel| !self.is_channel_lowered(*channel));
        lacks
            .phones
            .retain(|column| !self.is_number_lowered(column));
        lacks
    }

    /// Whether the channel is lowered.
    pub(crate) fn is_channel_lowered(&self, channel: Channel) -> bool {
        is_lowered(&self.contactable, channel.as_str(), CONTACTABLE)
    }

    /// Whether the number in this column is lowered.
    pub(crate) fn is_number_lowered(&self, column: &str) -> bool {
        is_lowered(&self.phones, column, CALLABLE)
    }

    /// The same statuses with everything in `lowered` lowered as well.
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

/// Only an explicit status counts. A contact without one may be reached.
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
    fn lowering_keeps_what_was_read_and_changes_only_the_named_statuses() {
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
        assert_eq!(read.not_yet_lowered(&wish), lacks);
        let after = read.lowered(&lacks);
        assert!(after.not_yet_lowered(&wish).is_empty());
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
    fn statuses_that_are_not_an_object_are_read_as_empty() {
        let odd = Statuses::new(Value::Null, json!([1]));
        assert_eq!(odd, Statuses::default());
        let wish = lowered(&[Channel::Sms], &["phone"]);
        assert_eq!(odd.not_yet_lowered(&wish), wish);
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
