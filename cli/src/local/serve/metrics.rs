//! Measures the embedded parts: the metrics of a stack, in short periods.
//!
//! What is measured is listed in `crate::console`. A deployed stack is measured by `CloudWatch`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::batch::Outcome;
use emulator::Fifo;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use io::telemetry::{About, Event, name_of};
use jiff::Timestamp;

use crate::console::{Alarm, MEASURES, Metrics, PERIODS, Series, Stat};

const PERIOD: Duration = Duration::from_secs(10);
/// The name under which retries are counted by cause instead of by org.
const BY_CAUSE: &str = "Retried by cause";

/// The values of one measure in one period.
#[derive(Clone, Copy, Default)]
struct Cell {
    sum: f64,
    most: f64,
    count: f64,
}

/// Values by measure and owner (an empty owner stands for all together), and then by period.
type Cells = BTreeMap<(&'static str, String), BTreeMap<i64, Cell>>;

/// Counts events.
#[derive(Default)]
pub(super) struct Recorder {
    cells: Mutex<Cells>,
    queue: Mutex<Option<Arc<Fifo>>>,
}

fn period(at: Timestamp) -> i64 {
    at.as_second().div_euclid(PERIOD.as_secs().cast_signed())
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the queue whose depth is measured whenever somebody asks.
    pub(super) fn watches(&self, queue: &Arc<Fifo>) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(queue));
    }

    fn add(&self, now: Timestamp, name: &'static str, org: Option<&str>, value: f64) {
        for whose in [Some(""), org].into_iter().flatten() {
            self.put(now, (name, whose), value);
        }
    }

    fn put(&self, now: Timestamp, (name, whose): (&'static str, &str), value: f64) {
        let mut cells = self.lock();
        let of = cells.entry((name, whose.to_owned())).or_default();
        let cell = of.entry(period(now)).or_default();
        cell.sum += value;
        cell.most = cell.most.max(value);
        cell.count += 1.0;
        while of.len() > PERIODS {
            of.pop_first();
        }
    }

    /// Counts an event.
    pub(super) fn record(&self, now: Timestamp, event: &Event<'_>) {
        let mut add = |name, org, value| self.add(now, name, org, value);
        match event {
            Event::Done { about, outcome, .. } => {
                add(named(*outcome), about.org, 1.0);
                aged(&mut add, "ChangeAge", about);
            }
            Event::Parked { about, .. } => {
                add("Parked", about.org, 1.0);
                if about.is_opt_out {
                    add("OptOutParked", about.org, 1.0);
                }
            }
            Event::Retried { about, why, .. } => {
                add("Retried", about.org, 1.0);
                if let Some((cause, _)) = why {
                    self.put(now, (BY_CAUSE, name_of(*cause)), 1.0);
                }
                aged(&mut add, "RetriedAge", about);
            }
            Event::TookIn { messages, .. } => add("Width", None, of(*messages)),
            Event::OrgIll { org, .. } => add("OrgIll", Some(org), 1.0),
            Event::Conflict { org, .. } => add("ConflictsResolved", Some(org), 1.0),
            Event::Throttled { org } => add("Throttled", Some(org), 1.0),
            Event::Called { org, latency } => {
                add("ApiCalls", Some(org), 1.0);
                add("ApiLatency", Some(org), latency.as_secs_f64() * 1_000.0);
            }
            Event::Accepted { org, changes, .. } => add("Accepted", Some(org), of(*changes)),
            Event::Refused { org, .. } => add("Refused", *org, 1.0),
            Event::Unmapped { org, items, .. } => add("Unmapped", *org, of(*items)),
            Event::Unauthorized { .. } => add("Unauthorized", None, 1.0),
            Event::Reconciled {
                org,
                checked,
                drifted,
                ..
            } => {
                add("Checked", Some(org), of(*checked));
                add("Drifted", Some(org), of(*drifted));
            }
            _ => {}
        }
    }

    fn read(&self, org: Option<&str>, now: Timestamp) -> Series {
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(queue) = queue {
            self.add(
                now,
                "ApproximateNumberOfMessagesVisible",
                None,
                of(queue.len()),
            );
        }
        let cells = self.lock();
        let mut series = Series::default();
        let first = period(now) - PERIODS as i64 + 1;
        for measure in &MEASURES {
            let is_orgs = matches!(measure.of, crate::console::MeasureScope::Org);
            let whose = org.filter(|_| is_orgs).unwrap_or_default();
            let Some(found) = cells.get(&(measure.name, whose.to_owned())) else {
                continue;
            };
            let values = series.of.entry(measure.name).or_insert([0.0; PERIODS]);
            for (at, cell) in found.range(first..) {
                let place = usize::try_from(at - first).unwrap_or(PERIODS);
                if let Some(value) = values.get_mut(place) {
                    *value = match measure.stat {
                        Stat::Sum => cell.sum,
                        Stat::Maximum => cell.most,
                        Stat::Average => cell.sum / cell.count,
                    };
                }
            }
        }
        let mut orgs = BTreeSet::new();
        for ((name, whose), found) in cells.iter().filter(|((_, whose), _)| !whose.is_empty()) {
            if *name == BY_CAUSE {
                let count = found.range(first..).map(|(_, cell)| cell.sum).sum();
                series.causes.insert(whose.clone(), count);
            } else {
                orgs.insert(whose.clone());
            }
        }
        series.orgs = orgs.into_iter().collect();
        series
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousands at most")]
fn of(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

fn aged<'a>(
    add: &mut impl FnMut(&'static str, Option<&'a str>, f64),
    name: &'static str,
    about: &About<'a>,
) {
    if let Some(age) = about.age {
        add(name, about.org, age.as_secs_f64());
        if about.is_opt_out {
            add("OptOutAge", about.org, age.as_secs_f64());
        }
    }
}

fn named(outcome: Outcome) -> &'static str {
    match outcome.as_str() {
        "created" => "Created",
        "updated" => "Updated",
        "unchanged" => "Unchanged",
        "stale" => "Stale",
        "superseded" => "Superseded",
        _ => "Skipped",
    }
}

impl Metrics for Recorder {
    fn series<'a>(
        &'a self,
        org: Option<&'a str>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Series, String>> {
        ready(Ok(self.read(org, now))).boxed()
    }

    fn alarms(&self) -> BoxFuture<'_, Result<Vec<Alarm>, String>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn good_for(&self) -> Duration {
        Duration::ZERO
    }
}
