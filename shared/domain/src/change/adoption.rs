//! An operator's request to treat a contact as opted out by the CRM (docs/contract.md "Adopt").
//!
//! Contacts that were made not callable before marks were stored have no mark, so campaign-sync
//! cannot tell whether the CRM or somebody else did that. An adoption gives such a contact the mark
//! of the CRM's opt-out. It is a change like any other, so that apply stays the only writer. It is
//! accepted only from the queue: no webhook and no feed can send it.

use serde::{Deserialize, Serialize};

use super::{Change, EventId, IfAbsent, Operation, Rank};
use crate::contact::Contact;
use crate::version::{Decision, Mark};

/// The value of `operation`.
pub(super) const NAME: &str = "adopt";
/// The member that holds its arguments.
pub(super) const MEMBER: &str = "adopt";

/// Marks a contact that is not callable and has no mark, if its columns still have the rank that
/// the command saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Adoption {
    /// The rank of the CRM's opt-out, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_out: Option<Rank>,
    /// The rank that the contact stored when the command saw it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<Rank>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    opt_out: Option<u64>,
    stored: Option<u64>,
}

impl Adoption {
    /// An adoption for a CRM opt-out of this rank, and a contact that stores the other rank.
    pub fn new(opt_out: Option<Rank>, stored: Option<Rank>) -> Adoption {
        Adoption { opt_out, stored }
    }

    /// Reads the member `adopt` of a message.
    pub(super) fn read(text: &str) -> Result<Adoption, &'static str> {
        const EXPECTED: &str = "expected the rank of the CRM's opt-out (optOut) or none, and the one that is stored (stored) or none";
        let wire: Wire = serde_json::from_str(text).map_err(|_| EXPECTED)?;
        let rank = |number: Option<u64>| {
            let rank = number.map(|number| Rank::new(number).ok_or(EXPECTED));
            rank.transpose()
        };
        Ok(Adoption::new(rank(wire.opt_out)?, rank(wire.stored)?))
    }

    /// The rank that the contact must still store.
    pub fn stored(&self) -> Option<Rank> {
        self.stored
    }

    /// The decision that the contact stores afterwards. Its rank is that of the opt-out or that of
    /// the columns, whichever is higher, so nothing older makes the contact callable.
    pub fn decision(&self) -> Decision {
        Decision {
            rank: self.opt_out.max(self.stored),
            mark: Mark::Lowered,
        }
    }
}

/// The state of a contact that the CRM opted out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptedOut {
    /// It is not in the campaign.
    Missing,
    /// It is callable: the opt-out is yet to be applied.
    Callable,
    /// It has a mark, so it is known who made it not callable.
    Marked,
    /// The campaign stores something newer, which may be an opt-in.
    Newer,
    /// It is not callable, and it has no mark.
    Unmarked {
        /// Whether the opt-out is newer than the stored rank.
        is_behind: bool,
    },
}

impl OptedOut {
    /// Classifies a contact as it was read. `rank` is the rank of the CRM's opt-out.
    pub fn of(rank: Option<Rank>, actual: Option<&Contact>) -> OptedOut {
        match actual {
            None => OptedOut::Missing,
            Some(actual) if actual.callable => OptedOut::Callable,
            Some(actual) if actual.version.decision.is_some() => OptedOut::Marked,
            Some(actual) if rank.is_some() && rank < actual.version.rank => OptedOut::Newer,
            Some(actual) => OptedOut::Unmarked {
                is_behind: rank > actual.version.rank,
            },
        }
    }
}

