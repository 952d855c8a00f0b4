//! Merges the columns of several changes. The merge is associative and idempotent, and for distinct
//! ranks it does not depend on the order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Action, RankedChange};
use crate::channel::Lowered;
use crate::contact::Columns;
use crate::{Rank, Version};

/// The columns of several changes. Each column keeps the place of the change that set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Merged {
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
            columns: columns
                .map(|(name, value)| (name.clone(), (place, value.clone())))
                .collect(),
        }
    }

    /// Merges `later`, which is later in the queue. The higher place wins, and at a tie the later
    /// one.
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
        self
    }

    /// The action that creates the contact. Columns that are null are left out.
    pub(super) fn create(
        self,
        callable: Option<bool>,
        version: Version,
        lowers: Lowered,
    ) -> Action {
        let data = self
            .columns
            .into_iter()
            .filter_map(|(name, (_, value))| Some((name, value?)))
            .collect();
        Action::Create {
            data: Columns(data),
            callable,
            version,
            lowers,
        }
    }

    /// Every column that was named.
    pub(super) fn columns(self) -> Columns<Option<String>> {
        let columns = self.columns.into_iter();
        Columns(columns.map(|(name, (_, value))| (name, value)).collect())
    }
}

#[cfg(test)]
mod tests;
