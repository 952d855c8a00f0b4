//! A contact list that no campaign draws on, call by call: for finding out what the service does
//! where its documentation does not say it (docs/genesys-cloud.md "Unknown").
//!
//! No write here is made twice, and none is put right: whoever writes decides what an answer means,
//! and deletes what was made.

mod calls;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::failure::{Failure, Kind};
use http::Method;
use percent_encoding::utf8_percent_encode;
use serde_json::json;
use tokio::time::Instant;

use super::call::{Call, Effect};
use super::contact_lists::{json, parse};
use super::predictive::SEGMENT;
use super::run::Run;
use super::{Org, wire};
use calls::{BULK, CAMPAIGNS, DELETE, GET, LIST, POST, PUT, SEARCH};

pub use calls::permission;

/// The longest that the calls of a list go on being made while the service answers 429, all together.
const PATIENCE: Duration = Duration::from_mins(1);

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
    /// Ids of those that a search shows: the first hundred.
    pub ids: Vec<String>,
    /// Whether a file is being imported into it.
    pub is_importing: bool,
}

/// The list.
pub struct ScratchList {
    org: Arc<Org>,
    path: String,
    id: String,
    run: Run,
    /// How long it was waited until now because the service answered 429.
    throttled: Mutex<Duration>,
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
            throttled: Mutex::default(),
        }
    }

    /// Looks at the list: three calls, none of which alters anything.
    ///
    /// # Errors
    /// [`Kind::NotFound`] where there is no such list,
    /// [`Kind::Refused`] where a permission is missing.
    pub async fn look(&self) -> Result<ScratchFacts, Failure> {
        let answer = self
            .read(
                Method::GET,
                "?includeSize=true&includeImportStatus=true",
                LIST,
            )
            .await?;
        let list: wire::WholeList = parse(&answer, LIST)?;
        let path = format!(
            "/api/v2/outbound/campaigns?contactListId={}&pageSize=100",
            utf8_percent_encode(&self.id, SEGMENT)
        );
        let none = Bytes::new();
        let answer = self.call(Method::GET, &path, none, Effect::Read, CAMPAIGNS);
        let found: wire::Campaigns = parse(&answer.await?, CAMPAIGNS)?;
        let body = json(&json!({ "pageNumber": 1, "pageSize": 100 }), SEARCH)?;
        let path = format!("{}/contacts/search", self.path);
        let answer = self.call(Method::POST, &path, body, Effect::Read, SEARCH);
        let search: wire::SearchAnswer = parse(&answer.await?, SEARCH)?;
        let campaigns = found.entities.into_iter().map(|campaign| campaign.id);
        let shown = search.entities.len() as u64;
        let import = list.import_status.as_ref();
        let state = import.and_then(|import| import.state.as_deref());
        Ok(ScratchFacts {
            is_importing: state == Some("IN_PROGRESS"),
            texts: list.texts(),
            contacts: [list.size, search.total, search.contacts_count]
                .into_iter()
                .flatten()
                .fold(shown, u64::max),
            ids: search
                .entities
                .into_iter()
                .filter_map(|found| found.id)
                .collect(),
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
    /// [`Kind::Rejected`] where nothing was stored. Where a
    /// failure [leaves that unknown](Failure::leaves_unknown) it may be done, or be done yet.
    pub async fn post(&self, contacts: &[ScratchContact]) -> Result<Vec<ScratchContact>, Failure> {
        let body: Vec<_> = contacts
            .iter()
            .map(|contact| wire::WrittenListContact {
                id: &contact.id,
                contact_list_id: &self.id,
                data: contact
                    .data
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.into()))
                    .collect(),
                callable: contact.callable,
                contactable_status: None,
                phone_number_status: None,
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
    /// [`Kind::NotFound`] where there is none.
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
        // As often as it helps: what is deleted twice is deleted.
        let path = self.deletion(ids);
        let none = Bytes::new();
        let answer = self.call(Method::DELETE, &path, none, Effect::Read, DELETE);
        answer.await.map(drop)
    }

    /// The path by which the contacts of these ids are deleted.
    pub fn deletion(&self, ids: &[String]) -> String {
        let named = |id: &String| format!("contactIds={}", utf8_percent_encode(id, SEGMENT));
        let ids: Vec<_> = ids.iter().map(named).collect();
        format!("{}/contacts?{}", self.path, ids.join("&"))
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
        loop {
            let began = Instant::now();
            match self.org.call(&self.run, &call).await {
                // Nothing was done, and the next call waits as long as the service says.
                Err(failure) if self.may_wait(&failure, began.elapsed()) => {}
                answer => return answer,
            }
        }
    }

    fn may_wait(&self, failure: &Failure, took: Duration) -> bool {
        let Kind::Throttled { after } = failure.kind else {
            return false;
        };
        let mut throttled = self
            .throttled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *throttled += took;
        *throttled + after <= PATIENCE
    }
}

impl From<wire::ListContact> for ScratchContact {
    fn from(contact: wire::ListContact) -> ScratchContact {
        ScratchContact {
            id: contact.id,
            data: contact.data.0,
            callable: contact.callable,
        }
    }
}

fn shown(answer: &[u8], what: &str) -> Result<Vec<ScratchContact>, Failure> {
    let found: Vec<wire::ListContact> = parse(answer, what)?;
    Ok(found.into_iter().map(ScratchContact::from).collect())
}
