//! One run: the story told, the functions fed, until all is quiet.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emulator::genesys::Options;
use emulator::{EventSource, Feed, Fifo, Genesys, fifo};
use futures_util::future::{join, join_all};
use http::Request;
use io::config::{IngestConfig, ParkingConfig};
use io::genesys::Shared;
use io::queue::Message;
use io::secrets::SecretsError;
use io::telemetry::{Event, Telemetry};
use io::{Chance, Clock, Config};
use lambda_http::Body;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::time::{sleep, timeout};
use tracing::level_filters::LevelFilter;

use crate::chaos::Kind;
use crate::checks;
use crate::mutants::Mutant;
use crate::seams::{Crash, DEAD_LETTER_QUEUE_URL, FeedLine, Line, Manager, Outside, QUEUE_URL, Sqs, client_id, short};
use crate::story::{CANARY, COLUMNS, Deed, Key, Org, Ranking, Story, VERSION_FIELD, start};
use crate::{lock, wire};

/// The function's timeout; the queue's visibility timeout is six times as long.
const TIMEOUT: Duration = Duration::from_secs(30);
const RECONCILE_TIMEOUT: Duration = Duration::from_mins(15);
/// A run that is not quiet by then is wrong.
const LATEST: Duration = Duration::from_hours(72);
const HORIZON: Duration = Duration::from_hours(6);
const SIGNING_SECRET: &str = "whsec_aHVzaC1odXNoLWh1c2g=";
const FEED_TOKEN: &str = "hush-feed";
/// One run in so many has its log read; writing it takes time.
const LOGGED: u64 = 16;

/// How a run ended.
pub struct Ended {
    /// What was violated; nothing, if all is well.
    pub violations: BTreeSet<String>,
    /// Where it was asked for.
    pub trace: Vec<String>,
    /// How long it was on the logical clock.
    pub simulated: Duration,
    /// Something of everything that happened, where a trace was asked for: the same for the same seed.
    pub digest: String,
}

/// Plays a story to its end.
pub(crate) fn play(story: Story, mutant: Option<Mutant>, trace: bool) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else { unreachable!("a runtime without any resource") };
    let lines = Lines::default();
    let is_logged = story.seed.is_multiple_of(LOGGED) || mutant == Some(Mutant::LogContent);
    let writer = lines.clone();
    let subscriber = is_logged.then(|| io::telemetry::subscriber(move || writer.clone(), LevelFilter::DEBUG));
    let ended = {
        let _log = subscriber.map(tracing::subscriber::set_default);
        runtime.block_on(run(story, mutant, trace))
    };
    let mut ended = ended;
    let log = String::from_utf8_lossy(&lock(&lines.0)).into_owned();
    ended.violations.extend(checks::is_silent("the log", &log));
    ended
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn run(story: Story, mutant: Option<Mutant>, trace: bool) -> Ended {
    let began = tokio::time::Instant::now();
    let clock = emulator::logical_clock(start());
    let outside = Arc::new(outside(story, clock, mutant, trace));
    let world = World::new(&outside);
    let told = async {
        join_all(outside.story.steps.iter().map(|step| world.step(step.at, &step.deed))).await;
        outside.say(|| "the story is told; nothing fails any more".to_owned());
        outside.chaos.heal();
        outside.queue.close();
    };
    if timeout(LATEST, join(told, world.feed())).await.is_err() {
        outside.violated(format!("1: {} messages never came out of the queue", outside.queue.len()));
    }
    world.settle().await;
    checks::at_rest(&outside);
    world.repeat().await;
    let mut seen = std::mem::take(&mut *lock(&outside.seen));
    let digest =
        wire::digest(&format!("{:?} {:?} {:?}", outside.genesys.journal(), seen.told, outside.genesys.counts()));
    let trace = outside.trace.as_ref().map(|trace| std::mem::take(&mut *lock(trace))).unwrap_or_default();
    Ended { violations: std::mem::take(&mut seen.violations), trace, simulated: began.elapsed(), digest }
}

