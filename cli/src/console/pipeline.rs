//! The way of a change, left to right: webhooks, queue, apply, Genesys Cloud, and what is parked.

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
use io::genesys::Run;
use jiff::Timestamp;

use super::App;
use super::page::{self, Place};
use crate::args;
use crate::connect::{self, Budget, Watched};
use crate::status::{QueueStatus, queue_status, runs_status};
pub(crate) use cloudwatch::CloudWatch;
pub(crate) use measures::{Alarm, MEASURES, Metrics, Of, PERIODS, Series, Stat};

/// The stack, as it is deployed.
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The ends of the names of the stack's alarms.
fn alarms() -> impl Iterator<Item = &'static str> {
    let lines = TEMPLATE.lines().map(str::trim);
    lines.filter_map(|line| line.strip_prefix("AlarmName: !Sub ${AWS::StackName}-"))
}

/// What is left of the calls is asked for by a call: no more often than this.
const BUDGET: Duration = Duration::from_secs(30);

/// What was asked for, and when.
struct Kept<T>(Mutex<BTreeMap<String, (Timestamp, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// What is kept of this, or else what is asked for now.
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

/// What is kept for a while, since it costs money or calls.
#[derive(Default)]
pub(crate) struct Asked {
    series: Kept<Result<Series, String>>,
    alarms: Kept<Result<Vec<Alarm>, String>>,
    budgets: Kept<Result<Option<Budget>, String>>,
}

/// All that the page shows.
struct Now {
    org: Option<OrgId>,
    queue: Result<QueueStatus, String>,
    dead_letters: Result<QueueStatus, String>,
    /// Of runs of reconcile; none: it is not known which queue that is.
    runs: Option<Result<QueueStatus, String>>,
    series: Result<Series, String>,
    alarms: Result<Vec<Alarm>, String>,
    budget: Option<Result<Option<Budget>, String>>,
}

/// The page.
pub(crate) async fn show(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let now = look(&app, org(&uri)).await;
    page::page(&app, Place::Pipeline, &view::whole(&app, &now))
}

/// What moves in it.
pub(crate) async fn part(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let now = look(&app, org(&uri)).await;
    page::html(view::inner(&app, &now))
}

fn org(uri: &Uri) -> Option<OrgId> {
    args::org(uri.query()?.strip_prefix("org=")?).ok()
}

async fn look(app: &App, org: Option<OrgId>) -> Now {
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
    let queues = join3(
        queue_status(&app.sdk, &app.config.queue_url, at),
        queue_status(&app.sdk, &app.dead_letter_queue_url, at),
        runs_status(&app.sdk, &app.config.queue_url, at),
    );
    let ((queue, dead_letters, runs), (series, alarms, budget)) =
        join(queues, join3(series, alarms, budget)).await;
    Now {
        org,
        queue,
        dead_letters,
        runs,
        series,
        alarms,
        budget,
    }
}

async fn budget(app: &App, org: &OrgId) -> Result<Option<Budget>, String> {
    let watched = Watched::new(app.https.clone());
    let org = connect::org(app.config.clone(), &app.sdk, Arc::clone(&watched) as _, org);
    let asked = org.ask_budget(&Run::new(Clock::system().now(), None)).await;
    asked.map_err(|failure| failure.to_string())?;
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
    fn what_is_measured_is_what_the_contract_tells() {
        let contract = std::fs::read_to_string("../docs/contract.md").unwrap();
        for measure in MEASURES
            .iter()
            .filter(|measure| matches!(measure.of, Of::Org | Of::Stack))
        {
            assert!(
                contract.contains(&format!("`{}`", measure.name)),
                "{}",
                measure.name
            );
        }
    }
}
