//! From a webhook's changes to the queue, and what is said of those that it did not take.

use std::collections::BTreeMap;

use domain::Change;
use domain::change::{Fault, FaultCode, OrgId};

use crate::Context;
use crate::answer::Refusal;

/// Sends every change, each with the place in the request where it stands, and answers how many of
/// each org. When this is `Ok`, SQS has them all.
pub(crate) async fn enqueue(
    context: &Context,
    changes: Vec<(String, Change)>,
) -> Result<BTreeMap<OrgId, usize>, Refusal> {
    let (pointers, changes): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
    let done = io::queue::enqueue(context.queue.as_ref(), &context.queue_url, &changes).await;
    let accepted = done.accepted.len();
    let fault = |place: usize| {
        let (pointer, code) = (pointers[place].clone(), FaultCode::NotAllowed);
        Fault {
            pointer,
            code,
            message: "expected a change that SQS takes".into(),
        }
    };
    match done.unavailable {
        // Sent again, the faulty ones are told: nothing that could be stored is given up for them.
        Some(detail) => Err(Refusal::Unavailable { accepted, detail }),
        None if !done.faulty.is_empty() => Err(Refusal::Invalid(
            done.faulty.into_iter().map(fault).collect(),
        )),
        None if accepted == changes.len() => Ok(by_org(changes)),
        None => Err(Refusal::Unavailable {
            accepted,
            detail: "a change is too large for a batch".to_owned(),
        }),
    }
}

fn by_org(changes: Vec<Change>) -> BTreeMap<OrgId, usize> {
    let mut counts = BTreeMap::new();
    for change in changes {
        *counts.entry(change.org).or_default() += 1;
    }
    counts
}
