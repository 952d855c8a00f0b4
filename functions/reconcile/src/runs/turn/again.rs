//! Decides what becomes of a run's message that is not done: how long it waits until it is received
//! again, and when the run goes to the queue of failed runs.

use std::time::Duration;

use domain::change::{CampaignId, OrgId};
use io::queue::{Message, Visibility};
use serde_json::{Value, json};

use super::Turn;
use crate::input::{Cursor, Input};
use crate::{Error, Ran, Why};

/// How often a run may fail in a row before it goes to the queue of failed runs.
pub(super) const MOST_FAILURES: u32 = 2;
/// How long a run that ran out of time waits before it continues.
const AFTER_TIME: Duration = Duration::from_secs(5);
/// How long a run that filled the queue waits before it continues. In this time a tenth of what the
/// queue may hold of the org is applied.
const AFTER_ROOM: Duration = Duration::from_mins(1);
/// How long a run waits before it continues, if Genesys Cloud throttled it for longer than two
/// minutes.
const AFTER_THROTTLED: Duration = Duration::from_mins(2);
/// How long a run that its feed throttled waits at least before it continues. So a feed that asks
/// for one second again and again is not hammered.
const LEAST_AFTER_FEED: Duration = Duration::from_mins(1);
/// How long a run that failed, or whose record could not be reached, waits before its retry.
pub(super) const AFTER_FAILURE: Duration = Duration::from_mins(1);

impl Turn<'_> {
    /// Retries a run that failed, or sends it to the queue of failed runs once it failed often
    /// enough. Returns whether the message is done.
    pub(super) async fn fails(&self, input: &Input, times: u32, error: &Error) -> bool {
        tracing::error!(org = input.org.as_str(), detail = %error, "reconcile failed");
        if times < MOST_FAILURES {
            self.come_again(AFTER_FAILURE).await;
            return false;
        }
        let campaigns = input.campaigns.iter().map(CampaignId::as_str);
        self.send_to_failed_queue(&json!({
            "org": input.org.as_str(),
            "campaignIds": campaigns.collect::<Vec<_>>(),
            "scheduledTime": input.run.to_string(),
            "error": error.to_string(),
        }))
        .await
    }

    /// Sends a message that is no run to the queue of failed runs, with its org if that can be
    /// read. Returns whether the message is done.
    pub(super) async fn refuses(&self, error: &Error) -> bool {
        let org = self.org();
        let org = org.as_ref().map(OrgId::as_str);
        tracing::error!(org, detail = %error, "reconcile failed");
        let error = error.to_string();
        self.send_to_failed_queue(
            &json!({ "org": org, "campaignIds": null, "scheduledTime": null, "error": error }),
        )
        .await
    }

    /// The org that the message names, if that can be read.
    fn org(&self) -> Option<OrgId> {
        let body: Value = serde_json::from_str(&self.message.body).ok()?;
        OrgId::parse(body["org"].as_str()?).ok()
    }

    async fn send_to_failed_queue(&self, body: &Value) -> bool {
        let told = Message {
            body: body.to_string(),
            group: String::new(),
            deduplication_id: String::new(),
            attributes: Vec::new(),
        };
        let url = &self.runs.config.failed_runs_queue_url;
        let told = self.context.queue.send(url, told).await;
        if let Err(error) = &told {
            tracing::error!(org = body["org"].as_str(), detail = %error, "the queue of failed runs did not \
                accept a run");
            self.come_again(AFTER_FAILURE).await;
        }
        told.is_ok()
    }

    pub(super) async fn come_again(&self, after: Duration) {
        let visibility = Visibility {
            receipt_handle: self.message.receipt_handle.clone(),
            seconds: u32::try_from(after.as_secs()).unwrap_or(u32::MAX),
        };
        let url = &self.runs.config.runs_queue_url;
        let set = self.context.queue.set_visibility(url, vec![visibility]);
        if let Err(error) = set.await {
            // The message is received again anyway, after the queue's own visibility timeout.
            tracing::warn!(
                org = self.org().as_ref().map(OrgId::as_str),
                detail = %error,
                "the run's message keeps its visibility timeout"
            );
        }
    }
}

/// How long to wait before a run continues. `None` means that it does not. `from` is the place at
/// which it began.
pub(super) fn after(ran: &Ran, from: Option<&Cursor>) -> Option<Duration> {
    let cursor = ran.cursor.as_ref()?;
    let why = ran.outcome.why.as_ref()?;
    let is_throttled = matches!(why.cause(), Why::FeedThrottled(_));
    if let Why::Undecided { .. } = why
        && Some(cursor) == from
        && !is_throttled
    {
        // A further try would have as much time and learn no more.
        return None;
    }
    match why.cause() {
        Why::OutOfTime | Why::NoExportYet(_) | Why::Interrupted => Some(AFTER_TIME),
        // Others filled the queue. Waiting for them would hold up the org's next runs, which look
        // for opt-outs.
        Why::QueueIsDeep if ran.is_crowded => None,
        Why::QueueIsDeep => Some(AFTER_ROOM),
        Why::Throttled => Some(AFTER_THROTTLED),
        Why::FeedThrottled(wait) => Some((*wait).max(LEAST_AFTER_FEED)),
        Why::TooMuchDrift { .. }
        | Why::TooManyUnknown { .. }
        | Why::Faulty(_)
        | Why::Undecided { .. } => None,
    }
}
