//! The secret `{prefix}/org/{org}`: how to reach an org's Genesys Cloud, and the rules of the org.
//! It is only read and checked here: `genesys` logs in with it, and [`domain::rules`] applies its
//! rules. docs/contract.md "Secrets" lists its members.

use std::sync::Arc;
use std::time::Duration;

use super::members::{MalformedSecret, Members};
use super::region::Region;
use domain::Rules;
use domain::change::VersionFrom;
use domain::channel::OptOut;
use domain::depth;
pub use domain::depth::Api;
use domain::dnc::{DncBy, DncList, DncListId};
use domain::rules::VersionUnit;
use domain::version::Raise;
use regex_lite::Regex;
use secrecy::{ExposeSecret, SecretString};

const COLUMN_NAME: &str = "a column name of 1 to 128 characters";
const VERSION_FIELD: &str = "a column name of 1 to 128 characters, or null";
const VERSION_FROM: &str = "\"version\" or \"occurredAt\"";
const VERSION_UNIT: &str = "versionUnit";
const RAISE: &str = "raise";
const WISHES: &str = "\"own\", \"always\" or \"never\"";
const OPT_OUT: &str = "optOut";
const READ_LAG: &str = "readLagSeconds";
const SECONDS_OF_LAG: &str = "a whole number from 0 to 60";
/// The longest read lag. The changes of a copy that died return a minute after the end of its
/// invocation at the earliest, and reads must show what it wrote by then.
const LONGEST_READ_LAG: u64 = 60;
const UNITS: &str = "\"seconds\", \"milliseconds\" or \"microseconds\"";

/// The secret of an org, read and checked.
#[derive(Clone, Debug)]
pub struct OrgSecret {
    /// The id of the OAuth client.
    pub client_id: SecretString,
    /// The secret of the OAuth client.
    pub client_secret: SecretString,
    /// The region of the organisation.
    pub region: Region,
    /// The contact API.
    pub api: Api,
    /// The rules for its changes.
    pub rules: Arc<Rules>,
    /// How many calls the OAuth client may make in a minute, if the service does not say.
    pub calls_per_minute: u32,
}

impl OrgSecret {
    /// Reads the JSON of a secret.
    ///
    /// # Errors
    /// A message that names the first member that is missing, unknown or not as expected.
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
        if secret.api == Api::Predictive && secret.rules.opt_out == OptOut::All {
            return Err(Members::wrong(
                OPT_OUT,
                "\"voice\" where api is \"predictive\"",
            ));
        }
        Ok(secret)
    }

    /// How many messages the queue may hold before a bulk sender for this org waits. `top_up` is
    /// the number of messages that apply receives by itself ([`crate::Config::apply_top_up`]).
    pub fn deepest(&self, top_up: usize) -> u64 {
        depth::deepest(self.api, top_up, self.calls_per_minute)
    }

    /// Whether both log in with the same client, which means that a token of one is valid for the
    /// other.
    pub(crate) fn logs_in_as(&self, other: &OrgSecret) -> bool {
        self.client_id.expose_secret() == other.client_id.expose_secret()
            && self.client_secret.expose_secret() == other.client_secret.expose_secret()
            && self.region == other.region
    }
}

/// Reads the rules of the org, and checks them against each other.
fn rules(members: &mut Members<'_>) -> Result<Rules, MalformedSecret> {
    let raise = members.text(RAISE, WISHES, |wish| match wish {
        "own" => Some(Raise::Own),
        "always" => Some(Raise::Always),
        "never" => Some(Raise::Never),
        _ => None,
    })?;
    let rules = Rules {
        version_field: members.text("versionField", VERSION_FIELD, column_name)?,
        version_from: members
            .text("versionFrom", VERSION_FROM, |from| match from {
                "version" => Some(VersionFrom::Version),
                "occurredAt" => Some(VersionFrom::OccurredAt),
                _ => None,
            })?
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
        opt_out: members
            .text(OPT_OUT, "\"voice\" or \"all\"", |what| match what {
                "voice" => Some(OptOut::Voice),
                "all" => Some(OptOut::All),
                _ => None,
            })?
            .unwrap_or_default(),
        read_lag: members
            .optional(READ_LAG, SECONDS_OF_LAG, |seconds: u64| {
                (seconds <= LONGEST_READ_LAG).then(|| Duration::from_secs(seconds))
            })?
            .unwrap_or_default(),
        dnc_list: members.object("dncList", dnc_list)?,
    };
    check(&rules, raise.is_some())?;
    Ok(rules)
}

/// Checks the rules against each other. `names_raise` says whether the secret has `raise`.
fn check(rules: &Rules, names_raise: bool) -> Result<(), MalformedSecret> {
    let wrong = |name, expected| Err(Members::wrong(name, expected));
    if let Some(DncList { by, .. }) = &rules.dnc_list
        && let DncBy::Phone { column } = by
        && rules.version_field.as_ref() == Some(column)
    {
        return wrong("dncList", "a column of phone numbers, not versionField");
    }
    if names_raise && rules.version_field.is_none() {
        return wrong(RAISE, "only where versions are stored");
    }
    if rules.version_unit.is_some() && rules.ranking() != Some(VersionFrom::Version) {
        return wrong(VERSION_UNIT, "only where versions are ranks");
    }
    Ok(())
}

/// Reads the DNC list that opt-outs are added to.
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
mod tests;
