//! The bodies of requests and answers (docs/contract.md "Predictive API", docs/genesys-cloud.md
//! "Contacts of a contact list"). Unknown members are ignored.
//!
//! Nothing is decided here: the types of [`domain`] are made from these in `predictive`,
//! `contact_lists` and `dnc`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use domain::contact::Columns;
use domain::json::Text;
use secrecy::SecretString;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) access_token: SecretString,
    /// The lifetime in seconds.
    pub(super) expires_in: u64,
}

/// A contact in an answer.
#[derive(Deserialize)]
pub(super) struct Contact {
    pub(super) id: String,
    pub(super) data: BTreeMap<String, Option<String>>,
    pub(super) callable: bool,
}

/// A contact in the answer to a POST.
#[derive(Deserialize)]
pub(super) struct Created {
    pub(super) id: String,
}

/// A contact in the body of a POST.
#[derive(Serialize)]
pub(super) struct Create<'a> {
    pub(super) id: &'a str,
    pub(super) data: Columns<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callable: Option<bool>,
}

/// The body of a PATCH.
#[derive(Serialize)]
pub(super) struct Update {
    pub(super) data: Columns<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callable: Option<bool>,
}

/// A campaign of the contact list API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Campaign {
    pub(super) contact_list: Reference,
    pub(super) dnc_lists: Option<Vec<Mention>>,
}

/// A campaign, with the settings that decide whom it dials.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DialledCampaign {
    pub(super) name: Option<String>,
    pub(super) campaign_status: Option<String>,
    pub(super) contact_list_filters: Option<Vec<Mention>>,
    pub(super) phone_columns: Option<Vec<ReachedColumn>>,
    pub(super) dnc_lists: Option<Vec<Mention>>,
}

/// Something that a campaign names beside its list. Contacts can be written even if it is faulty.
#[derive(Deserialize)]
pub(super) struct Mention {
    pub(super) id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContactList {
    pub(super) column_names: Vec<String>,
    pub(super) phone_columns: Option<Vec<ReachedColumn>>,
    pub(super) column_data_type_specifications: Option<Vec<TypedColumn>>,
}

/// A contact list with the purposes of its columns.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WholeList {
    pub(super) column_names: Vec<String>,
    pub(super) phone_columns: Option<Vec<ReachedColumn>>,
    pub(super) email_columns: Option<Vec<ReachedColumn>>,
    pub(super) whats_app_columns: Option<Vec<ReachedColumn>>,
    pub(super) zip_code_column_name: Option<String>,
    pub(super) preview_mode_column_name: Option<String>,
    pub(super) column_data_type_specifications: Option<Vec<TypedColumn>>,
    /// Present only if it was asked for.
    pub(super) size: Option<u64>,
    /// Present only if it was asked for and a file was imported.
    pub(super) import_status: Option<ImportStatus>,
}

/// The newest export of a contact list that is ready.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportUri {
    pub(super) uri: Option<String>,
    pub(super) export_timestamp: Option<String>,
}

/// The address of a download, in place of a redirect.
#[derive(Deserialize)]
pub(super) struct Address {
    pub(super) url: String,
}

/// The progress of an import of a file into a list.
#[derive(Deserialize)]
pub(super) struct ImportStatus {
    pub(super) state: Option<String>,
}

/// A column of a phone number or an address, and the column that says when it may be used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReachedColumn {
    pub(super) column_name: Option<String>,
    pub(super) callable_time_column: Option<String>,
    pub(super) contactable_time_column: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypedColumn {
    pub(super) column_name: Option<String>,
    pub(super) column_data_type: Option<String>,
    /// The most characters of a text.
    pub(super) max_length: Option<usize>,
}

/// A page of a search.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SearchAnswer {
    pub(super) entities: Vec<FoundContact>,
    pub(super) total: Option<u64>,
    pub(super) contacts_count: Option<u64>,
}

/// A contact that a search found.
#[derive(Deserialize)]
pub(super) struct FoundContact {
    pub(super) id: Option<String>,
}

/// A page of campaigns.
#[derive(Deserialize)]
pub(super) struct CampaignPage {
    pub(super) entities: Vec<Reference>,
}

/// A contact of a list, in an answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListContact {
    pub(super) id: String,
    #[serde(deserialize_with = "held")]
    pub(super) data: Columns<String>,
    pub(super) callable: Option<bool>,
    /// Whatever this holds is written back unchanged.
    #[serde(default)]
    pub(super) contactable_status: Value,
    /// Whatever this holds is written back unchanged.
    #[serde(default)]
    pub(super) phone_number_status: Value,
}

/// Reads columns, without those that are null.
fn held<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Columns<String>, D::Error> {
    struct Held;
    impl<'de> Visitor<'de> for Held {
        type Value = Columns<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("columns")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut columns = Columns::default();
            while let Some((name, value)) = map.next_entry::<Text<'_>, Option<Text<'_>>>()? {
                if let Some(value) = value {
                    columns.insert(name.0.into_owned(), value.0.into_owned());
                }
            }
            Ok(columns)
        }
    }
    deserializer.deserialize_map(Held)
}

/// A contact of a list, in the body of a POST.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WrittenListContact<'a> {
    pub(super) id: &'a str,
    pub(super) contact_list_id: &'a str,
    pub(super) data: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callable: Option<bool>,
    /// Present only if one of them is lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contactable_status: Option<&'a Map<String, Value>>,
    /// Present only if one of them is lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_number_status: Option<&'a Map<String, Value>>,
}

/// A contact of a list, in the body of a PUT.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutListContact<'a> {
    pub(super) contact_list_id: &'a str,
    pub(super) data: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callable: Option<bool>,
}

/// A DNC list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DncList {
    pub(super) dnc_source_type: String,
    pub(super) contact_method: Option<String>,
    pub(super) custom_exclusion_column: Option<String>,
    /// Present only if it was asked for.
    pub(super) size: Option<u64>,
}

/// Entries to add to a DNC list or to remove from it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DncPatch<'a> {
    pub(super) action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_numbers: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom_exclusion_column_entries: Option<&'a [&'a str]>,
}

/// The part of an error's body that cannot quote what was sent.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) code: Option<String>,
    /// Present in answers of the token endpoint.
    pub(super) error: Option<String>,
}
