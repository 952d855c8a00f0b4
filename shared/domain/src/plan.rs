//! Plans the one write that a contact needs: `plan(changes, actual)` (docs/design.md "Planning").
//!
//! The changes of a contact that wait together are folded into one write:
//!
//! ```text
//! stored     {phone: "1", name: "A"}   rank 6
//! changes    {phone: "2"} at 7,  {phone: "3", name: null} at 8,  {name: "B"} at 5
//! places     7                   8                               5, below 6: stale
//! plan       Update {phone: "3", name: null}, version 8
//! parts      Superseded          Newest                          Stale
//! ```
//!
//! A change without a rank takes the highest rank before it. An opt-out has a rank of its own
//! ([`crate::version`]), so a change that is stale for its columns may still count for `callable`.
//!
//! After the write the same changes plan no write. How the write is sent, and what a failure means,
//! is decided in [`crate::attempt`].

mod absent;
mod effects;
mod merge;
mod of_operator;
mod result;

use crate::change::{Change, IfAbsent, Operation, VersionFrom};
use crate::channel::{Lowered, OptOut};
use crate::contact::{Columns, Contact};
use crate::plan::merge::Merged;
use crate::version::{Consent, Raise};
use crate::{Rank, Version};
use effects::SwitchEffects;
pub use of_operator::plan_of_operator;

/// A change with the rank that its org's rules give it.
#[derive(Clone, Copy, Debug)]
pub struct RankedChange<'a> {
    /// The rank. A change without one is not compared: it applies at its place in the queue.
    pub rank: Option<Rank>,
    /// The effect of the change if there is no such contact.
    pub if_absent: IfAbsent,
    /// The effect that the change asks for.
    pub operation: &'a Operation,
}

impl<'a> RankedChange<'a> {
    /// Ranks a change. `ranking` says where the org's ranks come from, and is `None` if the org
    /// stores no versions (no `versionField`).
    pub fn new(change: &'a Change, ranking: Option<VersionFrom>) -> RankedChange<'a> {
        RankedChange {
            rank: ranking.and_then(|from| change.rank(from)),
            if_absent: change.if_absent,
            operation: &change.operation,
        }
    }

    /// The consent to calls that the change expresses, if any. A change that may not create the
    /// contact does not say that the person is in the campaign.
    fn consent(&self) -> Option<Consent> {
        match self.operation.consent() {
            Some(Consent::May) if self.if_absent != IfAbsent::Create => Some(Consent::MayIfThere),
            consent => consent,
        }
    }
}

/// The one write that a set of changes needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// There is no contact: create it. It is callable if `callable` is `None`.
    Create {
        /// The columns.
        data: Columns<String>,
        /// Whether the contact may be called.
        callable: Option<bool>,
        /// The version to store.
        version: Version,
        /// Channels and numbers that may not be used.
        lowers: Lowered,
    },
    /// Change what is named. `callable` and `version` stay as they are if they are `None`, and a
    /// column that is `None` is cleared.
    Update {
        /// Columns to set or clear.
        data: Columns<Option<String>>,
        /// The value of `callable` to set.
        callable: Option<bool>,
        /// The version to store. It differs from the stored one.
        version: Option<Version>,
        /// Channels and numbers to lower. None of them is lowered yet.
        lowers: Lowered,
    },
    /// Nothing to write.
    Skip(Skip),
}

/// The reason for writing nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The contact holds everything already.
    Unchanged,
    /// Every change is older than what the contact stores.
    Stale,
    /// There is no contact, and no change may create one.
    Absent,
}

/// The part of one change in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Older than what the contact stores.
    Stale,
    /// Folded into a later change of the same plan.
    Superseded,
    /// The change may not create a contact, and there was none to apply it to.
    Skipped,
    /// The newest change. Its outcome is that of the action.
    Newest,
}

/// An action, and the part of each change in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The write.
    pub action: Action,
    /// The part of each change, in the order in which the changes were given.
    pub parts: Vec<Part>,
    /// The indices of the opt-ins that the org's `raise` keeps out.
    pub kept: Vec<usize>,
    /// The indices of the opt-ins that do not count, because their contact is not in the campaign
    /// by then and they may create none.
    pub skipped_opt_ins: Vec<usize>,
    /// The indices of the changes in the order in which they would be applied one by one: oldest
    /// first, or in queue order if one of them has no rank.
    pub order: Vec<usize>,
}

