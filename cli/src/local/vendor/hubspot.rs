//! HubSpot: the webhooks of an app, and the search of its API.
//!
//! A request holds many events, and each event reports one property of one contact
//! (developers.hubspot.com "Webhooks", "Validating requests"). What happens to the records is made
//! up in [`book`]. The webhook of a workflow is another shape: see [`mod@samples`].

use super::*;

/// Each property of a contact, and the column that it fills.
const FIELDS: [(&str, &str); 6] = [
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("phone", "phone"),
    ("email", "email"),
    ("hs_lead_status", "status"),
    ("message", "notes"),
];
const OPT_OUT: &str = "do_not_call";
const PORTAL: u32 = 4_711_033;
const APP: u32 = 1_160_452;

pub(super) struct Hubspot;

impl Speaker for Hubspot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn id(&self, n: usize) -> String {
        (1_246_965 + n * 17).to_string()
    }

    fn secret(&self, source: &Source<'_>) -> Value {
        json!({
            "auth": {
                "preset": "hubspotV3",
                "url": format!("https://hooks.example.com/webhooks/{}", source.name),
                "secrets": ["client-secret-of-the-hubspot-app"],
            },
            "org": source.org,
            "campaignId": source.campaign,
            "mapping": {
                "preset": "hubspot",
                "columns": columns(&FIELDS),
                "optOut": { "field": OPT_OUT, "values": ["true"], "callable": ["false", ""] },
            },
        })
    }

    fn habits(&self) -> Habits {
        Habits {
            merges: Merges::IntoNew,
            // The webhook of a restored contact does not hold its values, so none is made up.
            restores: false,
            lists_deleted: false,
            deletes_create_nobody: true,
            batch: 100,
            resends: (0.12, 10_000, 900_000),
        }
    }

    fn tell(&self, happened: &Happened<'_>, rng: &mut Rng) -> Vec<Item> {
        let record = happened.record;
        let property = |rng: &mut Rng, told| property(rng, happened, told);
        match happened.what {
            RecordEvent::Created => {
                let mut items = vec![event_item(rng, happened, "contact.creation", 7, 0)];
                let known = values(&FIELDS, record, &COLUMNS).filter(|(_, value)| value.is_some());
                items.extend(known.map(|known| property(rng, known)));
                if !record.may_be_called {
                    items.push(property(rng, (OPT_OUT, Some("true"))));
                }
                items
            }
            RecordEvent::Changed {
                columns,
                has_new_consent,
            } => {
                let told = values(&FIELDS, record, columns);
                let mut items: Vec<_> = told.map(|told| property(rng, told)).collect();
                if *has_new_consent {
                    // A person who unticks the checkbox may leave the property empty.
                    let value = match (record.may_be_called, rng.bool()) {
                        (false, _) => Some("true"),
                        (true, false) => Some("false"),
                        (true, true) => None,
                    };
                    items.push(property(rng, (OPT_OUT, value)));
                }
                items
            }
            RecordEvent::Deleted | RecordEvent::Restored => {
                let mut items = vec![event_item(rng, happened, "contact.deletion", 8, 1)];
                // A privacy deletion sends two events.
                if rng.bool() {
                    items.push(event_item(rng, happened, "contact.privacyDeletion", 9, 1));
                }
                items
            }
            RecordEvent::Merged { primary, survivor } => {
                vec![merge(rng, happened, primary, survivor)]
            }
            RecordEvent::Elsewhere => {
                let (kind, name) = match rng.bool() {
                    true => ("company.propertyChange", "name"),
                    false => ("contact.propertyChange", "jobtitle"),
                };
                let mut item = event_item(rng, happened, kind, 11, 0);
                item.body["propertyName"] = name.into();
                item.body["propertyValue"] = "Example".into();
                vec![item]
            }
        }
    }

    fn api(&self) -> emulator::crm::Vendor {
        emulator::crm::Vendor::Hubspot
    }

    fn record(&self, record: &Record) -> Value {
        let fields = values(&FIELDS, record, &COLUMNS);
        let mut properties: serde_json::Map<_, _> = fields
            .map(|(field, value)| (field.to_owned(), value.into()))
            .collect();
        // The checkbox of a contact that was never asked is empty.
        let consent = match (record.may_be_called, record.id().ends_with('1')) {
            (false, _) => Some("true"),
            (true, true) => Some("false"),
            (true, false) => None,
        };
        for (name, value) in [
            (OPT_OUT, consent.map(str::to_owned)),
            ("campaign", Some(api::segment(record))),
            ("hs_object_id", Some(record.id().to_owned())),
            ("createdate", Some(precise(record.created))),
            ("lastmodifieddate", Some(precise(record.changed))),
        ] {
            properties.insert(name.to_owned(), value.into());
        }
        json!({ "id": record.id(), "archived": record.state == RecordState::Deleted, "properties": properties })
    }

    fn feed(&self, campaigns: Value) -> Value {
        let of_columns = FIELDS.iter().map(|(field, _)| *field);
        let properties: Vec<_> = of_columns.chain([OPT_OUT]).collect();
        json!({
            "auth": { "kind": "bearer", "token": emulator::crm::TOKEN },
            "request": { "method": "POST", "url": "https://api.hubapi.com/crm/v3/objects/contacts/search",
                "body": { "limit": api::PAGE, "properties": properties,
                    "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
                    "filterGroups": [{ "filters": [
                        { "propertyName": "lastmodifieddate", "operator": "GTE", "value": "{since:ms}" },
                        { "propertyName": "campaign", "operator": "EQ", "value": "{campaign.name}" },
                        { "propertyName": "hs_object_id", "operator": "GT", "value": "{cursor|0}" } ] }] } },
            "campaigns": campaigns,
            "items": "/results",
            "next": { "keyset": "/id" },
            "minIntervalMs": 250,
            "overlapSeconds": 120,
            "mapping": { "preset": "hubspotRecord", "columns": columns(&FIELDS),
                "optOut": { "field": OPT_OUT, "values": ["true"], "callable": ["false", "", null] } },
        })
    }

    fn stamps(&self) -> [&'static str; 2] {
        ["lastmodifieddate", "createdate"]
    }

    fn resent(&self, body: &Value, attempt: u64) -> Value {
        let mut body = body.clone();
        for event in body.as_array_mut().into_iter().flatten() {
            event["attemptNumber"] = attempt.into();
        }
        body
    }
}

