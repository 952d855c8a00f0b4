//! Salesforce: change events, and the query of its API.
//!
//! An event relay puts the events on a bus of EventBridge, whose rule sends them to an API
//! destination (developer.salesforce.com "Change Data Capture", "Event Relay"). An update holds
//! only the fields that changed. What happens to the records is made up in [`book`]. A
//! platform event of a flow is another shape: see [`mod@samples`].

use super::*;

/// Each field of a contact, and the column that it fills.
const FIELDS: [(&str, &str); 6] = [
    ("FirstName", "firstName"),
    ("LastName", "lastName"),
    ("Phone", "phone"),
    ("Email", "email"),
    ("Status__c", "status"),
    ("Notes__c", "notes"),
];
const OPT_OUT: &str = "DoNotCall";
const STAMP: &str = "LastModifiedDate";

pub(super) struct Salesforce;

impl Speaker for Salesforce {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn id(&self, n: usize) -> String {
        format!("003RM0000{n:06}YAU")
    }

    fn secret(&self, source: &Source<'_>) -> Value {
        json!({
            "auth": { "header": { "name": "x-api-key", "values": ["key-of-the-api-destination"] } },
            "org": source.org,
            "campaignId": source.campaign,
            "mapping": {
                "preset": "salesforceCdc",
                "columns": columns(&FIELDS),
                "optOut": { "field": OPT_OUT },
            },
        })
    }

    fn habits(&self) -> Habits {
        Habits {
            merges: Merges::IntoOne,
            restores: true,
            lists_deleted: true,
            deletes_create_nobody: true,
            batch: 1,
            resends: (0.04, 1_000, 900_000),
        }
    }

    fn tell(&self, happened: &Happened<'_>, rng: &mut Rng) -> Vec<Item> {
        let record = happened.record;
        let (mut event, changes) = match happened.what {
            RecordEvent::Created | RecordEvent::Restored => {
                let known = values(&FIELDS, record, &COLUMNS).filter(|(_, value)| value.is_some());
                let is_new = matches!(happened.what, RecordEvent::Created);
                let kind = if is_new { "CREATE" } else { "UNDELETE" };
                (event_with_fields(happened, kind, known, true), 1)
            }
            RecordEvent::Changed {
                columns,
                has_new_consent,
            } => {
                let changed = values(&FIELDS, record, columns);
                let changes = usize::from(*has_new_consent || !columns.is_empty());
                (
                    event_with_fields(happened, "UPDATE", changed, *has_new_consent),
                    changes,
                )
            }
            RecordEvent::Deleted | RecordEvent::Merged { .. } => (header(happened, "DELETE"), 1),
            RecordEvent::Elsewhere if rng.bool() => {
                let mut event = header(happened, "UPDATE");
                event["ChangeEventHeader"]["entityName"] = "Account".into();
                event["ChangeEventHeader"]["recordIds"] = json!(["001RM000003cQ2PYAU"]);
                (event, 0)
            }
            RecordEvent::Elsewhere => {
                let title = [("Title", Some("Head of Sales"))].into_iter();
                (event_with_fields(happened, "UPDATE", title, false), 0)
            }
        };
        let header = &mut event["ChangeEventHeader"];
        header["transactionKey"] = guid(rng).into();
        // A change is committed within a second of its stamp.
        header["commitTimestamp"] = second(happened.at + rng.i64(0..1_000)).into();
        header["commitNumber"] = rng.u64(74_000_000_000..75_000_000_000).into();
        let body = envelope(rng, happened, event);
        vec![Item { body, changes }]
    }

    fn api(&self) -> emulator::crm::Vendor {
        emulator::crm::Vendor::Salesforce
    }

    fn record(&self, record: &Record) -> Value {
        let stamp = |at| whole(at).replace('Z', ".000+0000");
        let mut listed = json!({
            "Id": record.id(),
            OPT_OUT: !record.may_be_called,
            "Campaign__c": api::segment(record),
            "IsDeleted": record.state == RecordState::Deleted,
            "CreatedDate": stamp(record.created),
            STAMP: stamp(record.changed),
            "SystemModstamp": stamp(record.changed),
        });
        for (field, value) in values(&FIELDS, record, &COLUMNS) {
            listed[field] = value.into();
        }
        listed
    }

