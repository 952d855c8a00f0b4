//! A contact as Genesys Cloud stores it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::Version;
use crate::channel::Statuses;
use crate::version::Mark;

/// Columns by name. The values are personal data, so `Debug` shows the names only.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Columns<V>(pub BTreeMap<String, V>);

impl<V> Deref for Columns<V> {
    type Target = BTreeMap<String, V>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V> DerefMut for Columns<V> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<V> fmt::Debug for Columns<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A contact as a read, or the answer to a write, shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The columns that are not empty. The version column is one of them.
    pub data: Columns<String>,
    /// Whether the dialler may call it.
    pub callable: bool,
    /// The version that the contact stores. It is the default if the org stores no versions.
    pub version: Version,
    /// The status of each channel and number. It is empty if the API does not show them.
    pub statuses: Statuses,
}

impl Contact {
    /// Builds a contact from what was read. `version_field` is the column in which the org stores
    /// versions (docs/contract.md "Secrets").
    pub fn new(data: Columns<String>, callable: bool, version_field: Option<&str>) -> Contact {
        let version = version_field.and_then(|column| data.get(column));
        let version = version.map_or_else(Version::default, |text| Version::from_text(text));
        Contact {
            data,
            callable,
            version,
            statuses: Statuses::default(),
        }
    }

    /// Whether this contact is only a placeholder for an opt-out: it may not be called, and it
    /// holds nothing but its version. campaign-sync creates one when somebody opts out who is not
    /// in the campaign (docs/contract.md "Who is not in the campaign").
    pub fn is_hollow(&self) -> bool {
        // A contact that somebody else made not callable is in the campaign, even if it is empty.
        let decision = self.version.decision;
        let is_own = match decision {
            Some(decision) => decision.mark == Mark::Lowered,
            None => self.version.rank.is_none(),
        };
        let is_of_version =
            |text: &String| text.is_empty() || Version::from_text(text).decision.is_some();
        !self.callable && is_own && self.data.values().all(is_of_version)
    }

    /// Whether a column has this value already. Null, empty and absent are equal (docs/contract.md
    /// "Meaning of a change").
    pub(crate) fn holds(&self, column: &str, value: Option<&str>) -> bool {
        self.data.get(column).map_or("", String::as_str) == value.unwrap_or("")
    }
}
