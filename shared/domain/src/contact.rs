//! A contact as Genesys Cloud holds it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::Version;
use crate::channel::Statuses;
use crate::version::Mark;

/// Columns by name. Values are personal data: `Debug` shows the names alone.
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

/// A contact as it was read, or as a write's answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Columns that hold something, the version column included.
    pub data: Columns<String>,
    /// Whether the dialler may call it.
    pub callable: bool,
    /// What was applied to it; nothing where the org stores none.
    pub version: Version,
    /// Its channels and numbers; nothing where the API does not tell them.
    pub statuses: Statuses,
}

impl Contact {
    /// `version_field` is the column in which the org stores it (docs/contract.md "Secrets").
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

    /// Whether it is what an opt-out leaves of somebody who is not in the campaign: it may not be called,
    /// and holds nothing but what campaign-sync stores of that (docs/contract.md "Who is not in the
    /// campaign").
    pub fn is_hollow(&self) -> bool {
        // Who was made not callable by somebody else is there, whatever they hold.
        let decision = self.version.decision;
        let is_own = match decision {
            Some(decision) => decision.mark == Mark::Lowered,
            None => self.version.rank.is_none(),
        };
        let is_of_version =
            |text: &String| text.is_empty() || Version::from_text(text).decision.is_some();
        !self.callable && is_own && self.data.values().all(is_of_version)
    }

    /// Whether a column holds this already. Null, empty and absent are equal (docs/contract.md
    /// "Meaning of a change").
    pub(crate) fn holds(&self, column: &str, value: Option<&str>) -> bool {
        self.data.get(column).map_or("", String::as_str) == value.unwrap_or("")
    }
}
