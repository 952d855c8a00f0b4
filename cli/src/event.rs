//! `campaign-sync event NAME`: prints a sample event that is valid now.
//!
//! An event is what Lambda hands to a function: a webhook for ingest, a batch of a queue for apply,
//! or the input of a schedule for reconcile. Nothing is sent here: `local --file` and `cargo lambda
//! invoke` take what is printed. The batches are in [`batches`]; how a source signs is in
//! `ingest::auth`.

mod batches;

use std::path::PathBuf;

use clap::ValueEnum;
use domain::change::SourceName;
use ingest::auth::{self, SignedRequest};
use io::Clock;
use io::secrets::SourceSecret;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::args;
use crate::made_up::{CAMPAIGNS, SIGNING_SECRET, source_of};
use crate::webhook;
use batches::{conflict, poison_first, rapid_updates, several_campaigns, sqs_event};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync event rapid-updates > event.json && campaign-sync local --file event.json
  campaign-sync event webhook | cargo lambda invoke ingest --data-file /dev/stdin
  campaign-sync event schedule | cargo lambda invoke reconcile --data-file /dev/stdin
  campaign-sync event webhook --secret source.json --source crm --curl \"$URL\" | sh

The orgs, campaigns and sources are those of `campaign-sync local --serve`.")]
pub(crate) struct Args {
    /// Which event
    name: Name,
    /// Signs the webhook as a source's secret says. FILE holds the secret as JSON; - reads standard
    /// input
    #[arg(long, value_name = "FILE", requires = "source")]
    secret: Option<PathBuf>,
    /// The source of that secret
    #[arg(long, requires = "secret", value_parser = args::source)]
    source: Option<SourceName>,
    /// Prints a curl command that sends the webhook to this URL, in place of the event
    #[arg(long, value_name = "URL", requires = "secret", value_parser = args::endpoint)]
    curl: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// A signed webhook, as an HTTP API hands it to ingest (payload format 2.0)
    Webhook,
    /// A batch of four changes to one contact, one of them late
    RapidUpdates,
    /// A batch of four changes to contacts of three campaigns in two orgs
    SeveralCampaigns,
    /// A batch of two changes to one contact, the first unreadable
    PoisonFirst,
    /// A batch whose create is refused with 409, if applied within two seconds after one of the
    /// others
    Conflict,
    /// The input that a schedule gives to reconcile
    Schedule,
}

/// Prints the event.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let now = Clock::system().now();
    if args.secret.is_some() && !matches!(args.name, Name::Webhook) {
        return Err("--secret goes with the event webhook alone".to_owned());
    }
    let event = match args.name {
        Name::Webhook => match webhook_of(args, now)? {
            Webhook::Event(event) => event,
            Webhook::Curl(curl) => return crate::print(&curl),
        },
        Name::RapidUpdates => sqs_event(now, &rapid_updates(now)),
        Name::SeveralCampaigns => sqs_event(now, &several_campaigns(now)),
        Name::PoisonFirst => sqs_event(now, &poison_first(now)),
        Name::Conflict => sqs_event(now, &conflict(now)),
        Name::Schedule => schedule(now),
    };
    crate::print(&format!("{event:#}"))
}

/// The contact that most samples are about.
const KEY: &str = "LEAD-00042";

/// The input that EventBridge Scheduler hands to reconcile.
fn schedule(now: Timestamp) -> Value {
    let (org, _) = CAMPAIGNS[0];
    let campaigns: Vec<_> = CAMPAIGNS
        .iter()
        .filter(|(of, _)| *of == org)
        .map(|(_, campaign)| campaign)
        .collect();
    json!({ "org": org, "campaignIds": campaigns, "windowMinutes": 60, "scheduledTime": now.to_string() })
}

/// A webhook as it is printed.
enum Webhook {
    Event(Value),
    Curl(String),
}

/// A webhook of the made-up CRM, or of the source whose secret is in a file.
fn webhook_of(args: &Args, now: Timestamp) -> Result<Webhook, String> {
    let (org, campaign) = CAMPAIGNS[0];
    let (Some(path), Some(source)) = (&args.secret, &args.source) else {
        let body = webhook_body(now, None, Some(campaign));
        let sent = SignedRequest {
            headers: webhook::signature(&body, SIGNING_SECRET, now),
            query: String::new(),
            body,
        };
        return Ok(Webhook::Event(http_event(now, &source_of(org), &sent)));
    };
    let secret = SourceSecret::parse(&SecretString::from(args::file(path)?))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    // A body may leave out the org and the campaign that the source's secret names.
    let org = secret.org.is_none().then_some(org);
    let campaign = secret.campaign.is_none().then_some(campaign);
    let sent = auth::sent(&secret.auth, &webhook_body(now, org, campaign), now)?;
    Ok(match &args.curl {
        Some(url) => Webhook::Curl(webhook::curl(url, "application/json", &sent)),
        None => Webhook::Event(http_event(now, source.as_str(), &sent)),
    })
}

fn webhook_body(now: Timestamp, org: Option<&str>, campaign: Option<&str>) -> String {
    let mut body = json!({
        "eventId": format!("evt_{}", now.as_millisecond()),
        "contactKey": KEY,
        "version": now.as_millisecond(),
        "data": { "phone": "+13175550100", "firstName": "Ada", "status": "new" },
    });
    if let Some(org) = org {
        body["org"] = json!(org);
    }
    if let Some(campaign) = campaign {
        body["campaignId"] = json!(campaign);
    }
    body.to_string()
}

/// The event by which an HTTP API hands a request to Lambda: payload format 2.0.
fn http_event(now: Timestamp, source: &str, sent: &SignedRequest) -> Value {
    let headers = sent.headers.iter();
    let mut headers: serde_json::Map<_, _> = headers
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    headers.insert("content-type".to_owned(), json!("application/json"));
    let path = format!("/webhooks/{source}");
    json!({
        "version": "2.0",
        "routeKey": "POST /webhooks/{source}",
        "rawPath": path,
        "rawQueryString": sent.query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "sample",
            "domainName": "sample.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "sample",
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "sample" },
            "requestId": "sample",
            "routeKey": "POST /webhooks/{source}",
            "stage": "$default",
            "time": "24/Nov/2026:16:00:00 +0000",
            "timeEpoch": now.as_millisecond(),
        },
        "body": sent.body,
        "isBase64Encoded": false,
    })
}
