//! The contact list API that Genesys Cloud publishes (docs/genesys-cloud.md "Contacts of a contact
//! list"): campaigns, lists, contacts, search. Where the documentation leaves open what happens,
//! [`ListReadings`](super::ListReadings) says it; by default the stricter is done.

mod campaigns;
mod dnc_lists;
mod exports;
mod lists;
mod readings;
mod request;
mod search;
mod show;
mod statuses;

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::{Answer, error};
use super::contacts::limit_reached;
use super::{Campaign, Contact, Duplicates, Genesys, List, State};
use show::{show, show_campaign};

pub use exports::Exports;
pub(super) use exports::{DOWNLOADS, Export};
pub(super) use request::Request;
pub(super) use show::PREFIX;
pub(super) use statuses::{is_mute, is_shut};

/// docs/genesys-cloud.md "Limits".
const MOST_WRITTEN: usize = 1_000;
const MOST_BYTES: usize = 512_000;
const LONGEST_VALUE: usize = 512;

impl Genesys {
    pub(super) fn contact_lists_api(
        &self,
        state: &mut State,
        client_id: &str,
        call: &Request<'_>,
    ) -> Answer {
        let decode = |segment: &str| {
            percent_decode_str(segment)
                .decode_utf8()
                .ok()
                .map(|text| text.into_owned())
        };
        let segments: Option<Vec<_>> = call.path[PREFIX.len()..].split('/').map(decode).collect();
        let Some(segments) = segments else {
            return not_found();
        };
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        let mine = |campaign: &&mut Campaign| campaign.client_id == client_id;
        match (call.method, segments.as_slice()) {
            ("GET", ["campaigns"]) => {
                let lists = call.query("contactListId");
                let of_client = state
                    .campaigns
                    .iter()
                    .filter(|(_, campaign)| campaign.client_id == client_id);
                let dnc_lists = call.query("dncListIds");
                let names = |campaign: &Campaign| {
                    campaign
                        .dnc_lists
                        .iter()
                        .any(|list| dnc_lists.contains(list))
                };
                let found = of_client.filter(|(_, campaign)| {
                    (lists.is_empty() || lists.contains(&campaign.list))
                        && (dnc_lists.is_empty() || names(campaign))
                });
                listing(
                    found
                        .map(|(id, campaign)| show_campaign(id, campaign))
                        .collect(),
                    call.page(),
                )
            }
            ("PUT", ["campaigns", id]) => campaigns::put(state, client_id, id, call.body),
            ("GET", ["campaigns", id]) => match state.campaigns.get_mut(*id).filter(mine) {
                Some(campaign) => (200, show_campaign(id, campaign)),
                None => not_found(),
            },
            ("GET", ["contactlists"]) => lists::all(state, client_id, call),
            ("POST", ["contactlists"]) => lists::create(state, client_id, call.body),
            (_, ["dnclists", rest @ ..]) => self.dnc_lists_api(state, client_id, call, rest),
            (_, ["contactlists", id, rest @ ..]) => {
                state.made_exports += u64::from(call.method == "POST" && rest == ["export"]);
                let number = state.made_exports;
                let list = state.lists.get_mut(*id);
                let Some(list) = list.filter(|list| list.client_id == client_id) else {
                    return error(
                        404,
                        "contact.list.not.found",
                        "The contact list was not found.",
                    );
                };
                match (call.method, rest) {
                    ("GET", []) => {
                        let size = call
                            .says("includeSize")
                            .then(|| self.searchable(list).len());
                        let says_import = call.says("includeImportStatus");
                        (200, show::show_list(list, size, says_import))
                    }
                    ("DELETE", []) => lists::delete(state, id),
                    (_, ["export"]) => self.export(list, number, call),
                    (_, ["contacts", rest @ ..]) => self.list_contacts(list, call, rest),
                    _ => not_found(),
                }
            }
            _ => not_found(),
        }
    }

    fn list_contacts(&self, list: &mut List, call: &Request<'_>, rest: &[&str]) -> Answer {
        match (call.method, rest) {
            ("POST", []) => self.upsert(list, call),
            ("POST", ["bulk"]) => self.read_many(list, call.body),
            ("POST", ["search"]) => search::search(&self.searchable(list), list, call.body),
            ("DELETE", []) => self.delete_many(list, &call.query("contactIds")),
            ("GET", [key]) => match self.readable(list, key) {
                Some((key, contact)) => (200, show(list, key, contact)),
                None => not_found(),
            },
            ("PUT", [key]) => self.put(list, key, call.body),
            ("DELETE", [key]) => {
                let key = self.stored_key(list, key);
                match list.write(self.clock.now(), key, None) {
                    true => (200, Value::Null),
                    false => not_found(),
                }
            }
            ("GET" | "POST" | "PUT" | "DELETE", _) => not_found(),
            _ => error(405, "method.not.allowed", "Method not allowed."),
        }
    }

    fn upsert(&self, list: &mut List, call: &Request<'_>) -> Answer {
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
        // All or none.
        let mut written: Vec<(String, Contact)> = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let key = match item.get("id") {
                None | Some(Value::Null) => format!("generated-{}-{n}", list.contacts.len()),
                Some(Value::String(key)) if self.may_be_an_id(key) => self.stored_key(list, key),
                _ => {
                    let message = "The custom contactId field is not valid.  It cannot contain special characters.";
                    return error(400, "invalid.contact.id", message);
                }
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

    fn put(&self, list: &mut List, key: &str, body: &Value) -> Answer {
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

    /// The contact after a write.
    fn changed(
        &self,
        list: &List,
        old: Option<&Contact>,
        item: &Value,
        clears: bool,
    ) -> Result<Contact, Answer> {
        let bad = |message: &str| error(400, "bad.request", message);
        let data = item
            .get("data")
            .and_then(Value::as_object)
            .ok_or_else(|| bad("data is not an object."))?;
        let mut columns = match old {
            Some(old) if self.options.list_updates_merge => old.data.clone(),
            _ => BTreeMap::new(),
        };
        for (name, value) in data {
            let value = value.as_str().ok_or_else(|| bad("A value is no string."))?;
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
            // An empty value is the same as none.
            if value.is_empty() {
                columns.remove(name);
            } else {
                columns.insert(name.clone(), value.to_owned());
            }
        }
        let callable = match item.get("callable") {
            None | Some(Value::Null) if self.options.omitted_callable_is_true => true,
            None | Some(Value::Null) => old.is_none_or(|old| old.callable),
            Some(Value::Bool(callable)) => *callable,
            Some(_) => return Err(bad("callable is no boolean.")),
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
}

/// Each contact of a POST must name every column of the list.
fn lacks_a_column(list: &List, item: &Value) -> bool {
    let names = |column: &String| item["data"].get(column).is_some();
    !list.columns.iter().flatten().all(names)
}

fn lacking() -> Answer {
    let message = "The contact columns do not match what is required in the list.";
    error(400, "invalid.contact.columns", message)
}

fn not_found() -> Answer {
    error(
        404,
        "resource.not.found",
        "The requested resource was not found.",
    )
}

fn listing(entities: Vec<Value>, (number, size): (usize, usize)) -> Answer {
    let total = entities.len();
    let page: Vec<_> = entities
        .into_iter()
        .skip((number - 1) * size)
        .take(size)
        .collect();
    let pages = total.div_ceil(size);
    (
        200,
        json!({ "entities": page, "pageSize": size, "pageNumber": number, "total": total, "pageCount": pages }),
    )
}
