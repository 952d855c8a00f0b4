//! An operator's request to set the stored rank of a contact back: the only way in which a rank
//! goes down.
//!
//! A CRM whose clock was wrong can leave a rank that is far ahead, and then every later change is
//! stale. A reset is a change like any other, so that apply stays the only writer. It is accepted
//! only from the queue: no webhook and no feed can send it.

use serde::{Deserialize, Serialize};

use super::{Rank, is_invisible};

/// The value of `operation`.
pub(super) const NAME: &str = "resetRank";
/// The member that holds its arguments.
pub(super) const MEMBER: &str = "reset";
/// The most characters of a reason.
const MAX_REASON: usize = 200;

/// Sets the stored rank back, if the contact still stores the one that the operator saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RankReset {
    /// The stored rank that the operator saw. If the contact stores another, nothing is done. So a
    /// reset that comes twice, or too late, does no harm.
    from: Rank,
    /// The rank to store instead, below `from`. `None` stores no rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Rank>,
    /// The reason, for the log. It is not personal data.
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    from: u64,
    to: Option<u64>,
    reason: String,
}

impl RankReset {
    /// The rule for a reason.
    pub const REASON: &'static str = "expected 1 to 200 printable characters";

    /// A reset from one rank to a lower one, or to none.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn new(from: Rank, to: Option<Rank>, reason: &str) -> Result<RankReset, &'static str> {
        if to.is_some_and(|to| to >= from) {
            return Err("expected a rank below the stored one");
        }
        let length = reason.chars().count();
        let is_printable = |c: char| !c.is_control() && !is_invisible(c);
        if !(1..=MAX_REASON).contains(&length) || !reason.chars().all(is_printable) {
            return Err(RankReset::REASON);
        }
        Ok(RankReset {
            from,
            to,
            reason: reason.to_owned(),
        })
    }

    /// Reads the member `reset` of a message.
    pub(super) fn read(text: &str) -> Result<RankReset, &'static str> {
        const EXPECTED: &str =
            "expected the rank that is stored (from), a lower one (to) or none, and a reason";
        let wire: Wire = serde_json::from_str(text).map_err(|_| EXPECTED)?;
        let from = Rank::new(wire.from).ok_or(EXPECTED)?;
        let to = wire
            .to
            .map(|to| Rank::new(to).ok_or(EXPECTED))
            .transpose()?;
        RankReset::new(from, to, &wire.reason)
    }

    /// The rank that the contact must still store.
    pub fn from(&self) -> Rank {
        self.from
    }

    /// The rank to store instead. `None` stores no rank.
    pub fn to(&self) -> Option<Rank> {
        self.to
    }

    /// The operator's reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::tests::of_operator;
    use super::super::{Change, Feed, Operation, Sender};
    use super::*;

    fn rank(number: u64) -> Rank {
        Rank::new(number).unwrap()
    }

    fn body(reset: &str) -> String {
        of_operator("resetRank", "reset", reset)
    }

    fn faults(body: &str) -> String {
        Change::parse(body).unwrap_err().to_string()
    }

    #[test]
    fn a_reset_is_read_back_from_the_queue() {
        for to in [None, Some(rank(5))] {
            let reset = RankReset::new(rank(9), to, "CRM \"clock\" was wrong: 🕰, déjà vu").unwrap();
            let change = Change {
                operation: Operation::ResetRank(reset),
                ..Change::parse(&body(r#"{"from": 1, "reason": "r"}"#)).unwrap()
            };
            let read = Change::parse(&change.body()).unwrap();
            assert_eq!(read, change);
            assert_eq!(
                (read.operation.callable(), read.operation.data()),
                (None, None)
            );
        }
    }

    #[test]
    fn the_fault_of_an_invalid_reset_names_what_is_expected() {
        const EXPECTED: &str =
            "expected the rank that is stored (from), a lower one (to) or none, and a reason";
        const LOWER: &str = "expected a rank below the stored one";
        for (reset, expected) in [
            ("7", EXPECTED),
            (r#"{"from": 9}"#, EXPECTED),
            (r#"{"from": 9, "from": 8, "reason": "r"}"#, EXPECTED),
            (r#"{"from": 9, "reason": "r", "key": "k"}"#, EXPECTED),
            (r#"{"from": 9007199254740992, "reason": "r"}"#, EXPECTED),
            (r#"{"from": 9, "to": -1, "reason": "r"}"#, EXPECTED),
            (r#"{"from": 9, "to": 9, "reason": "r"}"#, LOWER),
            (r#"{"from": 9, "reason": ""}"#, RankReset::REASON),
            (r#"{"from": 9, "reason": "two\nlines"}"#, RankReset::REASON),
            (r#"{"from": 9, "reason": "a\u202eb"}"#, RankReset::REASON),
        ] {
            assert_eq!(
                faults(&body(reset)),
                format!("reset: {expected} (wrongFormat)"),
                "{reset}"
            );
        }
        let long = format!(r#"{{"from": 9, "reason": "{}"}}"#, "r".repeat(201));
        assert!(faults(&body(&long)).contains(RankReset::REASON));
    }

    #[test]
    fn a_reset_says_nothing_else_and_nothing_else_is_a_reset() {
        let good = body(r#"{"from": 9, "reason": "r"}"#);
        let more = good.replace(
            "\"reset\"",
            "\"data\": {}, \"callable\": true, \"version\": 7, \"reset\"",
        );
        assert_eq!(
            faults(&more),
            "data: expected no such field with operation resetRank (notAllowed); \
             callable: expected no such field with operation resetRank (notAllowed); \
             version: expected no such field with operation resetRank (notAllowed)"
        );
        assert_eq!(
            faults(&good.replace("resetRank", "upsert")),
            "data: expected this field (required); reset: expected only with operation resetRank (notAllowed)"
        );
        let none = good.replace(r#", "reset": {"from": 9, "reason": "r"}"#, "");
        assert_eq!(faults(&none), "reset: expected this field (required)");
    }

    #[test]
    fn no_webhook_and_no_feed_can_reset_a_rank() {
        let source = super::super::SourceName::parse("crm").unwrap();
        let (org, campaign) = (None, None);
        let sender = Sender {
            source,
            org,
            campaign,
        };
        let feed = Feed {
            org: super::super::OrgId::parse("acme").unwrap(),
            campaign: super::super::CampaignId::parse("c").unwrap(),
            run: Timestamp::UNIX_EPOCH,
        };
        let text = body(r#"{"from": 9, "reason": "r"}"#);
        let of_feed = text.replace(r#""eventId": "e", "#, "");
        for invalid in [
            Change::parse_from(&sender, &text, Timestamp::UNIX_EPOCH),
            Change::parse_from_feed(&feed, &of_feed, Timestamp::UNIX_EPOCH),
        ] {
            assert_eq!(
                invalid.unwrap_err().to_string(),
                "reset: expected only the fields of schema 1 (unknownField); \
                 operation: expected \"upsert\", \"remove\" or \"leave\" (wrongFormat)"
            );
        }
    }
}
