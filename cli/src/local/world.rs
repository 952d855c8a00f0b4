//! The embedded parts, wired as on AWS: ingest, queue and event source, five copies of apply,
//! Genesys Cloud, secrets.

mod repair;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use apply::{Context, Defect};
use emulator::genesys::Options;
use emulator::{Crm, Feed};
use futures_util::future::{join, join_all};
use http::StatusCode;
use ingest::auth;
use io::config::IngestConfig;
use io::queue::Message;
use io::secrets::{Auth, SourceSecret};
use io::telemetry::{Event, Telemetry};
use io::{Clock, Config};
use lambda_runtime::LambdaEvent;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::crm::{self, Delivery, Parcel, Story, WrongContact};
use super::{Api, Error, LATEST};
use crate::made_up::{of_org, source_of};
use crate::webhook;

const COPIES: u32 = 5;
/// The timeout of apply.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Of the source `bearer`, when serving.
pub(crate) const BEARER_TOKEN: &str = "local-bearer-token";
/// Where the made-up CRM's feed is.
pub(crate) const FEED_PATH: &str = "/feed";

/// What the made-up CRM's feed lets in.
const FEED_TOKEN: &str = "local-feed-token";
const FEED_PAGE: usize = 100;

type Outcomes = BTreeMap<String, BTreeMap<&'static str, u64>>;

/// The parts of one run.
pub(crate) struct World {
    pub(crate) outside: emulator::World,
    pub(crate) ingest: ingest::Context,
    copies: Vec<Context>,
    reconcile: reconcile::Context,
    /// What the made-up CRM says now.
    pub(crate) feed: Arc<Feed>,
    /// What a vendor's CRM says now.
    crm: Option<Arc<Crm>>,
    outcomes: Arc<Mutex<Outcomes>>,
    /// Changes that reconcile put into the queue.
    enqueued: Arc<AtomicU64>,
    /// What the senders of webhooks know of their source.
    senders: BTreeMap<String, Auth>,
    heard: Mutex<Heard>,
}

/// What ingest answered.
#[derive(Default)]
struct Heard {
    /// Event ids of the changes that it did not let in, each time they were sent; of a body without one
    /// nothing.
    refused: Vec<String>,
    accepted: u64,
}

/// Everything outside of the functions as it is before the story's first change.
pub(crate) fn outside(
    clock: Clock,
    story: &Story,
    options: Options,
    base: &str,
) -> emulator::World {
    let api = match story.api {
        Api::Predictive => "predictive",
        Api::ContactLists => "contactLists",
    };
    let rules = json!({ "api": api, "callsPerMinute": options.calls_per_minute });
    let outside = emulator::World::new(clock, options, base);
    let columns = story.columns();
    let columns: Option<Vec<&str>> = columns
        .as_ref()
        .map(|columns| columns.iter().map(String::as_str).collect());
    for (org, campaign) in story.campaigns() {
        outside.put_org(&org, &rules);
        outside.put_campaign(&org, &campaign, columns.as_deref());
        if story.told.is_none() {
            outside.put_source(&source_of(&org), &of_org(&org));
        }
        let own = || json!({ "url": format!("{base}{FEED_PATH}"), "bearerToken": FEED_TOKEN });
        let of_vendor = story.told.as_ref().and_then(|told| told.feeds.get(&org));
        outside.put_feed(&org, &of_vendor.cloned().unwrap_or_else(own));
    }
    for (source, secret) in story.sources() {
        outside.put_source(&source, &secret);
    }
    for ((_, campaign, key), contact) in &story.initial {
        let data: Vec<_> = contact
            .columns
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        outside
            .genesys
            .put_contact(campaign, key, &data, contact.callable);
    }
    outside
}

impl World {
    /// Everything at rest. `base`: what the URLs of the queues and of the feed begin with.
    pub(crate) fn build(
        story: &Story,
        clock: Clock,
        base: &str,
        calls_per_minute: u64,
        defect: Option<Defect>,
        telemetry: Telemetry,
    ) -> Result<World, Error> {
        let options = Options {
            read_lag: Duration::from_secs(2),
            token_life: Duration::from_mins(10),
            calls_per_minute: Some(calls_per_minute),
            ..Options::default()
        };
        let outside = outside(clock, story, options, base);
        let variable = |name: &str| match name {
            "APPLY_CONCURRENCY" => Some(COPIES.to_string()),
            // What is served is on loopback, and so is the feed.
            "GENESYS_BASE_URL" if base.starts_with("http://") => Some(base.to_owned()),
            name => outside.variable(name),
        };
        let (config, parking) =
            Config::read_for_apply(variable).map_err(|error| error.to_string())?;
        let outcomes = Arc::new(Mutex::new(Outcomes::new()));
        let enqueued = Arc::new(AtomicU64::new(0));
        let telemetry = counted(Arc::clone(&outcomes), Arc::clone(&enqueued), telemetry);
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
        let senders = story.sources().into_iter().map(|(source, secret)| {
            let secret = SourceSecret::parse(&SecretString::from(secret.to_string()));
            let secret = secret.map_err(|error| format!("source {source}: {error}"))?;
            Ok((source, secret.auth))
        });
        Ok(World {
            senders: senders.collect::<Result<_, Error>>()?,
            outside,
            ingest,
            copies,
            reconcile,
            feed,
            crm,
            outcomes,
            enqueued,
            heard: Mutex::default(),
        })
    }

