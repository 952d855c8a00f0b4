//! The ways to Genesys Cloud and to a CRM's feed.
//!
//! A [`Line`] belongs to one running copy. It lets faults strike, lets agents write, carries out
//! the call, and checks the call and its answer against the promises.

mod agents;
mod crash;
mod feed;
mod in_trouble;
mod watch;

pub(crate) use crash::Crash;
pub(crate) use feed::{FeedLine, OF_ITS_OWN, OF_VENDORS};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use emulator::world::VERSION_FIELD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};
use serde_json::Value;

use super::Outside;
use crate::chaos::Kind;
use crate::mutants::Mutant;
use crate::story::{COLUMNS, OF_AGENTS, folds_case};
use crate::{lock, wire};

/// The waits that a 429 may name. Empty means that it names none.
const WAITS: [&str; 12] = [
    "",
    "1",
    "3",
    "40",
    "86400",
    "0",
    "0.4",
    "1.5",
    "-7",
    "soon",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Tue, 24 Nov 2026 16:01:00 GMT",
];

/// The shortest time after a refusal in which no call may follow. A date asks for no more than
/// that, since clocks are wrong.
fn least_wait(refusal: &Response<Bytes>) -> Duration {
    let named = refusal.headers().get(http::header::RETRY_AFTER);
    let named = named.and_then(|named| named.to_str().ok()).unwrap_or("");
    let seconds = match named.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => seconds.ceil().clamp(1.0, 900.0),
        _ if named.ends_with("GMT") => 1.0,
        _ => 15.0,
    };
    Duration::from_secs_f64(seconds)
}

/// The way of one running copy to Genesys Cloud.
pub(crate) struct Line {
    outside: Arc<Outside>,
    pub(crate) instance: usize,
    name: String,
    pub(crate) crash: Arc<Crash>,
}

impl Line {
    pub(crate) fn new(outside: &Arc<Outside>, name: &str) -> Line {
        let instance = outside.next_instance();
        Line {
            outside: Arc::clone(outside),
            instance,
            name: name.to_owned(),
            crash: Arc::default(),
        }
    }

    async fn crash(&self, why: &str) -> ! {
        self.outside.say(|| format!("{}  crashes {why}", self.name));
        self.crash.now();
        std::future::pending().await
    }

    /// Carries out a call. Returns the answer, and whether the service itself gave it.
    async fn carry(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> (Result<Response<Bytes>, TransportError>, bool) {
        if let Some(answer) = self.in_trouble(&request, timeout).await {
            return (answer, false);
        }
        let chaos = &self.outside.chaos;
        let what = format!("{} {}", request.method(), request.uri().path());
        let strikes = |kind| chaos.strikes(kind, &what);
        if strikes(Kind::CrashBefore) {
            self.crash("before the call").await;
        }
        if strikes(Kind::LostBefore) {
            return (Err(TransportError::Lost), false);
        }
        if strikes(Kind::Hang) {
            tokio::time::sleep(timeout).await;
            return (Err(TransportError::TimedOut), false);
        }
        let is_token = wire::is_token(&request);
        let statuses = [
            (Kind::Status5xx, 503, true),
            (Kind::Status408, 408, true),
            (Kind::Status429, 429, true),
            (Kind::Status401, 401, !is_token),
            (
                Kind::Status404,
                404,
                request.method() == http::Method::PATCH && !wire::asks(&request),
            ),
        ];
        for (kind, status, applies) in statuses {
            if let Some(mut rng) = chaos.draw(kind, &what).filter(|_| applies) {
                let mut response = wire::error(status);
                let wait = rng.choice(WAITS).filter(|wait| !wait.is_empty());
                if let (429, Some(wait)) = (status, wait) {
                    let wait = http::HeaderValue::from_static(wait);
                    response
                        .headers_mut()
                        .insert(http::header::RETRY_AFTER, wait);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                return (Ok(response), false);
            }
        }
        self.let_an_agent_write(&request, &what);
        let is_shouted = wire::is_of_list(&request) && folds_case(self.outside.story.seed);
        let mut answer = self.outside.genesys.send(request, timeout).await;
        if let (true, Ok(answer)) = (is_shouted, &mut answer) {
            wire::shout_ids(answer);
        }
        if strikes(Kind::CrashAfter) {
            self.crash("after the call").await;
        }
        if strikes(Kind::LostAfter) {
            return (Err(TransportError::Lost), false);
        }
        if strikes(Kind::HangAfter) {
            tokio::time::sleep(timeout).await;
            return (Err(TransportError::TimedOut), false);
        }
        if let Some(mut rng) = chaos.draw(Kind::Slow, &what) {
            tokio::time::sleep(Duration::from_millis(rng.u64(100..4_500)).min(timeout)).await;
        }
        if strikes(Kind::CutOff) {
            return (
                answer.map(|answer| answer.map(|body| body.slice(..body.len() / 2))),
                false,
            );
        }
        if strikes(Kind::Garbage) {
            return (
                answer.map(|answer| answer.map(|_| Bytes::from_static(b"<html>oops"))),
                false,
            );
        }
        (answer, true)
    }

    /// Promise 5: one writer works on a contact at a time. The contact counts as in work until the
    /// returned value or the copy is gone.
    fn is_at_work<'a>(
        &'a self,
        campaign: Option<&str>,
        keys: impl Iterator<Item = &'a String>,
    ) -> AtWork<'a> {
        let contacts: BTreeSet<_> = campaign
            .filter(|_| self.name.starts_with("apply"))
            .map(|campaign| keys.map(|key| (campaign.to_owned(), key.clone())).collect())
            .unwrap_or_default();
        let mut seen = lock(&self.outside.seen);
        let others: Vec<_> = contacts
            .iter()
            .filter(|contact| seen.at_work.contains_key(*contact))
            .collect();
        if !others.is_empty() && self.outside.story.rates.of(Kind::LatePoller) == 0.0 {
            seen.violations
                .insert("5: two calls about one contact at a time".to_owned());
        }
        seen.at_work.extend(
            contacts
                .iter()
                .map(|contact| (contact.clone(), self.instance)),
        );
        AtWork {
            line: self,
            contacts,
        }
    }
}

