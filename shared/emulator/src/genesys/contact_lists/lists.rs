//! Answers the calls that list, create and delete contact lists (docs/genesys-cloud.md "Contact
//! lists").

use serde_json::Value;

use super::super::answer::{Answer, error};
use super::super::{List, State};
use super::show::show_list;
use super::{Request, listing, not_found};

pub(super) fn all(state: &State, client_id: &str, call: &Request<'_>) -> Answer {
    let ids = call.query("id");
    let of_client = state
        .lists
        .values()
        .filter(|list| list.client_id == client_id);
    let found = of_client.filter(|list| ids.is_empty() || ids.contains(&list.id));
    let shown = found.map(|list| show_list(list, None, false));
    listing(shown.collect(), call.page())
}

pub(super) fn create(state: &mut State, client_id: &str, body: &Value) -> Answer {
    let Some(name) = body["name"].as_str().filter(|name| !name.is_empty()) else {
        return error(400, "name.cannot.be.blank", "A name must be provided.");
    };
    let columns: Option<Vec<_>> = body["columnNames"]
        .as_array()
        .and_then(|columns| columns.iter().map(Value::as_str).collect());
    let Some(columns) = columns.filter(|columns| !columns.is_empty()) else {
        let message = "There are no contact columns defined.";
        return error(400, "no.contact.columns.defined", message);
    };
    let phones = body["phoneColumns"].as_array().cloned().unwrap_or_default();
    let is_column = |phone: &Value| {
        let name = phone["columnName"].as_str();
        name.is_some_and(|name| columns.contains(&name))
    };
    if phones.is_empty() {
        return error(400, "no.phone.columns", "There are no phone columns.");
    }
    if !phones.iter().all(is_column) {
        let message = "The contact phone columns are invalid.";
        return error(400, "invalid.contact.phone.column", message);
    }
    state.made_lists += 1;
    let id = format!("made-list-{}", state.made_lists);
    let list = List {
        name: name.to_owned(),
        phone_columns: phones.into(),
        ..List::new(client_id, &id, Some(&columns))
    };
    let shown = show_list(&list, None, false);
    state.lists.insert(id, list);
    (200, shown)
}

/// The refusal to change a list, or a campaign that draws on it, while a file is imported.
pub(super) fn importing() -> Answer {
    let message = "A contact list import is in progress.";
    error(400, "contact.list.import.in.progress", message)
}

/// Deletes a contact list, unless a campaign draws on it.
pub(super) fn delete(state: &mut State, id: &str) -> Answer {
    if state.campaigns.values().any(|campaign| campaign.list == id) {
        return error(400, "contact.list.in.use", "The contact list is in use.");
    }
    if state.lists.get(id).is_some_and(|list| list.is_importing) {
        return importing();
    }
    match state.lists.remove(id) {
        Some(_) => (200, Value::Null),
        None => not_found(),
    }
}
