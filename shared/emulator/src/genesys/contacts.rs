//! Answers the calls of the `predictive` API (docs/contract.md "Predictive API"): read, create and
//! update the contacts of a campaign. `state` stores them, and the published API is in
//! `contact_lists`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::answer::{Answer, error};
use super::{Contact, Genesys, List, State};

const PREFIX: &str = "/api/v2/predictivedialing/campaigns/";
const DUPLICATE: &str = "Duplicate contact key detected for campaign context.";

/// The columns of a body. Null clears a column.
type Named = BTreeMap<String, Option<String>>;

impl Genesys {
    pub(super) fn contacts_api(
        &self,
        state: &mut State,
        client_id: &str,
        request: &Request<Bytes>,
    ) -> Answer {
        let not_found = || error(404, "not.found", "The requested resource was not found.");
        let Some((id, key)) = parse_path(request.uri().path()) else {
            return not_found();
        };
        let is_mine = |list: &&mut List| list.client_id == client_id;
        let Some(list) = state.list_of(&id).filter(is_mine) else {
            return error(404, "campaign.not.found", "The campaign was not found.");
        };
        let body: Value = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        let (answer, refused, seen) = match (request.method().as_str(), key) {
            ("GET", Some(key)) => (self.get(&id, list, &key), vec![], vec![key]),
            ("PATCH", Some(key)) => (patch(&id, list, &key, &body), vec![], vec![key]),
            ("POST", None) => {
                let keys = keys(&body);
                (self.post(&id, list, &body), keys.clone(), keys)
            }
            _ => return error(405, "method.not.allowed", "Method not allowed."),
        };
        match answer.0 {
            200 => state
                .conflicts
                .retain(|(campaign, key)| *campaign != id || !seen.contains(key)),
            409 => state
                .conflicts
                .extend(refused.into_iter().map(|key| (id.clone(), key))),
            _ => {}
        }
        answer
    }

    fn get(&self, id: &str, list: &List, key: &str) -> Answer {
        let readable = |contact: &&Contact| {
            self.clock.now()
                >= contact
                    .created_at
                    .saturating_add(self.options.read_lag)
                    .unwrap_or_default()
        };
        match list.contacts.get(key).filter(readable) {
            Some(contact) => (200, show(id, key, contact)),
            None => error(404, "contact.not.found", "Contact not found."),
        }
    }

    fn post(&self, id: &str, list: &mut List, body: &Value) -> Answer {
        let bad = |message: &str| error(400, "bad.request", message);
        let Some(items) = body
            .as_array()
            .filter(|items| (1..=100).contains(&items.len()))
        else {
            return bad("The body is not an array of 1 to 100 contacts.");
        };
        let mut contacts = Vec::new();
        for item in items {
            let named = item.get("data").and_then(named);
            let callable = flag(item);
            let (Some(key), Some(named), Ok(callable)) =
                (item.get("id").and_then(Value::as_str), named, callable)
            else {
                return bad("A contact of the array is malformed.");
            };
            let Some(data) = named
                .into_iter()
                .map(|(name, value)| Some((name, value?)))
                .collect()
            else {
                return bad("A value is null.");
            };
            if let Some(refused) = unknown_column(list, &data) {
                return refused;
            }
            let contact = Contact {
                data,
                callable: callable.unwrap_or(true),
                created_at: self.clock.now(),
                of_the_dialler: Map::new(),
            };
            contacts.push((key.to_owned(), contact));
        }
        let distinct: BTreeSet<_> = contacts.iter().map(|(key, _)| key).collect();
        if distinct.len() < contacts.len()
            || distinct.iter().any(|key| list.contacts.contains_key(*key))
        {
            return error(409, "conflict", DUPLICATE);
        }
        if self.is_over_the_limit(list, contacts.len()) {
            return limit_reached();
        }
        let shown = contacts
            .iter()
            .map(|(key, contact)| show(id, key, contact))
            .collect();
        list.contacts.extend(contacts);
        (200, shown)
    }
}

impl Genesys {
    /// Whether this many new contacts exceed the limit of the list.
    pub(super) fn is_over_the_limit(&self, list: &List, new: usize) -> bool {
        let most = self.options.most_contacts;
        new > 0 && most.is_some_and(|most| list.contacts.len() + new > most)
    }
}

pub(super) fn limit_reached() -> Answer {
    let message = "The maximum number of contacts is reached.";
    error(400, "contact.limit.reached", message)
}

fn patch(id: &str, list: &mut List, key: &str, body: &Value) -> Answer {
    let named = body.get("data").map_or(Some(Named::new()), named);
    let (Some(named), Ok(callable), true) = (named, flag(body), body.is_object()) else {
        return error(400, "bad.request", "The body is not a change of a contact.");
    };
    let kept = named
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        .collect();
    if let Some(refused) = unknown_column(list, &kept) {
        return refused;
    }
    let Some(contact) = list.contacts.get_mut(key) else {
        return error(404, "contact.not.found", "Contact not found.");
    };
    for (name, value) in named {
        match value {
            Some(value) => contact.data.insert(name, value),
            None => contact.data.remove(&name),
        };
    }
    contact.callable = callable.unwrap_or(contact.callable);
    (200, show(id, key, contact))
}

fn unknown_column(list: &List, data: &BTreeMap<String, String>) -> Option<Answer> {
    let columns = list.columns.as_ref()?;
    let is_known = data.keys().all(|column| columns.contains(column));
    (!is_known).then(|| {
        error(
            400,
            "invalid.contact.columns",
            "The contact columns are invalid.",
        )
    })
}

fn named(data: &Value) -> Option<Named> {
    let text = |value: &Value| match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        _ => None,
    };
    data.as_object()?
        .iter()
        .map(|(name, value)| Some((name.clone(), text(value)?)))
        .collect()
}

fn flag(of: &Value) -> Result<Option<bool>, ()> {
    match of.get("callable") {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(()),
    }
}

fn keys(body: &Value) -> Vec<String> {
    let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item.get("id")?.as_str().map(str::to_owned))
        .collect()
}

fn show(campaign: &str, key: &str, contact: &Contact) -> Value {
    let data: Map<String, Value> = contact
        .data
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let self_uri = format!(
        "{PREFIX}{campaign}/contacts/{}",
        utf8_percent_encode(key, NON_ALPHANUMERIC)
    );
    json!({ "id": key, "data": data, "callable": contact.callable, "selfUri": self_uri })
}

/// Parses `…/campaigns/{campaign}/contacts[/{contact}]`.
fn parse_path(path: &str) -> Option<(String, Option<String>)> {
    let (campaign, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
    let decode = |segment: &str| {
        percent_decode_str(segment)
            .decode_utf8()
            .ok()
            .map(|text| text.into_owned())
    };
    match rest.strip_prefix("contacts")? {
        "" => Some((decode(campaign)?, None)),
        rest => {
            let key = rest
                .strip_prefix('/')
                .filter(|key| !key.is_empty() && !key.contains('/'))?;
            Some((decode(campaign)?, Some(decode(key)?)))
        }
    }
}
