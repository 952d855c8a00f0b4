//! Writing contacts: `POST contacts` and `PUT contacts/{id}` (docs/genesys-cloud.md "Contacts of a
//! contact list").
//!
//! A write is checked as a whole before any of it is stored. What a write leaves of the columns,
//! `callable` and statuses of an existing contact is undocumented in part; the options choose.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::answer::{Answer, error};
use super::super::contacts::limit_reached;
use super::super::{Contact, Duplicates, Genesys, List};
use super::show::show;
use super::{MOST_BYTES, Request};

/// The limits of docs/genesys-cloud.md "Limits".
const MOST_WRITTEN: usize = 1_000;
const LONGEST_VALUE: usize = 512;

const INVALID_ID: &str =
    "The custom contactId field is not valid.  It cannot contain special characters.";

impl Genesys {
    pub(super) fn upsert(&self, list: &mut List, call: &Request<'_>) -> Answer {
        if call.body.to_string().len() > MOST_BYTES {
            let message =
                format!("The request is over the size limit. Maximum bytes: {MOST_BYTES}");
            return error(413, "request.entity.too.large", &message);
        }
        let Some(items) = call.body.as_array().filter(|items| !items.is_empty()) else {
            return error(400, "bad.request", "The body is not an array of contacts.");
        };
        if items.len() > MOST_WRITTEN {
            return error(
                400,
                "too.many.contacts.added",
                "Too many contacts added, the limit is 1000",
            );
        }
        // Either every contact of the request is written, or none.
        let mut written: Vec<(String, Contact)> = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let key = match item.get("id") {
                None | Some(Value::Null) => format!("generated-{}-{n}", list.contacts.len()),
                Some(Value::String(key)) if self.may_be_an_id(key) => self.stored_key(list, key),
                _ => return error(400, "invalid.contact.id", INVALID_ID),
            };
            let twin = written
                .iter()
                .position(|(other, _)| self.is_same(other, &key));
            if twin.is_some() && self.options.lists.duplicates == Duplicates::Refused {
                return error(400, "bad.request", "A contact is in the request twice.");
            }
            if !self.options.lists.posts_take_a_subset && lacks_a_column(list, item) {
                return lacking();
            }
            let old = list.contacts.get(&key);
            match self.changed(list, old, item, call.says("clearSystemData")) {
                Ok(contact) => match twin {
                    Some(_) if self.options.lists.duplicates == Duplicates::FirstWins => {}
                    Some(twin) => written[twin].1 = contact,
                    None => written.push((key, contact)),
                },
                Err(refused) => return refused,
            }
        }
        let is_new = |(key, _): &&(String, Contact)| !list.contacts.contains_key(key);
        if self.is_over_the_limit(list, written.iter().filter(is_new).count()) {
            return limit_reached();
        }
        let mut shown: Vec<_> = written
            .iter()
            .map(|(key, contact)| show(list, key, contact))
            .collect();
        if self.options.lists.answer_in_another_order {
            shown.reverse();
        }
        for (key, contact) in written {
            list.write(self.clock.now(), key, Some(contact));
        }
        (200, shown.into())
    }

    pub(super) fn put(&self, list: &mut List, key: &str, body: &Value) -> Answer {
        let key = self.stored_key(list, key);
        let Some(old) = list.contacts.get(&key) else {
            return error(400, "contact.does.not.exist", "The contact does not exist.");
        };
        if !self.options.lists.puts_take_a_subset && lacks_a_column(list, body) {
            return lacking();
        }
        match self.changed(list, Some(old), body, false) {
            Ok(contact) => {
                let shown = show(list, &key, &contact);
                list.write(self.clock.now(), key, Some(contact));
                (200, shown)
            }
            Err(refused) => refused,
        }
    }

    /// The contact as a write leaves it, or the refusal of the write.
    fn changed(
        &self,
        list: &List,
        old: Option<&Contact>,
        item: &Value,
        clears: bool,
    ) -> Result<Contact, Answer> {
        let columns = self.columns(list, old, item)?;
        let callable = match item.get("callable") {
            None | Some(Value::Null) if self.options.omitted_callable_is_true => true,
            None | Some(Value::Null) => old.is_none_or(|old| old.callable),
            Some(Value::Bool(callable)) => *callable,
            Some(_) => return Err(bad_request("callable is no boolean.")),
        };
        let of_the_dialler = old
            .filter(|_| !clears)
            .map(|old| old.of_the_dialler.clone())
            .unwrap_or_default();
        let of_the_dialler = self.statuses(list, of_the_dialler, item)?;
        let created_at = old.map_or_else(|| self.clock.now(), |old| old.created_at);
        Ok(Contact {
            data: columns,
            callable,
            created_at,
            of_the_dialler,
        })
    }

    /// The columns of a contact as a write leaves them.
    fn columns(
        &self,
        list: &List,
        old: Option<&Contact>,
        item: &Value,
    ) -> Result<BTreeMap<String, String>, Answer> {
        let data = item
            .get("data")
            .and_then(Value::as_object)
            .ok_or_else(|| bad_request("data is not an object."))?;
        let mut columns = match old {
            Some(old) if self.options.list_updates_merge => old.data.clone(),
            _ => BTreeMap::new(),
        };
        for (name, value) in data {
            let value = value
                .as_str()
                .ok_or_else(|| bad_request("A value is no string."))?;
            if list
                .columns
                .as_ref()
                .is_some_and(|columns| !columns.contains(name))
            {
                return Err(error(
                    400,
                    "invalid.contact.columns",
                    "The contact columns are invalid.",
                ));
            }
            if value.chars().count() > LONGEST_VALUE || !list.takes(name, value) {
                return Err(error(
                    400,
                    "invalid.value",
                    "A value is too long, or of another type.",
                ));
            }
            // An empty value clears the column.
            if value.is_empty() {
                columns.remove(name);
            } else {
                columns.insert(name.clone(), value.to_owned());
            }
        }
        Ok(columns)
    }
}

/// Whether a contact lacks one of the list's columns. A POST must name them all.
fn lacks_a_column(list: &List, item: &Value) -> bool {
    let names = |column: &String| item["data"].get(column).is_some();
    !list.columns.iter().flatten().all(names)
}

fn lacking() -> Answer {
    let message = "The contact columns do not match what is required in the list.";
    error(400, "invalid.contact.columns", message)
}

fn bad_request(message: &str) -> Answer {
    error(400, "bad.request", message)
}
