//! Finds the contact of each key in an answer of the service.
//!
//! The service answers in its own order, leaves out what does not exist, and may fold the case of
//! ids.

use std::collections::{BTreeSet, HashMap};

use domain::change::ContactKey;
use domain::channel::Statuses;
use domain::contact::Contact;
use domain::failure::Failure;

use super::{ContactList, parse};
use crate::genesys::wire;

impl ContactList {
    /// The contact that was found for each key, in the order of the keys.
    ///
    /// An id in another case means that the service folds case, and that it takes both ids for one
    /// contact. If that contact counted as none, a write would replace it without a look at its
    /// rank.
    pub(super) fn matched(
        &self,
        asked: &[&ContactKey],
        found: Vec<wire::ListContact>,
    ) -> Vec<Option<Contact>> {
        let places = asked.iter().enumerate();
        let places: HashMap<&str, usize> = places.map(|(n, key)| (key.as_str(), n)).collect();
        let mut contacts: Vec<Option<Contact>> = asked.iter().map(|_| None).collect();
        let mut folded = HashMap::new();
        for contact in found {
            match places.get(contact.id.as_str()) {
                Some(place) if contacts[*place].is_none() => {
                    contacts[*place] = Some(self.contact(contact));
                }
                Some(_) => {}
                None => {
                    let first = folded.entry(contact.id.to_lowercase());
                    first.or_insert_with(|| self.contact(contact));
                }
            }
        }
        if !folded.is_empty() {
            for (slot, key) in contacts.iter_mut().zip(asked) {
                if slot.is_none() {
                    *slot = folded.get(&key.as_str().to_lowercase()).cloned();
                }
            }
        }
        contacts
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
pub(super) fn are_asked_for(found: &[wire::ListContact], asked: &[&ContactKey]) -> bool {
    let asked = asked.iter().map(|key| key.as_str().to_lowercase());
    let asked: BTreeSet<_> = asked.collect();
    found
        .iter()
        .all(|contact| asked.contains(&contact.id.to_lowercase()))
}

/// The contacts of an answer.
pub(super) fn contacts(body: &[u8], what: &str) -> Result<Vec<wire::ListContact>, Failure> {
    parse(body, what)
}
