//! Computes what the campaigns should hold, and compares it with what they do hold.
//!
//! The CRM's events are replayed in the order of their versions. The rules are written anew here
//! and nothing of the product is used, so that the comparison finds the product's defects.
//! docs/contract.md "Meaning of a change" states the rules.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Key, VERSION_FIELD};

/// A contact as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) columns: BTreeMap<String, String>,
    pub(crate) callable: bool,
    /// Whether the vendor's CRM deleted the contact: nobody may call it, and its columns do not
    /// matter.
    pub(crate) is_gone: bool,
    /// Whether the campaign may lack the contact: its deletion creates no contact.
    pub(crate) may_be_missing: bool,
}

impl Expected {
    pub(crate) fn gone(may_be_missing: bool) -> Expected {
        Expected {
            is_gone: true,
            may_be_missing,
            ..Expected::default()
        }
    }

    pub(crate) fn new(
        columns: &BTreeMap<&'static str, Option<String>>,
        callable: bool,
    ) -> Expected {
        let columns = columns
            .iter()
            .filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)))
            .collect();
        Expected {
            columns,
            callable,
            ..Expected::default()
        }
    }

    /// Whether it is a contact of the campaign, and not only the mark of an opt-out by somebody who
    /// is not in it.
    fn is_somebody(&self) -> bool {
        self.callable || self.columns.values().any(|value| !value.is_empty())
    }
}

/// A contact that is not as it should be, and why.
#[derive(Debug)]
pub(crate) struct WrongContact {
    pub(crate) key: Key,
    /// The names of the columns that differ, or a phrase such as `is missing`.
    pub(crate) what: Vec<String>,
}

impl WrongContact {
    /// Whether the campaign says that the contact may be called, and the CRM that it may not.
    pub(crate) fn is_callable(&self) -> bool {
        self.what.iter().any(|what| what == "callable is true")
    }
}

/// The contact that a body is about.
pub(crate) fn key(body: &Value) -> Option<Key> {
    let text = |name: &str| body.get(name)?.as_str().map(str::to_owned);
    Some((text("org")?, text("campaignId")?, text("contactKey")?))
}

/// Applies the events to the initial contacts. The events of a contact are put in the order of
/// their versions; an event without a version counts as the highest version before it. Of two
/// events with one version, an opt-out wins.
pub(crate) fn replay(
    initial: &BTreeMap<Key, Expected>,
    events: Vec<Value>,
) -> BTreeMap<Key, Expected> {
    let mut of_contact: BTreeMap<Key, Vec<(u64, Value)>> = BTreeMap::new();
    for event in events {
        let Some(key) = key(&event) else { continue };
        let of_contact = of_contact.entry(key).or_default();
        let highest = of_contact
            .iter()
            .map(|(version, _)| *version)
            .max()
            .unwrap_or(0);
        of_contact.push((event["version"].as_u64().unwrap_or(highest), event));
    }
    let mut contacts = initial.clone();
    for (key, mut events) in of_contact {
        events.sort_by_key(|(version, _)| *version);
        let new = || Expected {
            callable: true,
            ..Expected::default()
        };
        let mut known = contacts.remove(&key);
        let mut opted_out_at = None;
        for (version, event) in &events {
            if creates_nobody(event) && !known.as_ref().is_some_and(Expected::is_somebody) {
                if event["ifAbsent"] == "skip" && opts_out(event) {
                    opted_out_at = Some(*version);
                    known.get_or_insert_with(Expected::default).callable = false;
                }
                continue;
            }
            let contact = known.get_or_insert_with(new);
            for (name, value) in event["data"].as_object().into_iter().flatten() {
                match value.as_str() {
                    Some(text) => contact.columns.insert(name.clone(), text.to_owned()),
                    None => contact.columns.remove(name),
                };
            }
            match (event["operation"].as_str(), event["callable"].as_bool()) {
                (Some("remove"), _) | (_, Some(false)) => {
                    contact.callable = false;
                    opted_out_at = Some(*version);
                }
                (_, Some(true)) if opted_out_at != Some(*version) || event["version"].is_null() => {
                    contact.callable = true;
                }
                _ => {}
            }
        }
        contacts.extend(known.map(|contact| (key, contact)));
    }
    contacts
}

/// Whether a change creates no contact. If the contact is not in the campaign, only its opt-out
/// counts.
fn creates_nobody(event: &Value) -> bool {
    event["ifAbsent"] == "skip" || event["ifAbsent"] == "skipOptOut"
}

/// Whether a change says that nobody may call, or lowers a channel or a number.
fn opts_out(event: &Value) -> bool {
    let lowers = |member: &str| event[member].as_object().is_some_and(|of| !of.is_empty());
    event["operation"] == "remove"
        || event["callable"] == false
        || lowers("contactable")
        || lowers("phones")
}

/// The contacts of the campaigns that are not as expected. An empty column equals an absent one.
/// The version column belongs to the product and is not compared.
pub(crate) fn differences(
    expected: &BTreeMap<Key, Expected>,
    actual: impl Fn(&str) -> BTreeMap<String, emulator::genesys::Contact>,
) -> Vec<WrongContact> {
    let mut campaigns: BTreeMap<(&str, &str), BTreeMap<&str, &Expected>> = BTreeMap::new();
    for ((org, campaign, key), contact) in expected {
        campaigns
            .entry((org, campaign))
            .or_default()
            .insert(key, contact);
    }
    let mut wrong = Vec::new();
    for ((org, campaign), expected) in campaigns {
        let actual = actual(campaign);
        let full = |key: &str| (org.to_owned(), campaign.to_owned(), key.to_owned());
        let extra = actual
            .keys()
            .filter(|key| !expected.contains_key(key.as_str()));
        wrong.extend(extra.map(|key| WrongContact {
            key: full(key),
            what: vec!["is too many".to_owned()],
        }));
        for (key, expected) in expected {
            let what = match actual.get(key) {
                Some(actual) => difference(expected, actual),
                None if expected.may_be_missing => Vec::new(),
                None => vec!["is missing".to_owned()],
            };
            if !what.is_empty() {
                wrong.push(WrongContact {
                    key: full(key),
                    what,
                });
            }
        }
    }
    wrong
}

/// The names of the columns that differ, and a phrase if `callable` does.
fn difference(expected: &Expected, actual: &emulator::genesys::Contact) -> Vec<String> {
    let held = |columns: &BTreeMap<String, String>, name: &str| {
        columns.get(name).cloned().unwrap_or_default()
    };
    let mut names: Vec<_> = expected
        .columns
        .keys()
        .chain(actual.data.keys())
        .filter(|name| *name != VERSION_FIELD)
        .collect();
    names.sort_unstable();
    names.dedup();
    if expected.is_gone {
        names.clear();
    }
    let differs = |name: &&String| held(&expected.columns, name) != held(&actual.data, name);
    let mut what: Vec<_> = names.into_iter().filter(differs).cloned().collect();
    if expected.callable != actual.callable {
        what.push(format!("callable is {}", actual.callable));
    }
    what
}
