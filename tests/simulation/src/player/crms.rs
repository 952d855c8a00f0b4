//! The CRMs of vendors: the secrets of their feeds, and the records that their APIs list.
//!
//! `crate::story::schedule` decides which org has which vendor.

use std::collections::BTreeMap;
use std::sync::Arc;

use emulator::Crm;
use emulator::crm::{CLIENT_ID, CLIENT_SECRET, TOKEN, Vendor};
use io::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{FEED_TOKEN, Player};
use crate::change::{key_of, rank_of};
use crate::checks::schedule::CrmChange;
use crate::mutants::Mutant;
use crate::seams::{OWN_FORM_HOST, Outside, VENDOR_HOST};
use crate::story::{Org, Story};
use crate::{lock, wire};

/// The page size of every feed, small so that there are several pages.
pub(crate) const PAGE: usize = 3;

/// The CRMs of the orgs that have a vendor's.
pub(super) fn crms(story: &Story, clock: &Clock) -> BTreeMap<String, Crm> {
    let orgs = story.orgs.iter().enumerate();
    let crms = orgs.filter_map(|(n, org)| {
        let vendor = story.crm_vendor(n)?;
        let crm = Crm::new(vendor, clock.clone()).with_page(PAGE);
        for campaign in &org.campaigns {
            crm.put_filter(campaign, "campaign", json!(campaign));
        }
        Some((org.name.clone(), crm))
    });
    crms.collect()
}

/// The secret of the org's feed.
pub(super) fn secret(outside: &Outside, n: usize, org: &Org) -> Value {
    let Some(vendor) = outside.story.crm_vendor(n) else {
        let url = format!("https://{}{OWN_FORM_HOST}/contacts", org.name);
        return json!({ "url": url, "bearerToken": FEED_TOKEN });
    };
    let names: serde_json::Map<_, _> = org
        .campaigns
        .iter()
        .map(|id| (id.clone(), json!({ "name": id })))
        .collect();
    let mut secret = asked(vendor, &format!("https://{}{VENDOR_HOST}", org.name));
    let (place, gone) = match vendor {
        Vendor::Hubspot => (".properties.change", "false"),
        Vendor::Salesforce => (".Change__c", "$item.IsDeleted"),
        Vendor::Dataverse => (".crm_change", "false"),
        Vendor::Pipedrive => (".custom_fields.change", "false"),
    };
    // A feed of the product's own form creates every contact that the CRM deletes. Runs of a
    // schedule use a vendor's setting.
    let absent = if outside.story.schedule.is_none() || outside.has_defect(Mutant::DeletedAsDummies)
    {
        r#"(if .operation == "remove" and .ifAbsent == null then . + { ifAbsent: "create" } else . end)"#
    } else {
        "."
    };
    let program = format!(
        r#". as $item | {place} | (if {gone} then . + {{ operation: "remove" }} else . end) | {absent}"#
    );
    secret["campaigns"] = names.into();
    secret["mapping"] = json!({ "jq": program });
    secret
}

