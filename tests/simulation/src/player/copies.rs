//! The copies of apply: each gets batches from the queue, and another begins in its place when it
//! ends in the middle.
//!
//! Copies of reconcile are in `repair`. What a copy answers and parks is checked in
//! `crate::checks::batches`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use io::Clock;
use io::telemetry::Telemetry;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{LATEST, Player, setup};
use crate::chaos::FaultKind;
use crate::mutants::Mutant;
use crate::seams::{Crash, Outside};
use crate::{checks, lock, wire};

/// The timeout of apply. The queue's visibility timeout is six times as long.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running copy of apply.
pub(super) struct Running {
    pub(super) context: apply::Context,
    pub(super) crash: Arc<Crash>,
    /// Its number among all copies ever.
    pub(super) instance: usize,
}

/// A place for a running copy of apply. A crash starts another copy in it.
pub(super) struct Slot {
    name: String,
    clock: Clock,
    running: RefCell<Rc<Running>>,
}

impl Slot {
    /// Starts the nth copy.
    pub(super) fn start(
        outside: &Arc<Outside>,
        n: usize,
        clock: Clock,
        telemetry: &Telemetry,
    ) -> Slot {
        let name = format!("apply {n:<3}");
        let running = setup::start_apply(outside, &name, &clock, telemetry);
        Slot {
            name,
            clock,
            running: RefCell::new(Rc::new(running)),
        }
    }
}

/// The records of a batch by message group, each group in the order of the batch.
type Groups<'a> = BTreeMap<&'a str, Vec<&'a Value>>;

fn by_group(records: &[Value]) -> Groups<'_> {
    let mut groups = Groups::new();
    for record in records {
        let group = record["attributes"]["MessageGroupId"].as_str();
        let of_group = groups.entry(group.unwrap_or_default()).or_default();
        of_group.push(record);
    }
    groups
}

impl Player<'_> {
    /// Feeds every copy of apply until the queue is closed and empty.
    pub(super) async fn feed(&self) {
        let source = self.outside.event_source();
        join_all(
            self.copies
                .iter()
                .map(|copy| source.feed(async |event| self.invoke(copy, event).await)),
        )
        .await;
    }

    /// Feeds apply until the queue is empty, and records a violation if that takes too long.
    pub(super) async fn feed_until_quiet(&self) {
        if timeout(LATEST, self.feed()).await.is_err() {
            self.outside.violated(format!(
                "1: {} messages never came out of the queue",
                self.outside.queue.len()
            ));
        }
    }

    /// Hands a batch to a copy. Returns its answer, unless the copy ends before.
    async fn invoke(&self, copy: &Slot, event: Value) -> Option<Value> {
        let outside = self.outside;
        let records = event["Records"].as_array().cloned().unwrap_or_default();
        if let Some(mut rng) = outside.chaos.draw(FaultKind::LatePoller, &copy.name) {
            sleep(Duration::from_secs(rng.u64(150..200))).await;
        }
        self.note_receives(copy, &records);
        let groups = by_group(&records);
        let before = checks::Before::now(outside);
        let running = Rc::clone(&copy.running.borrow());
        let before = (before, running.instance);
        let answer = self.handle(copy, &running, event).await;
        checks::check_parked(outside, before, answer.as_ref(), &groups);
        let Some(mut answer) = answer else {
            outside.trace(|| format!("{}  is gone before its answer; another begins", copy.name));
            *copy.running.borrow_mut() = Rc::new(setup::start_apply(
                outside,
                &copy.name,
                &copy.clock,
                &self.telemetry,
            ));
            return None;
        };
        if outside.has_defect(Mutant::AnswerAllDone) {
            answer = json!({ "batchItemFailures": [] });
        }
        if outside.has_defect(Mutant::IgnoreFollowers) {
            ignore_followers(&mut answer, &groups);
        }
        checks::check_answer(outside, &answer, &groups);
        Some(answer)
    }

    fn note_receives(&self, copy: &Slot, records: &[Value]) {
        self.outside.trace(|| {
            let ids = records
                .iter()
                .map(|record| wire::event_id(record["body"].as_str().unwrap_or_default()));
            let ids = ids.collect::<Vec<_>>().join(", ");
            format!("{}  receives {ids}", copy.name)
        });
        let receives = records.iter().filter_map(|record| {
            let receives = &record["attributes"]["ApproximateReceiveCount"];
            receives.as_str()?.parse().ok()
        });
        let mut seen = lock(&self.outside.seen);
        seen.receives = receives.fold(seen.receives, u64::max);
    }

    /// Runs one invocation of a copy to its answer. `None` means that the copy ends before it.
    async fn handle(&self, copy: &Slot, running: &Running, event: Value) -> Option<Value> {
        let outside = self.outside;
        let mut lambda = lambda_runtime::Context::default();
        // The machine's clock and Lambda's deadline are wrong by the same amount.
        lambda.deadline = (copy.clock.now() + TIMEOUT).as_millisecond().unsigned_abs();
        let event = LambdaEvent::new(serde_json::from_value(event).ok()?, lambda);
        let ended = tokio::select! {
            biased;
            () = running.crash.wait() => None,
            ended = timeout(TIMEOUT, apply::handle(&running.context, event)) => Some(ended),
        };
        let crashes = outside.chaos.strikes(FaultKind::CrashAtEnd, &copy.name);
        match ended {
            Some(Ok(Ok(answer))) if !crashes => serde_json::to_value(answer).ok(),
            Some(Err(_)) => {
                outside.violated("late: apply was ended by Lambda's timeout".to_owned());
                None
            }
            _ => None,
        }
    }
}

/// Leaves the first failure of each group alone in a batch answer.
fn ignore_followers(answer: &mut Value, groups: &Groups<'_>) {
    let failed: Vec<_> = answer["batchItemFailures"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let is_failed = |record: &&&Value| {
        failed
            .iter()
            .any(|item| item["itemIdentifier"] == record["messageId"])
    };
    let first = groups
        .values()
        .filter_map(|of_group| of_group.iter().find(is_failed));
    let first: Vec<_> = first
        .map(|record| json!({ "itemIdentifier": record["messageId"] }))
        .collect();
    answer["batchItemFailures"] = first.into();
}
