//! How a contact of a campaign differs from what the CRM says of it now: by the very plan that
//! applying it would follow.

use crate::contact::Contact;
use crate::plan::{Action, RankedChange, Skip, plan};

/// What comparing one contact found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// The campaign holds it all already.
    Same,
    /// The campaign holds something newer.
    Stale,
    /// The CRM says no rank, or the org stores none: which of the two is newer cannot be told.
    Unranked,
    /// There is no such contact in the campaign.
    Missing,
    /// Something is not as the CRM says.
    Different(Difference),
}

/// What is not as the CRM says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Names of columns, in order. None: their rank alone is older, or `callable` differs.
    pub columns: Vec<String>,
    /// What the CRM says of `callable`, where the campaign says the contrary.
    pub callable: Option<bool>,
}

impl Drift {
    /// Compares what the CRM says with the contact as it was read; `None`: there is none.
    pub fn between(change: &RankedChange<'_>, actual: Option<&Contact>) -> Drift {
        if change.rank.is_none() {
            return Drift::Unranked;
        }
        match (plan(&[*change], actual).action, actual) {
            (Action::Create { .. }, _) => Drift::Missing,
            (Action::Skip(Skip::Unchanged), _) => Drift::Same,
            (Action::Skip(Skip::Stale), _) => Drift::Stale,
            (Action::Update { data, callable, .. }, Some(actual)) => {
                let differs = data
                    .iter()
                    .filter(|(name, value)| !actual.holds(name, value.as_deref()));
                Drift::Different(Difference {
                    columns: differs.map(|(name, _)| name.clone()).collect(),
                    callable: callable.filter(|callable| *callable != actual.callable),
                })
            }
            // What does not exist is not updated.
            (Action::Update { .. }, None) => Drift::Missing,
        }
    }

    /// Whether the change is to be applied. That somebody may be called again is never repaired
    /// alone: whoever took the contact out, a person or the dialler, knew something that the CRM
    /// does not say.
    pub fn is_to_be_repaired(&self) -> bool {
        match self {
            Drift::Same | Drift::Stale | Drift::Unranked => false,
            Drift::Missing => true,
            Drift::Different(difference) => {
                !difference.columns.is_empty() || difference.callable != Some(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rank;
    use crate::change::Operation;
    use crate::contact::Columns;

    fn says(phone: &str, callable: Option<bool>) -> Operation {
        let data = Columns([("phone".to_owned(), Some(phone.to_owned()))].into());
        Operation::Upsert { data, callable }
    }

    fn holds(phone: &str, callable: bool, rank: u64) -> Contact {
        let data = Columns([("phone".to_owned(), phone.to_owned())].into());
        Contact {
            data,
            callable,
            rank: Rank::new(rank),
        }
    }

    fn drift(operation: &Operation, rank: u64, actual: Option<&Contact>) -> Drift {
        Drift::between(
            &RankedChange {
                rank: Rank::new(rank),
                operation,
            },
            actual,
        )
    }

    fn different(columns: &[&str], callable: Option<bool>) -> Drift {
        Drift::Different(Difference {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            callable,
        })
    }

    #[test]
    fn what_is_equal_or_newer_in_the_campaign_is_left_alone() {
        assert_eq!(
            drift(&says("1", Some(true)), 5, Some(&holds("1", true, 5))),
            Drift::Same
        );
        assert_eq!(
            drift(&says("2", Some(true)), 4, Some(&holds("1", true, 5))),
            Drift::Stale
        );
        assert_eq!(
            drift(&says("1", Some(true)), 5, Some(&holds("1", false, 5))),
            Drift::Same,
            "not raised at a tie"
        );
    }

    #[test]
    fn what_is_missing_older_or_unlike_is_repaired() {
        assert_eq!(drift(&says("1", None), 5, None), Drift::Missing);
        assert_eq!(
            drift(&says("2", None), 5, Some(&holds("1", true, 5))),
            different(&["phone"], None)
        );
        assert_eq!(
            drift(&says("1", None), 6, Some(&holds("1", true, 5))),
            different(&[], None),
            "its rank alone"
        );
        assert_eq!(
            drift(&Operation::Remove, 5, Some(&holds("1", true, 5))),
            different(&[], Some(false))
        );
        for drift in [
            Drift::Missing,
            different(&["phone"], Some(true)),
            different(&[], None),
        ] {
            assert!(drift.is_to_be_repaired(), "{drift:?}");
        }
    }

    #[test]
    fn nobody_is_made_callable_by_that_alone_and_an_opt_out_always_counts() {
        let raised = drift(&says("1", Some(true)), 6, Some(&holds("1", false, 5)));
        assert_eq!(raised, different(&[], Some(true)));
        assert!(!raised.is_to_be_repaired());
        let late = drift(&says("2", Some(false)), 4, Some(&holds("1", true, 5)));
        assert_eq!(
            late,
            different(&[], Some(false)),
            "late as it is, and no column of it"
        );
        assert!(late.is_to_be_repaired());
    }

    #[test]
    fn without_a_rank_nothing_is_compared() {
        let operation = says("2", Some(false));
        let change = RankedChange {
            rank: None,
            operation: &operation,
        };
        for actual in [None, Some(&holds("1", true, 5))] {
            assert_eq!(Drift::between(&change, actual), Drift::Unranked);
        }
        assert!(!Drift::Unranked.is_to_be_repaired());
    }
}
