//! The embedded parts, wired as on AWS: ingest, the queue and its event source, five copies of
//! apply, reconcile, Genesys Cloud and secrets.
//!
//! A [`World`] plays a [`Story`]: it delivers each webhook at its time and hands batches to apply
//! until the queue is empty. [`outside`](mod@outside) sets up the emulated services, [`repair`]
//! runs reconcile, and [`results`] counts what came of it. What happens is decided in the story,
//! and what should come of it in `crm/replay.rs`.

mod outside;
mod repair;
mod results;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apply::{Context, Defect};
use emulator::genesys::Options;
use emulator::{Crm, Feed};
use futures_util::future::{join, join_all};
use http::StatusCode;
use ingest::auth;
use io::config::IngestConfig;
use io::secrets::{Auth, SourceSecret};
use io::telemetry::Telemetry;
use io::{Clock, Config};
use lambda_runtime::LambdaEvent;
use secrecy::SecretString;
use serde_json::Value;

use super::crm::{self, Delivery, Parcel, Story};
use super::{Error, LATEST};
use crate::webhook;
pub(crate) use outside::outside;
use results::{IngestAnswers, Outcomes, counting};

/// How many copies of apply run side by side.
const COPIES: u32 = 5;
/// The timeout of the function apply.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The token of the source `bearer`, which `--serve` adds.
pub(crate) const BEARER_TOKEN: &str = "local-bearer-token";
/// The path of the made-up CRM's feed.
pub(crate) const FEED_PATH: &str = "/feed";

/// The token that the made-up CRM's feed accepts.
const FEED_TOKEN: &str = "local-feed-token";
/// How many contacts a page of that feed has.
const FEED_PAGE: usize = 100;

/// The parts of one run.
pub(crate) struct World {
    pub(crate) outside: emulator::World,
    pub(crate) ingest: ingest::Context,
    copies: Vec<Context>,
    reconcile: reconcile::Context,
    /// The feed of the made-up CRM, with what it says now.
    pub(crate) feed: Arc<Feed>,
    /// The API of a vendor's CRM, with what it says now.
    crm: Option<Arc<Crm>>,
    outcomes: Arc<Mutex<Outcomes>>,
    /// How many changes reconcile enqueued.
    enqueued: Arc<AtomicU64>,
    /// How the sender of each source signs its webhooks.
    senders: BTreeMap<String, Auth>,
    answers: Mutex<IngestAnswers>,
}

impl World {
    /// Builds the parts; nothing happens yet. `base` is the beginning of the URLs of the queues and
    /// of the feed.
    pub(crate) fn build(
        story: &Story,
        clock: Clock,
        base: &str,
        calls_per_minute: u64,
        defect: Option<Defect>,
        telemetry: Telemetry,
    ) -> Result<World, Error> {
        let outside = outside(clock, story, options(calls_per_minute), base);
        let variable = |name: &str| match name {
            "APPLY_CONCURRENCY" => Some(COPIES.to_string()),
            // `--serve` serves Genesys Cloud and the feed on loopback.
            "GENESYS_BASE_URL" if base.starts_with("http://") => Some(base.to_owned()),
            name => outside.variable(name),
        };
        let (config, parking) =
            Config::read_for_apply(variable).map_err(|error| error.to_string())?;
        let outcomes = Arc::new(Mutex::new(Outcomes::new()));
        let enqueued = Arc::new(AtomicU64::new(0));
        let telemetry = counting(Arc::clone(&outcomes), Arc::clone(&enqueued), telemetry);
        let shared = |n: u32| outside.shared(n.into(), telemetry.clone(), config.clone());
        let copy = |n| {
            Context::new(shared(n), parking.clone(), Arc::clone(&outside.sqs) as _)
                .with_defect(defect)
        };
        let copies = (0..COPIES).map(copy).collect();
        let feed = Arc::new(Feed::new(outside.clock.clone(), FEED_TOKEN, FEED_PAGE));
        let listed = story.told.as_ref().map(|told| &told.listed);
        let crm = listed.map(|listed| Arc::new(listed.crm(outside.clock.clone())));
        let reconcile = reconcile::Context::new(
            shared(COPIES),
            Arc::clone(&outside.sqs) as _,
            match &crm {
                Some(crm) => Arc::clone(crm) as _,
                None => Arc::clone(&feed) as _,
            },
        );
        let (_, own) = Config::read_for_runs(variable).map_err(|error| error.to_string())?;
        let parameters = Arc::clone(&outside.parameters) as _;
        let reconcile = reconcile.with_runs(reconcile::Runs::new(own, parameters));
        let ingest = ingest::Context::new(
            IngestConfig::read(variable).map_err(|error| error.to_string())?,
            Arc::clone(&outside.vault) as _,
            Arc::clone(&outside.sqs) as _,
            outside.clock.clone(),
            telemetry.clone(),
        );
        Ok(World {
            senders: senders(story)?,
            outside,
            ingest,
            copies,
            reconcile,
            feed,
            crm,
            outcomes,
            enqueued,
            answers: Mutex::default(),
        })
    }

