//! A contact list without a campaign, for experiments. `campaign-sync check --probe` uses it to
//! find out what the service does where its documentation is silent (docs/genesys-cloud.md
//! "Unknown").
//!
//! A write is made once and nothing is corrected afterwards: the caller decides what an answer
//! means, and deletes what it created. `facts` looks at the list before that, and `calls` names the
//! calls and their permissions. Lists of campaigns are written in `contact_lists`.

mod calls;
mod facts;
mod texts;

pub use calls::permission;
pub use facts::ScratchFacts;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::failure::{Failure, Kind};
use http::Method;
use percent_encoding::utf8_percent_encode;
use tokio::time::Instant;

use super::call::{Call, Effect};
use super::contact_lists::{json, parse};
use super::predictive::SEGMENT;
use super::run::Run;
use super::{Org, wire};
use calls::{BULK, DELETE, GET, LIST, POST, PUT};

/// The longest time, in all, for which the calls of a list wait because the service answers 429.
const PATIENCE: Duration = Duration::from_mins(1);

/// A contact to write, or a contact in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScratchContact {
    /// The id of the contact.
    pub id: String,
    /// The columns to write, or every column of the contact.
    pub data: BTreeMap<String, String>,
    /// The value of `callable`. `None` leaves it out.
    pub callable: Option<bool>,
}

/// A contact list on which experiments are made.
pub struct ScratchList {
    org: Arc<Org>,
    path: String,
    id: String,
    run: Run,
    /// The time spent so far because the service answered 429.
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

    /// Reads the list only for the headers of the answer.
    ///
    /// # Errors
    /// Those of [`ScratchList::look`].
    pub async fn ask(&self) -> Result<(), Failure> {
        self.read(Method::GET, "", LIST).await.map(drop)
    }

    /// Creates or updates contacts. Returns them as the service shows them, in its order.
    ///
    /// # Errors
    /// [`Kind::Rejected`] if nothing was stored. If a failure [leaves that
    /// unknown](Failure::leaves_unknown), the write may have been executed, or may still be.
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
    /// Those of [`ScratchList::post`].
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
    /// [`Kind::NotFound`] if there is none.
    pub async fn get(&self, id: &str) -> Result<ScratchContact, Failure> {
        let path = self.contact(id);
        let answer = self
            .call(Method::GET, &path, Bytes::new(), Effect::Read, GET)
            .await?;
        parse::<wire::ListContact>(&answer, GET).map(ScratchContact::from)
    }

    /// Reads up to 50 contacts by their ids, in the service's order. Those that do not exist are
    /// left out.
    ///
    /// # Errors
    /// The service does not answer as it should.
    pub async fn bulk(&self, ids: &[String]) -> Result<Vec<ScratchContact>, Failure> {
        let path = format!("{}/contacts/bulk", self.path);
        let body = json(&ids, BULK)?;
        let answer = self
            .call(Method::POST, &path, body, Effect::Read, BULK)
            .await?;
        shown(&answer, BULK)
    }

    /// Deletes up to 250 contacts by their ids, whether they exist or not. It may take a while
    /// until they are gone.
    ///
    /// # Errors
    /// The service does not answer as it should.
    pub async fn delete(&self, ids: &[String]) -> Result<(), Failure> {
        // A delete may be retried, because deleting twice does no harm.
        let path = self.deletion(ids);
        let none = Bytes::new();
        let answer = self.call(Method::DELETE, &path, none, Effect::Read, DELETE);
        answer.await.map(drop)
    }

    /// The path that deletes the contacts with these ids.
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
