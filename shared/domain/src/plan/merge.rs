//! The columns of a contact's changes merged to one: associative, idempotent and, for distinct
//! ranks, independent of order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Action, RankedChange, Skip};
use crate::Rank;
use crate::contact::{Columns, Contact};

/// The columns of several changes as one. Each keeps the place of the change that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Merged {
    place: Option<Rank>,
    columns: BTreeMap<String, (Option<Rank>, Option<String>)>,
}

impl Merged {
    pub(super) fn of(change: &RankedChange<'_>, place: Option<Rank>) -> Merged {
        let columns = change
            .operation
            .data()
            .into_iter()
            .flat_map(|data| data.iter());
        Merged {
            place,
            columns: columns
                .map(|(name, value)| (name.clone(), (place, value.clone())))
                .collect(),
        }
    }

    /// `self`, and then `later` of the queue: the higher place wins, at a tie the later.
    pub(super) fn then(mut self, later: Merged) -> Merged {
        for (name, new) in later.columns {
            match self.columns.entry(name) {
                Entry::Occupied(old) if old.get().0 > new.0 => {}
                Entry::Occupied(mut old) => {
                    old.insert(new);
                }
                Entry::Vacant(none) => {
                    none.insert(new);
                }
            }
        }
        self.place = self.place.max(later.place);
        self
    }

    /// The write of a contact that does not exist. Nulls are left out.
    pub(super) fn create(self, callable: Option<bool>) -> Action {
        let data = self
            .columns
            .into_iter()
            .filter_map(|(name, (_, value))| Some((name, value?)))
            .collect();
        Action::Create {
            data: Columns(data),
            callable,
            rank: self.place,
        }
    }

    /// The write of one that exists. `callable`: what the run says of it.
    pub(super) fn update(self, actual: &Contact, callable: Option<bool>) -> Action {
        let rank = self.place.filter(|place| Some(*place) > actual.rank);
        let differs = self
            .columns
            .iter()
            .any(|(name, (_, value))| !actual.holds(name, value.as_deref()))
            || callable.is_some_and(|callable| callable != actual.callable);
        if differs {
            let data = self
                .columns
                .into_iter()
                .map(|(name, (_, value))| (name, value))
                .collect();
            Action::Update {
                data: Columns(data),
                callable,
                rank,
            }
        } else if rank.is_some() {
            Action::Update {
                data: Columns::default(),
                callable: None,
                rank,
            }
        } else {
            Action::Skip(Skip::Unchanged)
        }
    }
}

#[cfg(test)]
mod tests;
