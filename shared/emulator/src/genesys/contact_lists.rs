//! The contact list API that Genesys Cloud publishes (docs/genesys-cloud.md "Contacts of a contact
//! list"): campaigns, lists, contacts, search. Each campaign has a list of its own. Where the
//! documentation leaves open what happens, the stricter is done.

mod search;
mod show;

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::{Answer, error};
use super::{Campaign, Contact, Genesys, State};
use show::{show, show_campaign, show_list};

pub(super) use show::PREFIX;

/// docs/genesys-cloud.md "Limits".
const MOST_WRITTEN: usize = 1_000;
const MOST_READ: usize = 50;
const MOST_DELETED: usize = 250;
const MOST_BYTES: usize = 512_000;
const LONGEST_VALUE: usize = 512;
/// Of a contact, what the dialler writes and a client may.
const OF_THE_DIALLER: [&str; 3] = [
    "phoneNumberStatus",
    "contactableStatus",
    "latestWhatsAppEvaluations",
];

pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: &'a Value,
}

impl Request<'_> {
    /// Every value of a query parameter, decoded; several may stand in one, parted by commas.
    fn query(&self, name: &str) -> Vec<String> {
        let pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let values = pairs
            .filter(|(other, _)| *other == name)
            .map(|(_, value)| value.replace('+', " "));
        let decoded = values
            .filter_map(|value| Some(percent_decode_str(&value).decode_utf8().ok()?.into_owned()));
        decoded
            .flat_map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    fn says(&self, name: &str) -> bool {
        self.query(name)
            .iter()
            .any(|value| value.eq_ignore_ascii_case("true"))
    }

    fn page(&self) -> (usize, usize) {
        let number = |name, default| {
            self.query(name)
                .first()
                .and_then(|text| text.parse().ok())
                .unwrap_or(default)
        };
        (
            number("pageNumber", 1).max(1),
            number("pageSize", 25).clamp(1, 100),
        )
    }
}

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
                let found = of_client
                    .filter(|(_, campaign)| lists.is_empty() || lists.contains(&campaign.list));
                listing(
                    found
                        .map(|(id, campaign)| show_campaign(id, campaign))
                        .collect(),
                    call.page(),
                )
            }
            ("GET", ["campaigns", id]) => match state.campaigns.get_mut(*id).filter(mine) {
                Some(campaign) => (200, show_campaign(id, campaign)),
                None => not_found(),
            },
            ("GET", ["contactlists"]) => {
                let ids = call.query("id");
                let of_client = state
                    .campaigns
                    .values()
                    .filter(|campaign| campaign.client_id == client_id);
                let found =
                    of_client.filter(|campaign| ids.is_empty() || ids.contains(&campaign.list));
                listing(found.map(show_list).collect(), call.page())
            }
            (_, ["contactlists", list, rest @ ..]) => {
                let Some(campaign) = state
                    .campaigns
                    .values_mut()
                    .filter(mine)
                    .find(|campaign| campaign.list == *list)
                else {
                    return error(
                        404,
                        "contact.list.not.found",
                        "The contact list was not found.",
                    );
                };
                match (call.method, rest) {
                    ("GET", []) => (200, show_list(campaign)),
                    (_, ["contacts", rest @ ..]) => self.list_contacts(campaign, call, rest),
                    _ => not_found(),
                }
            }
            _ => not_found(),
        }
    }

    fn list_contacts(&self, campaign: &mut Campaign, call: &Request<'_>, rest: &[&str]) -> Answer {
        match (call.method, rest) {
            ("POST", []) => self.upsert(campaign, call),
            ("POST", ["bulk"]) => read_many(campaign, call.body),
            ("POST", ["search"]) => search::search(campaign, call.body),
            ("DELETE", []) => delete_many(campaign, &call.query("contactIds")),
            ("GET", [key]) => match campaign.contacts.get(*key) {
                Some(contact) => (200, show(campaign, key, contact)),
                None => not_found(),
            },
            ("PUT", [key]) => self.put(campaign, key, call.body),
            ("DELETE", [key]) => match campaign.contacts.remove(*key) {
                Some(_) => (200, Value::Null),
                None => not_found(),
            },
            ("GET" | "POST" | "PUT" | "DELETE", _) => not_found(),
            _ => error(405, "method.not.allowed", "Method not allowed."),
        }
    }

    fn upsert(&self, campaign: &mut Campaign, call: &Request<'_>) -> Answer {
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
        let mut written = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let key = match item.get("id") {
                None | Some(Value::Null) => format!("generated-{}-{n}", campaign.contacts.len()),
                Some(Value::String(key)) if is_plain(key) => key.clone(),
                _ => {
                    let message = "The custom contactId field is not valid.  It cannot contain special characters.";
                    return error(400, "invalid.contact.id", message);
                }
            };
            if written
                .iter()
                .any(|(other, _): &(String, Contact)| *other == key)
            {
                return error(400, "bad.request", "A contact is in the request twice.");
            }
            if lacks_a_column(campaign, item) {
                let message = "The contact columns do not match what is required in the list.";
                return error(400, "invalid.contact.columns", message);
            }
            match self.changed(
                campaign,
                campaign.contacts.get(&key),
                item,
                call.says("clearSystemData"),
            ) {
                Ok(contact) => written.push((key, contact)),
                Err(refused) => return refused,
            }
        }
        let shown = written
            .iter()
            .map(|(key, contact)| show(campaign, key, contact))
            .collect();
        campaign.contacts.extend(written);
        (200, shown)
    }

    fn put(&self, campaign: &mut Campaign, key: &str, body: &Value) -> Answer {
        let Some(old) = campaign.contacts.get(key) else {
            return error(400, "contact.does.not.exist", "The contact does not exist.");
        };
        match self.changed(campaign, Some(old), body, false) {
            Ok(contact) => {
                let shown = show(campaign, key, &contact);
                campaign.contacts.insert(key.to_owned(), contact);
                (200, shown)
            }
            Err(refused) => refused,
        }
    }

    /// The contact after a write.
    fn changed(
        &self,
        campaign: &Campaign,
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
            if campaign
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
            if value.chars().count() > LONGEST_VALUE {
                return Err(error(400, "invalid.value", "A value is too long."));
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
        let mut of_the_dialler = old
            .filter(|_| !clears)
            .map(|old| old.of_the_dialler.clone())
            .unwrap_or_default();
        for member in OF_THE_DIALLER {
            if let Some(value) = item.get(member).filter(|value| !value.is_null()) {
                of_the_dialler.insert(member.to_owned(), value.clone());
            }
        }
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
fn lacks_a_column(campaign: &Campaign, item: &Value) -> bool {
    let names = |column: &String| item["data"].get(column).is_some();
    let columns = campaign.columns.iter().flatten();
    !columns.clone().all(names)
}

fn read_many(campaign: &Campaign, body: &Value) -> Answer {
    let ids: Option<Vec<_>> = body
        .as_array()
        .and_then(|ids| ids.iter().map(Value::as_str).collect());
    let Some(ids) = ids else {
        return error(400, "bad.request", "The body is not an array of ids.");
    };
    if ids.len() > MOST_READ {
        return error(
            400,
            "too.many.contacts.requested",
            "Only 50 contacts can be retrieved at a time.",
        );
    }
    let found = ids
        .into_iter()
        .filter_map(|id| Some(show(campaign, id, campaign.contacts.get(id)?)));
    (200, found.collect())
}

fn delete_many(campaign: &mut Campaign, ids: &[String]) -> Answer {
    if ids.is_empty() {
        return error(400, "no.contacts.specified", "No contacts were specified.");
    }
    if ids.len() > MOST_DELETED {
        let message = "There were too many contacts in the request, the limit is 250";
        return error(400, "too.many.contacts.added", message);
    }
    campaign.contacts.retain(|key, _| !ids.contains(key));
    (200, Value::Null)
}

/// What "special characters" are is not documented.
fn is_plain(key: &str) -> bool {
    (1..=255).contains(&key.len())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
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
