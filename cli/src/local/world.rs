//! The embedded parts, wired as on AWS: ingest, queue and event source, five copies of apply,
//! Genesys Cloud, secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apply::{Context, Defect};
use emulator::genesys::Options;
use emulator::{EventSource, Feed, Fifo, Genesys, Sqs, Vault, fifo};
use futures_util::future::{join, join_all};
use http::StatusCode;
use io::config::{IngestConfig, ParkingConfig};
use io::genesys::Shared;
use io::queue::Message;
use io::telemetry::{Event, Telemetry};
use io::{Chance, Clock, Config};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

use super::crm::{self, Delivery, Parcel, Story, VERSION_FIELD, WrongContact};
use super::{Api, Error, LATEST};
use crate::made_up::{SIGNING_SECRET, source_of};
use crate::webhook;

/// Part of the queues' URLs.
pub(crate) const ACCOUNT: &str = "000000000000";
const COPIES: u32 = 5;
/// The function's timeout; the queue's visibility timeout is six times as long.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The timeout of reconcile.
const RUN: Duration = Duration::from_mins(15);

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
    pub(crate) genesys: Arc<Genesys>,
    clock: Clock,
    queue: Arc<Fifo>,
    dead_letters: Arc<Fifo>,
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) ingest: ingest::Context,
    copies: Vec<Context>,
    reconcile: reconcile::Context,
    /// What the CRM says now.
    pub(crate) feed: Arc<Feed>,
    outcomes: Arc<Mutex<Outcomes>>,
    /// Event ids of the changes that ingest did not let in, each time they were sent.
    refused: Mutex<Vec<String>>,
}

/// Genesys Cloud with the story's campaigns and contacts, before the first change.
pub(crate) fn genesys(clock: Clock, story: &Story, options: Options) -> Genesys {
    let genesys = Genesys::new(clock, options);
    let columns = story.columns();
    let columns: Option<Vec<&str>> = columns
        .as_ref()
        .map(|columns| columns.iter().map(String::as_str).collect());
    for (org, campaign) in story.campaigns() {
        genesys.put_client(&client_id(&org), &client_secret(&org));
        genesys.put_campaign(&client_id(&org), &campaign, columns.as_deref());
    }
    for ((_, campaign, key), contact) in &story.initial {
        let data: Vec<_> = contact
            .columns
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        genesys.put_contact(campaign, key, &data, contact.callable);
    }
    genesys
}

pub(crate) fn client_id(org: &str) -> String {
    format!("client-of-{org}")
}

