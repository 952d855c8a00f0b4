//! The contact list API that Genesys Cloud publishes (docs/genesys-cloud.md "Contacts of a contact
//! list"): campaigns, contact lists, contacts and search.
//!
//! If the documentation leaves the behaviour open, [`ListReadings`](super::ListReadings) chooses;
//! its default is the stricter one. This file routes a call. `write` stores contacts, `readings`
//! finds them, `show` writes them as JSON, and the other modules each answer one resource.

mod campaigns;
mod dnc_lists;
mod exports;
mod lists;
mod readings;
mod request;
mod search;
mod show;
mod statuses;
mod write;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::{Answer, error};
use super::{Campaign, Genesys, List, State};
use show::{show, show_campaign};

pub use exports::Exports;
pub(super) use exports::{DOWNLOADS, Export};
pub(super) use request::Request;
pub(super) use show::PREFIX;
pub(super) use statuses::{is_channel_lowered, is_number_lowered};

/// The most bytes of a body (docs/genesys-cloud.md "Limits").
const MOST_BYTES: usize = 512_000;

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
            ("GET", ["campaigns"]) => campaigns::all(state, client_id, call),
            ("PUT", ["campaigns", id]) => campaigns::put(state, client_id, id, call.body),
            ("GET", ["campaigns", id]) => match state.campaigns.get_mut(*id).filter(mine) {
                Some(campaign) => (200, show_campaign(id, campaign)),
                None => not_found(),
            },
            ("GET", ["contactlists"]) => lists::all(state, client_id, call),
            ("POST", ["contactlists"]) => lists::create(state, client_id, call.body),
            (_, ["dnclists", rest @ ..]) => self.dnc_lists_api(state, client_id, call, rest),
            (_, ["contactlists", id, rest @ ..]) => {
                self.contact_list_api(state, client_id, call, id, rest)
            }
            _ => not_found(),
        }
    }

    /// Answers a call about one contact list. `rest` is its path behind the id of the list.
    fn contact_list_api(
        &self,
        state: &mut State,
        client_id: &str,
        call: &Request<'_>,
        id: &str,
        rest: &[&str],
    ) -> Answer {
        state.made_exports += u64::from(call.method == "POST" && rest == ["export"]);
        let number = state.made_exports;
        let list = state.lists.get_mut(id);
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
