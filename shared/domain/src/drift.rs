//! Compares a contact of a campaign with what the CRM says of it now. The comparison uses the plan
//! that would be carried out, so a contact differs only if applying the CRM's record would write
//! something.

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
        heard: &RankedChange<'_>,
        actual: &Contact,
        wishes: Wishes,
    ) -> Option<Difference> {
        let action = plan(&[*heard], Some(actual), wishes).action;
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
mod tests {
    use super::*;
    use crate::change::{IfAbsent, Operation};
    use crate::channel::{Channel, OptOut, Statuses};
    use crate::contact::Columns;
    use crate::version::Raise;
    use crate::{Rank, Version};

    fn own() -> Wishes {
        Wishes {
            raise: Some(Raise::Own),
            ..Wishes::default()
        }
    }

    fn says(phone: &str, callable: Option<bool>) -> Operation {
        let data = Columns([("phone".to_owned(), Some(phone.to_owned()))].into());
        Operation::Upsert {
            data,
            callable,
            lowers: Lowered::default(),
        }
    }

    fn holds(phone: &str, callable: bool, rank: u64) -> Contact {
        stores(phone, callable, &rank.to_string())
    }

    fn stores(phone: &str, callable: bool, version: &str) -> Contact {
        let data = Columns([("phone".to_owned(), phone.to_owned())].into());
        Contact {
            data,
            callable,
            version: Version::from_text(version),
            statuses: Statuses::default(),
        }
    }

    fn drift(operation: &Operation, rank: u64, actual: Option<&Contact>) -> Drift {
        Drift::between(
            &RankedChange {
                rank: Rank::new(rank),
                if_absent: IfAbsent::Create,
                operation,
            },
            actual,
            own(),
        )
    }

    fn different(columns: &[&str], callable: Option<bool>) -> Drift {
        Drift::Different(Difference {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            callable,
            lowers: Lowered::default(),
            is_kept: false,
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
            drift(&says("1", Some(true)), 5, Some(&stores("1", false, "5:5-"))),
            Drift::Same,
            "not raised at a tie"
        );
        // What was decided of callable is newer, and nothing else: that is worth no call.
        for (callable, version) in [(true, "5:4+"), (true, "5"), (false, "5:4-")] {
            let (actual, says) = (stores("1", callable, version), says("1", Some(callable)));
            assert_eq!(drift(&says, 5, Some(&actual)), Drift::Same, "{version}");
        }
        let late = drift(&says("2", Some(false)), 4, Some(&stores("1", true, "5:5+")));
        assert_eq!(late, Drift::Stale, "an opt-out below an opt-in");
    }

    #[test]
    fn what_the_orgs_wish_keeps_out_is_no_drift() {
        for version in ["5", "5:5+", "5:4!"] {
            let kept = stores("1", false, version);
            for rank in [6, 7] {
                let drift = drift(&says("1", Some(true)), rank, Some(&kept));
                assert_eq!(drift, Drift::Kept, "{version}");
                assert!(!drift.is_to_be_repaired());
            }
            // The rest of it is.
            let rest = drift(&says("2", Some(true)), 6, Some(&kept));
            let expected = Drift::Different(Difference {
                columns: vec!["phone".to_owned()],
                callable: None,
                lowers: Lowered::default(),
                is_kept: true,
            });
            assert_eq!(rest, expected, "{version}");
            assert!(rest.is_to_be_repaired());
        }
    }

    #[test]
    fn who_is_not_in_the_campaign_and_is_not_to_be_is_no_drift() {
        let drift = |if_absent, operation: &Operation, actual: Option<&Contact>| {
            let rank = Rank::new(7);
            let change = RankedChange {
                rank,
                if_absent,
                operation,
            };
            Drift::between(&change, actual, own())
        };
        let (skip, skip_opt_out) = (IfAbsent::Skip, IfAbsent::SkipOptOut);
        let (out, update) = (says("1", Some(false)), says("1", None));
        let mut left = stores("", false, "5:5-");
        left.data.clear();
        for actual in [None, Some(&left)] {
            assert_eq!(drift(skip, &update, actual), Drift::Same);
            assert_eq!(drift(skip_opt_out, &update, actual), Drift::Same);
            assert_eq!(drift(skip_opt_out, &out, actual), Drift::Same);
        }
        assert_eq!(drift(skip, &out, None), Drift::Missing, "it is owed");
        let there = holds("2", true, 5);
        for if_absent in [skip, skip_opt_out] {
            let drift = drift(if_absent, &update, Some(&there));
            assert_eq!(drift, different(&["phone"], None), "{if_absent:?}");
        }
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
        let raised = drift(&says("1", Some(true)), 6, Some(&stores("1", false, "5:5-")));
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
            if_absent: IfAbsent::Create,
            operation: &operation,
        };
        for actual in [None, Some(&holds("1", true, 5))] {
            assert_eq!(Drift::between(&change, actual, own()), Drift::Unranked);
        }
        assert!(!Drift::Unranked.is_to_be_repaired());
    }

    #[test]
    fn channels_and_numbers_that_are_up_are_drift_also_by_what_is_stale() {
        let lowers = Lowered {
            channels: [Channel::Sms].into(),
            phones: ["phone".to_owned()].into(),
        };
        let says = |callable| Operation::Upsert {
            data: Columns([("phone".to_owned(), Some("1".to_owned()))].into()),
            callable,
            lowers: lowers.clone(),
        };
        let expected = Drift::Different(Difference {
            lowers: lowers.clone(),
            ..Difference::default()
        });
        let mut actual = holds("1", true, 5);
        for rank in [4, 5] {
            let drift = drift(&says(None), rank, Some(&actual));
            assert_eq!(drift, expected, "{rank}");
            assert!(drift.is_to_be_repaired());
        }
        actual.statuses = actual.statuses.lowered(&lowers);
        assert_eq!(drift(&says(None), 5, Some(&actual)), Drift::Same);
        assert_eq!(drift(&says(None), 4, Some(&actual)), Drift::Stale);
        // Who is raised by that alone is left, and the channel is repaired all the same.
        let kept = stores("1", false, "5:5-");
        let raised = drift(&says(Some(true)), 6, Some(&kept));
        assert!(raised.is_to_be_repaired());
    }

    #[test]
    fn of_who_opted_out_every_channel_that_is_up_is_drift_where_the_org_wishes_so() {
        let all = Wishes {
            opt_out: OptOut::All,
            ..own()
        };
        let between = |rank, actual: &Contact| {
            let operation = says("1", Some(false));
            let change = RankedChange {
                rank: Rank::new(rank),
                if_absent: IfAbsent::Create,
                operation: &operation,
            };
            Drift::between(&change, Some(actual), all)
        };
        let lowers = Lowered {
            channels: Channel::ALL.into(),
            ..Lowered::default()
        };
        let expected = Drift::Different(Difference {
            lowers: lowers.clone(),
            ..Difference::default()
        });
        for version in ["5:5-", "5:5!", "5"] {
            let mut actual = stores("1", false, version);
            assert_eq!(between(5, &actual), expected, "{version}");
            actual.statuses = actual.statuses.lowered(&lowers);
            assert_eq!(between(5, &actual), Drift::Same, "{version}");
        }
        let opted_in = stores("1", true, "5:5+");
        assert_eq!(between(4, &opted_in), Drift::Stale, "below an opt-in");
    }
}
