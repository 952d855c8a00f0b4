//! Sends parked messages to the dead-letter queue. Which message is parked is decided in
//! [`domain::batch`].

use std::sync::PoisonError;
use std::time::Duration;

use domain::batch::{Horizon, Parking, Record, Settled, parked_id, retry_from};
use io::genesys::Run;
use io::queue::{Message, QueueError};

use super::AFTER_PARKING;
use crate::{Context, Defect};

/// The most bytes of a message with its attributes (SQS developer guide, "Amazon SQS message
/// quotas").
pub(super) const MAX_MESSAGE: usize = 1 << 20;

/// The most characters of `detail`.
pub(super) const MAX_DETAIL: usize = 1_000;

/// Parks messages of one group in order. If one cannot be sent, it is retried with all messages
/// behind it.
pub(super) async fn park_group(
    context: &Context,
    run: &Run,
    draw: f64,
    horizon: Horizon,
    records: &[Record],
    group: &[usize],
    mut settled: Vec<Settled>,
) -> Vec<Settled> {
    for (place, &index) in group.iter().enumerate() {
        let Settled::Park(parking) = &settled[place] else {
            continue;
        };
        let record = &records[index];
        if !park(context, run, record, parking).await {
            retry_from(&mut settled, place, record.waited(horizon), draw);
            break;
        }
    }
    settled
}

/// Sends one message to the dead-letter queue, and returns whether it is there. While that queue
/// hangs, one message at a time probes it, so that batches without anything to park do not wait.
pub(super) async fn park(context: &Context, run: &Run, record: &Record, parking: &Parking) -> bool {
    let health = || context.parks.lock().unwrap_or_else(PoisonError::into_inner);
    let began = context.shared.clock.now();
    let left = run.left(began, AFTER_PARKING);
    if left.is_zero() {
        return false;
    }
    if !health().begin(began) && !context.has(Defect::WaitsToPark) {
        return false;
    }
    let send = context
        .queue
        .send(&context.own.dead_letter_queue_url, message(record, parking));
    let sent = tokio::time::timeout(left, send).await;
    let now = context.shared.clock.now();
    let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
    let is_taken = matches!(sent, Ok(Ok(())));
    if health().took(now, took, is_taken) {
        tracing::error!(
            seconds = took.as_secs_f64(),
            "the dead-letter queue does not answer: one message at a time probes it, and all others that are to \
             be parked are retried"
        );
    }
    let sent = sent.unwrap_or_else(|_| Err(QueueError::new("no time")));
    if let Err(error) = &sent {
        tracing::error!(group = record.shown_group(), detail = %error, "the dead-letter queue did not accept a \
            message");
    }
    sent.is_ok()
}

/// The parked message (docs/contract.md "Parked messages").
pub(super) fn message(record: &Record, parking: &Parking) -> Message {
    let evidence = &parking.evidence;
    let mut attributes = vec![("reason", parking.reason.as_str().to_owned())];
    let detail: String = evidence.detail.chars().take(MAX_DETAIL).collect();
    let optional = [
        ("detail", Some(detail).filter(|detail| !detail.is_empty())),
        (
            "firstReceivedAt",
            record.first_received.map(|at| at.to_string()),
        ),
        (
            "httpStatus",
            evidence.http_status.map(|status| status.to_string()),
        ),
        ("correlationId", evidence.correlation_id.clone()),
    ];
    attributes.extend(
        optional
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?))),
    );
    // If the body leaves no room for these attributes, the message is parked without them. The log
    // has them.
    let mut room = MAX_MESSAGE.saturating_sub(record.body.len());
    attributes.retain(|(name, text)| {
        let size = name.len() + "String".len() + text.len();
        let fits = size <= room;
        room -= if fits { size } else { 0 };
        fits
    });
    // SQS accepts no empty attribute, and an event that a person wrote may lack anything.
    let or = |text: &str, other: &str| {
        if text.is_empty() {
            other.to_owned()
        } else {
            text.to_owned()
        }
    };
    Message {
        body: or(&record.body, "null"),
        group: or(&record.group, "none"),
        deduplication_id: parked_id(&or(&record.message_id, &record.body)),
        attributes,
    }
}