fn outside(story: Story, clock: Clock, mutant: Option<Mutant>, trace: bool) -> Outside {
    let least = story.orgs.iter().map(|org| org.calls_per_minute).min();
    let options = Options {
        read_lag: story.read_lag,
        token_life: Duration::from_mins(10),
        calls_per_minute: least,
        rate_headers: story.rate_headers,
        list_updates_merge: story.seed.is_multiple_of(2),
        keeps_journal: true,
        ..Options::default()
    };
    let genesys = Genesys::new(clock.clone(), options);
    let feed = Feed::new(clock.clone(), FEED_TOKEN, 3);
    let attributes = fifo::Attributes { visibility_timeout: TIMEOUT * 6, max_receives: 1_000 };
    let dead_letters = Arc::new(Fifo::new(clock.clone(), attributes, None));
    let queue = Arc::new(Fifo::new(clock.clone(), attributes, Some(Arc::clone(&dead_letters))));
    let outside = Outside::new(story, clock, genesys, feed, queue, dead_letters, mutant, trace);
    for org in &outside.story.orgs {
        outside.genesys.put_client(&client_id(&org.name), &secret_of(&org.name, 0));
        let columns: Vec<_> = COLUMNS.into_iter().chain([VERSION_FIELD]).collect();
        for campaign in &org.campaigns {
            outside.genesys.put_campaign(&client_id(&org.name), campaign, Some(&columns));
        }
        put_secret(&outside, org, 0);
        let source = json!({ "signingSecrets": [SIGNING_SECRET], "org": org.name });
        outside.vault.put(&format!("campaign-sync/source/{}", org.name), source.to_string());
        let feed = json!({ "url": "https://crm.test/contacts", "bearerToken": FEED_TOKEN });
        outside.vault.put(&format!("campaign-sync/feed/{}", org.name), feed.to_string());
    }
    outside
}

fn secret_of(org: &str, generation: usize) -> String {
    format!("hush-{org}-{generation}")
}

fn secret_name(org: &Org) -> String {
    format!("campaign-sync/org/{}", org.name)
}

fn put_secret(outside: &Outside, org: &Org, generation: usize) {
    // What the secret says of the budget only counts where the service says nothing.
    let least = outside.story.orgs.iter().map(|org| org.calls_per_minute).min();
    let calls_per_minute = if outside.is(Mutant::IgnoreRateHeaders) { Some(100_000) } else { least };
    let secret = json!({
        "clientId": client_id(&org.name),
        "clientSecret": secret_of(&org.name, generation),
        "region": "us-east-1",
        "api": if org.is_of_lists { "contactLists" } else { "predictive" },
        "versionField": (org.ranking != Ranking::None).then_some(VERSION_FIELD),
        "versionFrom": if org.ranking == Ranking::OccurredAt { "occurredAt" } else { "version" },
        "callsPerMinute": calls_per_minute,
    });
    outside.vault.put(&secret_name(org), secret.to_string());
}

/// One running copy of apply; a crash begins another.
struct Copy {
    name: String,
    clock: Clock,
    running: RefCell<Rc<(apply::Context, Arc<Crash>)>>,
}

struct World<'a> {
    outside: &'a Arc<Outside>,
    copies: Vec<Copy>,
    ingest: ingest::Context,
    ingest_clock: Clock,
    telemetry: Telemetry,
    /// What the CRM says of each contact now.
    callable: RefCell<BTreeMap<Key, bool>>,
    secrets: RefCell<BTreeMap<usize, usize>>,
    redriven: RefCell<usize>,
}

