//! Answers the calls that list and update campaigns (docs/genesys-cloud.md "Campaigns"). Only the
//! contact list and the DNC lists of a campaign can be changed here.

use serde_json::Value;

use super::super::answer::{Answer, error};
use super::super::{Campaign, State};
use super::lists::importing;
use super::show::show_campaign;
use super::{Request, listing, not_found};

pub(super) fn all(state: &State, client_id: &str, call: &Request<'_>) -> Answer {
    let lists = call.query("contactListId");
    let dnc_lists = call.query("dncListIds");
    let names = |campaign: &Campaign| {
        let mut named = campaign.dnc_lists.iter();
        named.any(|list| dnc_lists.contains(list))
    };
    let is_wanted = |campaign: &Campaign| {
        campaign.client_id == client_id
            && (lists.is_empty() || lists.contains(&campaign.list))
            && (dnc_lists.is_empty() || names(campaign))
    };
    let campaigns = state.campaigns.iter();
    let found = campaigns.filter(|(_, campaign)| is_wanted(campaign));
    let shown = found.map(|(id, campaign)| show_campaign(id, campaign));
    listing(shown.collect(), call.page())
}

pub(super) fn put(state: &mut State, client_id: &str, id: &str, body: &Value) -> Answer {
    let mine = |of: &String| of == client_id;
    let Some(campaign) = state.campaigns.get_mut(id) else {
        return not_found();
    };
    if !mine(&campaign.client_id) {
        return not_found();
    }
    let drawn_on = state.lists.get(&campaign.list);
    if drawn_on.is_some_and(|list| list.is_importing) {
        return importing();
    }
    if body["version"].as_u64() != Some(campaign.version) {
        let message = "The version is not the newest one.";
        return error(409, "invalid.update.wrong.version", message);
    }
    let list = body["contactList"]["id"].as_str().unwrap_or_default();
    let found = state.lists.get(list);
    if found.is_none_or(|list| !mine(&list.client_id)) {
        let message = "The contact list was not found.";
        return error(400, "contact.list.not.found", message);
    }
    let named = body["dncLists"].as_array().into_iter().flatten();
    let named: Option<Vec<_>> = named
        .map(|of| Some(of["id"].as_str()?.to_owned()))
        .collect();
    let is_mine = |list: &String| {
        let found = state.dnc_lists.get(list);
        found.is_some_and(|list| mine(&list.client_id))
    };
    let Some(named) = named.filter(|named| named.iter().all(is_mine)) else {
        return error(400, "invalid.value", "A DNC list was not found.");
    };
    list.clone_into(&mut campaign.list);
    campaign.dnc_lists = named;
    campaign.version += 1;
    (200, show_campaign(id, campaign))
}
