//! The CRMs of four vendors: the part of each API with which contacts are read.
//!
//! campaign-sync reads a CRM by configuration alone: docs/crm.md has a feed for each vendor. These
//! emulators show that the configuration works. They follow the vendor's documentation, with
//! paging, rate limits and tokens, and answer 400 to anything that they do not know instead of
//! guessing.
//!
//! [`Crm`] holds the contacts and decides whether a request fails; `hubspot`, `salesforce`,
//! `dataverse` and `pipedrive` each answer for one vendor. [`crate::feed`] is the neutral feed
//! of docs/contract.md, which no vendor has.

mod dataverse;
mod exchange;
mod filter;
mod hubspot;
mod pipedrive;
mod salesforce;
mod token;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::Clock;
use io::http::{Transport, TransportError};
use jiff::Timestamp;
use serde_json::Value;

use crate::fault::{Effect, Fault, Faults};
use exchange::{ApiAnswer, ApiRequest, pairs, response};

/// The API token of HubSpot and Pipedrive.
pub const TOKEN: &str = "token-of-the-crm";
/// The OAuth client of Salesforce and Dataverse.
pub const CLIENT_ID: &str = "client-of-the-crm";
/// The secret of [`CLIENT_ID`].
pub const CLIENT_SECRET: &str = "secret-of-the-crm";

/// The time from a request to its answer.
const LATENCY: Duration = Duration::from_millis(60);

/// The vendor whose API a [`Crm`] serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// The search endpoint for contacts.
    Hubspot,
    /// The endpoints `query` and `queryAll` with SOQL over `Contact`.
    Salesforce,
    /// The rows of `contacts` with the query options of the Web API.
    Dataverse,
    /// The persons of version 2 of the API.
    Pipedrive,
}

impl Vendor {
    /// The name of the member that holds a record's id.
    fn id(self) -> &'static str {
        match self {
            Vendor::Hubspot | Vendor::Pipedrive => "id",
            Vendor::Salesforce => "Id",
            Vendor::Dataverse => "contactid",
        }
    }

    /// How many records a page holds if a request does not say.
    fn page(self) -> usize {
        match self {
            Vendor::Hubspot => 10,
            Vendor::Salesforce => 2_000,
            Vendor::Dataverse => 5_000,
            Vendor::Pipedrive => 100,
        }
    }
}

/// The CRM of one vendor, with all its contacts.
pub struct Crm {
    vendor: Vendor,
    clock: Clock,
    /// The most records of a page, however many a request asks for. A vendor may return fewer.
    most: usize,
    /// The scheme and host of the addresses in answers. `None` means the host of the request.
    origin: Option<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// All contacts by their ids, each with every field.
    records: BTreeMap<String, Value>,
    /// The records that a query has still to return, by the cursor of its next page.
    cursors: BTreeMap<String, Vec<Value>>,
    /// The access tokens with the times at which they expire.
    tokens: BTreeMap<String, Timestamp>,
    /// How many cursors and tokens have been issued. It makes the next one unique.
    made: usize,
    /// The saved filters of Pipedrive: a custom field and the value that it must hold.
    filters: BTreeMap<String, (String, Value)>,
    /// The times of the latest requests, for the rate limit.
    asked: Vec<Timestamp>,
    faults: Faults,
    /// The method, path and query of every request.
    requests: Vec<String>,
}

impl State {
    /// The first `most` records, and a cursor for the others if there are any.
    fn page(
        &mut self,
        mut records: Vec<Value>,
        most: usize,
        name: impl Fn(usize) -> String,
    ) -> (Vec<Value>, Option<String>) {
        if records.len() <= most {
            return (records, None);
        }
        let rest = records.split_off(most);
        self.made += 1;
        let cursor = name(self.made);
        self.cursors.insert(cursor.clone(), rest);
        (records, Some(cursor))
    }
}

impl Crm {
    /// A CRM without contacts.
    pub fn new(vendor: Vendor, clock: Clock) -> Crm {
        Crm {
            vendor,
            clock,
            most: usize::MAX,
            origin: None,
            state: Mutex::default(),
        }
    }

    /// Limits pages to `most` records, however many a request asks for.
    #[must_use]
    pub fn with_page(self, most: usize) -> Crm {
        let most = most.max(1);
        Crm { most, ..self }
    }

    /// Sets the address that the addresses in answers begin with.
    #[must_use]
    pub fn served_at(self, origin: &str) -> Crm {
        let origin = Some(origin.to_owned());
        Crm { origin, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a record, and replaces the one with the same id. The record has every field, in the
    /// shape of the API; for HubSpot that is an object with `id` and `properties`.
    pub fn put(&self, record: Value) {
        let id = match &record[self.vendor.id()] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        };
        self.state().records.insert(id, record);
    }

    /// Saves a Pipedrive filter for the persons that hold this value in a custom field.
    pub fn put_filter(&self, id: &str, field: &str, value: Value) {
        let filter = (field.to_owned(), value);
        self.state().filters.insert(id.to_owned(), filter);
    }

    /// Makes requests fail from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Revokes every access token.
    pub fn end_tokens(&self) {
        self.state().tokens.clear();
    }

    /// The method, path and query of every request, in order.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn answer(&self, request: &Request<Bytes>) -> ApiAnswer {
        let uri = request.uri();
        let https = || format!("https://{}", uri.host().unwrap_or_default());
        let ask = ApiRequest {
            method: request.method(),
            origin: self.origin.clone().unwrap_or_else(https),
            path: uri.path(),
            query: pairs(uri.query().unwrap_or_default()),
            headers: request.headers(),
            body: request.body(),
            now: self.clock.now(),
            most: self.most,
        };
        let mut state = self.state();
        match self.vendor {
            Vendor::Hubspot => hubspot::answer(&mut state, &ask),
            Vendor::Salesforce => salesforce::answer(&mut state, &ask),
            Vendor::Dataverse => dataverse::answer(&mut state, &ask),
            Vendor::Pipedrive => pipedrive::answer(&state, &ask),
        }
    }

    /// Records a request, and returns the fault that applies to it.
    fn strike(&self, request: &Request<Bytes>) -> Option<Effect> {
        let (method, uri) = (request.method().as_str(), request.uri());
        let path = uri.path_and_query().map(ToString::to_string);
        let path = path.unwrap_or_default();
        let mut state = self.state();
        state.requests.push(format!("{method} {path}"));
        state.faults.strike(method, &path)
    }
}

impl Transport for Crm {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let effect = self.strike(&request);
            let latency = match effect {
                Some(Effect::Slow(latency)) => latency,
                Some(Effect::Hang { .. }) => Duration::MAX,
                _ => LATENCY,
            };
            tokio::time::sleep(latency.min(timeout)).await;
            if latency > timeout {
                return Err(TransportError::TimedOut);
            }
            let (status, headers, text) = match effect {
                Some(Effect::Lost { .. }) => return Err(TransportError::Lost),
                Some(Effect::Status(status, headers)) => (status, headers, String::new()),
                Some(Effect::Text(text)) => (200, Vec::new(), text),
                None | Some(Effect::Slow(_) | Effect::Hang { .. }) => {
                    let answer = self.answer(&request);
                    (answer.status, answer.headers, answer.body.to_string())
                }
            };
            Ok(response(status, headers, text))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