fn number(id: &str) -> Value {
    json!(id.parse::<u64>().unwrap_or_default())
}

fn event_item(
    rng: &mut Rng,
    happened: &Happened<'_>,
    kind: &str,
    subscription: usize,
    changes: usize,
) -> Item {
    Item {
        body: event(rng, happened, kind, subscription),
        changes,
    }
}

fn event(rng: &mut Rng, happened: &Happened<'_>, kind: &str, subscription: usize) -> Value {
    json!({
        "eventId": rng.u32(1_000_000_000..),
        "subscriptionId": 2_500 + subscription,
        "portalId": PORTAL,
        "appId": APP,
        "occurredAt": happened.at,
        "subscriptionType": kind,
        "attemptNumber": 0,
        "objectId": number(happened.record.id()),
        "changeSource": "CRM_UI",
        "sourceId": "userId:7",
    })
}

/// The event of a property's new value.
fn property(rng: &mut Rng, happened: &Happened<'_>, (name, value): (&str, Option<&str>)) -> Item {
    let place = FIELDS.iter().position(|(field, _)| *field == name);
    let mut event = event(rng, happened, "contact.propertyChange", place.unwrap_or(6));
    event["propertyName"] = name.into();
    // A cleared property is sent as an empty text.
    event["propertyValue"] = value.unwrap_or_default().into();
    Item {
        body: event,
        changes: 1,
    }
}

/// The event of a merge. If the merged contact has a new id, both earlier contacts are gone;
/// otherwise one of them is.
fn merge(rng: &mut Rng, happened: &Happened<'_>, primary: &str, survivor: &str) -> Item {
    let gone = 1 + usize::from(primary != survivor);
    let mut item = event_item(rng, happened, "contact.merge", 10, gone);
    item.body["objectId"] = number(survivor);
    item.body["primaryObjectId"] = number(primary);
    item.body["mergedObjectIds"] = json!([number(happened.record.id())]);
    item.body["newObjectId"] = number(survivor);
    item.body["numberOfPropertiesMoved"] = 3.into();
    item
}
