//! The places where the product meets the outside: what goes through is watched, and fails on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use emulator::{Feed, Fifo, Genesys, Vault};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::Clock;
use io::genesys::{Transport, TransportError};
use io::queue::{Message, Queue, QueueError, RefusedEntry, Visibility};
use io::secrets::{Secrets, SecretsError};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use crate::chaos::{Chaos, Kind};
use crate::lock;
use crate::mutants::Mutant;
use crate::story::{Key, Story};
use crate::wire;

pub(crate) const QUEUE_URL: &str = "https://sqs.test/changes.fifo";
pub(crate) const DEAD_LETTER_QUEUE_URL: &str = "https://sqs.test/dead.fifo";

/// Everything outside of the product, and what was seen of it.
pub(crate) struct Outside {
    pub(crate) story: Story,
    pub(crate) clock: Clock,
    pub(crate) genesys: Genesys,
    pub(crate) feed: Feed,
    pub(crate) queue: Arc<Fifo>,
    pub(crate) dead_letters: Arc<Fifo>,
    pub(crate) vault: Vault,
    pub(crate) chaos: Chaos,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) seen: Mutex<Seen>,
    /// Where a trace is wanted.
    pub(crate) trace: Option<Mutex<Vec<String>>>,
    instances: AtomicUsize,
}

/// What was seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) violations: BTreeSet<String>,
    /// Event ids of good changes that a webhook's 202 stands for.
    pub(crate) acknowledged: BTreeSet<String>,
    /// Event ids, and when they were told as done or parked.
    pub(crate) told: BTreeMap<String, Timestamp>,
    /// Of them, those that were done.
    pub(crate) done: BTreeMap<String, Timestamp>,
    /// Every message that was parked, and when.
    pub(crate) parked: Vec<(Timestamp, Message)>,
    /// Every message that the queue stored, in order.
    pub(crate) stored: Vec<Message>,
    /// What the CRM said of `callable`, by webhook or feed: contact, rank, what.
    pub(crate) said: Vec<(Key, Option<u64>, bool)>,
    /// Which OAuth client each token was given to.
    tokens: BTreeMap<String, String>,
    /// Of each running copy and client: until when it was told to make no call.
    refused_until: BTreeMap<(usize, String), Timestamp>,
    /// Contacts whose last write by this copy had no answer, and which it has not read since.
    unknown: BTreeSet<(usize, String, String)>,
    pub(crate) events: u64,
}

impl Outside {
    #[expect(clippy::too_many_arguments, reason = "it is all of the outside")]
    pub(crate) fn new(
        story: Story,
        clock: Clock,
        genesys: Genesys,
        feed: Feed,
        queue: Arc<Fifo>,
        dead_letters: Arc<Fifo>,
        mutant: Option<Mutant>,
        trace: bool,
    ) -> Outside {
        let chaos = Chaos::new(story.seed, story.rates.clone());
        Outside {
            story,
            clock,
            genesys,
            feed,
            queue,
            dead_letters,
            vault: Vault::default(),
            chaos,
            mutant,
            seen: Mutex::default(),
            trace: trace.then(Mutex::default),
            instances: AtomicUsize::new(0),
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// A line of the trace.
    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let at = self.clock.now().duration_since(crate::story::start()).as_secs_f64();
            lock(trace).push(format!("{at:>10.3} s  {}", line()));
        }
    }

    pub(crate) fn violated(&self, what: String) {
        self.say(|| format!("VIOLATION  {what}"));
        lock(&self.seen).violations.insert(what);
    }

    /// Stores a message as SQS does.
    pub(crate) fn store(&self, message: Message) -> Result<(), QueueError> {
        let before = self.queue.deduplicated();
        self.queue.send(message.clone())?;
        if self.queue.deduplicated() == before {
            self.say(|| format!("queue      stores {} in {}", wire::event_id(&message.body), short(&message.group)));
            lock(&self.seen).stored.push(message);
        } else {
            self.say(|| format!("queue      drops {} as sent before", wire::event_id(&message.body)));
        }
        Ok(())
    }
}

