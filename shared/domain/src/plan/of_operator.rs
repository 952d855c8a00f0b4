//! Plans an operator's change to the version column. Such a change is planned alone, and it does
//! nothing unless the contact still stores what the operator saw.

use super::{Action, Part, Plan, Skip};
use crate::change::{Adoption, Operation, RankReset};
use crate::channel::Lowered;
use crate::contact::{Columns, Contact};
use crate::version::{Decision, Mark, Version};

/// Plans a change that only an operator may ask for. It writes only the version. `None` means that
/// the change is of another kind. `stores` says whether the org stores versions.
pub fn plan_of_operator(
    operation: &Operation,
    stores: bool,
    actual: Option<&Contact>,
) -> Option<Plan> {
    let actual = actual.filter(|_| stores);
    let action = match operation {
        Operation::ResetRank(reset) => set_back(reset, actual),
        Operation::Adopt(adoption) => adopt(adoption, actual),
        Operation::Upsert { .. } | Operation::Remove | Operation::Leave => return None,
    };
    let part = match action {
        Action::Skip(Skip::Stale) => Part::Stale,
        _ => Part::Newest,
    };
    Some(Plan {
        action,
        parts: vec![part],
        kept: Vec::new(),
        skipped_opt_ins: Vec::new(),
        order: vec![0],
    })
}

/// Sets the rank back if the contact still stores the one that the operator saw.
fn set_back(reset: &RankReset, actual: Option<&Contact>) -> Action {
    let stored = actual.map(|contact| contact.version);
    match stored {
        Some(version) if version.rank == Some(reset.from()) => store(version.set_back(reset.to())),
        Some(version) if version.rank == reset.to() => Action::Skip(Skip::Unchanged),
        _ => Action::Skip(Skip::Stale),
    }
}

/// Marks the contact if it is not callable, has no mark, and still stores the rank that the command
/// saw. Any change of `callable` would have left a mark.
fn adopt(adoption: &Adoption, actual: Option<&Contact>) -> Action {
    let stored = actual.filter(|contact| !contact.callable);
    match stored.map(|contact| contact.version) {
        Some(Version {
            rank,
            decision: None,
        }) if rank == adoption.stored() => store(Version {
            rank,
            decision: Some(adoption.decision()),
        }),
        Some(Version {
            decision:
                Some(Decision {
                    mark: Mark::Lowered,
                    ..
                }),
            ..
        }) => Action::Skip(Skip::Unchanged),
        _ => Action::Skip(Skip::Stale),
    }
}

fn store(version: Version) -> Action {
    Action::Update {
        data: Columns::default(),
        callable: None,
        version: Some(version),
        lowers: Lowered::default(),
    }
}