    fn feed(&self, campaigns: Value) -> Value {
        let host = "https://acme.my.salesforce.com";
        let more = [
            "Id",
            OPT_OUT,
            "IsDeleted",
            "CreatedDate",
            STAMP,
            "SystemModstamp",
        ];
        let fields = api::fields(&FIELDS, &more);
        let query = format!(
            "SELECT {fields} FROM Contact WHERE SystemModstamp >= {{since}} AND Campaign__c = '{{campaign.name}}' ORDER BY Id"
        );
        json!({
            "auth": { "kind": "oauth2", "grant": "client_credentials", "tokenUrl": format!("{host}/services/oauth2/token"),
                "clientId": emulator::crm::CLIENT_ID, "clientSecret": emulator::crm::CLIENT_SECRET, "lifetimeSeconds": 900 },
            "request": { "method": "GET", "url": format!("{host}/services/data/v65.0/queryAll"), "query": { "q": query } },
            "campaigns": campaigns,
            "items": "/records",
            "next": { "link": "/nextRecordsUrl" },
            "overlapSeconds": 600,
            "mapping": { "preset": "salesforceRecord", "columns": columns(&FIELDS), "optOut": { "field": OPT_OUT } },
        })
    }

    fn stamps(&self) -> [&'static str; 2] {
        [STAMP, "CreatedDate"]
    }
}

/// An event with its header alone, which names the record and the kind of change.
fn header(happened: &Happened<'_>, kind: &str) -> Value {
    json!({ "ChangeEventHeader": {
        "entityName": "Contact",
        "recordIds": [happened.record.id()],
        "changeType": kind,
        "changeOrigin": "com/salesforce/api/rest/63.0;client=crm",
        "sequenceNumber": 1,
        "commitUser": "005RM000001hv4SYAQ",
        "nulledFields": [],
        "diffFields": [],
        "changedFields": [],
    }})
}

/// An event with the values of fields. An update names the fields that changed, and clears one by
/// null.
fn event_with_fields<'a>(
    happened: &Happened<'_>,
    kind: &str,
    fields: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    has_new_consent: bool,
) -> Value {
    let mut event = header(happened, kind);
    let (mut changed, mut nulled) = (Vec::new(), Vec::new());
    for (field, value) in fields {
        // A person's name is a field of several parts.
        let name = match field {
            "FirstName" | "LastName" => {
                event["Name"][field] = value.into();
                format!("Name.{field}")
            }
            field => {
                event[field] = value.into();
                field.to_owned()
            }
        };
        if value.is_none() {
            nulled.push(name.clone());
        }
        changed.push(name);
    }
    if has_new_consent {
        event[OPT_OUT] = (!happened.record.may_be_called).into();
        changed.push(OPT_OUT.to_owned());
    }
    event[STAMP] = whole(happened.at).replace('Z', ".000Z").into();
    changed.push(STAMP.to_owned());
    if kind == "UPDATE" {
        event["ChangeEventHeader"]["changedFields"] = json!(changed);
        event["ChangeEventHeader"]["nulledFields"] = json!(nulled);
    }
    event
}

/// The event as EventBridge sends it.
fn envelope(rng: &mut Rng, happened: &Happened<'_>, payload: Value) -> Value {
    let entity = payload["ChangeEventHeader"]["entityName"].as_str();
    json!({
        "version": "0",
        "id": guid(rng),
        "detail-type": format!("{}ChangeEvent", entity.unwrap_or_default()),
        "source": "aws.partner/salesforce.com/00D000000000001AAA/0YL000000000001AAA",
        "account": "123456789012",
        "time": whole(happened.at),
        "region": "us-east-1",
        "resources": [],
        "detail": { "payload": payload, "schemaId": "I8b-dYxvxs5wOtCBr4qsew", "id": guid(rng) },
    })
}
