//! Deliberate defects: they prove that a check which finds nothing wrong could have found it.

use std::time::Duration;

use domain::Contact;
use domain::batch::{ParkReason, Parking, Record, Settled, Verdict};
use domain::change::{IfAbsent, Operation};
use domain::channel::Lowered;
use domain::plan::{Plan, RankedChange, Wishes, plan};
use domain::retry::Cause;
use domain::version::{Mark, Raise};

use crate::Context;

/// One defect. [`crate::Context::with_defect`] puts it in, in debug builds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Ranks are not compared: what arrives last wins.
    Rank,
    /// What changes say of `callable` is ignored.
    Callable,
    /// A 409 is taken for success.
    Conflict,
    /// Changes are folded in the wrong order.
    FoldOrder,
    /// Every campaign is taken for well.
    Unshown,
    /// A campaign that is not known parks its changes at once.
    Missing,
    /// Of what breaks a rule nothing is heard.
    Unheard,
    /// An opt-out is done before what of it belongs on the DNC list stands there.
    Unlisted,
    /// What the budget puts off comes back late.
    LateBudget,
    /// Who is slow or refused does not rest.
    NeverRests,
    /// Each message is sent to a dead-letter queue that hangs.
    WaitsToPark,
    /// What is received is deleted before it is written.
    DeletesEarly,
    /// Messages are deleted in any order.
    DeletesAtOnce,
    /// What follows a failure in its group is deleted.
    DeletesFollowers,
    /// What is written is done, though reads lag.
    Unconfirmed,
    /// Whoever made a contact not callable, an opt-in raises it.
    RaisesAll,
    /// Whom somebody else made not callable is taken for campaign-sync's.
    FoundIsOwn,
    /// Of changes that are folded the last one's channels and numbers alone are lowered.
    DropsChannels,
    /// A change that creates nobody creates its contact.
    CreatesPartial,
}

/// The verdicts as a defect would have them.
pub(crate) fn spoiled(context: &Context, verdict: Verdict) -> Verdict {
    let mut retry = match verdict {
        Verdict::Retry(retry) => retry,
        Verdict::Confirm(confirm) if context.has(Defect::Unconfirmed) => {
            return match confirm.then {
                Settled::Park(parking) => Verdict::Park(parking),
                _ => Verdict::Done(confirm.wrote),
            };
        }
        verdict => return verdict,
    };
    match &mut retry.cause {
        Cause::Missing if context.has(Defect::Missing) => Verdict::Park(Parking {
            reason: ParkReason::UnknownCampaign,
            evidence: retry.evidence,
        }),
        Cause::BudgetSpent { after } if context.has(Defect::LateBudget) => {
            *after += Duration::from_mins(10);
            Verdict::Retry(retry)
        }
        _ => Verdict::Retry(retry),
    }
}

/// Deletes what was just received.
pub(crate) async fn deleted(context: &Context, records: &[Record]) {
    if context.has(Defect::DeletesEarly) {
        for record in records {
            let handle = vec![record.receipt_handle.clone()];
            let url = &context.shared.config.queue_url;
            drop(context.queue.delete_batch(url, handle).await);
        }
    }
}

pub(crate) fn plan_without_ranks(
    changes: &[RankedChange<'_>],
    actual: Option<&Contact>,
    wishes: Wishes,
) -> Plan {
    let unranked = changes.iter().map(|change| RankedChange {
        rank: None,
        ..*change
    });
    plan(&unranked.collect::<Vec<_>>(), actual, wishes)
}

pub(crate) fn plan_without_callable(
    changes: &[RankedChange<'_>],
    actual: Option<&Contact>,
    wishes: Wishes,
) -> Plan {
    let silent = changes.iter().map(|change| Operation::Upsert {
        data: change.operation.data().cloned().unwrap_or_default(),
        callable: None,
        lowers: change.operation.lowers().cloned().unwrap_or_default(),
    });
    let silent: Vec<_> = silent.collect();
    let mut changes = changes.to_vec();
    for (change, operation) in changes.iter_mut().zip(&silent) {
        change.operation = operation;
    }
    plan(&changes, actual, wishes)
}

pub(crate) fn plan_dropping_channels(
    changes: &[RankedChange<'_>],
    actual: Option<&Contact>,
    wishes: Wishes,
) -> Plan {
    let folded = changes.len().saturating_sub(1);
    let without = |operation: &Operation| match operation.clone() {
        Operation::Upsert { data, callable, .. } => Operation::Upsert {
            data,
            callable,
            lowers: Lowered::default(),
        },
        other => other,
    };
    let silent = changes.iter().map(|change| without(change.operation));
    let silent: Vec<_> = silent.take(folded).collect();
    let mut changes = changes.to_vec();
    for (change, operation) in changes.iter_mut().zip(&silent) {
        change.operation = operation;
    }
    plan(&changes, actual, wishes)
}

pub(crate) fn plan_creating_all(
    changes: &[RankedChange<'_>],
    actual: Option<&Contact>,
    wishes: Wishes,
) -> Plan {
    let creating = changes.iter().map(|change| RankedChange {
        if_absent: IfAbsent::Create,
        ..*change
    });
    plan(&creating.collect::<Vec<_>>(), actual, wishes)
}

pub(crate) fn plan_in_the_wrong_order(
    changes: &[RankedChange<'_>],
    actual: Option<&Contact>,
    wishes: Wishes,
) -> Plan {
    let reversed: Vec<_> = changes.iter().rev().copied().collect();
    plan(&reversed, actual, wishes)
}

pub(crate) fn plan_raising_all(
    changes: &[RankedChange<'_>],
    actual: Option<&Contact>,
    wishes: Wishes,
) -> Plan {
    let raise = wishes.raise.map(|_| Raise::Always);
    plan(changes, actual, Wishes { raise, ..wishes })
}

pub(crate) fn plan_taking_found_for_own(
    changes: &[RankedChange<'_>],
    actual: Option<&Contact>,
    wishes: Wishes,
) -> Plan {
    let mut actual = actual.cloned();
    if let Some(decision) = actual
        .as_mut()
        .and_then(|actual| actual.version.decision.as_mut())
        && decision.mark == Mark::Found
    {
        decision.mark = Mark::Lowered;
    }
    plan(changes, actual.as_ref(), wishes)
}
