//! Orgs on the emulated services, and what one invocation of apply did to them. Most tests begin
//! with [`World`]. `ingest` has the same for ingest, `served` serves everything over HTTP for
//! commands, and `changes` makes changes.

mod between;
mod by_both;
mod changes;
pub(crate) mod ingest;
mod lines;
pub(crate) mod openapi;
pub(crate) mod scripted;
pub(crate) mod served;
mod told;
mod waits;

pub(crate) use between::between;
pub(crate) use by_both::by_both;
pub(crate) use changes::{CAMPAIGN, Change, OTHER_CAMPAIGN, change};
pub(crate) use lines::Lines;
use told::{show, tell};
pub(crate) use waits::{ODD_WAITS, never_hammered};

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apply::Context;
use emulator::fifo::Batch;
use emulator::genesys::Options;
pub(crate) use emulator::world::VERSION_FIELD;
use io::Config;
use io::config::ApplyConfig;
use io::genesys::Shared;
use io::http::Transport;
use io::telemetry::Telemetry;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

/// The prefix of the queues' URLs.
pub(crate) const BASE: &str = "https://sqs.test";
const ORGS_AND_CAMPAIGNS: [(&str, &str); 3] = [
    ("acme", CAMPAIGN),
    ("acme", OTHER_CAMPAIGN),
    ("other", "other-campaign"),
];
/// The columns of the contact lists.
pub(crate) const COLUMNS: [&str; 4] = ["phone", "firstName", "nickname", VERSION_FIELD];

/// The members of a change that the fuzz tests play with.
pub(crate) const MEMBERS: [&str; 11] = [
    "schema",
    "eventId",
    "org",
    "campaignId",
    "contactKey",
    "operation",
    "version",
    "occurredAt",
    "source",
    "data",
    "callable",
];

/// The services, and one copy of apply.
pub(crate) struct World {
    outside: emulator::World,
    pub(crate) config: Config,
    pub(crate) context: Context,
    told: Arc<Mutex<Vec<String>>>,
}

impl Deref for World {
    type Target = emulator::World;

    fn deref(&self) -> &emulator::World {
        &self.outside
    }
}

/// The effects of one invocation.
#[derive(Debug)]
pub(crate) struct Done {
    /// "GET LEAD-1 200": the method, the contact key as in the path (or "contacts"), and the
    /// status. The token endpoint is "token".
    pub(crate) calls: Vec<String>,
    /// For each record of the batch its outcome, "parked: reason", or "retried in n s".
    pub(crate) records: Vec<String>,
    /// The records that the answer to Lambda names, by their index in the batch.
    pub(crate) failed: Vec<usize>,
    /// The time that it took on the logical clock.
    pub(crate) took: Duration,
}

