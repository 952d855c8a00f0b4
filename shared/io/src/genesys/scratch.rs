//! A contact list that no campaign draws on, call by call: for finding out what the service does
//! where its documentation does not say it (docs/genesys-cloud.md "Unknown").
//!
//! No write here is made twice, and none is put right: whoever writes decides what an answer means,
//! and deletes what was made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use domain::contact::Columns;
use domain::failure::Failure;
use http::Method;
use percent_encoding::utf8_percent_encode;
use serde_json::json;

use super::call::{Call, Effect};
use super::contact_lists::{json, parse};
use super::predictive::SEGMENT;
use super::run::Run;
use super::{Org, wire};

const LIST: &str = "GET contact list";
const CAMPAIGNS: &str = "GET campaigns";
const SEARCH: &str = "POST contacts/search";
const POST: &str = "POST contacts";
const PUT: &str = "PUT contact";
const GET: &str = "GET contact";
const BULK: &str = "POST contacts/bulk";
const DELETE: &str = "DELETE contacts";

/// A contact as it is written, or as an answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScratchContact {
    /// Its id.
    pub id: String,
    /// The columns that are written, or all that it has.
    pub data: BTreeMap<String, String>,
    /// `None`: it is left out.
    pub callable: Option<bool>,
}

/// What is to be known of a list before anything is written to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScratchFacts {
    /// Every column.
    pub columns: BTreeSet<String>,
    /// Those of them that take any text: no phone numbers, addresses, times or zip codes.
    pub texts: Vec<String>,
    /// Campaigns that draw on it.
    pub campaigns: Vec<String>,
    /// How many contacts it holds: the higher of what the list and a search say.
    pub contacts: u64,
}

/// The list.
pub struct ScratchList {
    org: Arc<Org>,
    path: String,
    id: String,
    run: Run,
}

impl ScratchList {
    /// Makes no call.
    pub fn new(org: Arc<Org>, id: &str, run: Run) -> ScratchList {
        ScratchList {
            org,
            path: format!(
                "/api/v2/outbound/contactlists/{}",
                utf8_percent_encode(id, SEGMENT)
            ),
            id: id.to_owned(),
            run,
        }
    }

    /// Looks at the list: three calls, none of which alters anything.
    ///
    /// # Errors
    /// [`Kind::NotFound`](domain::failure::Kind::NotFound) where there is no such list,
    /// [`Kind::Refused`](domain::failure::Kind::Refused) where a permission is missing.
    pub async fn look(&self) -> Result<ScratchFacts, Failure> {
        let answer = self.read(Method::GET, "?includeSize=true", LIST).await?;
        let list: wire::WholeList = parse(&answer, LIST)?;
        let path = format!(
            "/api/v2/outbound/campaigns?contactListId={}&pageSize=100",
            utf8_percent_encode(&self.id, SEGMENT)
        );
        let none = Bytes::new();
        let answer = self.call(Method::GET, &path, none, Effect::Read, CAMPAIGNS);
        let found: wire::Campaigns = parse(&answer.await?, CAMPAIGNS)?;
        let body = json(&json!({ "pageNumber": 1, "pageSize": 1 }), SEARCH)?;
        let path = format!("{}/contacts/search", self.path);
        let answer = self.call(Method::POST, &path, body, Effect::Read, SEARCH);
        let search: wire::SearchAnswer = parse(&answer.await?, SEARCH)?;
        let campaigns = found.entities.into_iter().map(|campaign| campaign.id);
        let shown = search.entities.len() as u64;
        Ok(ScratchFacts {
            texts: list.texts(),
            contacts: [list.size, search.total, search.contacts_count]
                .into_iter()
                .flatten()
                .fold(shown, u64::max),
            columns: list.column_names.into_iter().collect(),
            campaigns: campaigns.collect(),
        })
    }

    /// Asks for the list, for what the answer's headers tell.
    ///
    /// # Errors
    /// As [`ScratchList::look`].
    pub async fn ask(&self) -> Result<(), Failure> {
        self.read(Method::GET, "", LIST).await.map(drop)
    }

    /// Adds or updates contacts, as they are given. Answers them as the service shows them, in its
    /// order.
    ///
    /// # Errors
    /// [`Kind::Rejected`](domain::failure::Kind::Rejected) where nothing was stored. Where a
    /// failure [leaves that unknown](Failure::leaves_unknown) it may be done, or be done yet.
    pub async fn post(&self, contacts: &[ScratchContact]) -> Result<Vec<ScratchContact>, Failure> {
        let body: Vec<_> = contacts
            .iter()
            .map(|contact| wire::WrittenListContact {
                id: &contact.id,
                contact_list_id: &self.id,
                data: Columns(contact.data.clone()),
                callable: contact.callable,
            })
            .collect();
        let path = format!("{}/contacts?doNotQueue=true", self.path);
        let effect = Effect::Write(contacts.len());
        let answer = self
            .call(Method::POST, &path, json(&body, POST)?, effect, POST)
            .await?;
        shown(&answer, POST)
    }

    /// Writes one contact that exists.
    ///
    /// # Errors
    /// As [`ScratchList::post`].
    pub async fn put(&self, contact: &ScratchContact) -> Result<(), Failure> {
        let body = wire::PutListContact {
            contact_list_id: &self.id,
            data: &contact.data,
            callable: contact.callable,
        };
        let path = self.contact(&contact.id);
        self.call(Method::PUT, &path, json(&body, PUT)?, Effect::Write(1), PUT)
            .await
            .map(drop)
    }