impl Plan {
    /// Whether the action forbids to call the contact, or lowers a channel or number.
    pub(crate) fn opts_out(&self) -> bool {
        match &self.action {
            Action::Create {
                callable, lowers, ..
            }
            | Action::Update {
                callable, lowers, ..
            } => *callable == Some(false) || !lowers.is_empty(),
            Action::Skip(_) => false,
        }
    }
}

/// How an org treats opt-ins and opt-outs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Which contacts an opt-in makes callable. It is `None` if the org stores no versions; then an
    /// opt-in makes every contact callable.
    pub raise: Option<Raise>,
    /// The channels that an opt-out lowers beside `callable`.
    pub opt_out: OptOut,
}

/// Plans the write that brings `actual` to what `changes` ask for. `actual` is `None` if there is
/// no such contact, `changes` are in queue order, and `wishes` come from
/// [`Rules::wishes`](crate::Rules::wishes).
pub fn plan(changes: &[RankedChange<'_>], actual: Option<&Contact>, wishes: Wishes) -> Plan {
    let may_create = |change: &RankedChange<'_>| change.if_absent == IfAbsent::Create;
    if changes.iter().all(may_create) {
        plan_all(changes, order(changes), actual, wishes, false)
    } else {
        absent::plan(changes, actual, wishes)
    }
}

/// Plans changes that may all create the contact, in this order. `by_opt_out` says that an opt-out
/// creates the contact although the change may create none, so the contact may not be called.
fn plan_all(
    changes: &[RankedChange<'_>],
    order: Vec<usize>,
    actual: Option<&Contact>,
    wishes: Wishes,
    by_opt_out: bool,
) -> Plan {
    let stored = actual.and_then(|contact| contact.version.rank);
    let places = places(changes, stored);

    let is_stale = |i: usize| changes[i].rank.is_some() && changes[i].rank < stored;
    let merged = (order.iter().filter(|&&i| !is_stale(i)))
        .map(|&i| Merged::of(&changes[i], places[i]))
        .reduce(Merged::then);
    let is_all_stale = merged.is_none();
    let said = SwitchEffects::by(changes, &order, actual, wishes, by_opt_out);
    let (kept, last) = (said.kept.clone(), said.last);
    let action = match (merged, actual) {
        (Some(merged), None) => {
            let callable = said.after.callable.filter(|_| said.is_of_callable);
            merged.create(callable, said.after.version, said.lowers)
        }
        (merged, Some(contact)) => update(merged, contact, said),
        (None, None) => Action::Skip(Skip::Stale),
    };

    // If every change is stale, the write still carries their opt-outs.
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
        skipped_opt_ins: Vec::new(),
        order,
    }
}

/// The action for a contact that exists. `merged` is `None` if every change is stale.
fn update(merged: Option<Merged>, contact: &Contact, said: SwitchEffects) -> Action {
    let is_all_stale = merged.is_none();
    let (before, after) = (said.before, said.after);
    let is_lowered = after.callable == Some(false);
    let callable = (after.callable)
        .filter(|_| after.callable != before.callable || is_lowered && said.is_opt_out);
    let columns = merged.map_or_else(Columns::default, Merged::columns);
    let is_other =
        |(name, value): (&String, &Option<String>)| !contact.holds(name, value.as_deref());
    let differs = columns.iter().any(is_other) || after.callable != before.callable;
    let version = Some(after.version).filter(|version| *version != contact.version);
    // An opt-out that a later change undid may still leave another mark.
    let is_marked = said.last.is_some() && version.is_some();
    if differs || after != before || is_marked || !said.lowers.is_empty() {
        let data = if differs { columns } else { Columns::default() };
        Action::Update {
            data,
            callable,
            version,
            lowers: said.lowers,
        }
    } else if is_all_stale {
        Action::Skip(Skip::Stale)
    } else {
        Action::Skip(Skip::Unchanged)
    }
}

/// The place of each change. A change without a rank takes the highest rank before it, or the
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

/// The order in which changes are applied: oldest first, or in queue order if one of them has no
/// rank.
fn order(changes: &[RankedChange<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..changes.len()).collect();
    if changes.iter().all(|change| change.rank.is_some()) {
        order.sort_by_key(|&i| changes[i].rank);
    }
    order
}

#[cfg(test)]
mod tests;
