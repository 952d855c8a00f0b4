//! Sends the changes of a webhook to the queue, and reports those that SQS did not accept.

use std::collections::{BTreeMap, BTreeSet};

use domain::change::{Fault, FaultCode, OrgId};
use io::queue::{enqueue_side_by_side, enqueue_while};
use jiff::Timestamp;

use crate::Context;
use crate::answer::Refusal;
use crate::webhook::Placed;

/// Up to this many changes go to SQS one call after another. A mapping can make more, which go side
/// by side because vendors wait for only five seconds.
const ONE_BY_ONE: usize = 100;

/// The result for the changes of a request.
pub(crate) struct Enqueued {
    /// How many changes of each org SQS has.
    pub(crate) orgs: BTreeMap<OrgId, usize>,
    /// The items whose changes SQS can never accept, by their places.
    pub(crate) faulty: Vec<(usize, Fault)>,
    /// The changes that SQS accepted from this request, and the time at which it began.
    taken: Vec<Placed>,
    began: Timestamp,
}

/// Sends every change. After `Ok`, SQS has every change that it can ever accept. If a change that
/// it can never accept stops the rest, SQS has every change before that one. No call begins that
/// might not end by `end`.
///
/// # Errors
/// SQS did not accept every change that it may accept later.
pub(crate) async fn enqueue(
    context: &Context,
    changes: Vec<Placed>,
    goes_on: bool,
    end: Timestamp,
) -> Result<Enqueued, Refusal> {
    let began = context.clock.now();
    let all = changes.len();
    let mut enqueued = Enqueued {
        orgs: BTreeMap::new(),
        faulty: Vec::new(),
        taken: Vec::new(),
        began,
    };
    let (sent, mut left): (Vec<_>, Vec<_>) = changes
        .into_iter()
        .partition(|placed| context.sent.has(&placed.change, began));
    enqueued.count(&sent);
    let may_begin = || context.clock.now() + io::aws::LONGEST_CALL <= end;
    let (queue, url) = (context.queue.as_ref(), &context.queue_url);
    while !left.is_empty() {
        let changes: Vec<_> = left.iter().map(|placed| placed.change.clone()).collect();
        let done = if changes.len() > ONE_BY_ONE {
            enqueue_side_by_side(queue, url, &changes, may_begin, |_| ()).await
        } else {
            enqueue_while(queue, url, &changes, may_begin).await
        };
        let accepted: BTreeSet<_> = done.accepted.into_iter().collect();
        let (mut taken, mut others) = (Vec::new(), Vec::new());
        for (place, placed) in left.into_iter().enumerate() {
            if accepted.contains(&place) {
                taken.push(placed);
            } else if done.faulty.contains(&place) {
                enqueued
                    .faulty
                    .push((placed.item, never_taken(placed.pointer)));
            } else {
                others.push(placed);
            }
        }
        enqueued.count(&taken);
        enqueued.taken.extend(taken);
        let why = match done.unavailable {
            None if done.faulty.is_empty() && !others.is_empty() => {
                Some("a change is too large for a batch".to_owned())
            }
            why => why,
        };
        if let Some(why) = why {
            enqueued.remember(context);
            let accepted = enqueued.orgs.values().sum();
            let detail = format!("{accepted} of {all} changes are in the queue: {why}");
            return Err(Refusal::unavailable(accepted, detail));
        }
        if !goes_on {
            break;
        }
        left = others;
    }
    Ok(enqueued)
}

impl Enqueued {
    /// Remembers what SQS accepted, so that it is not sent again when the request is repeated.
    pub(crate) fn remember(&self, context: &Context) {
        let taken = self.taken.iter().map(|placed| &placed.change);
        context.sent.add(taken, self.began);
    }

    fn count(&mut self, taken: &[Placed]) {
        for placed in taken {
            *self.orgs.entry(placed.change.org.clone()).or_default() += 1;
        }
    }
}

fn never_taken(pointer: String) -> Fault {
    Fault {
        pointer,
        code: FaultCode::NotAllowed,
        message: "expected a change that SQS takes".into(),
    }
}