    /// Reads one contact.
    ///
    /// # Errors
    /// [`Kind::NotFound`](domain::failure::Kind::NotFound) where there is none.
    pub async fn get(&self, id: &str) -> Result<ScratchContact, Failure> {
        let path = self.contact(id);
        let answer = self
            .call(Method::GET, &path, Bytes::new(), Effect::Read, GET)
            .await?;
        parse::<wire::ListContact>(&answer, GET).map(ScratchContact::from)
    }

    /// Reads the contacts of these ids, at most 50, in the service's order; those that do not exist
    /// are not in the answer.
    ///
    /// # Errors
    /// Where the service does not answer as it should.
    pub async fn bulk(&self, ids: &[String]) -> Result<Vec<ScratchContact>, Failure> {
        let path = format!("{}/contacts/bulk", self.path);
        let body = json(&ids, BULK)?;
        let answer = self
            .call(Method::POST, &path, body, Effect::Read, BULK)
            .await?;
        shown(&answer, BULK)
    }

    /// Deletes the contacts of these ids, at most 250, whether they exist or not. It may take a
    /// while until they are gone.
    ///
    /// # Errors
    /// Where the service does not answer as it should.
    pub async fn delete(&self, ids: &[String]) -> Result<(), Failure> {
        let ids: Vec<_> = ids
            .iter()
            .map(|id| format!("contactIds={}", utf8_percent_encode(id, SEGMENT)))
            .collect();
        let path = format!("/contacts?{}", ids.join("&"));
        // As often as it helps: what is deleted twice is deleted.
        self.read(Method::DELETE, &path, DELETE).await.map(drop)
    }

    fn contact(&self, id: &str) -> String {
        format!(
            "{}/contacts/{}",
            self.path,
            utf8_percent_encode(id, SEGMENT)
        )
    }

    async fn read(
        &self,
        method: Method,
        what_of_it: &str,
        what: &'static str,
    ) -> Result<Bytes, Failure> {
        let path = format!("{}{what_of_it}", self.path);
        self.call(method, &path, Bytes::new(), Effect::Read, what)
            .await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        effect: Effect,
        what: &'static str,
    ) -> Result<Bytes, Failure> {
        let call = Call {
            method,
            path,
            body,
            effect,
            campaign: None,
            what,
        };
        self.org.call(&self.run, &call).await
    }
}

impl wire::WholeList {
    /// In their order: columns that nothing is said of but their name.
    fn texts(&self) -> Vec<String> {
        let reserved: BTreeSet<_> = self.reserved().collect();
        let names = self.column_names.iter();
        names
            .filter(|name| !reserved.contains(name.as_str()))
            .cloned()
            .collect()
    }

    fn reserved(&self) -> impl Iterator<Item = &str> {
        let typed = self.column_data_type_specifications.iter().flatten();
        let typed = typed
            .filter(|column| column.column_data_type.as_deref() != Some("TEXT"))
            .filter_map(|column| column.column_name.as_deref());
        let reached = [
            &self.phone_columns,
            &self.email_columns,
            &self.whats_app_columns,
        ];
        let reached = reached.into_iter().flatten().flatten();
        let reached = reached.flat_map(|column| {
            let times = [
                &column.callable_time_column,
                &column.contactable_time_column,
            ];
            times.into_iter().chain([&column.column_name]).flatten()
        });
        let named = [&self.zip_code_column_name, &self.preview_mode_column_name];
        reached
            .chain(named.into_iter().flatten())
            .map(String::as_str)
            .chain(typed)
    }
}

impl From<wire::ListContact> for ScratchContact {
    fn from(contact: wire::ListContact) -> ScratchContact {
        let data = contact.data.into_iter();
        ScratchContact {
            id: contact.id,
            data: data
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            callable: contact.callable,
        }
    }
}

fn shown(answer: &[u8], what: &str) -> Result<Vec<ScratchContact>, Failure> {
    let found: Vec<wire::ListContact> = parse(answer, what)?;
    Ok(found.into_iter().map(ScratchContact::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_for_something_takes_not_any_text() {
        let list = json!({
            "columnNames": ["phone", "phoneTime", "mail", "chat", "zip", "preview", "due", "score", "note", "name", "rank"],
            "phoneColumns": [{ "columnName": "phone", "type": "cell", "callableTimeColumn": "phoneTime" }],
            "emailColumns": [{ "columnName": "mail", "type": "work" }],
            "whatsAppColumns": [{ "columnName": "chat", "type": "cell" }],
            "zipCodeColumnName": "zip",
            "previewModeColumnName": "preview",
            "columnDataTypeSpecifications": [
                { "columnName": "due", "columnDataType": "TIMESTAMP" },
                { "columnName": "score", "columnDataType": "NUMERIC" },
                { "columnName": "note", "columnDataType": "TEXT" },
            ],
        });
        let list: wire::WholeList = serde_json::from_value(list).unwrap();
        assert_eq!(list.texts(), ["note", "name", "rank"]);
        let list = json!({ "columnNames": ["a"], "emailColumns": null });
        let list: wire::WholeList = serde_json::from_value(list).unwrap();
        assert_eq!(list.texts(), ["a"]);
    }
}
