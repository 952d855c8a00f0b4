//! What to do about one contact: `plan(changes, actual)` (docs/design.md "Planning").

mod merge;
mod of_operator;

use crate::change::{Change, Operation, VersionFrom};
use crate::contact::{Columns, Contact};
use crate::plan::merge::Merged;
use crate::version::{Raise, Standing};
use crate::{Rank, Version};
pub use of_operator::plan_of_operator;

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
        version: Version,
    },
    /// Only what the changes name. `None` of `callable` and `version`: left as it is; a column's
    /// `None` clears it.
    Update {
        /// Columns to set or clear.
        data: Columns<Option<String>>,
        /// To be set.
        callable: Option<bool>,
        /// To be stored: another than the stored one.
        version: Option<Version>,
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
    /// Indices of the changes that say that the contact may be called, which the org's wish keeps out.
    pub kept: Vec<usize>,
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
/// queue order. `raise`: [`Rules::raise`](crate::Rules::raise).
pub fn plan(changes: &[RankedChange<'_>], actual: Option<&Contact>, raise: Option<Raise>) -> Plan {
    let stored = actual.and_then(|contact| contact.version.rank);
    let places = places(changes, stored);
    let mut order: Vec<usize> = (0..changes.len()).collect();
    if changes.iter().all(|change| change.rank.is_some()) {
        order.sort_by_key(|&i| places[i]);
    }

    let is_stale = |i: usize| changes[i].rank.is_some() && changes[i].rank < stored;
    let merged = (order.iter().filter(|&&i| !is_stale(i)))
        .map(|&i| Merged::of(&changes[i], places[i]))
        .reduce(Merged::then);

    // What a stale change says of being callable has a rank of its own to be compared with.
    let before = Standing::of(actual);
    let (mut after, mut kept, mut last) = (before, Vec::new(), None);
    for &i in &order {
        let was = after;
        let RankedChange { rank, operation } = changes[i];
        if after.apply(rank, operation.callable(), raise) {
            kept.push(i);
        }
        if after != was {
            last = Some(i);
        }
    }
    let says = |callable| {
        let says = |change: &RankedChange<'_>| change.operation.callable() == Some(callable);
        changes.iter().any(says)
    };
    let is_all_stale = merged.is_none();
    let action = match (merged, actual) {
        (Some(merged), None) => {
            let callable = after.callable.filter(|_| says(true) || says(false));
            merged.create(callable, after.version)
        }
        (merged, Some(contact)) => {
            let is_lowered = after.callable == Some(false);
            let callable = (after.callable)
                .filter(|_| after.callable != before.callable || is_lowered && says(false));
            let columns = merged.map_or_else(Columns::default, Merged::columns);
            let is_other =
                |(name, value): (&String, &Option<String>)| !contact.holds(name, value.as_deref());
            let differs = columns.iter().any(is_other) || after.callable != before.callable;
            let version = Some(after.version).filter(|version| *version != contact.version);
            // Also where what follows undid an opt-out: the mark that the two leave may be another.
            let is_marked = last.is_some() && version.is_some();
            if differs || after != before || is_marked {
                let data = if differs { columns } else { Columns::default() };
                Action::Update {
                    data,
                    callable,
                    version,
                }
            } else if is_all_stale {
                Action::Skip(Skip::Stale)
            } else {
                Action::Skip(Skip::Unchanged)
            }
        }
        (None, None) => Action::Skip(Skip::Stale),
    };

    // Where all are stale the write is for what they say of being callable.
    let newest = match action {
        Action::Update { .. } if is_all_stale => last,
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
        kept,
        order,
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