struct AtWork<'a> {
    line: &'a Line,
    contacts: BTreeSet<(String, String)>,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut seen = lock(&self.line.outside.seen);
        seen.at_work.retain(|contact, instance| {
            *instance != self.line.instance || !self.contacts.contains(contact)
        });
    }
}

impl Transport for Line {
    fn send(
        &self,
        mut request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let outside = &self.outside;
            if outside.is(Mutant::ShareToken) {
                let first = lock(&outside.seen).tokens.keys().next().cloned();
                if let (Some(token), Some(_)) = (first, wire::token(&request)) {
                    wire::set_token(&mut request, &token);
                }
            }
            if outside.is(Mutant::CallableOnCreate) {
                wire::say_callable(&mut request);
            }
            if outside.is(Mutant::LoseLateOptOut) && wire::only_opts_out(&request) {
                *request.method_mut() = http::Method::GET;
                *request.body_mut() = Bytes::new();
            }
            let left_out = match outside.mutant {
                Some(Mutant::StoreNoRank) => Some(VERSION_FIELD),
                Some(Mutant::LeaveColumnOut) => Some(COLUMNS[0]),
                _ => None,
            };
            if let Some(column) = left_out {
                wire::alter_writes(&mut request, |item| {
                    item.get_mut("data")
                        .and_then(Value::as_object_mut)
                        .map(|data| data.remove(column));
                });
            }
            if outside.is(Mutant::LoseMark) {
                wire::alter_writes(&mut request, |item| {
                    let data = item.get_mut("data");
                    if let Some(Value::String(version)) =
                        data.and_then(|data| data.get_mut(VERSION_FIELD))
                    {
                        version.truncate(version.find(':').unwrap_or(version.len()));
                    }
                });
            }
            if outside.is(Mutant::EmptyOthers) && wire::is_of_list(&request) {
                wire::alter_writes(&mut request, |item| {
                    item["data"][OF_AGENTS] = "".into();
                });
            }
            if outside.is(Mutant::WriteDialler) {
                wire::alter_writes(&mut request, |item| {
                    item.insert("phoneNumberStatus".to_owned(), serde_json::json!({}));
                });
            }
            if outside.is(Mutant::ReconcileBlindly)
                && self.name.starts_with("reconcile")
                && !wire::read(&request).is_empty()
            {
                return Ok(if request.method() == http::Method::GET {
                    wire::error(404)
                } else {
                    wire::empty()
                });
            }
            let tries = if outside.is(Mutant::RetryWrites) && wire::written(&request).is_some() {
                2
            } else {
                1
            };
            let mut answer = Err(TransportError::Lost);
            for _ in 0..tries {
                self.watch_request(&request);
                let throttled = self.watch_refusals(&request);
                let campaign = wire::campaign(&request);
                let written = wire::written(&request);
                let read = wire::read(&request);
                let shown = format!("{} {}", request.method(), request.uri().path());
                let basic = wire::basic(&request);
                let is_create = wire::is_create_of_campaign(&request);
                let _at_work = self.is_at_work(
                    campaign.as_deref(),
                    written.iter().flatten().map(|(key, _)| key).chain(&read),
                );
                let (answered, is_of_service) = self.carry(request.clone(), timeout).await;
                self.watch_answer(
                    campaign.as_deref(),
                    written.as_deref(),
                    &read,
                    is_create,
                    &answered,
                    is_of_service,
                );
                if let (Some(of), Ok(answer)) = (throttled, &answered)
                    && answer.status() == http::StatusCode::TOO_MANY_REQUESTS
                {
                    let until = outside.clock.now() + least_wait(answer);
                    let mut seen = lock(&outside.seen);
                    let known = seen.throttled.entry(of).or_insert(until);
                    *known = until.max(*known);
                }
                outside.say(|| {
                    let said = wire::shown_write(&request);
                    match &answered {
                        Ok(answer) => {
                            let fault = if is_of_service { "" } else { ", on purpose" };
                            format!(
                                "{}  {shown}{said}: {}{fault}",
                                self.name,
                                answer.status().as_u16()
                            )
                        }
                        Err(error) => format!("{}  {shown}{said}: {error}, on purpose", self.name),
                    }
                });
                let token = answered.as_ref().ok().and_then(wire::access_token);
                if let (Some(client), Some(token)) = (basic, token) {
                    lock(&outside.seen).tokens.insert(token, client);
                }
                answer = answered;
                if answer
                    .as_ref()
                    .is_ok_and(|answer| !answer.status().is_server_error())
                {
                    break;
                }
            }
            if let (true, Ok(answer)) = (outside.is(Mutant::AgelessExport), &mut answer) {
                wire::renew_export(answer, outside.clock.now());
            }
            if let (true, Ok(answer)) = (outside.is(Mutant::IgnoreRateHeaders), &mut answer) {
                for name in [
                    "inin-ratelimit-count",
                    "inin-ratelimit-allowed",
                    "inin-ratelimit-reset",
                ] {
                    answer.headers_mut().remove(name);
                }
            }
            if let (true, Ok(answer)) = (outside.is(Mutant::IgnoreRetryAfter), &mut answer)
                && let Some(wait) = answer.headers_mut().get_mut(http::header::RETRY_AFTER)
            {
                *wait = http::HeaderValue::from_static("1");
            }
            answer
        }
        .boxed()
    }
}
