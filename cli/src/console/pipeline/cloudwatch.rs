//! The metrics and alarms of a deployed stack, read from `CloudWatch`.
//!
//! What is read is listed in `measures`. The embedded parts measure by themselves
//! (`crate::local::serve::metrics`).

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, Dimension, Metric, MetricDataQuery, MetricStat};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::aws::code_or_reason;
use jiff::Timestamp;

use super::measures::{Alarm, MEASURES, Measure, MeasureScope, Metrics, PERIODS, Series};
use crate::args;

/// The length of a period, in seconds.
const PERIOD: i32 = 300;
const NAMESPACE: &str = "CampaignSync";
/// The id of the search that finds the orgs.
const ORGS: &str = "orgs";
/// The id of the search that finds the causes of retries.
const CAUSES: &str = "causes";

/// Reads the metrics of one stack.
pub(crate) struct CloudWatch {
    client: Client,
    stack: String,
    queue: String,
}

impl CloudWatch {
    /// `queue_url` is the URL of the queue of changes.
    pub(crate) fn new(sdk: &SdkConfig, stack: &str, queue_url: &str) -> CloudWatch {
        let queue = queue_url.rsplit('/').next().unwrap_or(queue_url);
        CloudWatch {
            client: Client::new(sdk),
            stack: stack.to_owned(),
            queue: queue.to_owned(),
        }
    }

    fn query(&self, place: usize, measure: &Measure, org: Option<&str>) -> MetricDataQuery {
        let query = MetricDataQuery::builder().id(format!("m{place}"));
        let (namespace, dimensions) = match (measure.of, org) {
            (MeasureScope::Queue, _) => ("AWS/SQS", vec![("QueueName", self.queue.as_str())]),
            (MeasureScope::Stack, _) => (NAMESPACE, vec![("Stack", self.stack.as_str())]),
            (MeasureScope::Org, Some(org)) => (
                NAMESPACE,
                vec![("Stack", self.stack.as_str()), ("Org", org)],
            ),
            (MeasureScope::Org, None) => return query.expression(self.of_all(measure)).build(),
        };
        let dimension = |(name, value)| Dimension::builder().name(name).value(value).build();
        let metric = Metric::builder()
            .namespace(namespace)
            .metric_name(measure.name)
            .set_dimensions(Some(dimensions.into_iter().map(dimension).collect()))
            .build();
        let stat = MetricStat::builder()
            .metric(metric)
            .period(PERIOD)
            .stat(measure.stat.as_str())
            .build();
        query.metric_stat(stat).build()
    }

    /// The expression that adds up a measure over all orgs.
    fn of_all(&self, measure: &Measure) -> String {
        let together = match measure.stat {
            super::measures::Stat::Sum => "SUM",
            super::measures::Stat::Maximum => "MAX",
            super::measures::Stat::Average => "AVG",
        };
        format!(
            "{together}({})",
            self.search(measure.name, measure.stat.as_str())
        )
    }

    fn search(&self, name: &str, stat: &str) -> String {
        self.search_by("Org", name, stat)
    }

    /// A search expression. `dimension` is the dimension that the metric has beside the stack.
    fn search_by(&self, dimension: &str, name: &str, stat: &str) -> String {
        let stack = &self.stack;
        format!(
            "SEARCH('{{{NAMESPACE},Stack,{dimension}}} Stack=\"{stack}\" MetricName=\"{name}\"', '{stat}', {PERIOD})"
        )
    }

    /// One query for each measure, and two searches.
    fn queries(&self, org: Option<&str>) -> Vec<MetricDataQuery> {
        let queries = MEASURES.iter().enumerate();
        let mut queries: Vec<_> = queries
            .map(|(place, measure)| self.query(place, measure, org))
            .collect();
        let orgs = MetricDataQuery::builder()
            .id(ORGS)
            .label("${PROP('Dim.Org')}");
        queries.push(orgs.expression(self.search("ApiCalls", "Sum")).build());
        let causes = MetricDataQuery::builder()
            .id(CAUSES)
            .label("${PROP('Dim.Cause')}");
        queries.push(
            causes
                .expression(self.search_by("Cause", "Retried", "Sum"))
                .build(),
        );
        queries
    }