/// The part of the secret that says how each vendor's API is asked.
fn asked(vendor: Vendor, host: &str) -> Value {
    match vendor {
        Vendor::Hubspot => json!({
            "auth": { "kind": "bearer", "token": TOKEN },
            "request": { "method": "POST", "url": format!("{host}/crm/v3/objects/contacts/search"), "body": {
                "limit": 200, "properties": ["change", "lastmodifieddate"],
                "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
                "filterGroups": [{ "filters": [
                    { "propertyName": "lastmodifieddate", "operator": "GTE", "value": "{since:ms}" },
                    { "propertyName": "campaign", "operator": "EQ", "value": "{campaign.name}" },
                    { "propertyName": "hs_object_id", "operator": "GT", "value": "{cursor|0}" }] }] } },
            "items": "/results", "next": { "keyset": "/id" }, "minIntervalMs": 250,
        }),
        Vendor::Salesforce => json!({
            "auth": { "kind": "oauth2", "grant": "client_credentials", "tokenUrl": format!("{host}/services/oauth2/token"),
                      "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "lifetimeSeconds": 900 },
            "request": { "method": "GET", "url": format!("{host}/services/data/v65.0/queryAll"), "query": {
                "q": "SELECT Id, Change__c, IsDeleted FROM Contact WHERE SystemModstamp >= {since} AND Campaign__c = '{campaign.name}' ORDER BY Id" } },
            "items": "/records", "next": { "link": "/nextRecordsUrl" },
        }),
        Vendor::Dataverse => json!({
            "auth": { "kind": "oauth2", "grant": "client_credentials", "tokenUrl": format!("{host}/oauth2/v2.0/token"),
                      "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "scope": "https://acme.crm.dynamics.com/.default" },
            "request": { "method": "GET", "url": format!("{host}/api/data/v9.2/contacts"), "query": {
                "$select": "crm_change", "$filter": "modifiedon ge {since} and crm_campaign eq '{campaign.name}'" } },
            "items": "/value", "next": { "link": "/@odata.nextLink" },
        }),
        Vendor::Pipedrive => json!({
            "auth": { "kind": "header", "name": "x-api-token", "value": TOKEN },
            "request": { "method": "GET", "url": format!("{host}/api/v2/persons"), "query": {
                "updated_since": "{since}", "filter_id": "{campaign.name}", "sort_by": "id", "sort_direction": "asc",
                "limit": 500, "cursor": "{cursor}" } },
            "items": "/data", "next": { "cursor": "/additional_data/next_cursor" },
        }),
    }
}

/// A contact as the vendor has it. Its stamp has whole seconds.
fn record(vendor: Vendor, change: &Value, at: Timestamp) -> Value {
    let (_, campaign, key) = key_of(change);
    let number = wire::hash(&format!("{campaign} {key}")) % 1_000_000_000_000 + 1;
    let stamp = format!("{}", Timestamp::from_second(at.as_second()).unwrap_or(at));
    let mut fields = change.clone();
    if let Some(members) = fields.as_object_mut() {
        members.retain(|name, _| name != "org" && name != "campaignId");
    }
    // A field of the vendor's own marks a deleted contact.
    let is_deleted = change["operation"] == "remove";
    if let (Vendor::Salesforce, Some(members)) = (vendor, fields.as_object_mut()) {
        members.remove("operation");
    }
    match vendor {
        Vendor::Hubspot => json!({ "id": number.to_string(), "properties": {
            "hs_object_id": number.to_string(), "createdate": "2020-01-05T09:00:00Z", "lastmodifieddate": stamp,
            "campaign": campaign, "change": fields } }),
        Vendor::Salesforce => {
            json!({ "Id": format!("003{number}"), "Campaign__c": campaign, "SystemModstamp": stamp,
            "IsDeleted": is_deleted, "Change__c": fields })
        }
        Vendor::Dataverse => {
            json!({ "contactid": number.to_string(), "crm_campaign": campaign, "modifiedon": stamp,
            "crm_change": fields })
        }
        Vendor::Pipedrive => {
            json!({ "id": number, "add_time": "2020-01-05T09:00:00Z", "update_time": stamp,
            "is_deleted": false, "custom_fields": { "campaign": campaign, "change": fields } })
        }
    }
}

impl Player<'_> {
    /// The CRM lists this change from now on, or a while later if its API lags.
    pub(super) fn put_into_the_feed(&self, listed: Value) {
        let outside = self.outside;
        let (org, campaign, key) = key_of(&listed);
        let now = outside.clock.now();
        let place = outside.story.orgs.iter().position(|of| of.name == org);
        let vendor = place.and_then(|n| outside.story.crm_vendor(n));
        let lag = outside.story.schedule.map(|schedule| schedule.lag);
        let lag = lag.filter(|_| vendor.is_some()).unwrap_or_default();
        let rank = place.and_then(|n| rank_of(&outside.story.orgs[n], &listed));
        if let (Some(rank), Some(_)) = (rank, outside.story.schedule) {
            let is_removal = listed["operation"] == "remove";
            let change = CrmChange {
                org: org.clone(),
                campaign,
                key,
                rank,
                is_removal,
                at: now,
                visible: now + lag,
            };
            lock(&outside.seen).crm_changes.push(change);
        }
        let Some(vendor) = vendor else {
            return outside.feed.put(listed);
        };
        let record = record(vendor, &listed, now);
        let outside = Arc::clone(outside);
        let put = move |outside: &Outside| {
            if let Some(crm) = outside.crms.get(&org) {
                crm.put(record);
            }
        };
        if lag.is_zero() {
            return put(&outside);
        }
        tokio::spawn(async move {
            tokio::time::sleep(lag).await;
            put(&outside);
        });
    }
}