pub(crate) fn client_secret(org: &str) -> String {
    format!("secret-of-{org}")
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
    ) -> World {
        let (config, parking) = config(base);
        let options = Options {
            read_lag: Duration::from_secs(2),
            token_life: Duration::from_mins(10),
            calls_per_minute: Some(calls_per_minute),
            ..Options::default()
        };
        let genesys = Arc::new(genesys(clock.clone(), story, options));
        let attributes = fifo::Attributes {
            visibility_timeout: TIMEOUT * 6,
            max_receives: 1_000,
        };
        let dead_letters = Arc::new(Fifo::new(clock.clone(), attributes, None));
        let queue = Arc::new(Fifo::new(
            clock.clone(),
            attributes,
            Some(Arc::clone(&dead_letters)),
        ));
        let sqs = Arc::new(Sqs::new([
            (config.queue_url.clone(), Arc::clone(&queue)),
            (
                parking.dead_letter_queue_url.clone(),
                Arc::clone(&dead_letters),
            ),
        ]));
        let vault = Arc::new(Vault::default());
        for (org, _) in story.campaigns() {
            vault.put(
                &format!("campaign-sync/org/{org}"),
                secret(&org, story.api, calls_per_minute),
            );
            put_source(
                &vault,
                &source_of(&org),
                &json!({ "signingSecrets": [SIGNING_SECRET], "org": org }),
            );
            let feed = json!({ "url": format!("{base}{FEED_PATH}"), "bearerToken": FEED_TOKEN });
            vault.put(&format!("campaign-sync/feed/{org}"), feed.to_string());
        }
        let outcomes = Arc::new(Mutex::new(Outcomes::new()));
        let telemetry = counted(Arc::clone(&outcomes), telemetry);
        let shared = |n: u32| Shared {
            transport: Arc::clone(&genesys) as _,
            secrets: Arc::clone(&vault) as _,
            clock: clock.clone(),
            chance: Chance::seeded(n.into()),
            telemetry: telemetry.clone(),
            config: config.clone(),
        };
        let copy =
            |n| Context::new(shared(n), parking.clone(), Arc::clone(&sqs) as _).with_defect(defect);
        let copies = (0..COPIES).map(copy).collect();
        let feed = Arc::new(Feed::new(clock.clone(), FEED_TOKEN, FEED_PAGE));
        let reconcile = reconcile::Context::new(
            shared(COPIES),
            Arc::clone(&sqs) as _,
            Arc::clone(&feed) as _,
        );
        let ingest = ingest::Context::new(
            ingest_config(&config),
            Arc::clone(&vault) as _,
            Arc::clone(&sqs) as _,
            clock.clone(),
            telemetry.clone(),
        );
        let refused = Mutex::default();
        World {
            genesys,
            clock,
            queue,
            dead_letters,
            sqs,
            vault,
            ingest,
            copies,
            reconcile,
            feed,
            outcomes,
            refused,
        }
    }

    /// Sends everything at its time and waits until all is done.
    pub(crate) async fn run(&self, deliveries: &[Delivery]) {
        let began = tokio::time::Instant::now();
        let send = async {
            for delivery in deliveries.iter().filter(|delivery| !delivery.is_dropped) {
                tokio::time::sleep_until(began + delivery.at).await;
                self.deliver(&delivery.parcel).await;
            }
            self.queue.close();
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
        let source = EventSource {
            queue: Arc::clone(&self.queue),
            clock: self.clock.clone(),
            batch_size: 10,
        };
        join_all(
            self.copies
                .iter()
                .map(|copy| source.feed(async |event| self.invoke(copy, event).await)),
        )
        .await;
    }

    /// Runs reconcile for every org, and what it enqueues through apply; answers how many changes
    /// that were.
    pub(crate) async fn reconcile(&self, story: &Story) -> Result<u64, Error> {
        let mut campaigns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (org, campaign) in story.campaigns() {
            campaigns.entry(org).or_default().push(campaign);
        }
        let mut enqueued = 0;
        for (org, campaigns) in campaigns {
            // The share of what is dropped is the user's to choose.
            let mut input = json!({ "org": org, "campaignIds": campaigns, "force": true });
            loop {
                let answer = reconcile::handle(
                    &self.reconcile,
                    LambdaEvent::new(input.clone(), self.lambda(RUN)),
                )
                .await;
                let answer = answer.map_err(|error| format!("reconcile: {error}"))?;
                enqueued += answer.enqueued;
                let _ = tokio::time::timeout(LATEST, self.feed()).await;
                if answer.complete {
                    break;
                }
                input["cursor"] = answer.cursor.into();
            }
        }
        Ok(enqueued)
    }

    /// The contacts that are not as the CRM last said.
    pub(crate) fn wrong_contacts(&self, story: &Story) -> Vec<WrongContact> {
        crm::differences(&story.expected(&self.refused_event_ids()), |campaign| {
            self.genesys.contacts(campaign)
        })
    }

    fn lambda(&self, timeout: Duration) -> lambda_runtime::Context {
        let mut context = lambda_runtime::Context::default();
        context.deadline = (self.clock.now() + timeout).as_millisecond().unsigned_abs();
        context
    }

    /// Another source of webhooks.
    pub(crate) fn put_source(&self, name: &str, secret: &Value) {
        put_source(&self.vault, name, secret);
    }

    async fn deliver(&self, parcel: &Parcel) {
        match parcel {
            Parcel::Message(message) => {
                if let Err(error) = self.queue.send(message.clone()) {
                    eprintln!("campaign-sync: the queue did not take a message: {error}");
                }
            }
            Parcel::Webhook { source, body } => {
                let request = webhook::signed(source, body, SIGNING_SECRET, self.clock.now());
                let answer = ingest::handle(&self.ingest, request).await;
                if answer.status() != StatusCode::ACCEPTED {
                    let id = serde_json::from_str(body)
                        .ok()
                        .and_then(|body: Value| Some(body["eventId"].as_str()?.to_owned()));
                    self.refused
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .extend(id);
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
        for message in self.dead_letters.messages() {
            let mut attributes: BTreeMap<_, _> = message.attributes.into_iter().collect();
            let reason = attributes
                .remove("reason")
                .unwrap_or_else(|| "none".to_owned());
            let detail = attributes.remove("detail").unwrap_or_default();
            parked.entry(reason).or_insert((0, detail)).0 += 1;
        }
        parked
    }

    /// How many changes ingest did not let in.
    pub(crate) fn refused(&self) -> usize {
        self.refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The event ids of the changes that were parked, or not let in.
    pub(crate) fn refused_event_ids(&self) -> BTreeSet<String> {
        let parked = self.dead_letters.messages().into_iter();
        let id = |message: Message| {
            let body: Value = serde_json::from_str(&message.body).ok()?;
            Some(body["eventId"].as_str()?.to_owned())
        };
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        parked
            .filter_map(id)
            .chain(refused.iter().cloned())
            .collect()
    }

    /// Messages that are still not done.
    pub(crate) fn left_in_queue(&self) -> usize {
        self.queue.len()
    }

    /// Messages that the queue dropped as sent twice within five minutes.
    pub(crate) fn re_sent(&self) -> u64 {
        self.queue.deduplicated()
    }
}

/// Counts outcomes, and tells on.
fn counted(outcomes: Arc<Mutex<Outcomes>>, next: Telemetry) -> Telemetry {
    Telemetry::from_fn(move |event| {
        next.tell(event);
        let (about, outcome) = match event {
            Event::Done { about, outcome } => (about, outcome.as_str()),
            Event::Parked { about, .. } => (about, "parked"),
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

fn put_source(vault: &Vault, name: &str, secret: &Value) {
    vault.put(&format!("campaign-sync/source/{name}"), secret.to_string());
}

fn secret(org: &str, api: Api, calls_per_minute: u64) -> String {
    json!({
        "clientId": client_id(org),
        "clientSecret": client_secret(org),
        "region": "us-east-1",
        "api": match api {
            Api::Predictive => "predictive",
            Api::ContactLists => "contactLists",
        },
        "versionField": VERSION_FIELD,
        "callsPerMinute": calls_per_minute,
    })
    .to_string()
}

fn config(base: &str) -> (Config, ParkingConfig) {
    let config = Config {
        queue_url: format!("{base}/{ACCOUNT}/changes.fifo"),
        secret_prefix: "campaign-sync".to_owned(),
        secret_ttl: Duration::from_mins(5),
        genesys_base_url: None,
        apply_concurrency: COPIES,
    };
    let parking = ParkingConfig {
        dead_letter_queue_url: format!("{base}/{ACCOUNT}/dead.fifo"),
        retry_horizon: Duration::from_hours(6),
    };
    (config, parking)
}

fn ingest_config(config: &Config) -> IngestConfig {
    IngestConfig {
        queue_url: config.queue_url.clone(),
        secret_prefix: config.secret_prefix.clone(),
        secret_ttl: config.secret_ttl,
    }
}
