//! The pipeline page: webhooks, queue, apply, Genesys Cloud, and what is parked, left to right.
//!
//! This file asks SQS, the metrics and Genesys Cloud, and keeps each answer for a while. `measures`
//! lists what is measured, `cloudwatch` reads it from a stack, and `view` renders it.

mod cloudwatch;
mod measures;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use domain::change::OrgId;
use futures_util::future::{join, join3};
use io::Clock;
use io::config::runs_queue_url;
use io::genesys::Run;
use jiff::Timestamp;

use super::App;
use super::page::{self, Place};
use crate::args;
use crate::connect::{self, ReportedBudget, Watched};
use crate::status::{QueueStatus, oldest, queue_counts};
pub(crate) use cloudwatch::CloudWatch;
pub(crate) use measures::{Alarm, MEASURES, MeasureScope, Metrics, PERIODS, Series, Stat};

/// The template of the stack, which names its alarms.
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The suffixes of the names of the stack's alarms.
fn alarms() -> impl Iterator<Item = &'static str> {
    let lines = TEMPLATE.lines().map(str::trim);
    lines.filter_map(|line| line.strip_prefix("AlarmName: !Sub ${AWS::StackName}-"))
}

/// The shortest time between two requests for an org's remaining calls. Each costs a call.
const BUDGET: Duration = Duration::from_secs(30);

/// Answers by what was asked for, with the time of the answer.
struct Cached<T>(Mutex<BTreeMap<String, (Timestamp, T)>>);

impl<T> Default for Cached<T> {
    fn default() -> Cached<T> {
        Cached(Mutex::default())
    }
}

impl<T: Clone> Cached<T> {
    /// The kept answer if it is younger than `long`, or else a new one.
    async fn get(&self, of: &str, long: Duration, ask: impl Future<Output = T>) -> T {
        let now = Clock::system().now();
        let kept = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(of)
            .cloned();
        if let Some((_, value)) = kept.filter(|(at, _)| now < *at + long) {
            return value;
        }
        let value = ask.await;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(of.to_owned(), (now, value.clone()));
        value
    }
}

/// Answers that are kept for a while, because each costs money or calls.
#[derive(Default)]
pub(crate) struct RecentAnswers {
    series: Cached<Result<Series, String>>,
    alarms: Cached<Result<Vec<Alarm>, String>>,
    budgets: Cached<Result<Option<ReportedBudget>, String>>,
    /// The age of the oldest message, by the name of the queue.
    oldest: Cached<Option<u64>>,
}

/// The values that the page shows.
struct Numbers {
    org: Option<OrgId>,
    queue: Result<QueueStatus, String>,
    dead_letters: Result<QueueStatus, String>,
    /// The queue of reconcile's runs. `None` means that its URL is not known.
    runs: Option<Result<QueueStatus, String>>,
    series: Result<Series, String>,
    alarms: Result<Vec<Alarm>, String>,
    budget: Option<Result<Option<ReportedBudget>, String>>,
}

/// The page.
pub(crate) async fn show(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let now = look(&app, org(&uri)).await;
    page::page(&app, Place::Pipeline, &view::whole(&app, &now))
}

/// The part of the page that refreshes itself.
pub(crate) async fn part(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let now = look(&app, org(&uri)).await;
    page::html(view::inner(&app, &now))
}

fn org(uri: &Uri) -> Option<OrgId> {
    args::org(uri.query()?.strip_prefix("org=")?).ok()
}

async fn look(app: &App, org: Option<OrgId>) -> Numbers {
    let at = Clock::system().now();
    let of = org.as_ref().map(OrgId::as_str);
    let key = of.unwrap_or_default();
    let (asked, good_for) = (&app.asked, app.metrics.good_for());
    let series = asked.series.get(key, good_for, app.metrics.series(of, at));
    let alarms = asked.alarms.get("", good_for, app.metrics.alarms());
    let budget = async {
        match &org {
            Some(org) => Some(asked.budgets.get(key, BUDGET, budget(app, org)).await),
            None => None,
        }
    };
    let runs = async {
        match runs_queue_url(&app.config.queue_url) {
            Some(url) => Some(queue(app, &url, at).await),
            None => None,
        }
    };
    let queues = join3(
        queue(app, &app.config.queue_url, at),
        queue_counts(&app.sdk, &app.dead_letter_queue_url),
        runs,
    );
    let ((queue, dead_letters, runs), (series, alarms, budget)) =
        join(queues, join3(series, alarms, budget)).await;
    Numbers {
        org,
        queue,
        dead_letters,
        runs,
        series,
        alarms,
        budget,
    }
}

/// Asks SQS each time, but asks `CloudWatch` for the age of the oldest message no more often than
/// for its other numbers.
async fn queue(app: &App, url: &str, at: Timestamp) -> Result<QueueStatus, String> {
    let mut status = queue_counts(&app.sdk, url).await?;
    if status.waiting + status.in_flight > 0 {
        let asked = oldest(&app.sdk, &status.name, at);
        let kept = app
            .asked
            .oldest
            .get(&status.name, app.metrics.good_for(), asked);
        status.oldest = kept.await;
    }
    Ok(status)
}

async fn budget(app: &App, org: &OrgId) -> Result<Option<ReportedBudget>, String> {
    let watched = Watched::new(app.https.clone());
    let client = connect::org(app.config.clone(), &app.sdk, Arc::clone(&watched) as _, org);
    let now = Clock::system().now();
    let asked = client.ask_budget(&Run::new(now, None)).await;
    asked.map_err(|failure| format!("org {org}: {}", connect::explained(&failure)))?;
    Ok(watched.seen().budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarms_are_those_of_the_template() {
        let every = TEMPLATE.matches("AWS::CloudWatch::Alarm\n").count();
        assert!(every >= 25 && alarms().count() == every, "{every}");
        assert!(alarms().any(|name| name == "parked-opt-outs"));
    }

    #[test]
    fn every_measure_of_an_org_or_the_stack_is_in_the_contract() {
        let contract = std::fs::read_to_string("../docs/contract.md").unwrap();
        for measure in MEASURES
            .iter()
            .filter(|measure| matches!(measure.of, MeasureScope::Org | MeasureScope::Stack))
        {
            assert!(
                contract.contains(&format!("`{}`", measure.name)),
                "{}",
                measure.name
            );
        }
    }
}
