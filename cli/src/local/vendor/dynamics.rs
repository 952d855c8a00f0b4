//! Dynamics 365: the webhook of a step of Dataverse, and the query of its API.
//!
//! A step that is registered with an image sends the whole record as it is after the change; any
//! other sends only what changed (learn.microsoft.com "Use webhooks to create external handlers for
//! server events"). Each webhook here is of the one or the other kind by chance. What happens to
//! the records is made up in [`book`].

use super::*;

/// Each attribute of a contact, and the column that it fills.
const FIELDS: [(&str, &str); 6] = [
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("mobilephone", "phone"),
    ("emailaddress1", "email"),
    ("crm_status", "status"),
    ("description", "notes"),
];
const OPT_OUT: &str = "donotphone";
const ENTITY: &str = "Entity:http://schemas.microsoft.com/xrm/2011/Contracts";

pub(super) struct Dynamics;

impl Speaker for Dynamics {
    fn name(&self) -> &'static str {
        "dynamics"
    }

    fn id(&self, n: usize) -> String {
        format!("6d81597f-0f9f-e711-8122-{:012x}", 0x000d_3aa2_331c + n)
    }

    fn secret(&self, source: &Source<'_>) -> Value {
        // An endpoint is registered with a header or with a query parameter.
        let auth = match source.org {
            "acme-us" => {
                json!({ "header": { "name": "x-webhook-key", "values": ["key-of-the-service-endpoint"] } })
            }
            _ => json!({ "query": { "name": "code", "values": ["key-of-the-service-endpoint"] } }),
        };
        json!({
            "auth": auth,
            "org": source.org,
            "campaignId": source.campaign,
            "mapping": {
                "preset": "dataverse",
                "columns": columns(&FIELDS),
                "optOut": { "field": OPT_OUT },
            },
        })
    }

    fn habits(&self) -> Habits {
        Habits {
            merges: Merges::Never,
            restores: false,
            lists_deleted: false,
            deletes_create_nobody: false,
            batch: 1,
            resends: (0.04, 1_000, 60_000),
        }
    }

    fn tell(&self, happened: &Happened<'_>, rng: &mut Rng) -> Vec<Item> {
        let record = happened.record;
        let stamp = ("modifiedon", date(second(happened.at)));
        let whole = |is_image: bool| {
            let known = values(&FIELDS, record, &COLUMNS).map(|(name, value)| (name, value.into()));
            let consent = (OPT_OUT, (!record.may_be_called).into());
            let all = known.chain([consent, stamp.clone()]);
            // An image leaves out what is null.
            attributes(all.filter(|(_, value): &(&str, Value)| !is_image || !value.is_null()))
        };
        let (message, target, changes) = match happened.what {
            RecordEvent::Created => ("Create", whole(false), 1),
            RecordEvent::Changed {
                columns,
                has_new_consent,
            } => {
                let changed = values(&FIELDS, record, columns);
                let changed = changed.map(|(name, value)| (name, value.into()));
                let consent = has_new_consent.then(|| (OPT_OUT, (!record.may_be_called).into()));
                let all = changed.chain(consent).chain([stamp.clone()]);
                let changes = usize::from(!columns.is_empty() || *has_new_consent);
                ("Update", attributes(all), changes)
            }
            RecordEvent::Elsewhere => {
                let title = ("jobtitle", "Head of Sales".into());
                ("Update", attributes([title, stamp.clone()].into_iter()), 0)
            }
            RecordEvent::Deleted | RecordEvent::Merged { .. } | RecordEvent::Restored => {
                ("Delete", Value::Null, 1)
            }
        };
        let mut body = context(rng, happened, message, target);
        if matches!(happened.what, RecordEvent::Elsewhere) && rng.bool() {
            body["PrimaryEntityName"] = "account".into();
        }
        let is_told = message != "Delete" && changes > 0;
        if is_told && rng.bool() {
            let image = json!({ "__type": ENTITY, "Attributes": whole(true), "Id": record.id(), "LogicalName": "contact" });
            body["PostEntityImages"] = json!([{ "key": "PostImage", "value": image }]);
        }
        vec![Item { body, changes }]
    }

    fn api(&self) -> emulator::crm::Vendor {
        emulator::crm::Vendor::Dataverse
    }

    fn record(&self, record: &Record) -> Value {
        if record.state == RecordState::Deleted {
            return Value::Null;
        }
        let mut row = json!({
            "contactid": record.id(),
            OPT_OUT: !record.may_be_called,
            "crm_campaign": api::segment(record),
            "createdon": whole(record.created),
            "modifiedon": whole(record.changed),
        });
        for (field, value) in values(&FIELDS, record, &COLUMNS) {
            row[field] = value.into();
        }
        row
    }

    fn feed(&self, campaigns: Value) -> Value {
        let host = "https://acme.crm.dynamics.com";
        let login = "https://login.microsoftonline.com/7d1a5c3e-0000-4000-8000-000000000001/oauth2/v2.0/token";
        json!({
            "auth": { "kind": "oauth2", "grant": "client_credentials", "tokenUrl": login, "scope": format!("{host}/.default"),
                "clientId": emulator::crm::CLIENT_ID, "clientSecret": emulator::crm::CLIENT_SECRET },
            "request": { "method": "GET", "url": format!("{host}/api/data/v9.2/contacts"),
                "query": { "$select": api::fields(&FIELDS, &[OPT_OUT, "createdon", "modifiedon"]),
                    "$filter": "modifiedon ge {since} and crm_campaign eq '{campaign.name}'" },
                "headers": { "prefer": format!("odata.maxpagesize={}", api::PAGE) } },
            "campaigns": campaigns,
            "items": "/value",
            "next": { "link": "/@odata.nextLink" },
            "overlapSeconds": 120,
            "mapping": { "preset": "dataverseRecord", "columns": columns(&FIELDS), "optOut": { "field": OPT_OUT } },
        })
    }

    fn stamps(&self) -> [&'static str; 2] {
        ["modifiedon", "createdon"]
    }
}

fn attributes<'a>(attributes: impl Iterator<Item = (&'a str, Value)>) -> Value {
    attributes
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

fn date(at: i64) -> Value {
    format!("/Date({at})/").into()
}

/// The body of a step's webhook. Without a `target` it refers to the record that is deleted.
fn context(rng: &mut Rng, happened: &Happened<'_>, message: &str, target: Value) -> Value {
    let id = happened.record.id();
    let target = match target {
        Value::Null => {
            json!({ "__type": ENTITY.replace("Entity:", "EntityReference:"), "Id": id, "LogicalName": "contact", "Name": null })
        }
        attributes => {
            json!({ "__type": ENTITY, "Attributes": attributes, "FormattedValues": [], "Id": id, "LogicalName": "contact" })
        }
    };
    json!({
        "CorrelationId": guid(rng),
        "Depth": 1,
        "InputParameters": [{ "key": "Target", "value": target }],
        "MessageName": message,
        "Mode": 1,
        "OperationCreatedOn": format!("/Date({}-0700)/", happened.at),
        "OperationId": guid(rng),
        "OrganizationName": "acme",
        "PostEntityImages": [],
        "PreEntityImages": [],
        "PrimaryEntityId": id,
        "PrimaryEntityName": "contact",
        "Stage": 40,
    })
}
