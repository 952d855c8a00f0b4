//! Changes of one contact merged to one: associative, idempotent and, for distinct ranks, independent of order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Action, RankedChange, Skip};
use crate::Rank;
use crate::contact::{Columns, Contact};

/// What a run of changes says of `callable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    /// `false`, of any change: lowering is always safe.
    Lower,
    /// `true` of a change without a rank: it is not compared.
    Raise,
    /// `true` of a ranked change: at a tie with another ranked one, the stored one included, `false` wins.
    RaiseIfNewer,
}

/// Several changes as one. Each column, and `callable`, keeps the place of the change that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Merged {
    place: Option<Rank>,
    columns: BTreeMap<String, (Option<Rank>, Option<String>)>,
    callable: Option<(Option<Rank>, Say)>,
}

impl Merged {
    pub(super) fn of(change: &RankedChange<'_>, place: Option<Rank>) -> Merged {
        let say = |callable| match (callable, change.rank) {
            (false, _) => Say::Lower,
            (true, None) => Say::Raise,
            (true, Some(_)) => Say::RaiseIfNewer,
        };
        let columns = change.operation.data().into_iter().flat_map(|data| data.iter());
        Merged {
            place,
            columns: columns.map(|(name, value)| (name.clone(), (place, value.clone()))).collect(),
            callable: change.operation.callable().map(|callable| (place, say(callable))),
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
        self.callable = match (self.callable, later.callable) {
            (Some(old), Some(new)) if old.0 > new.0 => Some(old),
            (Some(old), Some((place, Say::RaiseIfNewer))) if old.0 == place => Some(old),
            (old, new) => new.or(old),
        };
        self.place = self.place.max(later.place);
        self
    }

    /// The write of a contact that does not exist. Nulls are left out.
    pub(super) fn create(&self) -> Action {
        let data = self.columns.iter().filter_map(|(name, (_, value))| Some((name.clone(), value.clone()?))).collect();
        Action::Create {
            data: Columns(data),
            callable: self.callable.map(|(_, say)| say != Say::Lower),
            rank: self.place,
        }
    }

    /// The write of one that exists. `stale_opt_out`: an older change of the same run says that nobody may call.
    pub(super) fn update(&self, actual: &Contact, stale_opt_out: bool) -> Action {
        let callable = match self.callable {
            Some((_, Say::Lower)) => Some(false),
            Some((_, Say::Raise)) => Some(true),
            Some((place, Say::RaiseIfNewer)) => (place > actual.rank).then_some(true),
            None => stale_opt_out.then_some(false),
        };
        let rank = self.place.filter(|place| Some(*place) > actual.rank);
        let differs = self.columns.iter().any(|(name, (_, value))| !actual.holds(name, value.as_deref()))
            || callable.is_some_and(|callable| callable != actual.callable);
        if differs {
            let data = self.columns.iter().map(|(name, (_, value))| (name.clone(), value.clone())).collect();
            Action::Update { data: Columns(data), callable, rank }
        } else if rank.is_some() {
            Action::Update { data: Columns::default(), callable: None, rank }
        } else {
            Action::Skip(Skip::Unchanged)
        }
    }
}

#[cfg(test)]
mod tests;
