//! Runs of reconcile, by their queue as on AWS.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

use super::super::crm::Story;
use super::super::{Error, LATEST};
use super::World;

/// The timeout of reconcile.
const RUN: Duration = Duration::from_mins(15);

impl World {
    /// Runs reconcile for every org, and what it enqueues through apply; answers how many changes
    /// that were.
    pub(crate) async fn reconcile(&self, story: &Story) -> Result<u64, Error> {
        let mut campaigns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (org, campaign) in story.campaigns() {
            campaigns.entry(org).or_default().push(campaign);
        }
        let before = self.enqueued.load(Ordering::Relaxed);
        for (org, campaigns) in campaigns {
            // The share of what is dropped is the user's to choose.
            let input = json!({ "org": org, "campaignIds": campaigns, "force": true, "windowMinutes": self.minutes() });
            let event = LambdaEvent::new(input, self.lambda(RUN));
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
            None if is_late => Err("reconcile: it does not come to its end".to_owned()),
            None => Ok(self.enqueued.load(Ordering::Relaxed) - before),
        }
    }

    /// Runs reconcile once, with this input and beside its queue. What it enqueues waits for whoever feeds apply.
    pub(crate) async fn reconcile_once(&self, input: Value) -> Result<reconcile::Answer, Error> {
        let event = LambdaEvent::new(input, self.lambda(RUN));
        let answer = reconcile::at_once(&self.reconcile, event).await;
        answer.map_err(|error| format!("reconcile: {error}"))
    }

    /// Hands runs to reconcile, until their queue is closed and empty.
    pub(crate) async fn take_runs(&self) {
        let run = async |event| {
            let event = LambdaEvent::new(event, self.lambda(RUN));
            reconcile::handle(&self.reconcile, event).await.ok()
        };
        self.outside.source_of_runs().feed(run).await;
    }
}
