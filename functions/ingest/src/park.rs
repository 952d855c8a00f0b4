//! Sends items that become no change to the dead-letter queue.

use std::collections::BTreeMap;

use domain::change::{Fault, Sender};
use io::queue::Message;
use io::telemetry::Event;
use jiff::Timestamp;

use crate::Context;
use crate::webhook::{Item, Unmapped, detail};

/// The most messages of a call.
const MAX_ENTRIES_PER_CALL: usize = 10;
/// The most bytes of the bodies of a call. The limit is 1 MiB with the attributes.
const BYTES_OF_A_CALL: usize = 900_000;

/// Parks items. After `Ok`, SQS has all of them. No call begins that might not end by `end`.
///
/// # Errors
/// SQS does not have all of them. The sender will send the same again, and a message that SQS has
/// gets the same deduplication id then.
pub(crate) async fn park(
    context: &Context,
    sender: &Sender,
    (items, headers): (&[Item<'_>], &BTreeMap<String, String>),
    faulty: &BTreeMap<usize, Vec<Fault>>,
    end: Timestamp,
) -> Result<(), String> {
    let now = context.clock.now();
    let message = |(place, faults): (&usize, &Vec<Fault>)| {
        let message = Unmapped::new(sender, &items[*place], headers, now).message(faults);
        message.ok_or_else(|| "an item is too large for the dead-letter queue".to_owned())
    };
    let messages = faulty.iter().map(message).collect::<Result<Vec<_>, _>>()?;
    let mut messages = messages.into_iter().peekable();
    while messages.peek().is_some() {
        if context.clock.now() + io::aws::LONGEST_CALL > end {
            return Err("there is no time to park what became no change".to_owned());
        }
        let (mut call, mut bytes) = (Vec::new(), 0);
        while let Some(message) = messages.next_if(|message| {
            call.is_empty()
                || call.len() < MAX_ENTRIES_PER_CALL
                    && bytes + message.body.len() <= BYTES_OF_A_CALL
        }) {
            bytes += message.body.len();
            call.push(message);
        }
        send(context, call).await?;
    }
    if let Some((place, faults)) = faulty.first_key_value() {
        context.telemetry.tell(&Event::Unmapped {
            source: sender.source.as_str(),
            org: sender.org.as_ref().map(|org| org.as_str()),
            items: faulty.len(),
            detail: &detail(&items[*place].pointer, faults),
        });
    }
    Ok(())
}

async fn send(context: &Context, messages: Vec<Message>) -> Result<(), String> {
    let url = &context.dead_letter_queue_url;
    let sent = context.queue.send_batch(url, messages).await;
    let sent = sent.map_err(|error| format!("the dead-letter queue: {error}"))?;
    match sent.into_iter().find_map(Result::err) {
        Some(refused) => Err(format!("the dead-letter queue: SQS: {}", refused.code)),
        None => Ok(()),
    }
}
