//! Asks SQS how many messages a queue holds, and `CloudWatch` for the age of the oldest.
//!
//! It receives no message. What the numbers mean for the operator is shown by `super` and by the
//! console's pipeline page.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_sdk_sqs::types::QueueAttributeName;
use io::config::runs_queue_url;
use io::queue::QueueError;
use jiff::Timestamp;

/// How far back to look for the age of the oldest message. SQS reports it each minute while the
/// queue is in use.
const METRIC_AGE: Duration = Duration::from_mins(10);

/// The state of a queue.
pub(crate) struct QueueStatus {
    pub(crate) name: String,
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
    /// The age of the oldest message in seconds. `None` means that `CloudWatch` has no value.
    pub(crate) oldest: Option<u64>,
}

/// The queue of reconcile's runs, in the stack that has this queue of changes.
pub(crate) async fn runs_status(
    sdk: &SdkConfig,
    queue_url: &str,
    at: Timestamp,
) -> Option<Result<QueueStatus, String>> {
    let url = runs_queue_url(queue_url)?;
    Some(queue_status(sdk, &url, at).await)
}

/// Asks a queue, and asks `CloudWatch` for the age of its oldest message.
pub(crate) async fn queue_status(
    sdk: &SdkConfig,
    url: &str,
    at: Timestamp,
) -> Result<QueueStatus, String> {
    let mut status = queue_counts(sdk, url).await?;
    if status.waiting + status.in_flight > 0 {
        status.oldest = oldest(sdk, &status.name, at).await;
    }
    Ok(status)
}

/// Asks a queue, without the age of its oldest message.
pub(crate) async fn queue_counts(sdk: &SdkConfig, url: &str) -> Result<QueueStatus, String> {
    let name = url.rsplit('/').next().unwrap_or(url).to_owned();
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let call = aws_sdk_sqs::Client::new(sdk)
        .get_queue_attributes()
        .queue_url(url);
    let answer = call.set_attribute_names(Some(names.to_vec())).send().await;
    let attributes = answer
        .map_err(|error| format!("{name}: {}", QueueError::from(error)))?
        .attributes;
    let count = |name| {
        attributes
            .as_ref()
            .and_then(|all| all.get(name)?.parse().ok())
            .unwrap_or(0)
    };
    let [waiting, in_flight, delayed] = [&names[0], &names[1], &names[2]].map(count);
    Ok(QueueStatus {
        name,
        waiting: waiting + delayed,
        in_flight,
        oldest: None,
    })
}

/// The age of the oldest message. It is not known if `CloudWatch` cannot be reached or refuses.
pub(crate) async fn oldest(sdk: &SdkConfig, queue: &str, at: Timestamp) -> Option<u64> {
    let time = |at: Timestamp| DateTime::from_millis(at.as_millisecond());
    let call = aws_sdk_cloudwatch::Client::new(sdk)
        .get_metric_statistics()
        .namespace("AWS/SQS");
    let call = call
        .metric_name("ApproximateAgeOfOldestMessage")
        .statistics(Statistic::Maximum)
        .period(60);
    let call = call.dimensions(Dimension::builder().name("QueueName").value(queue).build());
    let answer = call
        .start_time(time(at - METRIC_AGE))
        .end_time(time(at))
        .send()
        .await
        .ok()?;
    let newest = answer
        .datapoints
        .unwrap_or_default()
        .into_iter()
        .max_by_key(|point| point.timestamp)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole seconds, never below 0"
    )]
    newest.maximum.map(|seconds| seconds.max(0.0) as u64)
}
