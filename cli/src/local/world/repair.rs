//! Runs reconcile through the queue of runs, as on AWS.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

use super::super::crm::Story;
use super::super::{Error, LATEST};
use super::World;

/// The timeout of the function reconcile.
const RUN: Duration = Duration::from_mins(15);

impl World {
    /// Runs reconcile for every org, and apply on what it enqueues. Returns how many changes it
    /// enqueued.
    pub(crate) async fn reconcile(&self, story: &Story) -> Result<u64, Error> {
        let mut campaigns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (org, campaign) in story.campaigns() {
            campaigns.entry(org).or_default().push(campaign);
        }
        let before = self.enqueued.load(Ordering::Relaxed);
        for (org, campaigns) in campaigns {
            // `force` lets it enqueue however many contacts differ: the user chose how many
            // webhooks to drop.
            let input = json!({ "org": org, "campaignIds": campaigns, "force": true, "windowMinutes": self.window_minutes() });
            let event = LambdaEvent::new(input, self.lambda_context(RUN));
            let queued = reconcile::handle(&self.reconcile, event).await;
            queued.map_err(|error| format!("reconcile: {error}"))?;
        }
        let apply = async {
            loop {
                self.feed().await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let ended = tokio::time::timeout(LATEST, async {
            self.outside.runs.close();
            tokio::select! { () = self.take_runs() => {}, () = apply => {} }
        });
        let is_late = ended.await.is_err();
        let _ = tokio::time::timeout(LATEST, self.feed()).await;
        match self.outside.failed_runs.messages().first() {
            Some(failed) => Err(format!("reconcile: {}", failed.body)),
            None if is_late => Err("reconcile: the run does not end".to_owned()),
            None => Ok(self.enqueued.load(Ordering::Relaxed) - before),
        }
    }

    /// Runs reconcile once with this input, without its queue. What it enqueues waits until
    /// [`World::feed`] hands it to apply.
    pub(crate) async fn reconcile_once(&self, input: Value) -> Result<reconcile::Answer, Error> {
        let event = LambdaEvent::new(input, self.lambda_context(RUN));
        let answer = reconcile::at_once(&self.reconcile, event).await;
        answer.map_err(|error| format!("reconcile: {error}"))
    }

    /// Hands runs to reconcile until the queue of runs is closed and empty.
    pub(crate) async fn take_runs(&self) {
        let run = async |event| {
            let event = LambdaEvent::new(event, self.lambda_context(RUN));
            reconcile::handle(&self.reconcile, event).await.ok()
        };
        self.outside.source_of_runs().feed(run).await;
    }
}
