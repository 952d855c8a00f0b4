//! Checks whether the queue and the dead-letter queue are as template.yaml creates them.
//!
//! Only the attributes of the queues are read, and no message. Each constant says why its attribute
//! matters. `campaign-sync status` says how many messages wait.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::QueueAttributeName;
use io::aws::Unanswered;
use io::config::DlqConfig;
use io::queue::QueueError;
use serde_json::Value;

use super::Findings;
use crate::table::counted;

/// How many times as long as the function's timeout the visibility timeout should be (Lambda
/// developer guide, "Configuring an SQS queue").
const TIMEOUTS: u64 = 6;
/// The fewest receives before SQS moves a message to the dead-letter queue, as in template.yaml. A
/// change that apply retries for hours is received often, and a message that SQS itself moves has
/// no reason.
const RECEIVES: u64 = 1_000;
/// How long a queue should keep a message, in seconds: 14 days, as in template.yaml. SQS keeps none
/// longer.
const RETENTION: u64 = 14 * 86_400;

type Attributes = BTreeMap<String, String>;

/// Why the attributes of a queue are not known.
struct Unread {
    why: String,
    /// The reason, if it does not concern this queue in particular.
    unanswered: Option<Unanswered>,
}

/// The attributes of both queues.
pub(super) struct Queues {
    queue: Result<Attributes, Unread>,
    dead_letters: Result<Attributes, Unread>,
}

impl Queues {
    pub(super) async fn read(sdk: &aws_config::SdkConfig, dlq: &DlqConfig) -> Queues {
        let client = Client::new(sdk);
        let queue_url = dlq.queue_url.as_deref().unwrap_or_default();
        Queues {
            queue: attributes(&client, queue_url).await,
            dead_letters: attributes(&client, &dlq.dead_letter_queue_url).await,
        }
    }

    /// What the operator must set before any service of AWS can be asked.
    pub(super) fn not_set_up(&self) -> Option<Unanswered> {
        let unread = self.queue.as_ref().err()?;
        unread.unanswered.filter(|reason| reason.is_of_setup())
    }

    pub(super) fn check(&self, apply_timeout: u64, findings: &mut Findings) {
        match &self.queue {
            Err(unread) => findings.add("queue", Err(not_reached(unread, "QUEUE_URL"))),
            Ok(queue) => {
                findings.add("queue", of_both(queue));
                findings.add("queue: high throughput", high_throughput(queue));
                findings.add(
                    "queue: visibility timeout",
                    visibility(queue, apply_timeout),
                );
                findings.add(
                    "queue: redrive policy",
                    redrive(queue, self.dead_letters.as_ref().ok()),
                );
            }
        }
        let found = self.dead_letters.as_ref();
        let found = found.map_err(|unread| not_reached(unread, "DEAD_LETTER_QUEUE_URL"));
        findings.add("dead-letter queue", found.and_then(of_both));
    }
}

async fn attributes(client: &Client, url: &str) -> Result<Attributes, Unread> {
    let call = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::All);
    let answer = call.send().await.map_err(|error| Unread {
        unanswered: error.code().is_none().then(|| Unanswered::of(&error)),
        why: QueueError::from(error).to_string(),
    })?;
    let attributes = answer.attributes.unwrap_or_default();
    Ok(attributes
        .into_iter()
        .map(|(name, value)| (name.as_str().to_owned(), value))
        .collect())
}

fn not_reached(unread: &Unread, variable: &str) -> String {
    format!(
        "{} ({variable} must be the stack's output, and your credentials need sqs:GetQueueAttributes)",
        unread.why
    )
}

fn number(attributes: &Attributes, name: &str) -> u64 {
    attributes
        .get(name)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// Checks what both queues need: FIFO, and the retention of messages.
fn of_both(queue: &Attributes) -> Result<String, String> {
    if queue.get("FifoQueue").map(String::as_str) != Some("true") {
        return Err(
            "expected a FIFO queue: another kind does not keep the order of a contact's changes"
                .to_owned(),
        );
    }
    let days = number(queue, "MessageRetentionPeriod") / 86_400;
    if number(queue, "MessageRetentionPeriod") < RETENTION {
        return Err(format!(
            "expected a MessageRetentionPeriod of 14 days, not {days}: what is older is lost"
        ));
    }
    Ok(format!("FIFO, keeps messages for {}", counted(days, "day")))
}

fn high_throughput(queue: &Attributes) -> Result<String, String> {
    let is = |name: &str, expected| queue.get(name).map(String::as_str) == Some(expected);
    if is("DeduplicationScope", "messageGroup") && is("FifoThroughputLimit", "perMessageGroupId") {
        return Ok("on".to_owned());
    }
    Err("expected DeduplicationScope messageGroup and FifoThroughputLimit perMessageGroupId: without them it takes 300 calls a \
         second"
        .to_owned())
}

/// Checks the visibility timeout against the timeout of apply, both in seconds.
fn visibility(queue: &Attributes, apply_timeout: u64) -> Result<String, String> {
    let (is, least) = (number(queue, "VisibilityTimeout"), apply_timeout * TIMEOUTS);
    if is >= least {
        return Ok(format!(
            "{is} s, at least six times apply's {apply_timeout} s"
        ));
    }
    Err(format!(
        "expected {least} s at least, six times apply's timeout of {apply_timeout} s, not {is} s: a change could be applied \
         twice at once (pass --apply-timeout where the stack has another)"
    ))
}

/// Checks that the redrive policy moves messages to the dead-letter queue, and not too early.
fn redrive(queue: &Attributes, dead_letters: Option<&Attributes>) -> Result<String, String> {
    let policy: Value = queue
        .get("RedrivePolicy")
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let Some(target) = policy["deadLetterTargetArn"].as_str() else {
        return Err(
            "expected a redrive policy. Does QUEUE_URL name the dead-letter queue? It must be the stack's output QueueUrl. Without the policy a message that kills the function would be received for 14 \
             days".to_owned()
        );
    };
    // SQS writes a number, other services a text.
    let receives = &policy["maxReceiveCount"];
    let receives = receives
        .as_u64()
        .or_else(|| receives.as_str()?.parse().ok())
        .unwrap_or(0);
    if receives < RECEIVES {
        return Err(format!(
            "expected a maxReceiveCount of {RECEIVES} at least, not {receives}: SQS would move changes that \
             apply still retries, and give no reason"
        ));
    }
    let is_ours = dead_letters
        .and_then(|queue| queue.get("QueueArn"))
        .is_none_or(|arn| arn == target);
    if !is_ours {
        return Err(format!(
            "expected the dead-letter queue of DEAD_LETTER_QUEUE_URL, not {target}"
        ));
    }
    Ok(format!(
        "after {receives} receives, to the dead-letter queue"
    ))
}
