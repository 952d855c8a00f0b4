//! Plays the runs of a schedule, from the first to the last.
//!
//! One run is invoked in `repair`, and its results are checked in `crate::checks::schedule`.

use std::time::Duration;

use futures_util::future::join_all;
use io::queue::Message;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Player;
use crate::checks::schedule;
use crate::story::{Action, Org, Part, Step};
use crate::wire;

/// The prefix of the names of records.
pub(super) const RECORDS: &str = "/campaign-sync/campaign-sync/reconcile/";
/// Ten days, which is longer than any story.
pub(super) const WIDE: u64 = 14_400;
/// Runs of different orgs go side by side.
const AT_ONCE: usize = 2;

impl Player<'_> {
    /// Before anything fails, each campaign is in its org's record, and the CRM has no
    /// contacts.
    pub(super) async fn begin_schedule(&self) {
        let outside = self.outside;
        if outside.story.schedule.is_none() {
            return;
        }
        for org in &outside.story.orgs {
            self.run_of_the_queue(org, &self.run(org, false)).await;
        }
        outside.chaos.begin(outside.story.rates.clone());
    }

    /// Takes runs from their queue until it is closed and empty.
    pub(super) async fn take_runs(&self) {
        if self.outside.story.schedule.is_none() {
            return;
        }
        let source = self.outside.source_of_runs();
        let copies = (0..AT_ONCE).map(|_| source.feed(async |event| self.take_run(event).await));
        join_all(copies).await;
    }

    /// Waits until no run is under way.
    pub(super) async fn end_schedule(&self) {
        self.outside.runs.close();
        while !self.outside.runs.is_empty() {
            sleep(Duration::from_secs(5)).await;
        }
    }

    /// A run, as the schedule's input says.
    pub(super) fn run(&self, org: &Org, is_wide: bool) -> Value {
        let now = self.outside.clock.now();
        let mut run = json!({ "org": org.name, "campaignIds": org.campaigns, "windowMinutes": WIDE,
                              "scheduledTime": now.to_string() });
        if let Some(schedule) = self.outside.story.schedule {
            if !is_wide {
                run["windowMinutes"] = schedule.window_minutes.into();
            }
            match (org.uses_lists, schedule.read) {
                (true, Some(read)) => run["read"] = read.into(),
                (true, None) => {}
                // With a fifth of the budget, a run seldom compares enough contacts to decide
                // whether that much drift can be right.
                (false, _) => run["maxDriftPercent"] = 100.into(),
            }
        }
        run
    }

    /// Queues a run of the org at this position.
    pub(super) fn send_run(&self, org: usize, is_wide: bool) {
        let org = &self.outside.story.orgs[org];
        self.queue_run(org, &self.run(org, is_wide));
    }

    /// Puts a run into the queue of runs.
    pub(super) fn queue_run(&self, org: &Org, run: &Value) {
        let body = run.to_string();
        let message = Message {
            group: org.name.clone(),
            deduplication_id: wire::digest(&body),
            body,
            attributes: Vec::new(),
        };
        if self.outside.runs.send(message).is_err() {
            let what = "reconcile: the queue does not take a run";
            self.outside.violated(what.to_owned());
        }
    }

    /// Ends the schedule after all faults have ended. The next run finds all that changed, and
    /// a run over everything repairs what somebody else altered.
    pub(super) async fn finish_schedule(&self) {
        let outside = self.outside;
        let Some(schedule) = outside.story.schedule else {
            return;
        };
        // By then the CRM's API shows everything.
        sleep(schedule.lag + Duration::from_mins(1)).await;
        for is_wide in [false, true] {
            let failed = outside.failed_runs.len();
            for (n, org) in outside.story.orgs.iter().enumerate() {
                let run = self.run(org, is_wide || outside.story.loses_record(n));
                self.run_of_the_queue(org, &run).await;
                self.feed_until_quiet().await;
            }
            if outside.failed_runs.len() > failed {
                let what = "reconcile: a run of the queue fails though nothing else does";
                outside.violated(what.to_owned());
            }
            schedule::check_all_found(outside);
            // By then everything written can be read.
            sleep(Duration::from_mins(1)).await;
        }
        schedule::check_contacts(outside);
        schedule::check_alarms(outside);
        schedule::check_depth(outside);
    }

    /// Notes that the run of this message is over, and checks how long it took.
    pub(super) fn is_over(&self, record: &Value) {
        let outside = self.outside;
        let run: Value =
            serde_json::from_str(record["body"].as_str().unwrap_or_default()).unwrap_or_default();
        let due = run["scheduledTime"]
            .as_str()
            .and_then(|due| due.parse::<Timestamp>().ok());
        let took = due.map(|due| outside.clock.now().duration_since(due));
        let took = took
            .and_then(|took| Duration::try_from(took).ok())
            .unwrap_or_default();
        let org = run["org"].as_str().unwrap_or_default();
        outside.trace(|| {
            format!(
                "reconcile   is done with the run of {org} after {} s",
                took.as_secs()
            )
        });
        let of_others = |step: &Step| match step.action {
            Action::Fail {
                org: n,
                part: Part::Permissions,
                ..
            } => outside.story.orgs[n].name != org,
            _ => false,
        };
        let is_crowded = outside
            .story
            .schedule
            .is_some_and(|schedule| schedule.is_crowded);
        if is_crowded && outside.story.steps.iter().any(of_others) {
            schedule::check_duration(outside, took);
        }
    }
}