impl<'a> World<'a> {
    fn new(outside: &'a Arc<Outside>) -> World<'a> {
        let telemetry = telemetry(outside);
        let skewed = |seconds: i64| {
            let clock = outside.clock.clone();
            let skew = jiff::SignedDuration::from_secs(seconds);
            Clock::from_fn(move || clock.now() + skew)
        };
        let skew = &outside.story.skew;
        let copy = |n: usize| {
            // Of all copies the same: SQS and Lambda's deadline are by AWS's clock.
            let (name, clock) = (format!("apply {n:<3}"), skewed(skew.get(n + 1).copied().unwrap_or(0)));
            let running = RefCell::new(Rc::new(start_apply(outside, &name, &clock, &telemetry)));
            Copy { name, clock, running }
        };
        let copies = (0..outside.story.copies).map(copy).collect();
        let ingest_clock = skewed(skew.first().copied().unwrap_or(0));
        let config = IngestConfig {
            queue_url: QUEUE_URL.to_owned(),
            secret_prefix: "campaign-sync".to_owned(),
            secret_ttl: Duration::from_mins(5),
        };
        let ingest = ingest::Context::new(
            config,
            Arc::new(Manager(Arc::clone(outside))),
            Arc::new(Sqs(Arc::clone(outside))),
            ingest_clock.clone(),
            telemetry.clone(),
        );
        let (callable, secrets, redriven) = Default::default();
        World { outside, copies, ingest, ingest_clock, telemetry, callable, secrets, redriven }
    }

    /// Feeds every copy of apply until the queue is closed and empty.
    async fn feed(&self) {
        let outside = self.outside;
        let source = EventSource { queue: Arc::clone(&outside.queue), clock: outside.clock.clone(), batch_size: 10 };
        join_all(self.copies.iter().map(|copy| source.feed(async |event| self.invoke(copy, event).await))).await;
    }

    async fn feed_until_quiet(&self) {
        if timeout(LATEST, self.feed()).await.is_err() {
            self.outside.violated(format!("1: {} messages never came out of the queue", self.outside.queue.len()));
        }
    }

    async fn invoke(&self, copy: &Copy, event: Value) -> Option<Value> {
        let outside = self.outside;
        let records = event["Records"].as_array().cloned().unwrap_or_default();
        if let Some(mut rng) = outside.chaos.draw(Kind::LatePoller, &copy.name) {
            sleep(Duration::from_secs(rng.u64(150..200))).await;
        }
        outside.say(|| {
            let ids = records.iter().map(|record| wire::event_id(record["body"].as_str().unwrap_or_default()));
            format!("{}  receives {}", copy.name, ids.collect::<Vec<_>>().join(", "))
        });
        let mut groups: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for record in &records {
            groups.entry(record["attributes"]["MessageGroupId"].as_str().unwrap_or_default()).or_default().push(record);
        }
        let parked_before = lock(&outside.seen).parked.len();
        let running = Rc::clone(&copy.running.borrow());
        let (context, crash) = (&running.0, &running.1);
        let mut lambda = lambda_runtime::Context::default();
        lambda.deadline = (copy.clock.now() + TIMEOUT).as_millisecond().unsigned_abs();
        let payload = serde_json::from_value(event.clone()).ok()?;
        let ended = tokio::select! {
            biased;
            () = crash.wait() => None,
            ended = timeout(TIMEOUT, apply::handle(context, LambdaEvent::new(payload, lambda))) => Some(ended),
        };
        checks::parked(outside, parked_before, &groups);
        let crashes = outside.chaos.strikes(Kind::CrashAtEnd, &copy.name);
        let mut answer = match ended {
            Some(Ok(Ok(answer))) if !crashes => serde_json::to_value(answer).ok()?,
            ended => {
                if matches!(ended, Some(Err(_))) {
                    outside.violated("apply was ended by Lambda's timeout".to_owned());
                }
                outside.say(|| format!("{}  is gone before its answer; another begins", copy.name));
                *copy.running.borrow_mut() = Rc::new(start_apply(outside, &copy.name, &copy.clock, &self.telemetry));
                return None;
            }
        };
        if outside.is(Mutant::AnswerAllDone) {
            answer = json!({ "batchItemFailures": [] });
        }
        if outside.is(Mutant::IgnoreFollowers) {
            ignore_followers(&mut answer, &groups);
        }
        checks::answer(outside, &answer, &groups);
        Some(answer)
    }

    async fn step(&self, at: Duration, deed: &Deed) {
        sleep(at).await;
        let outside = self.outside;
        outside.say(|| format!("           {}", shown(deed)));
        match deed {
            Deed::Change { org, body, is_poison, sent } => {
                if !is_poison {
                    self.crm_says(&outside.story.orgs[*org], body);
                }
                join_all(sent.iter().map(|delay| self.send_webhook(*org, body, *is_poison, *delay))).await;
            }
            Deed::Poison { like, body, org } => {
                let group = group_of(like);
                let deduplication_id = format!("poison-{org}-{}", at.as_millis());
                let message = Message { body: body.clone(), group, deduplication_id, attributes: Vec::new() };
                let _ = outside.store(message);
            }
            Deed::Alter { campaign, key } => outside.genesys.change_column(campaign, key, "note", "of somebody else"),
            Deed::Delete { campaign, key } => outside.genesys.delete_contact(campaign, key),
            Deed::Note { campaign, key } => {
                outside.genesys.note(campaign, key, "phoneNumberStatus", json!({ "phone": { "callable": false } }));
            }
            Deed::Rotate { org: n, later } => {
                let generation = {
                    let mut secrets = self.secrets.borrow_mut();
                    let generation = secrets.entry(*n).or_default();
                    *generation += 1;
                    *generation
                };
                let org = &outside.story.orgs[*n];
                outside.genesys.put_client(&client_id(&org.name), &secret_of(&org.name, generation));
                sleep(*later).await;
                // Nobody puts an older one over a newer one.
                if self.secrets.borrow().get(n).is_none_or(|newest| *newest == generation) {
                    put_secret(outside, org, generation);
                }
            }
            Deed::Revoke => outside.genesys.revoke_tokens(),
            Deed::HideSecret { org: n, time } => {
                let org = &outside.story.orgs[*n];
                outside.vault.fail(&secret_name(org), SecretsError::Missing);
                outside.genesys.revoke_tokens();
                sleep(*time).await;
                checks::is_parked_after_the_horizon(outside, *n, *time);
                put_secret(outside, org, self.secrets.borrow().get(n).copied().unwrap_or(0));
            }
            Deed::Forbid { org: n, time } => {
                let org = &outside.story.orgs[*n];
                outside.genesys.forbid(&client_id(&org.name), true);
                sleep(*time).await;
                checks::is_parked_after_the_horizon(outside, *n, *time);
                outside.genesys.forbid(&client_id(&org.name), false);
            }
            Deed::Reconcile { org } => drop(self.reconcile(&outside.story.orgs[*org], None).await),
            Deed::Redrive => self.redrive(),
        }
    }

    /// What the CRM's feed lists from now on, and what may be found in a write.
    fn crm_says(&self, org: &Org, body: &Value) {
        let key = key_of(body);
        let rank = rank_of(org, body);
        let said = match (body["operation"].as_str(), body["callable"].as_bool()) {
            (Some("remove"), _) => Some(false),
            (_, said) => said,
        };
        let now = {
            let mut callable = self.callable.borrow_mut();
            let now = callable.entry(key.clone()).or_insert(true);
            *now = said.unwrap_or(*now);
            *now
        };
        let mut listed = body.clone();
        listed.as_object_mut().map(|members| members.remove("eventId"));
        if body["operation"] != "remove" {
            listed["callable"] = now.into();
        }
        self.outside.feed.put(listed);
        let mut seen = lock(&self.outside.seen);
        seen.said.push((key, rank, said.unwrap_or(now)));
    }

    /// As a CRM does: until it is told 202, or that it never will be.
    async fn send_webhook(&self, org: usize, body: &Value, is_poison: bool, delay: Duration) {
        sleep(delay).await;
        let outside = self.outside;
        let (source, text) = (&outside.story.orgs[org].name, body.to_string());
        let event_id = body["eventId"].as_str().unwrap_or_default();
        for n in 0..40 {
            let crash = outside.chaos.draw(Kind::IngestCrash, event_id);
            let answered = match crash.map(|mut rng| rng.u64(0..12)) {
                Some(after) => {
                    let handled = ingest::handle(&self.ingest, self.request(source, &text));
                    timeout(Duration::from_millis(after), handled).await.ok()
                }
                None => Some(ingest::handle(&self.ingest, self.request(source, &text)).await),
            };
            let status = answered.map_or(0, |answer| answer.status().as_u16());
            outside.say(|| format!("ingest     answers {status} to {event_id}"));
            match status {
                202 => {
                    if !is_poison {
                        lock(&outside.seen).acknowledged.insert(event_id.to_owned());
                    }
                    return;
                }
                400 if is_poison => return,
                0 | 503 => sleep(Duration::from_secs(if n < 3 { 5 } else { 120 })).await,
                status => return outside.violated(format!("ingest answered {status} to a good webhook")),
            }
        }
        outside.violated("ingest took no webhook for an hour".to_owned());
    }

    fn request(&self, source: &str, body: &str) -> Request<Body> {
        let sent_at = self.outside.clock.now().as_second();
        debug_assert!(self.ingest_clock.now().as_second().abs_diff(sent_at) < 300, "clocks are that wrong nowhere");
        let signed = Webhook::new(SIGNING_SECRET).and_then(|webhook| webhook.sign("msg_1", sent_at, body.as_bytes()));
        let request = Request::post(format!("/webhooks/{source}"))
            .header("content-type", "application/json")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", sent_at)
            .header("webhook-signature", signed.unwrap_or_default());
        request.body(Body::from(body)).unwrap_or_default()
    }

    /// One run of reconcile by a copy of its own. Answers how many changes it enqueued; `None`: it failed.
    async fn reconcile(&self, org: &Org, cursor: Option<String>) -> Option<(u64, Option<String>)> {
        let outside = self.outside;
        let name = "reconcile ".to_owned();
        let line = Line::new(outside, &name);
        let crash = Arc::clone(&line.crash);
        let shared = shared(outside, line, &outside.clock, &self.telemetry);
        let queue = Arc::new(Sqs(Arc::clone(outside)));
        let context = reconcile::Context::new(shared, queue, Arc::new(FeedLine(Arc::clone(outside))));
        let campaigns = &org.campaigns;
        let input = json!({ "org": org.name, "campaignIds": campaigns, "windowMinutes": 14_400, "cursor": cursor });
        let mut lambda = lambda_runtime::Context::default();
        lambda.deadline = (outside.clock.now() + RECONCILE_TIMEOUT).as_millisecond().unsigned_abs();
        let ended = tokio::select! {
            biased;
            () = crash.wait() => None,
            ended = timeout(RECONCILE_TIMEOUT, reconcile::handle(&context, LambdaEvent::new(input, lambda))) => Some(ended),
        };
        match ended {
            Some(Ok(Ok(answer))) => {
                outside.say(|| format!("{name} {answer:?}"));
                checks::reconciled(outside, org, &answer);
                Some((answer.enqueued, answer.cursor))
            }
            Some(Ok(Err(error))) => {
                outside.say(|| format!("{name} {error}"));
                lock(&outside.seen).violations.extend(checks::is_silent("an error of reconcile", &error.to_string()));
                None
            }
            Some(Err(_)) => {
                outside.violated("reconcile was ended by Lambda's timeout".to_owned());
                None
            }
            None => None,
        }
    }

    /// Sends parked changes that failed for too long again (CONTRACT.md section 7), those that rank decides about.
    fn redrive(&self) {
        let outside = self.outside;
        let dead_letters = Arc::clone(&outside.dead_letters);
        let source = EventSource { queue: dead_letters, clock: outside.clock.clone(), batch_size: 10 };
        while let Some(batch) = outside.dead_letters.receive_for(10, Duration::from_secs(1)) {
            let records = batch.event["Records"].as_array().cloned().unwrap_or_default();
            let mut kept = Vec::new();
            for record in &records {
                let body = record["body"].as_str().unwrap_or_default();
                let reason = record["messageAttributes"]["reason"]["stringValue"].as_str().unwrap_or_default();
                let parsed: Value = serde_json::from_str(body).unwrap_or(Value::Null);
                let org = outside.story.orgs.iter().find(|org| parsed["org"] == org.name.as_str());
                if reason == "retryHorizon" && org.is_some_and(|org| org.ranking != Ranking::None) {
                    *self.redriven.borrow_mut() += 1;
                    let group = record["attributes"]["MessageGroupId"].as_str().unwrap_or_default().to_owned();
                    let deduplication_id = format!("redriven-{}", self.redriven.borrow());
                    let message = Message { body: body.to_owned(), group, deduplication_id, attributes: Vec::new() };
                    let _ = outside.store(message);
                } else {
                    kept.push(json!({ "itemIdentifier": record["messageId"] }));
                }
            }
            source.answered(&batch, Some(&json!({ "batchItemFailures": kept })));
        }
    }

    /// What is parked is sent again, and what was dropped is reconciled.
    async fn settle(&self) {
        // A parked message that stays holds back those behind it in its group for a moment.
        for _ in 0..5 {
            self.redrive();
            self.feed_until_quiet().await;
            sleep(Duration::from_secs(2)).await;
        }
        // What is new can be read by then.
        sleep(Duration::from_mins(15)).await;
        self.reconcile_all().await;
    }

    async fn reconcile_all(&self) -> u64 {
        let mut enqueued = 0;
        for org in &self.outside.story.orgs {
            let mut cursor = None;
            for _ in 0..20 {
                let Some((changes, next)) = self.reconcile(org, cursor.take()).await else { break };
                enqueued += changes;
                self.feed_until_quiet().await;
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
            if cursor.is_some() {
                self.outside.violated("reconcile does not come to its end".to_owned());
            }
        }
        sleep(Duration::from_mins(15)).await;
        enqueued
    }

    /// Everything again: it may change nothing, but that a late opt-out makes somebody not callable.
    async fn repeat(&self) {
        let outside = self.outside;
        outside.say(|| "everything is sent again".to_owned());
        let ranked = |message: &&Message| {
            let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
            let org = outside.story.orgs.iter().find(|org| body["org"] == org.name.as_str());
            org.is_some_and(|org| org.ranking != Ranking::None)
        };
        let stored: Vec<_> = lock(&outside.seen).stored.iter().filter(ranked).cloned().collect();
        let before = outside.genesys.journal().len();
        for (n, message) in stored.iter().enumerate() {
            let _ = outside.store(Message { deduplication_id: format!("again-{n}"), ..message.clone() });
        }
        self.feed_until_quiet().await;
        let enqueued = self.reconcile_all().await;
        checks::nothing_changed(outside, before, enqueued);
    }
}

fn ignore_followers(answer: &mut Value, groups: &BTreeMap<&str, Vec<&Value>>) {
    let failed: Vec<_> = answer["batchItemFailures"].as_array().cloned().unwrap_or_default();
    let is_failed = |record: &&&Value| failed.iter().any(|item| item["itemIdentifier"] == record["messageId"]);
    let first = groups.values().filter_map(|of_group| of_group.iter().find(is_failed));
    let first: Vec<_> = first.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
    answer["batchItemFailures"] = first.into();
}

fn start_apply(
    outside: &Arc<Outside>,
    name: &str,
    clock: &Clock,
    telemetry: &Telemetry,
) -> (apply::Context, Arc<Crash>) {
    let line = Line::new(outside, name);
    let crash = Arc::clone(&line.crash);
    let retry_horizon = match outside.mutant {
        Some(Mutant::ParkEarly) => Duration::from_mins(1),
        Some(Mutant::NoHorizon) => Duration::from_hours(10_000),
        _ => HORIZON,
    };
    let parking = ParkingConfig { dead_letter_queue_url: DEAD_LETTER_QUEUE_URL.to_owned(), retry_horizon };
    let context =
        apply::Context::new(shared(outside, line, clock, telemetry), parking, Arc::new(Sqs(Arc::clone(outside))));
    (context.with_defect(outside.mutant.and_then(Mutant::defect)), crash)
}

fn shared(outside: &Arc<Outside>, line: Line, clock: &Clock, telemetry: &Telemetry) -> Shared {
    let config = Config {
        queue_url: QUEUE_URL.to_owned(),
        secret_prefix: "campaign-sync".to_owned(),
        secret_ttl: Duration::from_mins(5),
        genesys_base_url: None,
        apply_concurrency: u32::try_from(outside.story.copies).unwrap_or(1),
    };
    Shared {
        transport: Arc::new(line),
        secrets: Arc::new(Manager(Arc::clone(outside))),
        clock: clock.clone(),
        chance: Chance::seeded(outside.story.seed),
        telemetry: telemetry.clone(),
        config,
    }
}

fn telemetry(outside: &Arc<Outside>) -> Telemetry {
    // Not the other way round: the outside outlives no telemetry.
    let outside = Arc::downgrade(outside);
    let log = Telemetry::log();
    Telemetry::from_fn(move |event| {
        let Some(outside) = outside.upgrade() else { return };
        log.tell(event);
        outside.say(|| format!("           told: {}", told(event)));
        let id = match event {
            Event::Done { about, .. } | Event::Parked { about, .. } => about.event_id,
            _ => None,
        };
        let mut seen = lock(&outside.seen);
        seen.events += 1;
        if let Some(id) = id {
            let now = outside.clock.now();
            seen.told.entry(id.to_owned()).or_insert(now);
            if matches!(event, Event::Done { .. }) {
                seen.done.entry(id.to_owned()).or_insert(now);
            }
            if outside.is(Mutant::LogContent) {
                tracing::error!(key = CANARY, "a defect on purpose");
            }
        }
    })
}

fn told(event: &Event<'_>) -> String {
    match event {
        Event::Done { about, outcome } => format!("{outcome} {}", about.event_id.unwrap_or_default()),
        Event::Parked { about, reason, evidence } => {
            format!("parked {} {reason}: {}", about.event_id.unwrap_or(short(about.group)), evidence.detail)
        }
        Event::Retried { about, delay, why } => {
            let why = why.map_or("behind another", |(_, evidence)| &evidence.detail);
            format!("retried {} in {} s: {why}", about.event_id.unwrap_or_default(), delay.as_secs())
        }
        event => format!("{event:?}"),
    }
}

fn shown(deed: &Deed) -> String {
    match deed {
        Deed::Change { body, is_poison, sent, .. } => {
            let what = if *is_poison { "sends poison" } else { "changes a contact" };
            let arrive =
                if sent.is_empty() { "; its webhook is dropped".to_owned() } else { format!(", sent after {sent:?}") };
            format!("the CRM {what}: {body}{arrive}")
        }
        Deed::Poison { body, .. } => format!("somebody puts poison into the queue: {body}"),
        other => format!("{other:?}"),
    }
}

pub(crate) fn key_of(body: &Value) -> Key {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (text("org"), text("campaignId"), text("contactKey"))
}

pub(crate) fn rank_of(org: &Org, body: &Value) -> Option<u64> {
    match org.ranking {
        Ranking::Version => body["version"].as_u64(),
        Ranking::OccurredAt => {
            let at: jiff::Timestamp = body["occurredAt"].as_str()?.parse().ok()?;
            u64::try_from(at.as_millisecond()).ok()
        }
        Ranking::None => None,
    }
}

/// CONTRACT.md section 1, by hand.
fn group_of(body: &Value) -> String {
    use sha2::Digest;
    let (org, campaign, key) = key_of(body);
    let hash: String = sha2::Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{org}/{campaign}/{}", &hash[..32])
}
