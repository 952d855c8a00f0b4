//! Contacts of a campaign that the CRM's feed does not list. If the operator asks for it, the
//! person of such a contact counts as having left the campaign.

use jiff::Timestamp;

use super::{Change, ContactKey, Feed, IfAbsent, Operation, Rank, SourceName, VersionFrom};
use crate::Version;

/// The lowest rank. No change of a CRM is older.
const LOWEST: Rank = Rank(0);

impl Change {
    /// A change that says that the person left the campaign. It takes the rank that the contact
    /// stored when it was read. So a newer opt-in wins, whether it is applied before this change or
    /// after it. If the contact stores no rank, any opt-in wins.
    pub fn of_unlisted(feed: &Feed, key: ContactKey, stored: Version, from: VersionFrom) -> Change {
        let decided = stored.decision.and_then(|decision| decision.rank);
        let rank = stored.rank.max(decided).unwrap_or(LOWEST);
        let (version, occurred_at) = match from {
            VersionFrom::Version => (Some(rank), None),
            // A rank that is no valid time counts as the latest time.
            VersionFrom::OccurredAt => {
                let at = Timestamp::from_millisecond(rank.0.cast_signed());
                (None, Some(at.unwrap_or(Timestamp::MAX)))
            }
        };
        Change {
            org: feed.org.clone(),
            campaign: feed.campaign.clone(),
            key,
            event_id: feed.event_id(version, occurred_at),
            version,
            occurred_at,
            source: Some(SourceName::reconcile()),
            if_absent: IfAbsent::SkipOptOut,
            operation: Operation::Leave,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CampaignId, OrgId};
    use super::*;
    use crate::channel::{Lowered, Statuses};
    use crate::contact::{Columns, Contact};
    use crate::plan::{Action, RankedChange, Wishes, plan};
    use crate::version::Raise;

    const WAYS: [VersionFrom; 2] = [VersionFrom::Version, VersionFrom::OccurredAt];

    fn leave(stored: &str, from: VersionFrom) -> Change {
        let feed = Feed {
            org: OrgId::parse("acme").unwrap(),
            campaign: CampaignId::parse("c").unwrap(),
            run: Timestamp::UNIX_EPOCH,
        };
        let key = ContactKey::parse("k").unwrap();
        Change::of_unlisted(&feed, key, Version::from_text(stored), from)
    }

    fn holds(version: &str) -> Contact {
        Contact {
            data: Columns([("phone".to_owned(), "1".to_owned())].into()),
            callable: true,
            version: Version::from_text(version),
            statuses: Statuses::default(),
        }
    }

    fn applied(changes: &[RankedChange<'_>], actual: &Contact) -> (bool, String) {
        let wishes = Wishes {
            raise: Some(Raise::Own),
            ..Wishes::default()
        };
        let action = plan(changes, Some(actual), wishes).action;
        assert!(!matches!(action, Action::Create { .. }));
        let left = action.result(Some(actual)).unwrap();
        (left.callable, left.version.to_string())
    }

    fn opt_in(rank: u64) -> (Operation, Option<Rank>) {
        let operation = Operation::Upsert {
            data: Columns::default(),
            callable: Some(true),
            lowers: Lowered::default(),
        };
        (operation, Rank::new(rank))
    }

    #[test]
    fn it_is_read_back_from_the_queue_and_ranks_as_what_is_stored() {
        for from in WAYS {
            for (stored, expected) in [("", 0), ("5", 5), ("5:5+", 5), ("5:8+", 8), (":7+", 7)] {
                let change = leave(stored, from);
                assert_eq!(change.rank(from), Rank::new(expected), "{stored}");
                assert_eq!(Change::parse(&change.body()).unwrap(), change);
            }
        }
    }

    #[test]
    fn it_lowers_at_an_equal_rank_and_a_newer_opt_in_wins_before_it_and_after_it() {
        for (stored, lowered) in [
            ("", "0:0~"),
            ("5", "5:5~"),
            ("5:5+", "5:5~"),
            ("5:5-", "5:5~"),
            ("5:5!", "5:5~"),
        ] {
            for from in WAYS {
                let change = leave(stored, from);
                let leave = RankedChange::new(&change, Some(from));
                let left = applied(&[leave], &holds(stored));
                assert_eq!(left, (false, lowered.to_owned()), "{stored}");
                let (operation, rank) = opt_in(6);
                let newer = RankedChange {
                    rank,
                    if_absent: IfAbsent::Create,
                    operation: &operation,
                };
                for changes in [[leave, newer], [newer, leave]] {
                    let left = applied(&changes, &holds(stored));
                    assert_eq!(left, (true, "6:6+".to_owned()), "{stored}");
                }
                let left = applied(&[leave], &holds("6:6+"));
                assert_eq!(left, (true, "6:6+".to_owned()), "{stored}");
                let back = Contact {
                    callable: false,
                    ..holds(lowered)
                };
                assert_eq!(applied(&[newer], &back), (true, "6:6+".to_owned()));
            }
        }
    }

    #[test]
    fn a_leave_whose_rank_is_no_time_has_the_latest_time() {
        let change = leave("9007199254740991", VersionFrom::OccurredAt);
        assert_eq!(change.occurred_at, Some(Timestamp::MAX));
    }
}
