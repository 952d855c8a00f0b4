//! From a webhook's changes to the queue, and what is said of those that it did not take.

use std::collections::{BTreeMap, BTreeSet};

use domain::change::{Fault, FaultCode, OrgId};
use io::queue::{enqueue_side_by_side, enqueue_while};
use jiff::Timestamp;

use crate::Context;
use crate::answer::Refusal;
use crate::webhook::Placed;

/// Up to so many changes go to SQS by one call after the other; a mapping makes more, and vendors wait for
/// five seconds.
const ONE_BY_ONE: usize = 100;

/// What became of changes.
pub(crate) struct Enqueued {
    /// How many of each org SQS has.
    pub(crate) orgs: BTreeMap<OrgId, usize>,
    /// The places of the items of changes that SQS can never take as they are.
    pub(crate) faulty: Vec<(usize, Fault)>,
    /// What SQS took by this request, which began then.
    taken: Vec<Placed>,
    began: Timestamp,
}

/// Sends every change. When this is `Ok`, SQS has all that it can ever take; or, where it does not go on
/// after what it never takes, all before that. No call begins that might not end by `end`.
///
/// # Errors
/// SQS did not take all that it may take later.
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
    /// What SQS took is not sent again where the request comes again, since it was not taken whole.
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
