//! `{prefix}/org/{org}`: how to reach an org's Genesys Cloud, and its rules.

use std::sync::Arc;
use std::time::Duration;

use super::members::{MalformedSecret, Members};
use super::region::Region;
use domain::Rules;
use domain::change::VersionFrom;
use domain::depth;
pub use domain::depth::Api;
use domain::dnc::{DncBy, DncList, DncListId};
use domain::rules::VersionUnit;
use domain::version::Raise;
use regex_lite::Regex;
use secrecy::{ExposeSecret, SecretString};

const COLUMN_NAME: &str = "a column name of 1 to 128 characters";
const VERSION_UNIT: &str = "versionUnit";
const RAISE: &str = "raise";
const WISHES: &str = "\"own\", \"always\" or \"never\"";
const READ_LAG: &str = "readLagSeconds";
const SECONDS_OF_LAG: &str = "a whole number from 0 to 60";
/// What a copy that died had written comes back a minute after its invocation should have ended, at the
/// earliest: reads must show it by then.
const LONGEST_READ_LAG: u64 = 60;
const UNITS: &str = "\"seconds\", \"milliseconds\" or \"microseconds\"";

/// The secret of an org, read and checked.
#[derive(Clone, Debug)]
pub struct OrgSecret {
    /// Of the OAuth client.
    pub client_id: SecretString,
    /// Of the OAuth client.
    pub client_secret: SecretString,
    /// Where the organisation is.
    pub region: Region,
    /// How its contacts are written.
    pub api: Api,
    /// What it asks of its changes.
    pub rules: Arc<Rules>,
    /// What the OAuth client may call, where the service does not say.
    pub calls_per_minute: u32,
}

impl OrgSecret {
    /// Reads the JSON of a secret.
    ///
    /// # Errors
    /// Names the first member that is missing, unknown or not as expected.
    pub fn parse(text: &SecretString) -> Result<OrgSecret, MalformedSecret> {
        let mut members = Members::of(text)?;
        let secret = OrgSecret {
            client_id: credential(&mut members, "clientId")?,
            client_secret: credential(&mut members, "clientSecret")?,
            region: members.required("region", "an AWS region of Genesys Cloud", Region::of)?,
            api: members.required(
                "api",
                "\"predictive\" or \"contactLists\"",
                |api| match api {
                    "predictive" => Some(Api::Predictive),
                    "contactLists" => Some(Api::ContactLists),
                    _ => None,
                },
            )?,
            rules: Arc::new(rules(&mut members)?),
            calls_per_minute: members
                .optional(
                    "callsPerMinute",
                    "a whole number from 1 to 4294967295",
                    |number: u32| (number > 0).then_some(number),
                )?
                .unwrap_or(300),
        };
        members.end()?;
        Ok(secret)
    }

    /// How many messages the queue may hold before what is sent in bulk for this org waits. `top_up`: the
    /// messages that apply receives by itself ([`crate::Config::apply_top_up`]).
    pub fn deepest(&self, top_up: usize) -> u64 {
        depth::deepest(self.api, top_up, self.calls_per_minute)
    }

    /// Whether both log in alike, so that a token of the one serves the other.
    pub(crate) fn logs_in_as(&self, other: &OrgSecret) -> bool {
        self.client_id.expose_secret() == other.client_id.expose_secret()
            && self.client_secret.expose_secret() == other.client_secret.expose_secret()
            && self.region == other.region
    }
}

fn rules(members: &mut Members<'_>) -> Result<Rules, MalformedSecret> {
    let raise = members.text(RAISE, WISHES, |wish| match wish {
        "own" => Some(Raise::Own),
        "always" => Some(Raise::Always),
        "never" => Some(Raise::Never),
        _ => None,
    })?;
    let rules = Rules {
        version_field: members.text(
            "versionField",
            "a column name of 1 to 128 characters, or null",
            column_name,
        )?,
        version_from: members
            .text(
                "versionFrom",
                "\"version\" or \"occurredAt\"",
                |from| match from {
                    "version" => Some(VersionFrom::Version),
                    "occurredAt" => Some(VersionFrom::OccurredAt),
                    _ => None,
                },
            )?
            .unwrap_or_default(),
        version_unit: members.text(VERSION_UNIT, UNITS, |unit| match unit {
            "seconds" => Some(VersionUnit::Seconds),
            "milliseconds" => Some(VersionUnit::Milliseconds),
            "microseconds" => Some(VersionUnit::Microseconds),
            _ => None,
        })?,
        contact_key_pattern: members.text(
            "contactKeyPattern",
            "a regular expression",
            |pattern| Regex::new(pattern).ok(),
        )?,
        raise: raise.unwrap_or_default(),
        read_lag: members
            .optional(READ_LAG, SECONDS_OF_LAG, |seconds: u64| {
                (seconds <= LONGEST_READ_LAG).then(|| Duration::from_secs(seconds))
            })?
            .unwrap_or_default(),
        dnc_list: members.object("dncList", dnc_list)?,
    };
    if raise.is_some() && rules.version_field.is_none() {
        return Err(Members::wrong(RAISE, "only where versions are stored"));
    }
    if rules.version_unit.is_some() && rules.ranking() != Some(VersionFrom::Version) {
        return Err(Members::wrong(
            VERSION_UNIT,
            "only where versions are ranks",
        ));
    }
    Ok(rules)
}

