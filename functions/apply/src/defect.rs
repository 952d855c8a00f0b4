//! Deliberate defects. A check that finds one of them is known to work. The simulation and
//! `campaign-sync local --break` install them; a release build ignores them. Defects that sit
//! outside of apply are in the simulation's `mutants`.

use std::time::Duration;

use domain::Contact;
use domain::batch::{ParkReason, Parking, Record, Settled, Verdict};
use domain::change::{IfAbsent, Operation};
use domain::channel::Lowered;
use domain::plan::{Plan, RankedChange, Wishes, plan};
use domain::retry::Cause;
use domain::version::{Mark, Raise};

use crate::Context;

/// A defect. [`crate::Context::with_defect`] installs it, in debug builds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Ranks are not compared, so the last change to arrive wins.
    Rank,
    /// `callable` of changes is ignored.
    Callable,
    /// A 409 counts as success.
    Conflict,
    /// Changes are folded in the wrong order.
    FoldOrder,
    /// Every campaign counts as healthy.
    Unshown,
    /// The changes of a missing campaign are parked at once.
    Missing,
    /// The opt-out in a change that breaks a rule is ignored.
    Unheard,
    /// An opt-out is done before its entry is on the DNC list.
    Unlisted,
    /// A change that the budget postpones returns late.
    LateBudget,
    /// Orgs that are slow or refused do not rest.
    NeverRests,
    /// Each message is sent to a dead-letter queue that hangs.
    WaitsToPark,
    /// A received message is deleted before its change is written.
    DeletesEarly,
    /// The messages of a group are deleted in any order.
    DeletesAtOnce,
    /// The messages behind a failure in their group are deleted.
    DeletesFollowers,
    /// A written change is done although reads lag.
    Unconfirmed,
    /// An opt-in makes a contact callable, whoever made it not callable.
    RaisesAll,
    /// A contact that somebody else made not callable counts as campaign-sync's.
    FoundIsOwn,
    /// Folded changes lower only the channels and numbers of the last one.
    DropsChannels,
    /// A change that may create no contact creates one.
    CreatesPartial,
}

/// Changes a verdict as the defect demands.
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

/// With [`Defect::DeletesEarly`], deletes messages as soon as they are received.
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
