//! What to do about one contact: `plan(changes, actual)` (docs/design.md "Planning").

mod merge;

use crate::change::{Change, Operation, RankReset, VersionFrom};
use crate::contact::{Columns, Contact};
use crate::{Rank, plan::merge::Merged};

/// A change with the rank that its org's rules give it.
#[derive(Clone, Copy, Debug)]
pub struct RankedChange<'a> {
    /// `None`: not compared, and applied at its place in the queue.
    pub rank: Option<Rank>,
    /// What the change asks for.
    pub operation: &'a Operation,
}

impl<'a> RankedChange<'a> {
    /// `ranking`: where the org's ranks come from; `None` where the org stores none (no
    /// `versionField`).
    pub fn new(change: &'a Change, ranking: Option<VersionFrom>) -> RankedChange<'a> {
        RankedChange {
            rank: ranking.and_then(|from| change.rank(from)),
            operation: &change.operation,
        }
    }
}

/// The one write that a run of changes needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The contact does not exist. `callable` `None`: callable, as every contact that is created.
    Create {
        /// What it holds from the start.
        data: Columns<String>,
        /// What the changes say.
        callable: Option<bool>,
        /// To be stored.
        rank: Option<Rank>,
    },
    /// Only what the changes name. `None` of `callable` and `rank`: left as it is; a column's
    /// `None` clears it.
    Update {
        /// Columns to set or clear.
        data: Columns<Option<String>>,
        /// To be set.
        callable: Option<bool>,
        /// To be stored: newer than the stored one.
        rank: Option<Rank>,
    },
    /// Nothing to write.
    Skip(Skip),
}

/// Why nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The contact holds it all already.
    Unchanged,
    /// All changes are older than what the contact holds.
    Stale,
}

/// What becomes of one change of the run, once the action is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Older than what the contact stores.
    Stale,
    /// Folded into a later change of the run.
    Superseded,
    /// The newest of the run: what the action does is what it did.
    Newest,
}

/// An action, and the part that each change has in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What to write.
    pub action: Action,
    /// One for each change, in the order given.
    pub parts: Vec<Part>,
    /// Indices of the changes in the order in which they are applied where that must be one by one:
    /// oldest first, or, if one of them has no rank, as they came.
    pub order: Vec<usize>,
}

impl Plan {
    /// Whether the contact must not be called once it is done.
    pub(crate) fn says_not_callable(&self) -> bool {
        let (Action::Create { callable, .. } | Action::Update { callable, .. }) = &self.action
        else {
            return false;
        };
        *callable == Some(false)
    }
}

/// Plans the write that brings `actual` (`None`: no such contact) to what `changes` say, given in
/// queue order.
pub fn plan(changes: &[RankedChange<'_>], actual: Option<&Contact>) -> Plan {
    let stored = actual.and_then(|contact| contact.rank);
    let places = places(changes, stored);
    let mut order: Vec<usize> = (0..changes.len()).collect();
    if changes.iter().all(|change| change.rank.is_some()) {
        order.sort_by_key(|&i| places[i]);
    }

    let is_stale = |i: usize| changes[i].rank.is_some() && changes[i].rank < stored;
    let merged = (order.iter().filter(|&&i| !is_stale(i)))
        .map(|&i| Merged::of(&changes[i], places[i]))
        .reduce(Merged::then);
    let callable = callable(changes, &places, actual);
    let is_all_stale = merged.is_none();
    let action = match (merged, actual) {
        (Some(merged), None) => merged.create(callable),
        (Some(merged), Some(contact)) => merged.update(contact, callable),
        (None, Some(contact)) if callable == Some(false) && contact.callable => Action::Update {
            data: Columns::default(),
            callable,
            rank: None,
        },
        (None, _) => Action::Skip(Skip::Stale),
    };

    // A stale opt-out that is all there is to write is what the write is for.
    let newest = match action {
        Action::Update { .. } if is_all_stale => order
            .iter()
            .copied()
            .rfind(|&i| changes[i].operation.callable() == Some(false)),
        _ => order.iter().copied().rfind(|&i| !is_stale(i)),
    };
    let part = |i: usize| match newest {
        Some(newest) if newest == i => Part::Newest,
        _ if is_stale(i) => Part::Stale,
        _ => Part::Superseded,
    };
    Plan {
        action,
        parts: (0..changes.len()).map(part).collect(),
        order,
    }
}

/// Plans an operator's reset of the rank that `version_field` stores: alone, since it asks for what
/// the changes before it leave. It alters nothing but that column, and that only where it still holds
/// the rank that the operator saw.
pub fn plan_reset(
    reset: &RankReset,
    version_field: Option<&str>,
    actual: Option<&Contact>,
) -> Plan {
    let stored = actual.map(|contact| contact.rank);
    let action = match version_field {
        Some(column) if stored == Some(Some(reset.from())) => {
            let rank = reset.to().map(|rank| rank.to_string());
            Action::Update {
                data: Columns([(column.to_owned(), rank)].into()),
                callable: None,
                rank: None,
            }
        }
        Some(_) if stored == Some(reset.to()) => Action::Skip(Skip::Unchanged),
        _ => Action::Skip(Skip::Stale),
    };
    let part = match action {
        Action::Skip(Skip::Stale) => Part::Stale,
        _ => Part::Newest,
    };
    Plan {
        action,
        parts: vec![part],
        order: vec![0],
    }
}

/// What the run says of `callable`, opt-outs that come too late included: lowering is always safe.
/// An opt-out stands unless a ranked opt-in is newer, or one without a rank comes later in the
/// queue; at a tie it stands. `None`: nothing that counts was said.
fn callable(
    changes: &[RankedChange<'_>],
    places: &[Option<Rank>],
    actual: Option<&Contact>,
) -> Option<bool> {
    let says = |i: usize, callable| changes[i].operation.callable() == Some(callable);
    let undoes = |i: usize, out: usize| match changes[i].rank {
        Some(_) => places[i] > places[out],
        None => i > out,
    };
    let all = 0..changes.len();
    let stands = |out: usize| !all.clone().any(|i| says(i, true) && undoes(i, out));
    let raises = |i: usize| {
        says(i, true)
            && actual
                .is_none_or(|actual| changes[i].rank.is_none() || changes[i].rank > actual.rank)
    };
    if all.clone().any(|i| says(i, false) && stands(i)) {
        Some(false)
    } else {
        all.clone().any(raises).then_some(true)
    }
}

/// Where each change stands. One without a rank stands at the highest rank before it, or at the
/// stored one.
fn places(changes: &[RankedChange<'_>], stored: Option<Rank>) -> Vec<Option<Rank>> {
    let mut highest = stored;
    let mut place = |change: &RankedChange<'_>| {
        let place = change.rank.or(highest);
        highest = highest.max(place);
        place
    };
    changes.iter().map(&mut place).collect()
}

#[cfg(test)]
mod tests;