    async fn asked(&self, org: Option<&str>, now: Timestamp) -> Result<Series, String> {
        let end = now.as_second() - now.as_second().rem_euclid(PERIOD.into()) + i64::from(PERIOD);
        let start = end - i64::from(PERIOD) * PERIODS as i64;
        let call = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(self.queries(org)));
        let answer = call
            .start_time(DateTime::from_secs(start))
            .end_time(DateTime::from_secs(end))
            .send()
            .await
            .map_err(|error| failed("CloudWatch", &error))?;
        let (mut series, mut orgs) = (Series::default(), BTreeSet::new());
        for result in answer.metric_data_results.unwrap_or_default() {
            let id = result.id.unwrap_or_default();
            if id == ORGS {
                orgs.extend(result.label);
                continue;
            }
            if id == CAUSES {
                let retried: f64 = result.values.unwrap_or_default().iter().sum();
                *series
                    .causes
                    .entry(result.label.unwrap_or_default())
                    .or_default() += retried;
                continue;
            }
            let place = id
                .strip_prefix('m')
                .and_then(|place| place.parse::<usize>().ok());
            let Some(measure) = place.and_then(|place| MEASURES.get(place)) else {
                continue;
            };
            let values = series.of.entry(measure.name).or_insert([0.0; PERIODS]);
            let all = result.timestamps.unwrap_or_default().into_iter();
            for (at, value) in all.zip(result.values.unwrap_or_default()) {
                let place = (at.secs() - start).div_euclid(PERIOD.into());
                let place = usize::try_from(place).ok();
                if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
                    *slot = value;
                }
            }
        }
        series.orgs = orgs
            .into_iter()
            .filter(|org| args::org(org).is_ok())
            .collect();
        Ok(series)
    }

    async fn all_alarms(&self) -> Result<Vec<Alarm>, String> {
        let prefix = format!("{}-", self.stack);
        let (mut alarms, mut next) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .describe_alarms()
                .alarm_name_prefix(&prefix)
                .alarm_types(AlarmType::MetricAlarm)
                .set_next_token(next);
            let answer = call.send().await;
            let answer = answer.map_err(|error| failed("CloudWatch's alarms", &error))?;
            for alarm in answer.metric_alarms.unwrap_or_default() {
                let name = alarm.alarm_name.unwrap_or_default();
                let name = name.strip_prefix(&prefix).unwrap_or(&name).to_owned();
                // The search by prefix also finds alarms of a stack whose name
                // begins with this one's.
                if super::alarms().all(|known| known != name) {
                    continue;
                }
                alarms.push(Alarm {
                    name,
                    state: alarm
                        .state_value
                        .map(|state| state.as_str().to_owned())
                        .unwrap_or_default(),
                    since: alarm
                        .state_updated_timestamp
                        .and_then(|at| Timestamp::from_second(at.secs()).ok()),
                    words: alarm.alarm_description.unwrap_or_default(),
                });
            }
            next = answer.next_token;
            if next.is_none() {
                return Ok(alarms);
            }
        }
    }
}

/// Why `CloudWatch` did not answer, and what to look at.
fn failed<E: ProvideErrorMetadata, R>(what: &str, error: &SdkError<E, R>) -> String {
    const TO_DO: &str = "the credentials, their rights (docs/console.md, Rights), the region (AWS_REGION) and the network";
    format!("{what}: {}: check {TO_DO}", code_or_reason(error))
}

impl Metrics for CloudWatch {
    fn series<'a>(
        &'a self,
        org: Option<&'a str>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Series, String>> {
        self.asked(org, now).boxed()
    }

    fn alarms(&self) -> BoxFuture<'_, Result<Vec<Alarm>, String>> {
        self.all_alarms().boxed()
    }

    fn period(&self) -> Duration {
        Duration::from_secs(PERIOD.unsigned_abs().into())
    }

    /// `CloudWatch` is asked once a minute: about 40 looks cost a cent.
    fn good_for(&self) -> Duration {
        Duration::from_mins(1)
    }
}
