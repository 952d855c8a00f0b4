//! A sample sender for each preset of a mapping: the secret of its source, and a body that is valid
//! now.
//!
//! `local --serve` prints and sends the samples, and the console shows them. A body is about one
//! made-up contact. The presets themselves are programs of the crate `mapping`; docs/crm.md
//! explains each.

use super::*;
use crate::local::crm::column_value;

/// The org and campaign of the contact that every sample is about.
pub(crate) const CAMPAIGN: (&str, &str) = CAMPAIGNS[1];

/// A sender of bodies that one preset maps.
pub(crate) struct Sample {
    /// The name of the source.
    pub(crate) source: &'static str,
    /// The sender of such bodies, in words.
    pub(crate) what: &'static str,
    pub(crate) secret: Value,
    pub(crate) media_type: &'static str,
    /// The contact that the body is about.
    pub(crate) key: String,
    /// Whether the contact is in its campaign from the start.
    pub(crate) is_known: bool,
    body: Body,
}

enum Body {
    /// The body with which a vendor's CRM reports a change.
    Told(Box<dyn Speaker>),
    /// A body whose shape is chosen by whoever sets up the sender: made from the key and the time.
    Chosen(fn(&str, i64) -> Value),
}

impl Sample {
    /// The body of a change that is made at this time, in milliseconds since 1970.
    pub(crate) fn body(&self, at: i64) -> String {
        let body = match &self.body {
            Body::Chosen(make) => make(&self.key, at),
            Body::Told(speaker) => told(&**speaker, at),
        };
        body.to_string()
    }
}

/// The body that reports a new phone number of a contact.
fn told(speaker: &dyn Speaker, at: i64) -> Value {
    let mut rng = Rng::with_seed(at.unsigned_abs());
    let mut record = Record::new(speaker, &mut rng, 0);
    (record.created, record.changed) = (at, at);
    record
        .columns
        .insert("phone", column_value(&mut rng, "phone"));
    let what = RecordEvent::Changed {
        columns: vec!["phone"],
        has_new_consent: false,
    };
    let happened = Happened {
        record: &record,
        what: &what,
        at,
    };
    let told = speaker.tell(&happened, &mut rng).into_iter();
    let mut bodies = told.map(|item| item.body);
    match speaker.habits().batch {
        1 => bodies.next().unwrap_or_default(),
        _ => bodies.collect(),
    }
}

/// One sample for each preset.
pub(crate) fn samples() -> Vec<Sample> {
    let told = |source, what, speaker: Box<dyn Speaker>| Sample {
        source,
        what,
        secret: speaker.secret(&Source {
            name: source,
            org: CAMPAIGN.0,
            campaign: CAMPAIGN.1,
        }),
        media_type: "application/json",
        key: speaker.id(0),
        is_known: true,
        body: Body::Told(speaker),
    };
    let mut samples = vec![
        told("hubspot", "an app of HubSpot", Box::new(hubspot::Hubspot)),
        told(
            "salesforce-cdc",
            "Salesforce's change events, by EventBridge",
            Box::new(salesforce::Salesforce),
        ),
        told("dataverse", "Dynamics 365", Box::new(dynamics::Dynamics)),
        told("pipedrive", "Pipedrive", Box::new(pipedrive::Pipedrive)),
    ];
    samples.extend(chosen());
    samples
}

/// The samples whose shape is chosen by whoever sets up the sender.
fn chosen() -> [Sample; 4] {
    [
        hubspot_workflow(),
        salesforce_platform_event(),
        zoho_workflow(),
        cloudevents(),
    ]
}

/// A sample of this source, with the auth and the mapping of its secret.
fn sample(
    [source, what]: [&'static str; 2],
    [auth, mapping]: [Value; 2],
    key: &str,
    body: fn(&str, i64) -> Value,
) -> Sample {
    Sample {
        source,
        what,
        secret: json!({ "auth": auth, "org": CAMPAIGN.0, "campaignId": CAMPAIGN.1, "mapping": mapping }),
        media_type: match source {
            "cloudevents" => "application/cloudevents+json",
            _ => "application/json",
        },
        key: key.to_owned(),
        is_known: false,
        body: Body::Chosen(body),
    }
}

fn api_key() -> Value {
    json!({ "header": { "name": "x-api-key", "values": ["key-of-the-sender"] } })
}

fn hubspot_workflow() -> Sample {
    let url = "https://hooks.example.com/webhooks/hubspot-workflow";
    let auth = json!({ "preset": "hubspotV2", "url": url, "secrets": ["client-secret-of-the-hubspot-app"] });
    let mapping = json!({ "preset": "hubspotWorkflow", "columns": { "firstname": "firstName", "phone": "phone" },
        "optOut": { "field": "do_not_call", "values": ["true"], "callable": ["false"] } });
    sample(
        ["hubspot-workflow", "a workflow of HubSpot"],
        [auth, mapping],
        "1246966",
        |key, at| {
            json!({ "objectId": key, "properties": { "firstname": "Ada", "phone": phone(at), "do_not_call": "false",
                "lastmodifieddate": precise(at) } })
        },
    )
}

fn salesforce_platform_event() -> Sample {
    let mapping = json!({ "preset": "salesforcePlatformEvent", "key": "Key__c",
        "columns": { "FirstName__c": "firstName", "Phone__c": "phone" }, "optOut": { "field": "DoNotCall__c" } });
    sample(
        [
            "salesforce-platform-event",
            "a flow of Salesforce, by EventBridge",
        ],
        [api_key(), mapping],
        "003RM000000001YAU",
        |key, at| {
            json!({ "detail-type": "Contact_Changed__e", "detail": { "payload": { "Key__c": key, "FirstName__c": "Ada",
                "Phone__c": phone(at), "DoNotCall__c": false, "LastModifiedDate__c": precise(at) } } })
        },
    )
}

fn zoho_workflow() -> Sample {
    let auth = json!({ "body": { "pointer": "/token", "values": ["token-of-the-webhook"] } });
    let mapping = json!({ "preset": "zohoWorkflow", "columns": { "First_Name": "firstName", "Phone": "phone" },
        "optOut": { "field": "Do_Not_Call", "values": ["true"], "callable": ["false"] } });
    sample(
        ["zoho-workflow", "a workflow of Zoho CRM"],
        [auth, mapping],
        "4000000000123456789",
        |key, at| {
            json!({ "id": key, "First_Name": "Ada", "Phone": phone(at), "Do_Not_Call": "false",
                "Modified_Time": precise(at) })
        },
    )
}

fn cloudevents() -> Sample {
    let mapping = json!({ "preset": "cloudevents", "columns": { "firstName": "firstName", "phone": "phone" },
        "optOut": { "field": "doNotCall" } });
    sample(
        ["cloudevents", "whoever sends CloudEvents"],
        [api_key(), mapping],
        "LEAD-00050",
        |key, at| {
            json!({ "specversion": "1.0", "id": at.to_string(), "source": "/crm", "type": "com.example.contact.changed",
                "subject": key, "time": precise(at),
                "data": { "firstName": "Ada", "phone": phone(at), "doNotCall": false } })
        },
    )
}

fn phone(at: i64) -> String {
    format!("+1555{:07}", at % 10_000_000)
}
