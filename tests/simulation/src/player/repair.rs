//! Repairs a run: reconcile, redrives, and resets of ranks.
//!
//! The story decides when each happens (`actions`), or the end of the run does (`ending`). Runs of
//! a schedule are in `schedule`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use emulator::EventSource;
use io::Config;
use io::queue::Message;
use lambda_runtime::LambdaEvent;
use reconcile::Runs;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::schedule::WIDE;
use super::{Player, setup};
use crate::change::{deduplication_id_of, group_of};
use crate::chaos::FaultKind;
use crate::checks::rank;
use crate::seams::{Crash, FeedTransport, GenesysTransport, KillSwitch, ParameterStore, Sqs};
use crate::story::{Org, Ranking};
use crate::{checks, lock};

/// The timeout of reconcile.
const RECONCILE_TIMEOUT: Duration = Duration::from_mins(15);
/// The prefix of reconcile's lines in the trace.
const RECONCILE: &str = "reconcile ";

impl Player<'_> {
    /// Takes a run from the queue of runs. One copy after the other gets it until it is done or
    /// reported as failed; a copy that is killed leaves it to the next.
    pub(super) async fn run_of_the_queue(&self, org: &Org, run: &Value) {
        let outside = self.outside;
        self.queue_run(org, run);
        let source = outside.source_of_runs();
        while !outside.runs.is_empty() {
            let Some(batch) = outside.runs.receive(1) else {
                sleep(Duration::from_secs(5)).await;
                continue;
            };
            let answer = self.take_run(batch.event.clone()).await;
            source.answered(&batch, answer.as_ref());
        }
        checks::check_no_repair_without_a_rank(outside);
    }

    /// A copy of reconcile, and what kills it.
    fn start_reconcile(&self) -> (reconcile::Context, Arc<Crash>) {
        let outside = self.outside;
        let transport = GenesysTransport::new(outside, RECONCILE);
        let crash = Arc::clone(&transport.crash);
        let kill_switch = KillSwitch::new(outside, &crash);
        let shared = setup::shared(outside, transport, &outside.clock, &self.telemetry);
        let queue = Arc::new(kill_switch.guard(Sqs(Arc::clone(outside))));
        let feed = Arc::new(kill_switch.guard(FeedTransport(Arc::clone(outside))));
        let records = Arc::new(kill_switch.guard(ParameterStore(Arc::clone(outside))));
        let own = Config::read_for_runs(|name| outside.variable(name));
        let (_, own) = own.unwrap_or_else(|error| unreachable!("{error}"));
        let context = reconcile::Context::new(shared, queue, feed);
        (context.with_runs(Runs::new(own, records)), crash)
    }

    /// The event and the deadline of an invocation that begins now.
    fn invocation(&self, payload: Value) -> LambdaEvent<Value> {
        let mut lambda = lambda_runtime::Context::default();
        lambda.deadline = (self.outside.clock.now() + RECONCILE_TIMEOUT)
            .as_millisecond()
            .unsigned_abs();
        LambdaEvent::new(payload, lambda)
    }

    /// Runs one invocation of a copy, until it ends or is killed.
    async fn invoked<T>(&self, crash: &Crash, handled: impl Future<Output = T>) -> Option<T> {
        let ended = tokio::select! {
            biased;
            () = crash.wait() => return None,
            ended = timeout(RECONCILE_TIMEOUT, handled) => ended,
        };
        if ended.is_err() {
            let what = "late: reconcile was ended by Lambda's timeout";
            self.outside.violated(what.to_owned());
        }
        ended.ok()
    }

    /// Runs one invocation with a run, in a copy of its own.
    pub(super) async fn take_run(&self, event: Value) -> Option<Value> {
        let outside = self.outside;
        let (context, crash) = self.start_reconcile();
        let record = event["Records"][0].clone();
        let handled = reconcile::handle(&context, self.invocation(event));
        match self.invoked(&crash, handled).await? {
            Ok(answer) if outside.chaos.strikes(FaultKind::CrashAtEnd, RECONCILE) => {
                outside.trace(|| format!("{RECONCILE} is gone before it answers {answer}"));
                None
            }
            Ok(answer) => {
                outside.trace(|| format!("{RECONCILE} {answer}"));
                let failed = answer["batchItemFailures"].as_array();
                if failed.is_some_and(Vec::is_empty) {
                    self.is_over(&record);
                }
                Some(answer)
            }
            Err(error) => {
                outside.violated(format!("reconcile: an event with a run fails: {error}"));
                None
            }
        }
    }

    /// Takes a run of the queue for every org, after all faults have ended.
    pub(super) async fn run_all(&self) {
        let failed = self.outside.failed_runs.len();
        for org in &self.outside.story.orgs {
            self.run_of_the_queue(org, &self.run(org, true)).await;
            self.feed_until_quiet().await;
        }
        if self.outside.failed_runs.len() > failed {
            let what = "reconcile: a run of the queue fails though nothing else does";
            self.outside.violated(what.to_owned());
        }
    }

    /// Runs reconcile once in a copy of its own, and returns how many changes it enqueued.
    /// `None` means that it failed.
    pub(super) async fn reconcile(
        &self,
        org: &Org,
        cursor: Option<String>,
    ) -> Option<(u64, Option<String>)> {
        let outside = self.outside;
        let (context, crash) = self.start_reconcile();
        let input = json!({ "org": org.name, "campaignIds": org.campaigns, "windowMinutes": WIDE, "cursor": cursor });
        let handled = reconcile::at_once(&context, self.invocation(input));
        match self.invoked(&crash, handled).await? {
            Ok(answer) => {
                outside.trace(|| format!("{RECONCILE} {answer:?}"));
                checks::check_answer_of_reconcile(outside, org, &answer);
                Some((answer.enqueued, answer.cursor))
            }
            Err(error) => {
                outside.trace(|| format!("{RECONCILE} {error}"));
                lock(&outside.seen)
                    .violations
                    .extend(checks::leaks("an error of reconcile", &error.to_string()));
                None
            }
        }
    }

    /// Redrives parked changes that failed for too long, if they have a rank (docs/contract.md
    /// "Parked messages").
    pub(super) fn redrive(&self) {
        let outside = self.outside;
        self.redrive_each(|record| {
            let text = |text: &Value| text.as_str().unwrap_or_default().to_owned();
            let body = text(&record["body"]);
            let reason = text(&record["messageAttributes"]["reason"]["stringValue"]);
            let parsed: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
            let mut orgs = outside.story.orgs.iter();
            let org = orgs.find(|org| parsed["org"] == org.name.as_str());
            let is_late = ["retryHorizon", "notOnDncList"].contains(&reason.as_str());
            if !is_late || org.is_none_or(|org| org.ranking == Ranking::None) {
                return false;
            }
            *self.redriven.borrow_mut() += 1;
            let message = Message {
                body,
                group: text(&record["attributes"]["MessageGroupId"]),
                deduplication_id: format!("redriven-{}", self.redriven.borrow()),
                attributes: Vec::new(),
            };
            let _ = outside.store(message);
            true
        });
    }

    /// Redrives each message of the dead-letter queue that `is_taken` accepts.
    pub(super) fn redrive_each(&self, is_taken: impl Fn(&Value) -> bool) {
        let dead_letters = &self.outside.dead_letters;
        let source = EventSource::new(dead_letters);
        while let Some(batch) = dead_letters.receive_for(10, Duration::from_secs(1)) {
            let records = batch.event["Records"].as_array().into_iter().flatten();
            let kept = records.filter(|record| !is_taken(record));
            let kept = kept.map(|record| json!({ "itemIdentifier": record["messageId"] }));
            let answer = json!({ "batchItemFailures": kept.collect::<Vec<_>>() });
            source.answered(&batch, Some(&answer));
        }
    }

    /// Resets a rank as the command does: reads the contact, and enqueues a reset of what it
    /// read.
    pub(super) fn reset_rank(&self, campaign: &str, key: &str, to_none: bool) {
        let outside = self.outside;
        let contacts = outside.genesys.contacts(campaign);
        let stored = contacts.get(key).and_then(rank);
        let Some(org) = outside.story.org_of(campaign) else {
            return;
        };
        let Some(from) = stored.filter(|stored| *stored > 0) else {
            return;
        };
        let event_id = format!("reset-{}", outside.clock.now().as_millisecond());
        let mut body = json!({
            "schema": 1, "eventId": event_id, "org": org.name, "campaignId": campaign,
            "contactKey": key, "operation": "resetRank", "reset": { "from": from, "reason": "a test" },
        });
        if !to_none {
            body["reset"]["to"] = (from - 1).into();
        }
        let message = Message {
            group: group_of(&body),
            deduplication_id: deduplication_id_of(&body),
            body: body.to_string(),
            attributes: Vec::new(),
        };
        if outside.store(message).is_ok() {
            lock(&outside.seen).acknowledged.insert(event_id);
        }
    }

    /// Reconciles every org to the end of its feed, after all faults have ended. Returns how
    /// many changes were enqueued for each.
    pub(super) async fn reconcile_all(&self) -> BTreeMap<&str, u64> {
        let mut enqueued = BTreeMap::new();
        for org in &self.outside.story.orgs {
            let mut cursor = None;
            for _ in 0..20 {
                let Some((changes, next)) = self.reconcile(org, cursor.take()).await else {
                    self.outside
                        .violated("reconcile: it fails though nothing else does".to_owned());
                    break;
                };
                *enqueued.entry(org.name.as_str()).or_default() += changes;
                self.feed_until_quiet().await;
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
            if cursor.is_some() {
                self.outside
                    .violated("reconcile: the run does not end".to_owned());
            }
        }
        sleep(Duration::from_mins(15)).await;
        enqueued
    }
}