    /// Delivers everything at its time and waits until all is done.
    pub(crate) async fn run(&self, deliveries: &[Delivery]) {
        let began = tokio::time::Instant::now();
        let send = async {
            for delivery in deliveries.iter().filter(|delivery| !delivery.is_dropped) {
                tokio::time::sleep_until(began + delivery.at).await;
                self.deliver(&delivery.parcel).await;
            }
            self.outside.queue.close();
        };
        // If it is not done by then, what is left in the queue is counted as a fault.
        let last = deliveries
            .last()
            .map(|delivery| delivery.at)
            .unwrap_or_default();
        let _ = tokio::time::timeout(last + LATEST, join(send, self.feed())).await;
    }

    /// Hands batches to every copy of apply until the queue is closed and empty.
    pub(crate) async fn feed(&self) {
        let source = self.outside.event_source();
        join_all(
            self.copies
                .iter()
                .map(|copy| source.feed(async |event| self.invoke(copy, event).await)),
        )
        .await;
    }

    /// Lets the feed or API of the CRM list what it lists in the end.
    pub(crate) fn put_latest(&self, story: &Story) {
        if let (Some(crm), Some(told)) = (&self.crm, &story.told) {
            told.listed.put(crm);
        }
        let latest = story.latest.iter().cloned();
        latest.for_each(|contact| self.feed.put(contact));
    }

    /// A window in minutes, back from now, in which every record of a vendor's CRM was changed.
    fn window_minutes(&self) -> u64 {
        let since = self.outside.clock.now().duration_since(crm::start());
        since.as_mins().unsigned_abs() + 2
    }

    /// The context that Lambda gives to an invocation.
    fn lambda_context(&self, timeout: Duration) -> lambda_runtime::Context {
        let mut context = lambda_runtime::Context::default();
        context.deadline = (self.outside.clock.now() + timeout)
            .as_millisecond()
            .unsigned_abs();
        context
    }

    async fn deliver(&self, parcel: &Parcel) {
        match parcel {
            Parcel::Message(message) => {
                if let Err(error) = self.outside.queue.send(message.clone()) {
                    eprintln!("campaign-sync: the queue did not take a message: {error}");
                }
            }
            Parcel::Webhook { source, body } => {
                let now = self.outside.clock.now();
                let auth = self.senders.get(source);
                let Some(Ok(sent)) = auth.map(|auth| auth::sent(auth, body, now)) else {
                    eprintln!("campaign-sync: the source {source} cannot send");
                    return;
                };
                let request = webhook::request(source, &sent);
                let answer = ingest::handle(&self.ingest, request).await;
                let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                let mut answers = self.answers();
                answers.accepted += said["accepted"].as_u64().unwrap_or_default();
                if answer.status() != StatusCode::ACCEPTED {
                    let body: Value = serde_json::from_str(body).unwrap_or_default();
                    let id = body["eventId"].as_str().unwrap_or_default();
                    answers.refused.push(id.to_owned());
                }
            }
        }
    }

    /// Invokes apply as Lambda does: with JSON in, JSON out, and a deadline.
    async fn invoke(&self, copy: &Context, event: Value) -> Option<Value> {
        let event = serde_json::from_value(event).ok()?;
        let answer = apply::handle(copy, LambdaEvent::new(event, self.lambda_context(TIMEOUT)))
            .await
            .ok()?;
        serde_json::to_value(answer).ok()
    }
}

/// How the emulated Genesys Cloud behaves: a new contact can be read after two seconds.
fn options(calls_per_minute: u64) -> Options {
    Options {
        read_lag: Duration::from_secs(2),
        token_life: Duration::from_mins(10),
        calls_per_minute: Some(calls_per_minute),
        ..Options::default()
    }
}

/// How the sender of each source signs its webhooks, by the source's secret.
fn senders(story: &Story) -> Result<BTreeMap<String, Auth>, Error> {
    let senders = story.sources().into_iter().map(|(source, secret)| {
        let secret = SourceSecret::parse(&SecretString::from(secret.to_string()));
        let secret = secret.map_err(|error| format!("source {source}: {error}"))?;
        Ok((source, secret.auth))
    });
    senders.collect()
}
