//! The CRMs of vendors, as their own APIs answer whoever reads contacts. What a request says that is not
//! understood here is answered 400, and never guessed.

mod dataverse;
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
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use io::Clock;
use io::http::{Transport, TransportError};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::fault::{Effect, Fault, Faults};

/// The token that a vendor lets in which gives its customers one: HubSpot and Pipedrive.
pub const TOKEN: &str = "token-of-the-crm";
/// The client that a vendor lets in which gives its customers one: Salesforce and Dataverse.
pub const CLIENT_ID: &str = "client-of-the-crm";
/// The secret of that client.
pub const CLIENT_SECRET: &str = "secret-of-the-crm";

/// From request to answer.
const LATENCY: Duration = Duration::from_millis(60);

/// Whose API it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// The search of contacts.
    Hubspot,
    /// `query` and `queryAll` of `Contact`, by SOQL.
    Salesforce,
    /// The rows of `contacts`, by its query options.
    Dataverse,
    /// Version 2 of persons.
    Pipedrive,
}

impl Vendor {
    /// The member of a record that holds its id.
    fn id(self) -> &'static str {
        match self {
            Vendor::Hubspot | Vendor::Pipedrive => "id",
            Vendor::Salesforce => "Id",
            Vendor::Dataverse => "contactid",
        }
    }

    /// How many records a page holds at most, where a request does not say.
    fn page(self) -> usize {
        match self {
            Vendor::Hubspot => 10,
            Vendor::Salesforce => 2_000,
            Vendor::Dataverse => 5_000,
            Vendor::Pipedrive => 100,
        }
    }
}

/// One CRM, with all its contacts.
pub struct Crm {
    vendor: Vendor,
    clock: Clock,
    /// The most records of a page, whatever a request says: a vendor may answer fewer.
    most: usize,
    /// What the addresses in its answers begin with, where that is not the host that was asked.
    origin: Option<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By their ids, as the API answers them with every field.
    records: BTreeMap<String, Value>,
    /// What is left of a query, by what its next page is asked for with.
    cursors: BTreeMap<String, Vec<Value>>,
    /// Access tokens, and when they end.
    tokens: BTreeMap<String, Timestamp>,
    /// How many cursors and tokens were made.
    made: usize,
    /// Saved filters of Pipedrive: a field of one's own, and what it holds.
    filters: BTreeMap<String, (String, Value)>,
    /// When it was asked lately.
    asked: Vec<Timestamp>,
    faults: Faults,
    /// Method, path and query of every request.
    requests: Vec<String>,
}

/// What is asked.
struct Ask<'a> {
    method: &'a Method,
    /// What the addresses of an answer begin with.
    origin: String,
    path: &'a str,
    /// Decoded.
    query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    body: &'a [u8],
    now: Timestamp,
    most: usize,
}

/// What is answered.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Answer {
    fn new(status: u16, body: Value) -> Answer {
        let headers = Vec::new();
        Answer {
            status,
            headers,
            body,
        }
    }
}

impl Ask<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The parameters of the query; an error: the first that is not among `known`, or stands twice.
    fn parameters(&self, known: &[&str]) -> Result<BTreeMap<&str, &str>, String> {
        let mut parameters = BTreeMap::new();
        for (name, value) in &self.query {
            if !known.contains(&name.as_str()) {
                return Err(format!("the parameter {name} is not known"));
            }
            if parameters.insert(name.as_str(), value.as_str()).is_some() {
                return Err(format!("the parameter {name} stands twice"));
            }
        }
        Ok(parameters)
    }
}

/// The pairs of a query, or of a form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

impl State {
    /// The first so many of these, and what the rest is asked for with, where there is any.
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
    /// Without any contact.
    pub fn new(vendor: Vendor, clock: Clock) -> Crm {
        Crm {
            vendor,
            clock,
            most: usize::MAX,
            origin: None,
            state: Mutex::default(),
        }
    }

    /// With pages of so many records at most, whatever is asked for.
    #[must_use]
    pub fn with_page(self, most: usize) -> Crm {
        let most = most.max(1);
        Crm { most, ..self }
    }

    /// Served under this address, which the addresses in its answers begin with.
    #[must_use]
    pub fn served_at(self, origin: &str) -> Crm {
        let origin = Some(origin.to_owned());
        Crm { origin, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a record in the place of the one with its id: as the API answers one, with every field that
    /// there is. Of HubSpot that is an object with `id` and `properties`.
    pub fn put(&self, record: Value) {
        let id = match &record[self.vendor.id()] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        };
        self.state().records.insert(id, record);
    }

    /// Saves a filter of Pipedrive: who holds this value in a field of one's own.
    pub fn put_filter(&self, id: &str, field: &str, value: Value) {
        let filter = (field.to_owned(), value);
        self.state().filters.insert(id.to_owned(), filter);
    }

    /// Makes requests fail, from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Ends every access token that was given.
    pub fn end_tokens(&self) {
        self.state().tokens.clear();
    }

    /// Method, path and query of every request, in order.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn answer(&self, request: &Request<Bytes>) -> Answer {
        let uri = request.uri();
        let https = || format!("https://{}", uri.host().unwrap_or_default());
        let ask = Ask {
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

    /// Notes a request, and answers how it is to fail.
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

fn response(status: u16, headers: Vec<(&'static str, String)>, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json;charset=UTF-8");
    response.headers_mut().insert("content-type", json);
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests;
