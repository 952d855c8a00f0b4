//! Campaigns, lists and contacts as the contact list API shows them.

use serde_json::{Map, Value, json};

use super::super::{Campaign, Contact};

pub(in crate::genesys) const PREFIX: &str = "/api/v2/outbound/";

pub(super) fn show_campaign(id: &str, campaign: &Campaign) -> Value {
    let list = &campaign.list;
    json!({
        "id": id, "name": id, "version": 1, "dialingMode": "predictive", "campaignStatus": "on",
        "contactList": { "id": list, "name": list, "selfUri": format!("{PREFIX}contactlists/{list}") },
        "phoneColumns": [{ "columnName": "phone", "type": "cell" }],
        "callerName": "campaign-sync", "callerAddress": "+13175550199",
        "selfUri": format!("{PREFIX}campaigns/{id}"),
    })
}

pub(super) fn show_list(campaign: &Campaign) -> Value {
    let list = &campaign.list;
    json!({
        "id": list, "name": list, "version": 1, "columnNames": campaign.columns.clone().unwrap_or_default(),
        "phoneColumns": [{ "columnName": "phone", "type": "cell" }],
        "selfUri": format!("{PREFIX}contactlists/{list}"),
    })
}

pub(super) fn show(campaign: &Campaign, key: &str, contact: &Contact) -> Value {
    let (list, columns) = (&campaign.list, campaign.columns.iter().flatten());
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