    /// Sends everything at its time and waits until all is done.
    pub(crate) async fn run(&self, deliveries: &[Delivery]) {
        let began = tokio::time::Instant::now();
        let send = async {
            for delivery in deliveries.iter().filter(|delivery| !delivery.is_dropped) {
                tokio::time::sleep_until(began + delivery.at).await;
                self.deliver(&delivery.parcel).await;
            }
            self.outside.queue.close();
        };
        // What is left then is counted.
        let last = deliveries
            .last()
            .map(|delivery| delivery.at)
            .unwrap_or_default();
        let _ = tokio::time::timeout(last + LATEST, join(send, self.feed())).await;
    }

    /// Feeds every copy of apply until the queue is closed and empty.
    pub(crate) async fn feed(&self) {
        let source = self.outside.event_source();
        join_all(
            self.copies
                .iter()
                .map(|copy| source.feed(async |event| self.invoke(copy, event).await)),
        )
        .await;
    }

    /// From now on the CRM says what it says in the end.
    pub(crate) fn put_latest(&self, story: &Story) {
        if let (Some(crm), Some(told)) = (&self.crm, &story.told) {
            told.listed.put(crm);
        }
        let latest = story.latest.iter().cloned();
        latest.for_each(|contact| self.feed.put(contact));
    }

    /// Whatever a vendor's CRM has was changed in so many minutes.
    fn minutes(&self) -> u64 {
        let since = self.outside.clock.now().duration_since(crm::start());
        since.as_mins().unsigned_abs() + 2
    }

    /// The contacts that are not as the CRM last said.
    pub(crate) fn wrong_contacts(&self, story: &Story) -> Vec<WrongContact> {
        crm::differences(&story.expected(&self.refused_event_ids()), |campaign| {
            self.outside.genesys.contacts(campaign)
        })
    }

    fn lambda(&self, timeout: Duration) -> lambda_runtime::Context {
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
                let mut heard = self.heard();
                heard.accepted += said["accepted"].as_u64().unwrap_or_default();
                if answer.status() != StatusCode::ACCEPTED {
                    let body: Value = serde_json::from_str(body).unwrap_or_default();
                    let id = body["eventId"].as_str().unwrap_or_default();
                    heard.refused.push(id.to_owned());
                }
            }
        }
    }

    /// As Lambda does: JSON in, JSON out, a deadline.
    async fn invoke(&self, copy: &Context, event: Value) -> Option<Value> {
        let event = serde_json::from_value(event).ok()?;
        let answer = apply::handle(copy, LambdaEvent::new(event, self.lambda(TIMEOUT)))
            .await
            .ok()?;
        serde_json::to_value(answer).ok()
    }

    /// Outcomes by org; of a change that cannot be read and whose group names none of these, as
    /// "unknown".
    pub(crate) fn outcomes(&self, orgs: &BTreeSet<String>) -> Outcomes {
        let mut known = Outcomes::new();
        for (org, outcomes) in self
            .outcomes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let org = if orgs.contains(org) { org } else { "unknown" };
            for (outcome, count) in outcomes {
                *known
                    .entry(org.to_owned())
                    .or_default()
                    .entry(outcome)
                    .or_default() += count;
            }
        }
        known
    }

    /// Parked changes by reason: how many, and the detail of the first.
    pub(crate) fn parked(&self) -> BTreeMap<String, (u64, String)> {
        let mut parked: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for message in self.outside.dead_letters.messages() {
            let mut attributes: BTreeMap<_, _> = message.attributes.into_iter().collect();
            let reason = attributes
                .remove("reason")
                .unwrap_or_else(|| "none".to_owned());
            let detail = attributes.remove("detail").unwrap_or_default();
            parked.entry(reason).or_insert((0, detail)).0 += 1;
        }
        parked
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many changes ingest did not let in.
    pub(crate) fn refused(&self) -> usize {
        self.heard().refused.len()
    }

    /// How many changes ingest made of what was sent.
    pub(crate) fn accepted(&self) -> u64 {
        self.heard().accepted
    }

    /// The event ids of the changes that were parked, or not let in.
    pub(crate) fn refused_event_ids(&self) -> BTreeSet<String> {
        let parked = self.outside.dead_letters.messages().into_iter();
        let id = |message: Message| {
            let body: Value = serde_json::from_str(&message.body).ok()?;
            Some(body["eventId"].as_str()?.to_owned())
        };
        let refused = self.heard().refused.clone();
        parked.filter_map(id).chain(refused).collect()
    }

    /// Messages that are still not done.
    pub(crate) fn left_in_queue(&self) -> usize {
        self.outside.queue.len()
    }

    /// Messages that the queue dropped as sent twice within five minutes.
    pub(crate) fn re_sent(&self) -> u64 {
        self.outside.queue.deduplicated()
    }
}

/// Counts outcomes, and tells on.
fn counted(outcomes: Arc<Mutex<Outcomes>>, enqueued: Arc<AtomicU64>, next: Telemetry) -> Telemetry {
    Telemetry::from_fn(move |event| {
        next.tell(event);
        let (about, outcome) = match event {
            Event::Done { about, outcome, .. } => (about, outcome.as_str()),
            Event::Parked { about, .. } => (about, "parked"),
            Event::Reconciled { enqueued: more, .. } => {
                enqueued.fetch_add(*more, Ordering::Relaxed);
                return;
            }
            _ => return,
        };
        // The group of a body that cannot be read still names the org.
        let org = about
            .org
            .or_else(|| about.group.split('/').next())
            .unwrap_or_default();
        let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        *outcomes
            .entry(org.to_owned())
            .or_default()
            .entry(outcome)
            .or_default() += 1;
    })
}
