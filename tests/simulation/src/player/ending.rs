//! The end of a run, when nothing fails any more: what is parked is redriven, every org is
//! reconciled, and then everything is sent once more.
//!
//! Each check of what is left is in `crate::checks`.

use std::time::Duration;

use io::queue::Message;
use serde_json::Value;
use tokio::time::sleep;

use super::Player;
use crate::checks::would_count_now;
use crate::story::Ranking;
use crate::{checks, lock};

impl Player<'_> {
    /// Redrives what is parked, and reconciles what was dropped.
    pub(super) async fn settle(&self) {
        // A parked message that stays holds back those behind it in its group for a moment.
        for _ in 0..5 {
            self.redrive();
            self.feed_until_quiet().await;
            sleep(Duration::from_secs(2)).await;
        }
        // By then every new contact can be read.
        sleep(Duration::from_mins(15)).await;
        checks::check_before_reconcile(self.outside);
        self.run_all().await;
        self.reconcile_all().await;
        // Repaired items create nobody, because every contact that belongs there exists by now.
        self.redrive_unmapped();
        self.feed_until_quiet().await;
        sleep(Duration::from_mins(15)).await;
    }

    /// Sends everything again. Nothing may change, except that a late opt-out makes a contact
    /// not callable.
    pub(super) async fn repeat(&self) {
        let outside = self.outside;
        outside.trace(|| "every change is sent again, which may change nothing".to_owned());
        let skipped = lock(&outside.seen).skipped.clone();
        let ranked = |message: &&Message| {
            let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
            // An operator's reset names the rank that was seen. That rank may be stored
            // again.
            if body["operation"] == "resetRank" || would_count_now(outside, &skipped, &body) {
                return false;
            }
            let org = outside
                .story
                .orgs
                .iter()
                .find(|org| body["org"] == org.name.as_str());
            org.is_some_and(|org| org.ranking != Ranking::None)
        };
        let stored: Vec<_> = lock(&outside.seen)
            .stored
            .iter()
            .filter(ranked)
            .cloned()
            .collect();
        let before = outside.genesys.journal().len();
        let held = checks::ties::held(outside);
        for (n, message) in stored.iter().enumerate() {
            let _ = outside.store(Message {
                deduplication_id: format!("again-{n}"),
                ..message.clone()
            });
        }
        self.feed_until_quiet().await;
        let enqueued = self.reconcile_all().await;
        checks::check_nothing_changed(outside, before, &enqueued);
        checks::ties::check_unchanged(outside, &held);
    }
}
