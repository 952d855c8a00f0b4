//! What becomes of a change whose contact is not in the campaign (docs/contract.md "Who is not in the
//! campaign").

use std::borrow::Cow;

/// The member that says it.
pub(super) const MEMBER: &str = "ifAbsent";

/// What becomes of a change whose contact is not in the campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfAbsent {
    /// It creates the contact.
    #[default]
    Create,
    /// Nothing, but that an opt-out leaves a contact that may not be called: so nothing older makes one
    /// that may.
    Skip,
    /// Nothing, also of an opt-out.
    SkipOptOut,
}

impl IfAbsent {
    const ALL: [(&str, IfAbsent); 3] = [
        ("create", IfAbsent::Create),
        ("skip", IfAbsent::Skip),
        ("skipOptOut", IfAbsent::SkipOptOut),
    ];

    /// # Errors
    /// What was expected.
    pub(super) fn parse(text: &str) -> Result<IfAbsent, Cow<'static, str>> {
        let known = IfAbsent::ALL.iter().find(|(name, _)| *name == text);
        let known = known.map(|(_, if_absent)| *if_absent);
        known.ok_or("expected \"create\", \"skip\" or \"skipOptOut\"".into())
    }

    /// How a body says it; none: by nothing, as all bodies did before the member was known.
    pub(super) fn said(self) -> Option<&'static str> {
        let mut all = IfAbsent::ALL.iter();
        let named = all.find(|(_, if_absent)| *if_absent == self);
        named
            .map(|(name, _)| *name)
            .filter(|_| self != IfAbsent::default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Operation};
    use super::*;

    fn body(more: &str) -> String {
        format!(
            r#"{{"schema": 1, "eventId": "e", "org": "o", "campaignId": "c", "contactKey": "k", {more}}}"#
        )
    }

    fn parsed(more: &str) -> Change {
        Change::parse(&body(more)).unwrap()
    }

    fn fault(more: &str) -> String {
        Change::parse(&body(more)).unwrap_err().to_string()
    }

    #[test]
    fn it_is_read_back_from_the_queue_whatever_is_asked_for() {
        for (name, if_absent) in IfAbsent::ALL {
            for asked in [r#""data": {}"#, r#""operation": "remove""#] {
                let change = parsed(&format!(r#""ifAbsent": "{name}", {asked}"#));
                assert_eq!(change.if_absent, if_absent);
                assert_eq!(Change::parse(&change.body()).unwrap(), change);
                assert_eq!(change.silent().if_absent, if_absent);
            }
        }
        assert_eq!(parsed(r#""data": {}"#).if_absent, IfAbsent::Create);
    }

    #[test]
    fn what_says_nothing_of_it_is_written_and_told_apart_as_ever() {
        let silent = parsed(r#""data": {}"#);
        let body =
            r#"{"campaignId":"c","contactKey":"k","data":{},"eventId":"e","org":"o","schema":1}"#;
        assert_eq!(silent.body(), body);
        let create = parsed(r#""ifAbsent": "create", "data": {}"#);
        assert_eq!(create.deduplication_id(), silent.deduplication_id());
        let skip = parsed(r#""ifAbsent": "skip", "data": {}"#);
        assert_ne!(skip.deduplication_id(), silent.deduplication_id());
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(
            fault(r#""ifAbsent": "ignore", "data": {}"#),
            "ifAbsent: expected \"create\", \"skip\" or \"skipOptOut\" (wrongFormat)"
        );
        assert_eq!(
            fault(r#""ifAbsent": true, "data": {}"#),
            "ifAbsent: expected a string (wrongType)"
        );
        for (operation, more) in [
            ("resetRank", r#""reset": {"from": 1, "reason": "r"}"#),
            ("adopt", r#""adopt": {}"#),
        ] {
            let of_operator =
                format!(r#""operation": "{operation}", {more}, "ifAbsent": "create""#);
            assert_eq!(
                fault(&of_operator),
                format!("ifAbsent: expected not with operation {operation} (notAllowed)")
            );
        }
    }

    #[test]
    fn what_is_heard_of_a_change_that_breaks_a_rule_keeps_it() {
        let change = parsed(r#""ifAbsent": "skipOptOut", "operation": "remove""#);
        let now = jiff::Timestamp::UNIX_EPOCH;
        let heard = crate::Rules::default().opt_out(&change, now, |_| true);
        let heard = heard.unwrap();
        assert_eq!(heard.if_absent, IfAbsent::SkipOptOut);
        assert!(matches!(heard.operation, Operation::Upsert { .. }));
    }
}
