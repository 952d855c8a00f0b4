//! Reads the opt-out in a change that breaks a rule.
//!
//! A change that breaks a rule is parked, and a person may look at it days later. An opt-out must
//! not wait for that. So the opt-out alone is read from the faulty change and applied, if the
//! change still says which contact it is about.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Change, Invalid};
use crate::json::Members;
use crate::number;

/// The members that say which contact opts out, and at which rank.
const HEARD: [&str; 8] = [
    "schema",
    "eventId",
    "org",
    "campaignId",
    "contactKey",
    "version",
    "occurredAt",
    "ifAbsent",
];
/// An opt-out counts even if these members are absent or faulty. Without a rank it applies at its
/// place in the queue, and any opt-in behind it makes the contact callable again, even one that is
/// older in the CRM.
const DISPENSABLE: [&str; 3] = ["version", "occurredAt", "ifAbsent"];

/// The members that can forbid a call or a message, each with the values that forbid nothing.
const MAY_OPT_OUT: [(&str, &[&str]); 4] = [
    ("callable", &["true", "null"]),
    ("operation", &["\"upsert\"", "null"]),
    ("contactable", &["{}", "null"]),
    ("phones", &["{}", "null"]),
];

impl Change {
    /// Whether a text that is no valid change may be an opt-out. It may be one if it is no JSON
    /// object, if its schema is unknown, or if one of its members may forbid a call or a message.
    pub fn may_opt_out(text: &str) -> bool {
        let Ok(members) = serde_json::from_str::<Members<'_>>(text) else {
            return true;
        };
        members.0.iter().any(|(name, raw)| {
            let (name, said) = (name.trim(), raw.get());
            if name == "schema" {
                return number::whole(said).as_deref() != Some("1");
            }
            let mut of_name = MAY_OPT_OUT.iter();
            of_name.any(|(of, harmless)| name.eq_ignore_ascii_case(of) && !harmless.contains(&said))
        })
    }

    /// The opt-out of a change that breaks a rule, without the rest of it. `None` means that there
    /// is no opt-out, or no contact to apply it to. `parse` must read a change as the original was
    /// read.
    pub fn salvaged_opt_out(
        text: &str,
        parse: impl Fn(&str) -> Result<Change, Invalid>,
    ) -> Option<Change> {
        let members: Members<'_> = serde_json::from_str(text).ok()?;
        let says = |name: &str, value: &str| {
            let mut members = members.0.iter();
            members.any(|(said, raw)| said == name && raw.get() == value)
        };
        if !says("callable", "false") && !says("operation", "\"remove\"") {
            return None;
        }
        let mut salvaged: BTreeMap<&str, String> = BTreeMap::new();
        for (name, raw) in &members.0 {
            if !HEARD.contains(&name.as_ref()) {
                continue;
            }
            let before = salvaged.insert(name.as_ref(), raw.get().to_owned());
            if before.is_some_and(|before| before != raw.get())
                && !DISPENSABLE.contains(&name.as_ref())
            {
                // The change does not say which contact opts out.
                return None;
            }
        }
        salvaged.insert("callable", "false".to_owned());
        salvaged.insert("data", "{}".to_owned());
        let members = |salvaged: &BTreeMap<&str, String>| {
            let members = salvaged.iter();
            let members = members.map(|(name, raw)| format!("{}:{raw}", Value::from(*name)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        let invalid = match parse(&members(&salvaged)) {
            Ok(change) => return Some(change),
            Err(invalid) => invalid,
        };
        for fault in invalid.faults() {
            let name = fault.pointer.trim_start_matches('/');
            if name == "eventId" {
                let id = format!("heard-{}", crate::sha256_hex(text.as_bytes()));
                salvaged.insert("eventId", Value::from(id).to_string());
            } else if DISPENSABLE.contains(&name) {
                salvaged.remove(name);
            }
        }
        parse(&members(&salvaged)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{CampaignId, OrgId, Sender, SourceName};

    fn salvaged_opt_out(text: &str) -> Option<Value> {
        let sender = Sender {
            source: SourceName::parse("crm").unwrap(),
            org: Some(OrgId::parse("acme").unwrap()),
            campaign: Some(CampaignId::parse("c1").unwrap()),
        };
        let now = "2026-11-24T16:00:00Z".parse().unwrap();
        let change = Change::salvaged_opt_out(text, |text| Change::parse_from(&sender, text, now))?;
        let mut said: Value = serde_json::from_str(&change.body()).unwrap();
        let members = said.as_object_mut().unwrap();
        for known in ["schema", "org", "campaignId", "source"] {
            members.remove(known);
        }
        Some(said)
    }

    #[test]
    fn an_opt_out_takes_effect_whatever_else_is_wrong() {
        for (text, expected) in [
            (
                r#"{"eventId": "e", "contactKey": "k", "version": 7, "callable": false, "data": {"phone": [1]}, "ifAbsent": "skip"}"#,
                r#"{"eventId": "e", "contactKey": "k", "version": 7, "callable": false, "data": {}, "ifAbsent": "skip"}"#,
            ),
            (
                r#"{"eventId": "e", "contactKey": "k", "version": -1, "occurredAt": "soon", "operation": "remove", "odd": 1}"#,
                r#"{"eventId": "e", "contactKey": "k", "callable": false, "data": {}}"#,
            ),
            (
                r#"{"eventId": "e", "contactKey": "k", "callable": true, "callable": false, "ifAbsent": "x"}"#,
                r#"{"eventId": "e", "contactKey": "k", "callable": false, "data": {}}"#,
            ),
        ] {
            let expected: Value = serde_json::from_str(expected).unwrap();
            assert_eq!(salvaged_opt_out(text), Some(expected), "{text}");
        }
        let made = salvaged_opt_out(r#"{"contactKey": "k", "callable": false}"#).unwrap();
        assert!(made["eventId"].as_str().unwrap().starts_with("heard-"));
    }

    #[test]
    fn a_body_without_an_opt_out_or_a_clear_contact_has_no_effect() {
        for text in [
            r#"{"eventId": "e", "contactKey": "k", "data": {"phone": [1]}}"#,
            r#"{"eventId": "e", "contactKey": "k", "callable": true, "data": 1}"#,
            r#"{"eventId": "e", "contactKey": "k", "callable": "false"}"#,
            r#"{"eventId": "e", "callable": false}"#,
            r#"{"eventId": "e", "contactKey": "k", "org": "other", "callable": false}"#,
            r#"{"eventId": "e", "contactKey": " ", "callable": false}"#,
            r#"{"eventId": "e", "contactKey": "k", "contactKey": "l", "callable": false}"#,
            r#"{"schema": 2, "eventId": "e", "contactKey": "k", "callable": false}"#,
            "[]",
            "no json",
        ] {
            assert_eq!(salvaged_opt_out(text), None, "{text}");
        }
    }

    #[test]
    fn a_body_that_mentions_calls_in_any_form_may_be_an_opt_out() {
        for text in [
            r#"{"schema": 1, "callable": "false"}"#,
            r#"{"schema": 1, "callable": 0}"#,
            r#"{"callable": true, "callable": false}"#,
            r#"{"Callable": false}"#,
            r#"{"operation": "removed"}"#,
            r#"{"operation": ["leave"]}"#,
            r#"{"contactable": {"Voice": "no"}}"#,
            r#"{"phones": ["phone"]}"#,
            r#"{"schema": 2, "consent": "none"}"#,
            "[]",
            "no json",
        ] {
            assert!(Change::may_opt_out(text), "{text}");
        }
        for text in [
            r#"{"schema": 1, "data": {"phone": [1], "callable": "no"}}"#,
            r#"{"callable": true, "operation": "upsert", "contactable": {}, "phones": null}"#,
            "{}",
        ] {
            assert!(!Change::may_opt_out(text), "{text}");
        }
    }
}
