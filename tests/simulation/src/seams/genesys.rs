//! One copy's way to Genesys Cloud.
//!
//! A call passes through files of their own: `defects` puts the run's mutant in, `watch` checks the
//! call and its answer against the promises, `faults` lets single faults strike, `in_trouble`
//! answers while an org is in trouble, and `agents` writes to contacts in between. The service
//! itself is the emulator.

mod agents;
mod defects;
mod faults;
mod in_trouble;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};

use super::{Crash, Outside};
use crate::chaos::FaultKind;
use crate::{lock, wire};

/// The way of one running copy to Genesys Cloud.
pub(crate) struct GenesysTransport {
    outside: Arc<Outside>,
    pub(crate) instance: usize,
    name: String,
    pub(crate) crash: Arc<Crash>,
}

/// The answer to one call.
struct Answered {
    answer: Result<Response<Bytes>, TransportError>,
    /// Whether the service itself gave this answer, and no fault did.
    is_of_service: bool,
}

impl Answered {
    fn on_purpose(answer: Result<Response<Bytes>, TransportError>) -> Answered {
        Answered {
            answer,
            is_of_service: false,
        }
    }

    /// The status, or 0 if there is none.
    fn status(&self) -> u16 {
        let answer = self.answer.as_ref();
        answer.map_or(0, |answer| answer.status().as_u16())
    }
}

/// The contacts that a call concerns.
struct Call {
    campaign: Option<String>,
    /// The contacts that it would write, and the value that it gives to `callable`.
    written: Vec<(String, Option<bool>)>,
    /// The contacts that it reads.
    read: Vec<String>,
    is_create_of_campaign: bool,
}

impl Call {
    fn of(request: &Request<Bytes>) -> Call {
        Call {
            campaign: wire::campaign(request),
            written: wire::written(request).unwrap_or_default(),
            read: wire::read(request),
            is_create_of_campaign: wire::is_create_of_campaign(request),
        }
    }
}

impl GenesysTransport {
    pub(crate) fn new(outside: &Arc<Outside>, name: &str) -> GenesysTransport {
        let instance = outside.next_instance();
        GenesysTransport {
            outside: Arc::clone(outside),
            instance,
            name: name.to_owned(),
            crash: Arc::default(),
        }
    }

    /// Carries out one call, and checks it and its answer.
    async fn call(
        &self,
        request: &Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        self.watch_request(request);
        let throttled = self.watch_refusals(request);
        let call = Call::of(request);
        let _under_way = self.begin(&call);
        let answered = self.carry(request.clone(), timeout).await;
        self.watch_answer(&call, &answered);
        if let Some(throttled) = throttled {
            self.remember_refusal(throttled, &answered);
        }
        self.trace_call(request, &answered);
        let token = answered.answer.as_ref().ok().and_then(wire::access_token);
        if let (Some(client), Some(token)) = (wire::client_of_token_request(request), token) {
            lock(&self.outside.seen).tokens.insert(token, client);
        }
        answered.answer
    }

    fn trace_call(&self, request: &Request<Bytes>, answered: &Answered) {
        self.outside.trace(|| {
            let (method, path) = (request.method(), request.uri().path());
            let write = wire::shown_write(request);
            let result = match &answered.answer {
                Ok(answer) => answer.status().as_u16().to_string(),
                Err(error) => error.to_string(),
            };
            let fault = if answered.is_of_service {
                ""
            } else {
                ", on purpose"
            };
            format!("{}  {method} {path}{write}: {result}{fault}", self.name)
        });
    }

    /// Promise 5: one writer works on a contact at a time. The contact counts as in work until the
    /// returned value or the copy is gone.
    fn begin(&self, call: &Call) -> UnderWay<'_> {
        let written = call.written.iter().map(|(key, _)| key);
        let keys = written.chain(&call.read);
        let campaign = call.campaign.as_deref();
        let contacts: BTreeSet<_> = campaign
            .filter(|_| self.name.starts_with("apply"))
            .map(|campaign| keys.map(|key| (campaign.to_owned(), key.clone())).collect())
            .unwrap_or_default();
        let mut seen = lock(&self.outside.seen);
        let mut of_others = contacts
            .iter()
            .filter(|contact| seen.under_way.contains_key(*contact));
        let is_violated = of_others.next().is_some();
        if is_violated && self.outside.story.rates.of(FaultKind::LatePoller) == 0.0 {
            seen.violations
                .insert("5: two calls about one contact at a time".to_owned());
        }
        seen.under_way.extend(
            contacts
                .iter()
                .map(|contact| (contact.clone(), self.instance)),
        );
        UnderWay {
            transport: self,
            contacts,
        }
    }
}

/// The contacts of a call that is under way.
struct UnderWay<'a> {
    transport: &'a GenesysTransport,
    contacts: BTreeSet<(String, String)>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut seen = lock(&self.transport.outside.seen);
        seen.under_way.retain(|contact, instance| {
            *instance != self.transport.instance || !self.contacts.contains(contact)
        });
    }
}

impl Transport for GenesysTransport {
    fn send(
        &self,
        mut request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            if let Some(answer) = self.spoil_request(&mut request) {
                return Ok(answer);
            }
            let mut answer = self.call(&request, timeout).await;
            let is_unanswered = |answer: &Result<Response<Bytes>, _>| {
                let answer = answer.as_ref();
                answer.map_or(true, |answer| answer.status().is_server_error())
            };
            if self.retries_writes(&request) && is_unanswered(&answer) {
                answer = self.call(&request, timeout).await;
            }
            if let Ok(answer) = &mut answer {
                self.spoil_answer(answer);
            }
            answer
        }
        .boxed()
    }
}