pub(crate) fn short(group: &str) -> &str {
    group.get(..group.len().saturating_sub(26)).unwrap_or(group)
}

/// Ends one copy of a function.
#[derive(Default)]
pub(crate) struct Crash {
    is_due: AtomicBool,
    due: Notify,
}

impl Crash {
    fn now(&self) {
        self.is_due.store(true, Ordering::Relaxed);
        self.due.notify_waiters();
    }

    pub(crate) async fn wait(&self) {
        loop {
            let due = self.due.notified();
            if self.is_due.load(Ordering::Relaxed) {
                return;
            }
            due.await;
        }
    }
}

/// The way to Genesys Cloud of one running copy.
pub(crate) struct Line {
    outside: Arc<Outside>,
    instance: usize,
    name: String,
    pub(crate) crash: Arc<Crash>,
}

impl Line {
    pub(crate) fn new(outside: &Arc<Outside>, name: &str) -> Line {
        let instance = outside.instances.fetch_add(1, Ordering::Relaxed);
        Line { outside: Arc::clone(outside), instance, name: name.to_owned(), crash: Arc::default() }
    }

    async fn crash(&self, why: &str) -> ! {
        self.outside.say(|| format!("{}  crashes {why}", self.name));
        self.crash.now();
        std::future::pending().await
    }

