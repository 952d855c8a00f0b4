//! The feed of a CRM: the current state of its contacts, page by page (docs/contract.md "CRM
//! feed").
//!
//! Reconcile reads it. One feed serves all orgs. [`Feed::control`] lets an operator put contacts
//! and faults from outside.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use io::Clock;
use io::http::{Transport, TransportError};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::fault::{self, Effect, Fault, Faults};

/// The time from a request to its answer.
const LATENCY: Duration = Duration::from_millis(40);

/// The prefix of the paths that [`Feed::control`] answers.
pub const CONTROL_PREFIX: &str = "/_emulator/feed/";

/// The feed of one CRM, for all orgs.
pub struct Feed {
    clock: Clock,
    token: String,
    page_size: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By campaign and contact key: the change without an event id, and when the CRM changed it.
    contacts: BTreeMap<(String, String), (Value, Timestamp)>,
    faults: Faults,
    /// The path and the query of every request.
    requests: Vec<String>,
}

impl Feed {
    /// An empty CRM that accepts this bearer token.
    pub fn new(clock: Clock, token: &str, page_size: usize) -> Feed {
        Feed {
            clock,
            token: token.to_owned(),
            page_size: page_size.max(1),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the current state of a contact: a change without `eventId`. If it names no campaign
    /// or no key, every campaign lists it.
    pub fn put(&self, contact: Value) {
        let text = |name: &str| contact[name].as_str().unwrap_or_default().to_owned();
        let key = (text("campaignId"), text("contactKey"));
        let now = self.clock.now();
        self.state().contacts.insert(key, (contact, now));
    }

    /// Makes requests fail from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// The path and the query of every request, in order.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Answers a request to the emulator itself, under [`CONTROL_PREFIX`]: `PUT contacts` with one
    /// contact or an array, `POST faults`, `DELETE faults`.
    pub fn control(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let wrong = |message: String| (400, json!({ "error": message }));
        match (
            method,
            path.strip_prefix(CONTROL_PREFIX).unwrap_or_default(),
        ) {
            ("PUT", "contacts") => match serde_json::from_slice(body) {
                Ok(Value::Array(contacts)) => {
                    contacts.into_iter().for_each(|contact| self.put(contact))
                }
                Ok(contact @ Value::Object(_)) => self.put(contact),
                _ => return wrong("expected a contact, or an array of them".to_owned()),
            },
            ("POST", "faults") => match fault::read(body) {
                Ok(fault) => self.add_fault(fault),
                Err(message) => return wrong(message),
            },
            ("DELETE", "faults") => self.state().faults.clear(),
            _ => return (404, json!({ "error": "no such control" })),
        }
        (200, json!({}))
    }

    fn answer(&self, request: &Request<Bytes>) -> (u16, Value) {
        let token = request
            .headers()
            .get("authorization")
            .and_then(|text| text.to_str().ok());
        if token.and_then(|text| text.strip_prefix("Bearer ")) != Some(&self.token) {
            return (401, json!({ "error": "unauthorized" }));
        }
        let query = request.uri().query().unwrap_or_default();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query: BTreeMap<_, _> = pairs
            .map(|(name, value)| {
                (
                    name,
                    percent_decode_str(value).decode_utf8_lossy().into_owned(),
                )
            })
            .collect();
        let since = query
            .get("since")
            .and_then(|since| since.parse::<Timestamp>().ok());
        let from = query
            .get("cursor")
            .map_or(Ok(0), |cursor| cursor.parse::<usize>());
        let (Some(campaign), Some(since), Ok(from)) = (query.get("campaignId"), since, from) else {
            return (
                400,
                json!({ "error": "expected campaignId, since and perhaps cursor" }),
            );
        };
        let state = self.state();
        let of_campaign = |of: &str| of == campaign || of.is_empty();
        let listed = state
            .contacts
            .iter()
            .filter(|((of, _), (_, at))| of_campaign(of) && *at >= since);
        let listed: Vec<_> = listed.map(|(_, (contact, _))| contact).skip(from).collect();
        let next = (listed.len() > self.page_size).then(|| (from + self.page_size).to_string());
        (
            200,
            json!({ "contacts": &listed[..listed.len().min(self.page_size)], "next": next }),
        )
    }
}

impl Transport for Feed {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let path = request
                .uri()
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default();
            let effect = {
                let mut state = self.state();
                state.requests.push(path.clone());
                state.faults.strike(request.method().as_str(), &path)
            };
            let latency = match effect {
                Some(Effect::Slow(latency)) => latency,
                Some(Effect::Hang { .. }) => Duration::MAX,
                _ => LATENCY,
            };
            if latency > timeout {
                tokio::time::sleep(timeout).await;
                return Err(TransportError::TimedOut);
            }
            tokio::time::sleep(latency).await;
            let (status, headers, text) = match effect {
                Some(Effect::Lost { .. }) => return Err(TransportError::Lost),
                Some(Effect::Status(status, headers)) => (
                    status,
                    headers,
                    json!({ "error": "on purpose" }).to_string(),
                ),
                Some(Effect::Text(text)) => (200, Vec::new(), text),
                None | Some(Effect::Slow(_) | Effect::Hang { .. }) => {
                    let (status, body) = self.answer(&request);
                    (status, Vec::new(), body.to_string())
                }
            };
            let mut response = Response::new(Bytes::from(text));
            *response.status_mut() =
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let json = ("content-type", "application/json".to_owned());
            for (name, value) in headers.into_iter().chain([json]) {
                if let Ok(value) = value.parse() {
                    response.headers_mut().insert(name, value);
                }
            }
            Ok(response)
        }
        .boxed()
    }
}
