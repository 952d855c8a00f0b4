//! What to do about one contact: `plan(changes, actual)` (docs/design.md "Planning").

mod absent;
mod left;
mod merge;
mod of_operator;

use std::collections::BTreeSet;

use crate::change::{Change, IfAbsent, Operation, VersionFrom};
use crate::channel::{Channel, Lowered, OptOut};
use crate::contact::{Columns, Contact};
use crate::plan::merge::Merged;
use crate::version::{Heard, Raise, Standing, Word};
use crate::{Rank, Version};
pub use of_operator::plan_of_operator;

/// A change with the rank that its org's rules give it.
#[derive(Clone, Copy, Debug)]
pub struct RankedChange<'a> {
    /// `None`: not compared, and applied at its place in the queue.
    pub rank: Option<Rank>,
    /// What becomes of it where there is no such contact.
    pub if_absent: IfAbsent,
    /// What the change asks for.
    pub operation: &'a Operation,
}

impl<'a> RankedChange<'a> {
    /// `ranking`: where the org's ranks come from; `None` where the org stores none (no
    /// `versionField`).
    pub fn new(change: &'a Change, ranking: Option<VersionFrom>) -> RankedChange<'a> {
        RankedChange {
            rank: ranking.and_then(|from| change.rank(from)),
            if_absent: change.if_absent,
            operation: &change.operation,
        }
    }

    /// What it says of being called. A change that creates nobody does not tell that they are in the
    /// campaign.
    fn word(&self) -> Option<Word> {
        match self.operation.word() {
            Some(Word::May) if self.if_absent != IfAbsent::Create => Some(Word::MayIfThere),
            word => word,
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
        /// Channels and numbers that may not be used.
        lowers: Lowered,
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
        /// Channels and numbers to lower: such as are not yet.
        lowers: Lowered,
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
    /// There is no contact, and no change may create one.
    Absent,
}

/// What becomes of one change of the run, once the action is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Older than what the contact stores.
    Stale,
    /// Folded into a later change of the run.
    Superseded,
    /// It may create no contact, and where it is applied there is none.
    Skipped,
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
    /// Whether once it is done the contact must not be called, or not by a channel or number that the
    /// action lowers.
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

/// What an org wishes of those who opt in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Whom an opt-in makes callable; `None`: the org stores no versions, and every opt-in raises.
    pub raise: Option<Raise>,
    /// What an opt-out lowers beside `callable`.
    pub opt_out: OptOut,
}

/// Plans the write that brings `actual` (`None`: no such contact) to what `changes` say, given in
/// queue order. `wishes`: [`Rules::wishes`](crate::Rules::wishes).
pub fn plan(changes: &[RankedChange<'_>], actual: Option<&Contact>, wishes: Wishes) -> Plan {
    let may_create = |change: &RankedChange<'_>| change.if_absent == IfAbsent::Create;
    if changes.iter().all(may_create) {
        plan_all(changes, order(changes), actual, wishes, false)
    } else {
        absent::plan(changes, actual, wishes)
    }
}

/// The same where each change may create the contact, in this order. `by_opt_out`: whether it is created by what may
/// only leave one that is not callable.
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
    let said = Said::by(changes, &order, actual, wishes, by_opt_out);
    let (kept, last) = (said.kept.clone(), said.last);
    let action = match (merged, actual) {
        (Some(merged), None) => {
            let callable = said.after.callable.filter(|_| said.is_of_callable);
            merged.create(callable, said.after.version, said.lowers)
        }
        (merged, Some(contact)) => update(merged, contact, said),
        (None, None) => Action::Skip(Skip::Stale),
    };

    // Where all are stale the write is for what they say of who may be called, and how.
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

/// What becomes of a contact that exists; `merged`: nothing where all changes are stale.
fn update(merged: Option<Merged>, contact: &Contact, said: Said) -> Action {
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
    // Also where what follows undid an opt-out: the mark that the two leave may be another.
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

/// What changes say of who may be called, and how. What a stale one says of it has a rank of its own
/// to be compared with, or needs none.
struct Said {
    before: Standing,
    after: Standing,
    /// Indices of the changes whose opt-in is kept out.
    kept: Vec<usize>,
    /// The last that made a difference.
    last: Option<usize>,
    /// Whether any says who may be called, and whether any says that nobody may.
    is_of_callable: bool,
    is_opt_out: bool,
    /// Channels and numbers that are not lowered yet.
    lowers: Lowered,
}

impl Said {
    /// Each is applied to what the one before it left.
    fn by(
        changes: &[RankedChange<'_>],
        order: &[usize],
        actual: Option<&Contact>,
        wishes: Wishes,
        by_opt_out: bool,
    ) -> Said {
        let says = |callable: fn(bool) -> bool| {
            let mut said = changes.iter().map(|change| change.operation.callable());
            said.any(|said| said.is_some_and(callable))
        };
        let before = Standing::of(actual);
        let mut said = Said {
            before,
            after: before,
            kept: Vec::new(),
            last: None,
            is_of_callable: says(|_| true),
            is_opt_out: says(|callable| !callable),
            lowers: Lowered::default(),
        };
        if by_opt_out && actual.is_none() {
            // At no rank: what says that the contact may be called makes it so.
            said.after.apply(None, Some(Word::MayNot), wishes.raise);
            said.is_of_callable = true;
        }
        for &i in order {
            let was = said.after;
            let RankedChange {
                rank, operation, ..
            } = changes[i];
            let heard = said.after.apply(rank, changes[i].word(), wishes.raise);
            if heard == Heard::Kept {
                said.kept.push(i);
            }
            let mut is_new = false;
            if heard == Heard::OptOut && wishes.opt_out == OptOut::All {
                is_new |= said.lower_channels(Channel::ALL, actual);
            }
            if let Some(lowers) = operation.lowers() {
                is_new |= said.lower_channels(lowers.channels.iter().copied(), actual);
                is_new |= said.lower_numbers(&lowers.phones, actual);
            }
            if said.after != was || is_new {
                said.last = Some(i);
            }
        }
        said
    }

    /// Whether any of them was not lowered yet.
    fn lower_channels(
        &mut self,
        channels: impl IntoIterator<Item = Channel>,
        actual: Option<&Contact>,
    ) -> bool {
        let is_shut =
            |channel: &Channel| actual.is_some_and(|actual| actual.statuses.is_shut(*channel));
        let known = self.lowers.channels.len();
        let channels = channels.into_iter().filter(|channel| !is_shut(channel));
        self.lowers.channels.extend(channels);
        self.lowers.channels.len() > known
    }

    /// Whether any of them was not lowered yet.
    fn lower_numbers(&mut self, columns: &BTreeSet<String>, actual: Option<&Contact>) -> bool {
        let is_mute =
            |column: &String| actual.is_some_and(|actual| actual.statuses.is_mute(column));
        let known = self.lowers.phones.len();
        let columns = columns.iter().filter(|column| !is_mute(column));
        self.lowers.phones.extend(columns.cloned());
        self.lowers.phones.len() > known
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

/// The order in which changes are applied: oldest first, or, if one of them has no rank, as they came.
fn order(changes: &[RankedChange<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..changes.len()).collect();
    if changes.iter().all(|change| change.rank.is_some()) {
        order.sort_by_key(|&i| changes[i].rank);
    }
    order
}

#[cfg(test)]
mod tests;