/// Where opt-outs are put too.
fn dnc_list(members: &mut Members<'_>) -> Result<DncList, MalformedSecret> {
    let id = members.required("id", DncListId::EXPECTED, |id| DncListId::parse(id).ok())?;
    let is_by_phone = members.required("by", "\"contactKey\" or \"phone\"", |by| match by {
        "contactKey" => Some(false),
        "phone" => Some(true),
        _ => None,
    })?;
    let by = if is_by_phone {
        DncBy::Phone {
            column: members.required("column", COLUMN_NAME, column_name)?,
        }
    } else if members.text("column", COLUMN_NAME, column_name)?.is_some() {
        return Err(Members::wrong("column", "only where by is \"phone\""));
    } else {
        DncBy::ContactKey
    };
    Ok(DncList { id, by })
}

fn column_name(name: &str) -> Option<String> {
    (1..=128)
        .contains(&name.chars().count())
        .then(|| name.to_owned())
}

fn credential(members: &mut Members<'_>, name: &str) -> Result<SecretString, MalformedSecret> {
    members.required(name, "a string that is not empty", |text| {
        (!text.is_empty()).then(|| SecretString::from(text))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    fn parse(text: &str) -> Result<OrgSecret, String> {
        OrgSecret::parse(&SecretString::from(text)).map_err(|error| error.to_string())
    }

    fn with(name: &str, value: &str) -> Result<OrgSecret, String> {
        let mut members: Map<String, Value> = serde_json::from_str(
            r#"{"clientId": "id", "clientSecret": "hush", "region": "us-east-1", "api": "predictive"}"#,
        )
        .unwrap();
        members.insert(name.into(), serde_json::from_str(value).unwrap());
        parse(&Value::Object(members).to_string())
    }

    #[test]
    fn the_contracts_example_is_read() {
        let secret = parse(
            r#"{ "clientId": "id", "clientSecret": "hush", "region": "us-east-1", "api": "predictive",
                 "versionField": "crmVersion", "versionFrom": "version", "versionUnit": "milliseconds",
                 "contactKeyPattern": "^LEAD-[0-9]{5}$", "raise": "never",
                 "callsPerMinute": 300, "readLagSeconds": 60,
                 "dncList": { "id": "6f9c0e2a-1b7d-4a55-9c30-8e2f7d1a4b60", "by": "phone", "column": "phone" } }"#,
        )
        .unwrap();
        let rules = secret.rules;
        assert_eq!(rules.version_field.as_deref(), Some("crmVersion"));
        assert_eq!(rules.version_unit, Some(VersionUnit::Milliseconds));
        assert_eq!(rules.raise(), Some(Raise::Never));
        let pattern = rules.contact_key_pattern.as_ref().unwrap();
        assert_eq!(rules.read_lag, Duration::from_mins(1));
        let list = rules.dnc_list.as_ref().unwrap();
        let column = "phone".to_owned();
        assert_eq!(list.id.as_str(), "6f9c0e2a-1b7d-4a55-9c30-8e2f7d1a4b60");
        assert_eq!(list.by, DncBy::Phone { column });
        assert!(pattern.is_match("LEAD-00042") && !pattern.is_match("xLEAD-00042"));
    }

    #[test]
    fn what_may_be_left_out_has_its_default() {
        let rules = with("versionField", "\"crmVersion\"").unwrap().rules;
        assert_eq!(rules.raise(), Some(Raise::Own));
        let secret = with("versionField", "null").unwrap();
        assert_eq!(
            (
                secret.rules.version_field.clone(),
                secret.rules.version_from,
                secret.rules.version_unit,
                secret.calls_per_minute,
                secret.rules.read_lag,
                secret.rules.raise()
            ),
            (None, VersionFrom::Version, None, 300, Duration::ZERO, None)
        );
    }

    #[test]
    fn a_dnc_list_is_told_by_what_stands_on_it_and_each_member_that_is_wrong_is_named() {
        let of = |list: &str| with("dncList", list);
        let by = |list: &str| of(list).unwrap().rules.dnc_list.clone().map(|list| list.by);
        assert_eq!(by("null"), None);
        let by_key = Some(DncBy::ContactKey);
        assert_eq!(by(r#"{"id": "l-1", "by": "contactKey"}"#), by_key);
        assert_eq!(
            by(r#"{"id": "l-1", "by": "contactKey", "column": null}"#),
            by_key
        );
        for (list, expected) in [
            ("\"hush\"", "expected a JSON object"),
            (
                "{}",
                "id: expected 1 to 64 characters of A-Z, a-z, 0-9 and -",
            ),
            (
                r#"{"id": "../hush", "by": "contactKey"}"#,
                "id: expected 1 to 64 characters of A-Z, a-z, 0-9 and -",
            ),
            (
                r#"{"id": "l-1"}"#,
                "by: expected \"contactKey\" or \"phone\"",
            ),
            (
                r#"{"id": "l-1", "by": "hush"}"#,
                "by: expected \"contactKey\" or \"phone\"",
            ),
            (
                r#"{"id": "l-1", "by": "phone"}"#,
                "column: expected a column name of 1 to 128 characters",
            ),
            (
                r#"{"id": "l-1", "by": "phone", "column": ""}"#,
                "column: expected a column name of 1 to 128 characters",
            ),
            (
                r#"{"id": "l-1", "by": "contactKey", "column": "phone"}"#,
                "column: expected only where by is \"phone\"",
            ),
            (
                r#"{"id": "l-1", "by": "contactKey", "by": "phone"}"#,
                "by: expected once",
            ),
            (
                r#"{"id": "l-1", "by": "contactKey", "colum": "phone"}"#,
                "unknown member \"colum\"",
            ),
        ] {
            let text = r#"{"clientId": "id", "clientSecret": "hush", "region": "us-east-1", "api": "predictive", "dncList": "#;
            let error = parse(&format!("{text}{list}}}")).unwrap_err();
            assert_eq!(
                error,
                format!("the secret is malformed: dncList: {expected}")
            );
        }
    }

    #[test]
    fn a_member_that_is_wrong_is_named_without_its_content() {
        for (name, value, expected) in [
            (
                "clientId",
                "\"\"",
                "clientId: expected a string that is not empty",
            ),
            (
                "clientSecret",
                "[\"hush\"]",
                "clientSecret: expected a string that is not empty",
            ),
            (
                "region",
                "\"evil.example.com\"",
                "region: expected an AWS region of Genesys Cloud",
            ),
            (
                "api",
                "\"hush\"",
                "api: expected \"predictive\" or \"contactLists\"",
            ),
            (
                "versionField",
                "\"\"",
                "versionField: expected a column name of 1 to 128 characters, or null",
            ),
            (
                "versionFrom",
                "\"hush\"",
                "versionFrom: expected \"version\" or \"occurredAt\"",
            ),
            (
                "versionUnit",
                "\"days\"",
                "versionUnit: expected \"seconds\", \"milliseconds\" or \"microseconds\"",
            ),
            (
                "versionUnit",
                "\"seconds\"",
                "versionUnit: expected only where versions are ranks",
            ),
            (
                "raise",
                "\"hush\"",
                "raise: expected \"own\", \"always\" or \"never\"",
            ),
            (
                "raise",
                "\"never\"",
                "raise: expected only where versions are stored",
            ),
            (
                "contactKeyPattern",
                "\"(hush\"",
                "contactKeyPattern: expected a regular expression",
            ),
            (
                "callsPerMinute",
                "0",
                "callsPerMinute: expected a whole number from 1 to 4294967295",
            ),
            (
                "readLagSeconds",
                "61",
                "readLagSeconds: expected a whole number from 0 to 60",
            ),
            (
                "readLagSeconds",
                "-1",
                "readLagSeconds: expected a whole number from 0 to 60",
            ),
            (
                "readLagSeconds",
                "\"hush\"",
                "readLagSeconds: expected a whole number from 0 to 60",
            ),
            ("callPerMinute", "1", "unknown member \"callPerMinute\""),
        ] {
            let error = with(name, value).unwrap_err();
            assert_eq!(error, format!("the secret is malformed: {expected}"));
        }
        assert_eq!(
            parse("hush").unwrap_err(),
            "the secret is malformed: expected a JSON object"
        );
        assert_eq!(
            parse("{}").unwrap_err(),
            "the secret is malformed: clientId: expected a string that is not empty"
        );
    }

    #[test]
    fn debug_output_shows_no_credential() {
        let shown = format!("{:?}", with("clientSecret", "\"hush-hush\"").unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
