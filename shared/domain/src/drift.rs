//! Compares a contact of a campaign with what the CRM says about it now. The comparison uses the
//! plan that would be carried out, so a contact differs only if applying the CRM's record would
//! write something.

use crate::channel::Lowered;
use crate::contact::Contact;
use crate::plan::{Action, RankedChange, Skip, Wishes, plan};

/// The result of comparing one contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// The campaign holds what the CRM says.
    Same,
    /// The campaign holds what the CRM says, except that the org's `raise` keeps the contact not
    /// callable.
    Kept,
    /// The campaign holds something newer.
    Stale,
    /// There is no rank to compare, in the CRM or in the org, so it is unknown which side is newer.
    Unranked,
    /// The campaign has no such contact.
    Missing,
    /// The campaign differs from the CRM.
    Different(Difference),
}

/// A difference between campaign and CRM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The names of the columns that differ, in order. It is empty if only the rank, `callable`, a
    /// channel or a number differs.
    pub columns: Vec<String>,
    /// The CRM's value of `callable`, if the campaign has the other one and should change.
    pub callable: Option<bool>,
    /// Channels and numbers that are to be lowered.
    pub lowers: Lowered,
    /// Whether the CRM opts the contact in and the org's `raise` keeps that out.
    pub is_kept: bool,
}

impl Drift {
    /// Compares the CRM's record with the contact as it was read, or with `None` if there is none.
    /// `wishes` come from [`Rules::wishes`](crate::Rules::wishes).
    pub fn between(change: &RankedChange<'_>, actual: Option<&Contact>, wishes: Wishes) -> Drift {
        if change.rank.is_none() {
            return Drift::Unranked;
        }
        let plan = plan(&[*change], actual, wishes);
        let is_kept = !plan.kept.is_empty();
        // The person is not in the campaign, and should not be.
        if plan.action == Action::Skip(Skip::Absent) {
            return Drift::Same;
        }
        let Some(actual) = actual else {
            return Drift::Missing;
        };
        let is_stale = change.rank < actual.version.rank;
        let (difference, is_newer) = match plan.action {
            Action::Create { .. } => return Drift::Missing,
            Action::Skip(_) => (Difference::default(), false),
            action => (
                Difference::of(action, actual, is_kept),
                change.rank > actual.version.rank,
            ),
        };
        let is_same = difference.is_none();
        if is_same && is_kept {
            Drift::Kept
        } else if !is_same || is_newer {
            Drift::Different(difference)
        } else if is_stale {
            Drift::Stale
        } else {
            // Only the rank of an opt-out is new, which is not worth a call.
            Drift::Same
        }
    }

    /// Whether the change should be applied. An opt-in alone is never repaired: a person or the
    /// dialler made the contact not callable, and may have known something that the CRM does not
    /// say.
    pub fn is_to_be_repaired(&self) -> bool {
        match self {
            Drift::Same | Drift::Kept | Drift::Stale | Drift::Unranked => false,
            Drift::Missing => true,
            Drift::Different(difference) => {
                !difference.columns.is_empty()
                    || !difference.lowers.is_empty()
                    || difference.callable != Some(true)
            }
        }
    }
}

impl Difference {
    /// The opt-out in a change that breaks a rule, if it would alter an existing contact.
    pub fn of_opt_out(
        salvaged: &RankedChange<'_>,
        actual: &Contact,
        wishes: Wishes,
    ) -> Option<Difference> {
        let action = plan(&[*salvaged], Some(actual), wishes).action;
        let difference = Difference::of(action, actual, false);
        (!difference.is_none()).then_some(difference)
    }

    fn of(action: Action, actual: &Contact, is_kept: bool) -> Difference {
        let Action::Update {
            data,
            callable,
            lowers,
            ..
        } = action
        else {
            return Difference::default();
        };
        let differs = data
            .iter()
            .filter(|(name, value)| !actual.holds(name, value.as_deref()));
        Difference {
            columns: differs.map(|(name, _)| name.clone()).collect(),
            callable: callable.filter(|callable| *callable != actual.callable),
            lowers,
            is_kept,
        }
    }

    /// Whether there is no difference.
    fn is_none(&self) -> bool {
        self.columns.is_empty() && self.callable.is_none() && self.lowers.is_empty()
    }
}

#[cfg(test)]
mod tests;
