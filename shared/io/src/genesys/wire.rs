//! Bodies as they go over the wire (docs/contract.md "Predictive API", docs/genesys-cloud.md
//! "Contacts of a contact list"). Unknown members are ignored.

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
    /// Seconds.
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

/// A contact in a POST.
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

/// A campaign, with what decides whom it dials.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DialledCampaign {
    pub(super) name: Option<String>,
    pub(super) campaign_status: Option<String>,
    pub(super) contact_list_filters: Option<Vec<Mention>>,
    pub(super) phone_columns: Option<Vec<ReachedColumn>>,
    pub(super) dnc_lists: Option<Vec<Mention>>,
}

/// What a campaign names beside its list: no trouble of it keeps contacts from being written.
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

/// A contact list with what its columns are for.
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
    /// Where it was asked for.
    pub(super) size: Option<u64>,
    /// Where it was asked for, and a file was imported.
    pub(super) import_status: Option<ImportStatus>,
}

/// The newest export of a contact list that is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportUri {
    pub(super) uri: Option<String>,
    pub(super) export_timestamp: Option<String>,
}

/// Where a download is, in the place of a redirect.
#[derive(Deserialize)]
pub(super) struct Address {
    pub(super) url: String,
}

/// How far the import of a file into a list came.
#[derive(Deserialize)]
pub(super) struct ImportStatus {
    pub(super) state: Option<String>,
}

/// A column of a number or an address, and the column that says when that may be used.
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
    /// Of a text, in characters.
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

/// Campaigns in a listing.
#[derive(Deserialize)]
pub(super) struct Campaigns {
    pub(super) entities: Vec<Reference>,
}

/// A contact of a list in an answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListContact {
    pub(super) id: String,
    #[serde(deserialize_with = "held")]
    pub(super) data: Columns<String>,
    pub(super) callable: Option<bool>,
    /// Whatever it holds is written back as it is.
    #[serde(default)]
    pub(super) contactable_status: Value,
    /// Likewise.
    #[serde(default)]
    pub(super) phone_number_status: Value,
}

/// Columns that are not null.
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

/// A contact of a list in a POST.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WrittenListContact<'a> {
    pub(super) id: &'a str,
    pub(super) contact_list_id: &'a str,
    pub(super) data: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callable: Option<bool>,
    /// Only where one of them is lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contactable_status: Option<&'a Map<String, Value>>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_number_status: Option<&'a Map<String, Value>>,
}

/// A contact of a list in a PUT.
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
    /// Where it was asked for.
    pub(super) size: Option<u64>,
}

/// Entries that are put on a DNC list, or taken from it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DncPatch<'a> {
    pub(super) action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_numbers: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom_exclusion_column_entries: Option<&'a [&'a str]>,
}

/// The part of an error body that holds no text of the caller's.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) code: Option<String>,
    /// Of the token endpoint.
    pub(super) error: Option<String>,
}