impl Change {
    /// The change that adopts this change's contact. The same adoption has the same event id:
    /// within five minutes the queue drops the second one, and later it finds the mark.
    #[must_use]
    pub fn adopted(&self, adoption: Adoption) -> Change {
        let shown = |rank: Option<Rank>| rank.map_or("none".to_owned(), |rank| rank.to_string());
        let (opt_out, stored) = (shown(adoption.opt_out), shown(adoption.stored));
        Change {
            event_id: EventId::of_adoption(&format!("{opt_out}-{stored}")),
            version: None,
            occurred_at: None,
            source: None,
            if_absent: IfAbsent::Create,
            operation: Operation::Adopt(adoption),
            org: self.org.clone(),
            campaign: self.campaign.clone(),
            key: self.key.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::tests::of_operator;
    use super::super::{CampaignId, Feed, OrgId, Sender, SourceName};
    use super::*;
    use crate::Version;
    use crate::channel::Statuses;
    use crate::contact::Columns;

    fn rank(number: u64) -> Option<Rank> {
        Rank::new(number)
    }

    fn body(adopt: &str) -> String {
        of_operator("adopt", "adopt", adopt)
    }

    fn faults(body: &str) -> String {
        Change::parse(body).unwrap_err().to_string()
    }

    #[test]
    fn an_adoption_is_read_back_from_the_queue_and_is_one_event() {
        let said = r#"{"schema": 1, "eventId": "e", "org": "acme", "campaignId": "c", "contactKey": "k",
            "version": 7, "occurredAt": "2026-11-24T16:00:00Z", "source": "crm", "operation": "remove"}"#;
        let said = Change::parse(said).unwrap();
        for (opt_out, stored, id) in [
            (None, None, "adopt-none-none"),
            (rank(7), None, "adopt-7-none"),
            (None, rank(9), "adopt-none-9"),
            (rank(7), rank(9), "adopt-7-9"),
        ] {
            let change = said.adopted(Adoption::new(opt_out, stored));
            let read = Change::parse(&change.body()).unwrap();
            assert_eq!(read, change);
            assert_eq!(
                (read.operation.callable(), read.operation.data()),
                (None, None)
            );
            assert_eq!(read.message_group(), said.message_group());
            assert_eq!(read.event_id.as_str(), id);
            let twice = said.adopted(Adoption::new(opt_out, stored));
            assert_eq!(twice.deduplication_id(), change.deduplication_id());
        }
    }

    #[test]
    fn the_fault_of_an_invalid_adoption_names_what_is_expected() {
        const EXPECTED: &str = "adopt: expected the rank of the CRM's opt-out (optOut) or none, and the one that is stored \
                                (stored) or none (wrongFormat)";
        for wrong in [
            "7",
            r#"{"optOut": 9, "optOut": 8}"#,
            r#"{"optOut": 9, "reason": "r"}"#,
            r#"{"optOut": 9007199254740992}"#,
            r#"{"stored": -1}"#,
            r#"{"stored": "7"}"#,
        ] {
            assert_eq!(faults(&body(wrong)), EXPECTED, "{wrong}");
        }
    }

    #[test]
    fn an_adoption_says_nothing_else_and_nothing_else_is_one() {
        let good = body("{}");
        let more = good.replace(
            "\"adopt\": {}",
            "\"adopt\": {}, \"data\": {}, \"callable\": true, \"version\": 7, \"reset\": {}",
        );
        assert_eq!(
            faults(&more),
            "data: expected no such field with operation adopt (notAllowed); \
             callable: expected no such field with operation adopt (notAllowed); \
             version: expected no such field with operation adopt (notAllowed); \
             reset: expected only with operation resetRank (notAllowed)"
        );
        let other = good.replace("\"operation\": \"adopt\"", "\"operation\": \"remove\"");
        assert_eq!(
            faults(&other),
            "adopt: expected only with operation adopt (notAllowed)"
        );
        let none = good.replace(r#", "adopt": {}"#, "");
        assert_eq!(faults(&none), "adopt: expected this field (required)");
    }

    #[test]
    fn no_webhook_and_no_feed_can_adopt() {
        let sender = Sender {
            source: SourceName::parse("crm").unwrap(),
            org: None,
            campaign: None,
        };
        let feed = Feed {
            org: OrgId::parse("acme").unwrap(),
            campaign: CampaignId::parse("c").unwrap(),
            run: Timestamp::UNIX_EPOCH,
        };
        let text = body("{}");
        let of_feed = text.replace(r#""eventId": "e", "#, "");
        for invalid in [
            Change::parse_from(&sender, &text, Timestamp::UNIX_EPOCH),
            Change::parse_from_feed(&feed, &of_feed, Timestamp::UNIX_EPOCH),
        ] {
            assert_eq!(
                invalid.unwrap_err().to_string(),
                "adopt: expected only the fields of schema 1 (unknownField); \
                 operation: expected \"upsert\", \"remove\" or \"leave\" (wrongFormat)"
            );
        }
    }

    #[test]
    fn the_decision_is_no_older_than_the_opt_out_and_the_columns() {
        for (opt_out, stored, decided) in [
            (None, None, None),
            (None, rank(9), rank(9)),
            (rank(7), None, rank(7)),
            (rank(7), rank(9), rank(9)),
            (rank(9), rank(9), rank(9)),
            (rank(11), rank(9), rank(11)),
        ] {
            let decision = Adoption::new(opt_out, stored).decision();
            assert_eq!(
                (decision.rank, decision.mark),
                (decided, Mark::Lowered),
                "{opt_out:?} {stored:?}"
            );
        }
    }

    #[test]
    fn only_an_uncallable_unmarked_contact_without_a_newer_rank_is_adopted() {
        let unmarked = |is_behind| OptedOut::Unmarked { is_behind };
        for (opt_out, callable, stored, expected) in [
            (rank(7), true, "7", OptedOut::Callable),
            (rank(7), true, "7:7-", OptedOut::Callable),
            (rank(7), false, "7:7-", OptedOut::Marked),
            (rank(7), false, "7:7!", OptedOut::Marked),
            (rank(7), false, "7:7+", OptedOut::Marked),
            (None, false, ":-", OptedOut::Marked),
            (rank(7), false, "8", OptedOut::Newer),
            (rank(7), false, "7", unmarked(false)),
            (rank(7), false, "6", unmarked(true)),
            (rank(7), false, "", unmarked(true)),
            (None, false, "8", unmarked(false)),
            (None, false, "", unmarked(false)),
        ] {
            let contact = Contact {
                data: Columns::default(),
                callable,
                version: Version::from_text(stored),
                statuses: Statuses::default(),
            };
            let found = OptedOut::of(opt_out, Some(&contact));
            assert_eq!(found, expected, "{opt_out:?} {callable} {stored:?}");
        }
        assert_eq!(OptedOut::of(rank(7), None), OptedOut::Missing);
    }
}
