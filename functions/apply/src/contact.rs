//! The changes of one contact in one invocation, and the verdicts on them.

use std::sync::Arc;

use domain::batch::{Evidence, Outcome, ParkReason, Parking, Verdict};
use domain::change::{Change, ContactKey, Operation};
use domain::plan::{Part, Plan, RankedChange, plan, plan_reset};
use domain::rules::Rules;
use io::genesys::Failure;

use crate::{Context, Defect};

/// Verdicts by the index of their record.
pub(crate) type Verdicts = Vec<(usize, Verdict)>;

pub(crate) struct Contact {
    pub(crate) key: ContactKey,
    /// In queue order, each with the index of its record.
    pub(crate) changes: Vec<(usize, Arc<Change>)>,
}

impl Contact {
    /// What to do about these changes, given the contact as it is now.
    pub(crate) fn plan(
        &self,
        context: &Context,
        rules: &Rules,
        actual: Option<&domain::Contact>,
    ) -> Plan {
        if let [(_, change)] = &self.changes[..]
            && let Operation::ResetRank(reset) = &change.operation
        {
            return plan_reset(reset, rules.version_field.as_deref(), actual);
        }
        let ranking = rules.ranking().filter(|_| !context.has(Defect::Rank));
        let silent: Vec<Operation>;
        let mut changes: Vec<_> = self
            .changes
            .iter()
            .map(|(_, change)| RankedChange::new(change, ranking))
            .collect();
        if context.has(Defect::Callable) {
            silent = changes
                .iter()
                .map(|change| without_callable(change.operation))
                .collect();
            for (change, operation) in changes.iter_mut().zip(&silent) {
                change.operation = operation;
            }
        }
        if context.has(Defect::FoldOrder) {
            changes.reverse();
        }
        plan(&changes, actual)
    }

    /// Whether one of the changes says that nobody may call.
    pub(crate) fn is_opt_out(&self) -> bool {
        self.changes
            .iter()
            .any(|(_, change)| change.operation.callable() == Some(false))
    }

    /// Whether an operator's reset of the stored rank is among the changes. It looks at what those
    /// before it leave, so that they are not folded.
    pub(crate) fn holds_reset(&self) -> bool {
        self.changes
            .iter()
            .any(|(_, change)| matches!(change.operation, Operation::ResetRank(_)))
    }

    /// The changes one by one, in this order.
    pub(crate) fn one_by_one(&self, order: &[usize]) -> Vec<Contact> {
        let alone = |&i: &usize| Contact {
            key: self.key.clone(),
            changes: vec![self.changes[i].clone()],
        };
        order.iter().map(alone).collect()
    }

    fn each(&self, verdict: impl Fn(usize) -> Verdict) -> Verdicts {
        self.changes
            .iter()
            .enumerate()
            .map(|(i, (index, _))| (*index, verdict(i)))
            .collect()
    }

    /// The plan's action is done, with this outcome for the newest of the changes.
    pub(crate) fn done(&self, plan: &Plan, outcome: Outcome) -> Verdicts {
        self.each(|i| {
            Verdict::Done(match plan.parts[i] {
                Part::Stale => Outcome::Stale,
                Part::Superseded => Outcome::Superseded,
                Part::Newest => outcome,
            })
        })
    }

    pub(crate) fn retry(&self, failure: &Failure) -> Verdicts {
        self.each(|_| Verdict::Retry(failure.cause(), Evidence::from(failure)))
    }

    pub(crate) fn park(&self, reason: ParkReason, failure: &Failure) -> Verdicts {
        self.each(|_| {
            Verdict::Park(Parking {
                reason,
                evidence: Evidence::from(failure),
            })
        })
    }
}

fn without_callable(operation: &Operation) -> Operation {
    Operation::Upsert {
        data: operation.data().cloned().unwrap_or_default(),
        callable: None,
    }
}
