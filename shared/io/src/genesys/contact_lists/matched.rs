//! Finds the contact of each key in an answer of the service.
//!
//! The service answers in its own order, leaves out what does not exist, and may fold the case of
//! ids.

use std::collections::{BTreeSet, HashMap};

use domain::change::ContactKey;
use domain::channel::Statuses;
use domain::contact::Contact;
use domain::failure::Failure;
use serde_json::value::RawValue;

use super::{ContactList, parse};
use crate::genesys::wire;

/// A contact of an answer.
pub(super) enum Shown {
    Whole(wire::ListContact),
    /// Only the id can be read.
    Unreadable(String),
}

impl Shown {
    fn id(&self) -> &str {
        match self {
            Shown::Whole(contact) => &contact.id,
            Shown::Unreadable(id) => id,
        }
    }
}

/// The content of an answer for one key.
#[derive(Clone)]
pub(super) enum Found {
    Nothing,
    Contact(Contact),
    /// There is a contact, in a form that is not known.
    Unreadable,
}

impl Found {
    /// The contact that this call shows.
    pub(super) fn read_by(self, what: &str) -> Result<Option<Contact>, Failure> {
        match self {
            Found::Nothing => Ok(None),
            Found::Contact(contact) => Ok(Some(contact)),
            Found::Unreadable => Err(Failure::unreadable(what)),
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Found::Nothing)
    }
}

impl ContactList {
    /// The contact that was found for each key, in the order of the keys.
    ///
    /// An id in another case means that the service folds case, and that it takes both ids for one
    /// contact. If that contact counted as none, a write would replace it without a look at its
    /// rank.
    pub(super) fn matched(&self, asked: &[&ContactKey], shown: Vec<Shown>) -> Vec<Found> {
        let places = asked.iter().enumerate();
        let places: HashMap<&str, usize> = places.map(|(n, key)| (key.as_str(), n)).collect();
        let mut found = vec![Found::Nothing; asked.len()];
        let mut folded = HashMap::new();
        for contact in shown {
            match places.get(contact.id()) {
                Some(place) if found[*place].is_nothing() => {
                    found[*place] = self.found(contact);
                }
                Some(_) => {}
                None => {
                    let first = folded.entry(contact.id().to_lowercase());
                    first.or_insert_with(|| self.found(contact));
                }
            }
        }
        if !folded.is_empty() {
            for (slot, key) in found.iter_mut().zip(asked) {
                if slot.is_nothing()
                    && let Some(first) = folded.get(&key.as_str().to_lowercase())
                {
                    *slot = first.clone();
                }
            }
        }
        found
    }

    fn found(&self, shown: Shown) -> Found {
        match shown {
            Shown::Whole(contact) => Found::Contact(self.contact(contact)),
            Shown::Unreadable(_) => Found::Unreadable,
        }
    }

    fn contact(&self, mut found: wire::ListContact) -> Contact {
        found.data.retain(|_, value| !value.is_empty());
        // A contact may be called unless the answer says that it is not callable.
        let callable = found.callable.unwrap_or(true);
        Contact {
            statuses: Statuses::new(found.contactable_status, found.phone_number_status),
            ..Contact::new(found.data, callable, self.version_field.as_deref())
        }
    }
}

/// Whether every contact that was found was asked for. An answer about other contacts says nothing
/// about those that were asked for. If they counted as absent, a write would replace them without a
/// look at their ranks.
pub(super) fn are_asked_for(shown: &[Shown], asked: &[&ContactKey]) -> bool {
    let asked = asked.iter().map(|key| key.as_str().to_lowercase());
    let asked: BTreeSet<_> = asked.collect();
    shown
        .iter()
        .all(|contact| asked.contains(&contact.id().to_lowercase()))
}

/// The contacts of an answer. One that cannot be read does not make the others fail, as long as its
/// id can be read.
pub(super) fn contacts(body: &[u8], what: &str) -> Result<Vec<Shown>, Failure> {
    if let Ok(all) = parse::<Vec<wire::ListContact>>(body, what) {
        return Ok(all.into_iter().map(Shown::Whole).collect());
    }
    let all: Vec<&RawValue> = parse(body, what)?;
    let each = all.into_iter().map(|one| {
        let one = one.get().as_bytes();
        match parse::<wire::ListContact>(one, what) {
            Ok(contact) => Ok(Shown::Whole(contact)),
            Err(_) => Ok(Shown::Unreadable(parse::<wire::Reference>(one, what)?.id)),
        }
    });
    each.collect()
}