    /// The answer, and whether the service itself gave it.
    async fn carry(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> (Result<Response<Bytes>, TransportError>, bool) {
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
            (Kind::Status404, 404, request.method() == http::Method::PATCH),
        ];
        for (kind, status, applies) in statuses {
            if let Some(mut rng) = chaos.draw(kind, &what).filter(|_| applies) {
                let mut response = wire::error(status);
                let seconds = rng.choice([None, Some(1), Some(3), Some(40), Some(86_400)]).flatten();
                if let (429, Some(seconds)) = (status, seconds) {
                    response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                return (Ok(response), false);
            }
        }
        let answer = self.outside.genesys.send(request, timeout).await;
        if strikes(Kind::CrashAfter) {
            self.crash("after the call").await;
        }
        if strikes(Kind::LostAfter) || strikes(Kind::CutOff) {
            return (Err(TransportError::Lost), false);
        }
        if strikes(Kind::HangAfter) {
            tokio::time::sleep(timeout).await;
            return (Err(TransportError::TimedOut), false);
        }
        if let Some(mut rng) = chaos.draw(Kind::Slow, &what) {
            tokio::time::sleep(Duration::from_millis(rng.u64(100..4_500)).min(timeout)).await;
        }
        if strikes(Kind::Garbage) {
            return (answer.map(|answer| answer.map(|_| Bytes::from_static(b"<html>oops"))), false);
        }
        (answer, true)
    }

    /// What may never be asked for, whatever was answered before.
    fn watch_request(&self, request: &Request<Bytes>) {
        let outside = &self.outside;
        let Some(campaign) = wire::campaign(request) else { return };
        let mut violations = Vec::new();
        let seen = lock(&outside.seen);
        if let (Some(token), Some(org)) = (wire::token(request), outside.story.org_of(&campaign)) {
            let of = seen.tokens.get(token).cloned().unwrap_or_else(|| "nobody".to_owned());
            if of != client_id(&org.name) {
                violations.push(format!("7: a token of {of} in a call about {campaign}"));
            }
        }
        for (key, callable) in wire::written(request).into_iter().flatten() {
            if seen.unknown.contains(&(self.instance, campaign.clone(), key.clone())) {
                let name = self.name.trim_end();
                violations.push(format!(
                    "a contact of {campaign} is written by {name} after a write without an answer, and not read between"
                ));
            }
            let is_said = |(of, _, said): &(Key, Option<u64>, bool)| of.1 == campaign && of.2 == key && *said;
            if callable == Some(true) && !seen.said.iter().any(is_said) {
                violations.push(format!("3: a write makes a contact of {campaign} callable, and nobody said so"));
            }
        }
        drop(seen);
        violations.into_iter().for_each(|violation| outside.violated(violation));
    }

    fn watch_answer(
        &self,
        campaign: Option<&str>,
        written: Option<&[(String, Option<bool>)]>,
        read: &[String],
        is_create_of_campaign: bool,
        answer: &Result<Response<Bytes>, TransportError>,
        is_of_service: bool,
    ) {
        let outside = &self.outside;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        let mut seen = lock(&outside.seen);
        let Some(campaign) = campaign else { return };
        let contact = |key: &String| (self.instance, campaign.to_owned(), key.clone());
        // A POST of the predictive API is done when its status says so; any other write's answer must show the contact.
        let must_show = !is_create_of_campaign;
        let is_unknown = matches!(status, 0 | 408 | 500..) || (status == 200 && !is_of_service && must_show);
        for (key, _) in written.into_iter().flatten().filter(|_| is_unknown) {
            seen.unknown.insert(contact(key));
        }
        // A 404 says all that there is to say, whatever its body.
        if status == 404 || (status == 200 && is_of_service) {
            seen.unknown.retain(|unknown| !read.iter().any(|key| *unknown == contact(key)));
        }
        let Some(org) = outside.story.org_of(campaign) else { return };
        if status == 429 && is_of_service {
            let now = outside.clock.now();
            let reset = answer.as_ref().ok().and_then(|answer| wire::seconds(answer, "retry-after")).unwrap_or(0);
            let until = now + Duration::from_secs(reset);
            let old = seen.refused_until.insert((self.instance, org.name.clone()), until);
            if old.is_some_and(|old| now < old) {
                let name = self.name.split(' ').next().unwrap_or_default();
                seen.violations.insert(format!("6: a second refused call of one copy of {name} within a window"));
            }
        }
    }
}

pub(crate) fn client_id(org: &str) -> String {
    format!("client-of-{org}")
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
            if outside.is(Mutant::ReconcileBlindly)
                && self.name.starts_with("reconcile")
                && !wire::read(&request).is_empty()
            {
                return Ok(if request.method() == http::Method::GET { wire::error(404) } else { wire::empty() });
            }
            let tries = if outside.is(Mutant::RetryWrites) && wire::written(&request).is_some() { 2 } else { 1 };
            let mut answer = Err(TransportError::Lost);
            for _ in 0..tries {
                self.watch_request(&request);
                let campaign = wire::campaign(&request);
                let written = wire::written(&request);
                let read = wire::read(&request);
                let shown = format!("{} {}", request.method(), request.uri().path());
                let basic = wire::basic(&request);
                let is_create = wire::is_create_of_campaign(&request);
                let (answered, is_of_service) = self.carry(request.clone(), timeout).await;
                self.watch_answer(campaign.as_deref(), written.as_deref(), &read, is_create, &answered, is_of_service);
                outside.say(|| match &answered {
                    Ok(answer) => {
                        let fault = if is_of_service { "" } else { ", on purpose" };
                        format!("{}  {shown}: {}{fault}", self.name, answer.status().as_u16())
                    }
                    Err(error) => format!("{}  {shown}: {error}, on purpose", self.name),
                });
                let token = answered.as_ref().ok().and_then(wire::access_token);
                if let (Some(client), Some(token)) = (basic, token) {
                    lock(&outside.seen).tokens.insert(token, client);
                }
                answer = answered;
                if answer.as_ref().is_ok_and(|answer| !answer.status().is_server_error()) {
                    break;
                }
            }
            if let (true, Ok(answer)) = (outside.is(Mutant::IgnoreRateHeaders), &mut answer) {
                for name in ["inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset"] {
                    answer.headers_mut().remove(name);
                }
            }
            answer
        }
        .boxed()
    }
}

/// The way to a CRM's feed.
pub(crate) struct FeedLine(pub(crate) Arc<Outside>);

