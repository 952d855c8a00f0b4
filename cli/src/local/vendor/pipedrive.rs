//! Pipedrive: webhooks v2, and the list of persons of its API.
//!
//! A webhook holds the whole person, and the earlier values of the fields that changed
//! (pipedrive.readme.io "Guide for webhooks v2"). What happens to the records is made up in
//! [`book`].

use super::*;

const STATUS: &str = "8e1f0d3c52b7a94460f1e2d3c4b5a69788796a5b";
const NOTES: &str = "b07c5d1e9f2a38446c5d4e3f2a1b0c9d8e7f6a5b";
const OPT_OUT: &str = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3";
/// Each field of a person, and the column that it fills.
const FIELDS: [(&str, &str); 6] = [
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("phones", "phone"),
    ("emails", "email"),
    (STATUS, "status"),
    (NOTES, "notes"),
];
/// The options of the custom field [`OPT_OUT`]: the first opts the person out, the second does not.
const NO_CALLS: u32 = 17;
const CALLS: u32 = 18;

pub(super) struct Pipedrive;

impl Speaker for Pipedrive {
    fn name(&self) -> &'static str {
        "pipedrive"
    }

    fn id(&self, n: usize) -> String {
        (n + 8).to_string()
    }

    fn secret(&self, source: &Source<'_>) -> Value {
        json!({
            "auth": { "basic": { "user": "pipedrive", "passwords": ["password-of-the-webhook"] } },
            "org": source.org,
            "campaignId": source.campaign,
            "mapping": {
                "preset": "pipedrive",
                "columns": columns(&FIELDS),
                "optOut": { "field": OPT_OUT, "values": [NO_CALLS], "callable": [CALLS, null] },
            },
        })
    }

    fn habits(&self) -> Habits {
        Habits {
            merges: Merges::IntoOne,
            restores: false,
            lists_deleted: false,
            deletes_create_nobody: false,
            batch: 1,
            resends: (0.04, 3_000, 150_000),
        }
    }

    fn tell(&self, happened: &Happened<'_>, rng: &mut Rng) -> Vec<Item> {
        let (action, entity) = match happened.what {
            RecordEvent::Created => ("create", "person"),
            RecordEvent::Changed { .. } => ("change", "person"),
            RecordEvent::Deleted | RecordEvent::Merged { .. } | RecordEvent::Restored => {
                ("delete", "person")
            }
            RecordEvent::Elsewhere => ("change", "deal"),
        };
        let person = match happened.what {
            RecordEvent::Elsewhere => {
                json!({ "id": 5, "title": "Deal", "update_time": whole(happened.at) })
            }
            _ => person(happened, action),
        };
        let (data, previous) = match action {
            "delete" => (Value::Null, person),
            "create" => (person, Value::Null),
            _ => (person, json!({ "name": "Somebody Else" })),
        };
        let mut body = json!({ "data": data, "previous": previous, "meta": {
            "action": action,
            "company_id": "8087566",
            "entity": entity,
            "entity_id": happened.record.id(),
            "id": guid(rng),
            "timestamp": precise(happened.at),
            "type": "general",
            "version": "2.0",
            "webhook_id": "4710827",
            "change_source": "app",
            "attempt": 1,
            "host": "acme.pipedrive.com",
        }});
        if let RecordEvent::Merged { survivor, .. } = happened.what {
            body["meta"]["merged_to_id"] = survivor.as_str().into();
        }
        let changes = usize::from(entity == "person");
        vec![Item { body, changes }]
    }

    fn api(&self) -> emulator::crm::Vendor {
        emulator::crm::Vendor::Pipedrive
    }

    fn record(&self, record: &Record) -> Value {
        let is_new = record.created == record.changed;
        let mut listed = as_it_is(record, !is_new);
        let own = |column: &str| record.columns[column].clone();
        listed["custom_fields"] = json!({ STATUS: own("status"), NOTES: own("notes"), OPT_OUT: consent(record),
            api::SEGMENT: api::option(record.campaign) });
        listed["is_deleted"] = (record.state == RecordState::Deleted).into();
        listed
    }

    fn feed(&self, campaigns: Value) -> Value {
        json!({
            "auth": { "kind": "header", "name": "x-api-token", "value": emulator::crm::TOKEN },
            "request": { "method": "GET", "url": "https://acme.pipedrive.com/api/v2/persons",
                "query": { "updated_since": "{since}", "filter_id": "{campaign.filter}", "sort_by": "id", "sort_direction": "asc",
                    "limit": api::PAGE, "cursor": "{cursor}" } },
            "campaigns": campaigns,
            "items": "/data",
            "next": { "cursor": "/additional_data/next_cursor" },
            "overlapSeconds": 60,
            "mapping": { "preset": "pipedrivePerson", "columns": columns(&FIELDS),
                "optOut": { "field": OPT_OUT, "values": [NO_CALLS], "callable": [CALLS, null] } },
        })
    }

    fn stamps(&self) -> [&'static str; 2] {
        ["update_time", "add_time"]
    }

    fn resent(&self, body: &Value, attempt: u64) -> Value {
        let mut body = body.clone();
        body["meta"]["attempt"] = (attempt + 1).into();
        body
    }
}

/// The option that is chosen for the person. Some who may be called have none.
fn consent(record: &Record) -> Option<u32> {
    match (record.may_be_called, record.id().ends_with('1')) {
        (false, _) => Some(NO_CALLS),
        (true, true) => Some(CALLS),
        (true, false) => None,
    }
}

/// The person as a webhook holds it: the value of a custom field is an object.
fn person(happened: &Happened<'_>, action: &str) -> Value {
    let record = happened.record;
    let own = |column: &str| {
        let value = record.columns[column].as_deref();
        value.map(|value| json!({ "type": "varchar", "value": value }))
    };
    let consent = consent(record).map(|option| json!({ "type": "enum", "id": option }));
    let mut person = as_it_is(record, action != "create");
    person["update_time"] = (action != "create").then(|| whole(happened.at)).into();
    person["custom_fields"] =
        json!({ STATUS: own("status"), NOTES: own("notes"), OPT_OUT: consent });
    person
}

/// The members that the API and the webhooks have in common.
fn as_it_is(record: &Record, is_updated: bool) -> Value {
    let of = |column: &str| record.columns[column].as_deref();
    let listed = |value: Option<&str>| match value {
        Some(value) => json!([{ "value": value, "primary": true, "label": "work" }]),
        None => json!([]),
    };
    json!({
        "id": record.id().parse::<u64>().unwrap_or_default(),
        "name": format!("{} {}", of("firstName").unwrap_or_default(), of("lastName").unwrap_or_default()),
        "first_name": of("firstName"),
        "last_name": of("lastName"),
        "phones": listed(of("phone")),
        "emails": listed(of("email")),
        "add_time": whole(record.created),
        "update_time": is_updated.then(|| whole(record.changed)),
        "org_id": null,
        "owner_id": 12_415_231,
    })
}
