//! Sends the changes of a webhook to the queue, and says which of them SQS has.
//!
//! The order of the calls is kept in [`io::queue`]. Items that become no change are parked in
//! [`crate::park`].

use std::collections::{BTreeMap, BTreeSet};

use domain::change::{Fault, FaultCode, OrgId, Sender};
use io::queue::{EnqueueResult, enqueue_side_by_side, enqueue_while};
use io::telemetry::Event;
use jiff::Timestamp;

use crate::Context;
use crate::answer::Refusal;
use crate::webhook::Placed;

/// Up to this many changes go to SQS one call after another. A mapping can make more, which go side
/// by side because vendors wait for only five seconds.
const ONE_BY_ONE: usize = 100;

/// The result for the changes of a request.
pub(crate) struct Queued {
    /// How many changes of each org SQS has.
    pub(crate) orgs: BTreeMap<OrgId, usize>,
    /// The items whose changes SQS can never accept, by their places.
    pub(crate) faulty: Vec<(usize, Fault)>,
    /// The changes that SQS accepted from this request, and the time at which it began.
    taken: Vec<Placed>,
    began: Timestamp,
}

/// Sends every change. After `Ok`, SQS has every change that it can ever accept, if `goes_on`.
/// Otherwise a change that it can never accept ends the sending, and SQS has every change before
/// that one. No call begins that might not end by `end`.
///
/// # Errors
/// SQS did not accept every change that it may accept later.
pub(crate) async fn enqueue(
    context: &Context,
    changes: Vec<Placed>,
    goes_on: bool,
    end: Timestamp,
) -> Result<Queued, Refusal> {
    let began = context.clock.now();
    let all = changes.len();
    let mut queued = Queued {
        orgs: BTreeMap::new(),
        faulty: Vec::new(),
        taken: Vec::new(),
        began,
    };
    let (sent, mut left): (Vec<_>, Vec<_>) = changes
        .into_iter()
        .partition(|placed| context.sent.has(&placed.change, began));
    queued.count(&sent);
    while !left.is_empty() {
        let done = send(context, &left, end).await;
        left = queued.take(&done, left);
        let why = match done.unavailable {
            None if done.faulty.is_empty() && !left.is_empty() => {
                Some("a change is too large for a batch".to_owned())
            }
            why => why,
        };
        if let Some(why) = why {
            queued.remember(context);
            let accepted = queued.accepted();
            let detail = format!("{accepted} of {all} changes are in the queue: {why}");
            return Err(Refusal::unavailable(accepted, detail));
        }
        if !goes_on {
            break;
        }
    }
    Ok(queued)
}

/// Sends changes to SQS, until one is refused or a call might not end by `end`.
async fn send(context: &Context, changes: &[Placed], end: Timestamp) -> EnqueueResult {
    let may_begin = || context.clock.now() + io::aws::LONGEST_CALL <= end;
    let (queue, url) = (context.queue.as_ref(), &context.queue_url);
    let changes: Vec<_> = changes.iter().map(|placed| placed.change.clone()).collect();
    if changes.len() > ONE_BY_ONE {
        enqueue_side_by_side(queue, url, &changes, may_begin, |_| ()).await
    } else {
        enqueue_while(queue, url, &changes, may_begin).await
    }
}

impl Queued {
    /// Notes the changes that SQS accepted and those that it can never accept. Returns the others.
    fn take(&mut self, done: &EnqueueResult, changes: Vec<Placed>) -> Vec<Placed> {
        let accepted: BTreeSet<_> = done.accepted.iter().collect();
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for (place, placed) in changes.into_iter().enumerate() {
            if accepted.contains(&place) {
                taken.push(placed);
            } else if done.faulty.contains(&place) {
                self.faulty.push((placed.item, never_taken(placed.pointer)));
            } else {
                left.push(placed);
            }
        }
        self.count(&taken);
        self.taken.extend(taken);
        left
    }

    /// How many changes SQS has.
    pub(crate) fn accepted(&self) -> usize {
        self.orgs.values().sum()
    }

    /// Reports the changes that SQS has, for each org.
    pub(crate) fn tell(&self, context: &Context, sender: &Sender) {
        for (org, &changes) in &self.orgs {
            context.telemetry.tell(&Event::Accepted {
                source: sender.source.as_str(),
                org: org.as_str(),
                changes,
            });
        }
    }

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
        message: "expected a change that SQS accepts".into(),
    }
}