impl World {
    /// The org `acme` with two campaigns, and the org `other` with one. Every call takes 40 ms.
    pub(crate) fn new() -> World {
        World::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> World {
        let clock = emulator::logical_clock("2026-11-24T16:00:00Z".parse().unwrap());
        let outside = emulator::World::new(clock, options, BASE);
        for (org, campaign) in ORGS_AND_CAMPAIGNS {
            outside.put_org(org, &json!({}));
            outside.put_campaign(org, campaign, None);
        }
        let told = Arc::default();
        let (config, _) = config(&outside);
        let context = copy(&outside, None, &told, config.clone());
        World {
            outside,
            config,
            context,
            told,
        }
    }

    /// As [`World::with`], but the orgs have the contact list API. Each list has the columns
    /// [`COLUMNS`].
    pub(crate) fn of_lists(options: Options) -> World {
        let world = World::with(options);
        for (org, campaign) in ORGS_AND_CAMPAIGNS {
            world.put_campaign(org, campaign, Some(&COLUMNS));
            world.put_secret(org, &json!({ "api": "contactLists" }));
        }
        world
    }

    /// A world for each API, with the API's name in an org's secret.
    pub(crate) fn by_api() -> [(World, &'static str); 2] {
        [
            (World::new(), "predictive"),
            (World::of_lists(Options::default()), "contactLists"),
        ]
    }

    /// Another copy of apply, as after a cold start, with another configuration or transport.
    pub(crate) fn copy(
        &self,
        transport: Option<Arc<dyn Transport>>,
        configure: impl Fn(&mut Config),
    ) -> Context {
        let mut config = self.config.clone();
        configure(&mut config);
        copy(&self.outside, transport, &self.told, config)
    }

    /// Another copy of apply, which itself receives at most this many messages.
    pub(crate) fn copy_that_tops_up(&self, top_up: usize) -> Context {
        let (_, own) = config(&self.outside);
        let shared = self.shared(|config| config.apply_top_up = top_up);
        Context::new(shared, own, Arc::clone(&self.outside.sqs) as _)
    }

    /// Another copy of apply, of an org that stores no ranks from now on.
    pub(crate) async fn without_ranks(&self) -> Context {
        let calls = self.apply([change("warm", 1)]).await.calls.len();
        let api = if calls > 3 {
            "contactLists"
        } else {
            "predictive"
        };
        self.put_secret("acme", &json!({ "api": api, "versionField": null }));
        self.copy(None, |_| {})
    }

    /// The state that the parts of another function share, with another configuration.
    pub(crate) fn shared(&self, configure: impl Fn(&mut Config)) -> Shared {
        let mut config = self.config.clone();
        configure(&mut config);
        shared(&self.outside, &self.told, config)
    }

    pub(crate) fn send(&self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            self.queue.send(change.message()).unwrap();
        }
    }

    /// Sends these changes, and applies the next batch of the queue.
    pub(crate) async fn apply(&self, changes: impl IntoIterator<Item = Change>) -> Done {
        self.send(changes);
        self.invoke().await
    }

    /// Applies the next batch of the queue, with 30 seconds of time.
    pub(crate) async fn invoke(&self) -> Done {
        self.invoke_copy(&self.context, Some(Duration::from_secs(30)))
            .await
    }

    /// Applies the next batch of the queue. `time` is the time until the deadline; `None` means
    /// that the deadline is unknown.
    pub(crate) async fn invoke_copy(&self, copy: &Context, time: Option<Duration>) -> Done {
        let batch = self
            .queue
            .receive(10)
            .expect("the queue has something to give");
        let (began, calls, told) = (
            self.clock.now(),
            self.genesys.calls().len(),
            self.told().len(),
        );
        let answer = self.hand_over(copy, &batch, time).await;
        let took = self.clock.now().duration_since(began).unsigned_abs();

        let ids: Vec<_> = batch.event["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| &record["messageId"])
            .collect();
        let failed: Vec<&Value> = answer["batchItemFailures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["itemIdentifier"])
            .collect();
        assert!(
            failed.iter().all(|id| ids.contains(id)),
            "a foreign id in {answer}"
        );
        let in_flight = self.queue.in_flight();
        let outcomes = self.told().split_off(told);
        let mut outcomes = outcomes.into_iter().filter(|told| !told.starts_with('!'));
        let record = |id: &Value| match in_flight.get(id.as_str().unwrap()) {
            Some(seconds) => outcomes.next().map(|_| format!("retried in {seconds} s")),
            None => outcomes.next(),
        };
        Done {
            calls: self
                .genesys
                .calls()
                .split_off(calls)
                .iter()
                .map(show)
                .collect(),
            records: ids
                .iter()
                .copied()
                .map(record)
                .map(|told| told.unwrap_or_default())
                .collect(),
            failed: ids
                .iter()
                .enumerate()
                .filter(|(_, id)| failed.contains(id))
                .map(|(index, _)| index)
                .collect(),
            took,
        }
    }

    /// Hands a batch of the queue to a copy, and its answer to the event source.
    pub(crate) async fn hand_over(
        &self,
        copy: &Context,
        batch: &Batch,
        time: Option<Duration>,
    ) -> Value {
        let mut lambda = lambda_runtime::Context::default();
        lambda.deadline = time.map_or(600_000, |time| {
            (self.clock.now() + time).as_millisecond().unsigned_abs()
        });
        let event = serde_json::from_value(batch.event.clone()).unwrap();
        let answer = apply::handle(copy, LambdaEvent::new(event, lambda)).await;
        let answer = serde_json::to_value(answer.unwrap()).unwrap();
        self.event_source().answered(batch, Some(&answer));
        answer
    }

    /// Everything that telemetry reported, one text for each event. A text that is not an outcome
    /// begins with "!".
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// How often it was reported that an org or a campaign is refused.
    pub(crate) fn refusals(&self) -> usize {
        let told = self.told();
        told.iter().filter(|told| told.contains("refused")).count()
    }

    /// A contact of [`CAMPAIGN`]: its columns and `callable`.
    pub(crate) fn contact(&self, key: &str) -> (BTreeMap<String, String>, bool) {
        let contact = self
            .genesys
            .contacts(CAMPAIGN)
            .remove(key)
            .unwrap_or_else(|| panic!("there is no {key}"));
        (contact.data, contact.callable)
    }

    /// A member of a contact of [`CAMPAIGN`] that the dialler owns.
    pub(crate) fn of_the_dialler(&self, key: &str, member: &str) -> Value {
        let contact = self.genesys.contact(CAMPAIGN, key).unwrap();
        let held = contact.of_the_dialler.get(member);
        held.cloned().unwrap_or_default()
    }

    /// The value of a column of a contact of [`CAMPAIGN`], or an empty text.
    pub(crate) fn column(&self, key: &str, column: &str) -> String {
        self.contact(key).0.remove(column).unwrap_or_default()
    }

    /// Puts a contact of [`CAMPAIGN`] that stores this version.
    pub(crate) fn put(&self, key: &str, version: u64, phone: &str) {
        let data = [
            (VERSION_FIELD, version.to_string()),
            ("phone", phone.to_owned()),
        ];
        let data: Vec<_> = data
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.genesys.put_contact(CAMPAIGN, key, &data, true);
    }

    /// The attributes of the parked messages.
    pub(crate) fn parked(&self) -> Vec<BTreeMap<&'static str, String>> {
        self.dead_letters
            .messages()
            .into_iter()
            .map(|message| message.attributes.into_iter().collect())
            .collect()
    }

    /// Lets logical time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

fn copy(
    outside: &emulator::World,
    transport: Option<Arc<dyn Transport>>,
    told: &Arc<Mutex<Vec<String>>>,
    config: Config,
) -> Context {
    let mut shared = shared(outside, told, config);
    shared.transport = transport.unwrap_or(shared.transport);
    let (_, own) = self::config(outside);
    Context::new(shared, own, Arc::clone(&outside.sqs) as _)
}

fn shared(outside: &emulator::World, told: &Arc<Mutex<Vec<String>>>, config: Config) -> Shared {
    let (told, log) = (Arc::clone(told), Telemetry::log());
    let telemetry = Telemetry::from_fn(move |event| {
        log.tell(event);
        told.lock().unwrap().extend(tell(event));
    });
    outside.shared(7, telemetry, config)
}

/// The seconds of "retried in n s".
#[track_caller]
pub(crate) fn seconds(record: &str) -> u64 {
    record
        .strip_prefix("retried in ")
        .unwrap_or_else(|| panic!("{record}"))
        .trim_end_matches(" s")
        .parse()
        .unwrap()
}

/// The configuration of apply in template.yaml.
pub(crate) fn config(outside: &emulator::World) -> (Config, ApplyConfig) {
    Config::read_for_apply(|name| outside.variable(name)).unwrap()
}
