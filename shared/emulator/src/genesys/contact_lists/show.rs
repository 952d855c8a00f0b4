//! Campaigns, lists and contacts as the contact list API shows them.

use serde_json::{Map, Value, json};

use super::super::{Campaign, Contact, List};

pub(in crate::genesys) const PREFIX: &str = "/api/v2/outbound/";

pub(super) fn show_campaign(id: &str, campaign: &Campaign) -> Value {
    let list = &campaign.list;
    let dnc_list =
        |id: &String| json!({ "id": id, "name": id, "selfUri": format!("{PREFIX}dnclists/{id}") });
    let dnc_lists: Vec<_> = campaign.dnc_lists.iter().map(dnc_list).collect();
    json!({
        "id": id, "name": id, "version": campaign.version, "dialingMode": "predictive", "campaignStatus": campaign.status,
        "contactList": { "id": list, "name": list, "selfUri": format!("{PREFIX}contactlists/{list}") },
        "phoneColumns": [{ "columnName": "phone", "type": "cell" }], "dncLists": dnc_lists,
        "callerName": "campaign-sync", "callerAddress": "+13175550199",
        "selfUri": format!("{PREFIX}campaigns/{id}"),
    })
}

/// A contact list. `size` is present if the request asks for it. `says_import` says whether the
/// request asks about an import.
pub(super) fn show_list(list: &List, size: Option<usize>, says_import: bool) -> Value {
    let id = &list.id;
    let mut shown = json!({
        "id": id, "name": list.name, "version": 1,
        "columnNames": list.columns.clone().unwrap_or_default(),
        "phoneColumns": list.phone_columns,
        "selfUri": format!("{PREFIX}contactlists/{id}"),
    });
    if !list.types.is_empty() {
        shown["columnDataTypeSpecifications"] = list.types.clone().into();
    }
    if let Some(size) = size {
        shown["size"] = size.into();
    }
    // The API mentions an import only while it runs.
    if says_import && list.is_importing {
        shown["importStatus"] = json!({ "state": "IN_PROGRESS", "percentComplete": 50 });
    }
    shown
}

pub(super) fn show(list: &List, key: &str, contact: &Contact) -> Value {
    let (list, columns) = (&list.id, list.columns.iter().flatten());
    let mut data: Map<_, _> = columns.map(|column| (column.clone(), json!(""))).collect();
    data.extend(
        contact
            .data
            .iter()
            .map(|(name, value)| (name.clone(), json!(value))),
    );
    let mut shown = json!({
        "id": key, "contactListId": list, "data": data, "callable": contact.callable,
        "selfUri": format!("{PREFIX}contactlists/{list}/contacts/{key}"),
    });
    if let Some(shown) = shown.as_object_mut() {
        shown.extend(contact.of_the_dialler.clone());
    }
    shown
}
