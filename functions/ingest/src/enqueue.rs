//! From a webhook's changes to the queue, and what is said of those that it did not take.

use std::collections::BTreeMap;

use domain::Change;
use domain::change::{Fault, FaultCode, OrgId};
use jiff::Timestamp;

use crate::Context;
use crate::answer::Refusal;

/// Sends every change, each with the place in the request where it stands, and answers how many of
/// each org. When this is `Ok`, SQS has them all. No call begins that might not end by `end`.
pub(crate) async fn enqueue(
    context: &Context,
    changes: Vec<(String, Change)>,
    end: Timestamp,
) -> Result<BTreeMap<OrgId, usize>, Refusal> {
    let began = context.clock.now();
    let orgs = by_org(&changes);
    let all = changes.len();
    let (pointers, changes): (Vec<_>, Vec<_>) = changes
        .into_iter()
        .filter(|(_, change)| !context.sent.has(change, began))
        .unzip();
    let may_begin = || context.clock.now() + io::aws::LONGEST_CALL <= end;
    let (queue, url) = (context.queue.as_ref(), &context.queue_url);
    let done = io::queue::enqueue_while(queue, url, &changes, may_begin).await;
    let accepted = all - changes.len() + done.accepted.len();
    if accepted < all {
        let has = done.accepted.iter().map(|&place| &changes[place]);
        context.sent.add(has, began);
    }
    let fault = |place: usize| {
        let (pointer, code) = (pointers[place].clone(), FaultCode::NotAllowed);
        Fault {
            pointer,
            code,
            message: "expected a change that SQS takes".into(),
        }
    };
    match done.unavailable {
        _ if accepted == all => Ok(orgs),
        // Sent again, the faulty ones are told: nothing that could be stored is given up for them.
        None if !done.faulty.is_empty() => Err(Refusal::Invalid(
            done.faulty.into_iter().map(fault).collect(),
        )),
        why => {
            let why = why.unwrap_or_else(|| "a change is too large for a batch".to_owned());
            let detail = format!("{accepted} of {all} changes are in the queue: {why}");
            Err(Refusal::unavailable(accepted, detail))
        }
    }
}

fn by_org(changes: &[(String, Change)]) -> BTreeMap<OrgId, usize> {
    let mut counts = BTreeMap::new();
    for (_, change) in changes {
        *counts.entry(change.org.clone()).or_default() += 1;
    }
    counts
}