impl Transport for FeedLine {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let what = request.uri().path().to_owned();
            let Some(mut rng) = self.0.chaos.draw(Kind::FeedFault, &what) else {
                return self.0.feed.send(request, timeout).await;
            };
            match rng.u8(..4) {
                0 => Err(TransportError::Lost),
                1 => Ok(wire::error(500)),
                2 => Ok(Response::new(Bytes::from_static(br#"{"contacts": [{"contactKey": "canary", "#))),
                _ => {
                    tokio::time::sleep(timeout).await;
                    Err(TransportError::TimedOut)
                }
            }
        }
        .boxed()
    }
}

/// SQS, as one function sees it.
pub(crate) struct Sqs(pub(crate) Arc<Outside>);

impl Sqs {
    fn entry(&self, message: Message) -> Result<(), RefusedEntry> {
        let refused = |code: &str, is_senders_fault| RefusedEntry { code: code.to_owned(), is_senders_fault };
        if self.0.chaos.strikes(Kind::EntryRefused, &message.group) {
            return Err(refused("InternalError", false));
        }
        let message = self.mutated(message);
        self.0.store(message).map_err(|error| refused(&error.to_string(), true))
    }

    fn mutated(&self, mut message: Message) -> Message {
        if self.0.is(Mutant::DeduplicateByContent) {
            let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
            let (data, callable) = (&body["data"], &body["callable"]);
            message.deduplication_id = wire::digest(&format!("{} {data} {callable}", message.group));
        }
        if self.0.is(Mutant::DropGroupRule) {
            let place = lock(&self.0.seen).stored.len();
            message.group = format!("{}-{}", message.group, place % 2);
        }
        message
    }
}

impl Queue for Sqs {
    fn send_batch<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Message>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), RefusedEntry>>, QueueError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let all_stored = || Ok(messages.iter().map(|_| Ok(())).collect());
            let acknowledges = self.0.is(Mutant::AcknowledgeTooEarly);
            if self.0.chaos.strikes(Kind::QueueDown, "send_batch") {
                return if acknowledges { all_stored() } else { Err(QueueError::new("ServiceUnavailable")) };
            }
            let mut groups: Vec<_> = messages.iter().map(|message| message.group.as_str()).collect();
            groups.sort_unstable();
            groups.dedup();
            if queue_url != QUEUE_URL || groups.len() < messages.len() || !(1..=10).contains(&messages.len()) {
                self.0.violated("9: a batch of entries that holds two of one group, none, or more than ten".to_owned());
            }
            let results: Vec<_> = messages.iter().map(|message| self.entry(message.clone())).collect();
            if self.0.chaos.strikes(Kind::QueueAnswerLost, "send_batch") {
                return if acknowledges { all_stored() } else { Err(QueueError::new("timed out")) };
            }
            if acknowledges { all_stored() } else { Ok(results) }
        }
        .boxed()
    }

    fn send<'a>(&'a self, _queue_url: &'a str, message: Message) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.0.chaos.strikes(Kind::ParkingFails, &message.group) {
                return Err(QueueError::new("ServiceUnavailable"));
            }
            lock(&self.0.seen).parked.push((self.0.clock.now(), message.clone()));
            self.0.dead_letters.send(message)
        }
        .boxed()
    }

    fn set_visibility<'a>(
        &'a self,
        _queue_url: &'a str,
        messages: Vec<Visibility>,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.0.chaos.strikes(Kind::VisibilityFails, "set_visibility") {
                return Err(QueueError::new("ServiceUnavailable"));
            }
            let set = |message: &Visibility| self.0.queue.set_visibility(&message.receipt_handle, message.seconds);
            let set: Vec<_> = messages.iter().map(set).collect();
            set.into_iter().collect()
        }
        .boxed()
    }

    fn depth<'a>(&'a self, _queue_url: &'a str) -> BoxFuture<'a, Result<u64, QueueError>> {
        async move { Ok(self.0.queue.depth()) }.boxed()
    }
}

/// Secrets Manager.
pub(crate) struct Manager(pub(crate) Arc<Outside>);

impl Secrets for Manager {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<secrecy::SecretString, SecretsError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.0.chaos.strikes(Kind::SecretsDown, name) {
                return Err(SecretsError::Unavailable);
            }
            self.0.vault.read(name).await
        }
        .boxed()
    }
}
