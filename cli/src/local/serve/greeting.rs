//! The text that `--serve` prints at the start: addresses, and commands to try.
//!
//! Nothing is started here.

use emulator::world::{client_id, client_secret};
use io::Clock;

use super::super::Api;
use super::super::vendor::Sample;
use super::super::world;
use super::{crms, senders};
use crate::{made_up, webhook};

pub(super) fn greeting(
    outside: &emulator::World,
    base: &str,
    api: Api,
    samples: &[Sample],
    console: &str,
) -> String {
    let parts = [
        format!(
            "campaign-sync runs on {base}, in memory. Ctrl-C ends it, and all its data is lost."
        ),
        format!("Watch it in a browser:\n{console}"),
        webhooks(base),
        senders(base, samples),
        contacts(base, api),
        crms::greeting(base),
        elsewhere(outside, base),
        schedule(outside),
        "Every change, as it is applied:".to_owned(),
    ];
    parts.join("\n\n")
}

/// The webhooks of the made-up CRM's own sources.
fn webhooks(base: &str) -> String {
    let (org, campaign) = made_up::CAMPAIGNS[0];
    let source = made_up::source_of(org);
    let now = Clock::system().now();
    let body = serde_json::json!({
        "eventId": format!("evt_{}", now.as_millisecond()),
        "campaignId": campaign,
        "contactKey": "LEAD-00042",
        "version": now.as_millisecond(),
        "data": { "phone": "+13175550100", "firstName": "Ada" },
        "callable": true,
    })
    .to_string();
    let headers = webhook::headers(&body, made_up::SIGNING_SECRET, now);
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!(" \\\n  -H '{name}: {value}'"))
        .collect();
    format!(
        "Send a webhook of source {source} (its signing secret is {signing}; this signature is valid for 3 minutes):
curl -i {base}/webhooks/{source}{headers} \\
  -d '{body}'

Or without a signature, by the source named bearer:
curl -i {base}/webhooks/bearer -H 'content-type: application/json' \\
  -H 'authorization: Bearer {bearer}' \\
  -d '{{\"eventId\": \"evt_1\", \"org\": \"{org}\", \"campaignId\": \"{campaign}\", \"contactKey\": \"LEAD-00043\", \"data\": {{}}}}'",
        signing = made_up::SIGNING_SECRET,
        bearer = world::BEARER_TOKEN,
    )
}

/// The webhooks of sources whose mapping has a preset.
fn senders(base: &str, samples: &[Sample]) -> String {
    format!(
        "Or as other CRMs send, each by a source whose mapping has the preset for it. Without | sh a line shows the webhook,
with /secret after the name the source's secret, with /body the body:
{lines}
See which contacts they changed:
curl -s {base}/_emulator/campaigns/{campaign}/contacts",
        lines = senders::lines(samples, base),
        campaign = senders::CAMPAIGN.1,
    )
}

/// The state of the emulated services, and how to make them fail.
fn contacts(base: &str, api: Api) -> String {
    let (org, campaign) = made_up::CAMPAIGNS[0];
    let (id, secret) = (client_id(org), client_secret(org));
    let (failing, method) = match api {
        Api::Predictive => ("update a contact", "PATCH"),
        Api::ContactLists => ("read or write contacts", "POST"),
    };
    let contact = match api {
        Api::Predictive => {
            format!("{base}/api/v2/predictivedialing/campaigns/{campaign}/contacts/LEAD-00042")
        }
        Api::ContactLists => {
            format!("{base}/api/v2/outbound/contactlists/list-of-{campaign}/contacts/LEAD-00042")
        }
    };
    format!(
        "Read the contact LEAD-00042, as OAuth client {id} with secret {secret} {when}:
TOKEN=$(curl -s -u {id}:{secret} -d grant_type=client_credentials {base}/oauth/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')
curl -s -H \"Authorization: Bearer $TOKEN\" {contact}

Make the next 5 calls that {failing} fail, and see all contacts of a campaign:
curl -s {base}/_emulator/faults -d '{{\"method\": \"{method}\", \"path\": \"contacts\", \"status\": 503, \"times\": 5}}'
curl -s {base}/_emulator/campaigns/{campaign}/contacts

Let the CRM's feed list a contact, for reconcile to find:
curl -s -X PUT {base}/_emulator/feed/contacts \\
  -d '{{\"campaignId\": \"{campaign}\", \"contactKey\": \"LEAD-00044\", \"version\": 1, \"data\": {{}}}}'",
        when = if api == Api::Predictive {
            "(a new one can be read after 2 s)"
        } else {
            "(both APIs are served)"
        },
    )
}

fn elsewhere(outside: &emulator::World, base: &str) -> String {
    let queues = [
        "QUEUE_URL",
        "DEAD_LETTER_QUEUE_URL",
        "RUNS_QUEUE_URL",
        "FAILED_RUNS_QUEUE_URL",
    ];
    let queues = queues
        .map(|name| format!("{name}={}", outside.variable(name).unwrap_or_default()))
        .join(" ");
    format!(
        "For functions that run elsewhere, such as under cargo lambda watch:
export AWS_ENDPOINT_URL={base} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
export {queues} GENESYS_BASE_URL={base}"
    )
}

/// How to make a schedule: with the variables of [`elsewhere`], and with those that only this
/// command reads.
fn schedule(outside: &emulator::World) -> String {
    let (org, campaign) = made_up::CAMPAIGNS[0];
    let arns = [
        "RUNS_QUEUE_ARN",
        "FAILED_RUNS_QUEUE_ARN",
        "SCHEDULE_ROLE_ARN",
    ];
    let arns = arns
        .map(|name| format!("{name}={}", outside.variable(name).unwrap_or_default()))
        .join(" ");
    format!(
        "With these, let reconcile look at a campaign each minute:
export {arns}
campaign-sync schedule set --org {org} --campaigns {campaign} --rate 'rate(1 minute)'"
    )
}
