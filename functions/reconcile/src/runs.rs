//! Runs from a queue. One run of an org is under way at a time; runs of other orgs go on beside it.
//! No run goes on forever.
//!
//! If a run does not end within an invocation, it notes its place in the org's record and sets the
//! visibility timeout of its message. The message group stays locked until then, and the same
//! message continues the run. If a run fails, it is retried once. If it fails again, it goes to the
//! queue of failed runs; the org's next run looks at everything since the last run that ended.
//!
//! `turn` works on one message, and the crate's `record` says what an org's record holds. A run
//! without a queue is [`at_once`].

mod turn;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use domain::change::{CampaignId, OrgId};
use io::config::RunsConfig;
use io::queue::{self, Message};
use io::records::Records;
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

use crate::input::{Input, InvalidInput};
use crate::record::Record;
use crate::{Context, Error, at_once};

/// The configuration and the records that a copy of the function needs for runs from a queue.
pub struct Runs {
    config: RunsConfig,
    records: Arc<dyn Records>,
}

impl Runs {
    /// Takes runs from these queues and keeps these records.
    pub fn new(config: RunsConfig, records: Arc<dyn Records>) -> Runs {
        Runs { config, records }
    }
}

/// The name of an org's record.
pub fn record_of(stack: &str, org: &OrgId) -> String {
    format!("/campaign-sync/{stack}/reconcile/{org}")
}

/// The times until which these campaigns were looked at, as an org's record says, in their order.
/// `None` means that no run has had the campaign.
///
/// # Errors
/// The record is not what reconcile writes.
pub fn looked_at(
    record: &str,
    campaigns: &[CampaignId],
) -> Result<Vec<Option<Timestamp>>, NoRecord> {
    let record = Record::parse(record).ok_or(NoRecord)?;
    let campaigns = campaigns.iter();
    Ok(campaigns.map(|campaign| record.until(campaign)).collect())
}

/// The parameter holds something other than an org's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record is not what reconcile writes")]
pub struct NoRecord;

/// Handles an invocation. If the event is a message from the queue of runs, continues that run. A
/// dry run writes nothing, so it is done at once. Any other input is sent to the queue of runs.
///
/// # Errors
/// A message that names the fault of the input, or says why the queue of runs did not accept it. A
/// dry run also reports a fault of a secret, the feed or Genesys Cloud. A run of the queue returns
/// no error: it fails its message.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Value, Error> {
    match &event.payload {
        Value::Object(members) if members.contains_key("Records") => {
            let runs = context.runs.as_ref().ok_or(Error::NoRuns)?;
            let records = members["Records"].as_array().map_or(&[][..], Vec::as_slice);
            Ok(batch(context, runs, records, &event.context).await)
        }
        payload if payload["dryRun"] == true => {
            let answer = at_once(context, event).await?;
            Ok(json!(answer))
        }
        payload => queue(context, payload).await.inspect_err(|error| {
            let org = payload["org"]
                .as_str()
                .and_then(|org| OrgId::parse(org).ok());
            let org = org.as_ref().map(OrgId::as_str);
            tracing::error!(org, detail = %error, "the run is not queued");
        }),
    }
}

/// Puts a run into the queue of runs.
async fn queue(context: &Context, payload: &Value) -> Result<Value, Error> {
    let runs = context.runs.as_ref().ok_or(Error::NoRuns)?;
    let input = Input::parse(payload, context.shared.clock.now())?;
    if input.cursor.is_some() {
        const ONLY: &str = "cursor: a run of the queue continues by itself; expected a cursor only with \"dryRun\": true";
        return Err(InvalidInput::of(ONLY).into());
    }
    let mut run = payload.clone();
    run["scheduledTime"] = input.run.to_string().into();
    let body = run.to_string();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let message = Message {
        group: input.org.as_str().to_owned(),
        deduplication_id: format!("{}-{:016x}", input.run, hasher.finish()),
        body,
        attributes: Vec::new(),
    };
    context
        .queue
        .send(&runs.config.runs_queue_url, message)
        .await?;
    Ok(json!({ "queued": true, "org": input.org.as_str(), "scheduledTime": input.run.to_string() }))
}

/// Works on the first message and answers Lambda. The event source hands over one message at a
/// time; if there are more, the others are reported as failed and so are received again.
async fn batch(
    context: &Context,
    runs: &Runs,
    records: &[Value],
    lambda: &lambda_runtime::Context,
) -> Value {
    let mut messages = records.iter().map(message);
    let Some(first) = messages.next() else {
        return json!({ "batchItemFailures": [] });
    };
    let is_done = turn::take(context, runs, &first, lambda).await;
    let failed = (!is_done).then_some(first).into_iter().chain(messages);
    let failed: Vec<_> = failed
        .map(|message| json!({ "itemIdentifier": message.message_id }))
        .collect();
    json!({ "batchItemFailures": failed })
}

fn message(record: &Value) -> queue::Record {
    let text = |name: &str| record[name].as_str().map(str::to_owned);
    let own = [text("messageId"), text("receiptHandle"), text("body")];
    queue::Record::new(own, |name| record["attributes"][name].as_str())
}
