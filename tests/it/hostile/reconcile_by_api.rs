//! Feeds, records and schedules that behave badly. No change is left out, and nobody is called who
//! opted out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::Config;
use io::http::{Transport, TransportError};
use lambda_runtime::LambdaEvent;
use reconcile::{Context, Runs};
use serde_json::{Value, json};

use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, World};

const RECORD: &str = "/campaign-sync/campaign-sync/reconcile/acme";
const QUARTER: Duration = Duration::from_mins(15);

type Answers = dyn Fn(&str, usize) -> (u16, Value) + Send + Sync;

struct Crm {
    answers: Box<Answers>,
    asked: Mutex<Vec<String>>,
}

impl Transport for Crm {
    fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let url = request.uri().to_string();
            let before = {
                let mut all = self.asked.lock().unwrap();
                all.push(url.clone());
                all.len() - 1
            };
            let (status, page) = (self.answers)(&url, before);
            let mut response = Response::new(Bytes::from(page.to_string()));
            *response.status_mut() = status.try_into().unwrap();
            Ok(response)
        }
        .boxed()
    }
}

struct Run {
    world: World,
    crm: Arc<Crm>,
    context: Context,
}

/// A feed in the neutral form. Its answer may depend on how often the same address was requested
/// before.
fn run(answers: impl Fn(&str, usize) -> (u16, Value) + Send + Sync + 'static) -> Run {
    let secret = json!({ "url": "https://crm.test/contacts", "bearerToken": "hush" });
    run_with(&secret, answers)
}

fn run_with(
    secret: &Value,
    answers: impl Fn(&str, usize) -> (u16, Value) + Send + Sync + 'static,
) -> Run {
    let world = World::new();
    world.put_feed("acme", secret);
    let crm = Arc::new(Crm {
        answers: Box::new(answers),
        asked: Mutex::default(),
    });
    let sqs = Arc::clone(&world.sqs);
    let context = Context::new(world.shared(|_| ()), sqs as _, Arc::clone(&crm) as _);
    let (_, own) = Config::read_for_runs(|name| world.variable(name)).unwrap();
    let context = context.with_runs(Runs::new(own, Arc::clone(&world.parameters) as _));
    Run {
        world,
        crm,
        context,
    }
}

impl Run {
    /// Enqueues a run as a schedule does.
    fn due(&self, more: Value) {
        let mut input = json!({ "org": "acme", "campaignIds": [CAMPAIGN],
                                "scheduledTime": self.world.clock.now().to_string() });
        let members = input.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        let body = input.to_string();
        let message = io::queue::Message {
            deduplication_id: domain::sha256_hex(body.as_bytes()),
            body,
            group: "acme".to_owned(),
            attributes: Vec::new(),
        };
        self.world.runs.send(message).unwrap();
    }

    async fn take(&self, time: Duration) -> Option<u64> {
        let batch = self.world.runs.receive(1).expect("a run is due");
        let mut lambda = lambda_runtime::Context::default();
        let end = self.world.clock.now() + time;
        lambda.deadline = end.as_millisecond().unsigned_abs();
        let event = LambdaEvent::new(batch.event.clone(), lambda);
        let answer = reconcile::handle(&self.context, event).await.unwrap();
        self.world.source_of_runs().answered(&batch, Some(&answer));
        self.world.runs.in_flight().into_values().next()
    }

    async fn take_all(&self) -> usize {
        for invocations in 0..20 {
            if self.world.runs.is_empty() {
                return invocations;
            }
            if let Some(seconds) = self.take(QUARTER).await {
                self.world.pass(Duration::from_secs(seconds)).await;
            }
        }
        panic!("the runs have no end");
    }

    fn keys(&self) -> Vec<String> {
        let messages = self.world.queue.messages();
        let bodies = messages.iter().map(|message| &message.body);
        bodies
            .map(|body| {
                let change: Value = serde_json::from_str(body).unwrap();
                change["contactKey"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    fn sent_nothing_but(&self, key: &str) {
        let keys = self.keys();
        assert!(!keys.is_empty(), "{:?}", self.errors().first());
        assert!(keys.iter().all(|sent| sent == key), "{keys:?}");
    }

    fn errors(&self) -> Vec<String> {
        let messages = self.world.failed_runs.messages();
        messages
            .iter()
            .map(|message| message.body.clone())
            .collect()
    }

    fn asked(&self) -> Vec<String> {
        self.crm.asked.lock().unwrap().clone()
    }
}

fn page(contacts: &[Value], next: Option<&str>) -> (u16, Value) {
    (200, json!({ "contacts": contacts, "next": next }))
}

/// A contact that is not in the campaign yet.
fn ordinary() -> Value {
    json!({ "contactKey": "new", "version": 6, "data": { "phone": "6" } })
}

fn opted_out(key: &str) -> Value {
    json!({ "contactKey": key, "version": 6, "data": { "phone": "5" }, "callable": false })
}

/// The `since` of an address, in seconds.
fn since(url: &str) -> i64 {
    let text = url.split("since=").nth(1).unwrap();
    let text = text.split('&').next().unwrap().replace("%3A", ":");
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_from_the_queue_of_runs_is_not_taken_for_a_look() {
    let opted = "2026-11-24T16:30:00Z".parse::<jiff::Timestamp>().unwrap();
    let run = run(
        move |url, before| match before > 0 && since(url) <= opted.as_second() {
            true => page(&[opted_out("gone")], None),
            false => page(&[], None),
        },
    );
    run.world.put("gone", 5, "5");
    run.due(json!({}));
    run.take_all().await;
    run.world.pass(Duration::from_hours(1)).await;
    run.due(json!({ "dryRun": true }));
    run.take_all().await;
    assert!(run.keys().is_empty());
    // The next run is late. It must ask for every change since 16:00.
    run.world.pass(Duration::from_hours(2)).await;
    run.due(json!({}));
    run.take_all().await;
    let looked = run.world.parameters.text(RECORD);
    assert_eq!(run.keys(), ["gone"], "asked {:?}; {looked:?}", run.asked());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_due_a_little_ahead_does_not_look_into_the_future() {
    // Nobody has opted out at 16:00 or at 16:01.
    let opted = "2026-11-24T16:03:00Z".parse::<jiff::Timestamp>().unwrap();
    let run = run(
        move |url, before| match before > 1 && since(url) <= opted.as_second() {
            true => page(&[opted_out("gone")], None),
            false => page(&[], None),
        },
    );
    run.world.put("gone", 5, "5");
    run.due(json!({}));
    run.take_all().await;
    run.world.pass(Duration::from_mins(1)).await;
    run.due(json!({ "scheduledTime": "2026-11-24T16:10:00Z" }));
    run.take_all().await;
    // Whatever its window, the run must ask for every change since 16:01.
    run.world.pass(Duration::from_mins(75)).await;
    run.due(json!({}));
    run.take_all().await;
    let looked = run.world.parameters.text(RECORD);
    assert_eq!(run.keys(), ["gone"], "asked {:?}; {looked:?}", run.asked());
}

#[tokio::test(start_paused = true)]
async fn campaigns_that_come_and_go_fill_no_record() {
    let run = run(|_, _| page(&[], None));
    for day in 0..120 {
        let campaign = format!("{day:08}-0000-4000-8000-000000000000");
        run.world.put_campaign("acme", &campaign, None);
        run.due(json!({ "campaignIds": [campaign] }));
        run.take_all().await;
        let size = run
            .world
            .parameters
            .text(RECORD)
            .map_or(0, |text| text.len());
        assert!(
            run.errors().is_empty(),
            "day {day}, {size} bytes: {:?}",
            run.errors()
        );
        run.world.pass(Duration::from_hours(18)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_campaigns_each_of_which_takes_an_invocation_fit_into_a_record() {
    let run = run(|_, _| page(&[], None));
    let ids: Vec<_> = (0..100)
        .map(|n| format!("{n:08}-0000-4000-8000-000000000000"))
        .collect();
    for id in &ids {
        run.world.put_campaign("acme", id, None);
    }
    // A schedule for each campaign does the same as one run over a hundred campaigns that
    // continues.
    for id in &ids {
        run.due(json!({ "campaignIds": [id] }));
        run.take_all().await;
        run.world.pass(Duration::from_secs(61)).await;
    }
    assert!(run.errors().is_empty(), "{:?}", run.errors().first());
}

#[tokio::test(start_paused = true)]
async fn a_run_with_a_wide_window_does_not_go_on_where_a_narrow_one_of_the_same_time_failed() {
    let opted = "2026-11-24T10:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let opted = opted.as_second();
    // The second page is missing for both tries of the run of the first schedule.
    let failures = Mutex::new(0);
    let run = run(move |url, _| {
        let mut failures = failures.lock().unwrap();
        if url.contains("cursor=") && *failures < 2 {
            *failures += 1;
            return (403, Value::Null);
        }
        let many: Vec<_> = (0..200)
            .map(|n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }))
            .collect();
        match (url.contains("cursor="), since(url) <= opted) {
            (true, _) => page(&[], None),
            (false, true) => page(&[opted_out("gone")], None),
            (false, false) => page(&many, Some("2")),
        }
    });
    run.world.put("gone", 5, "5");
    let at = run.world.clock.now().to_string();
    run.due(json!({ "scheduledTime": at, "force": true }));
    // The time is too short for its 200 contacts, so the run records where it stopped.
    let first = run.take(Duration::from_mins(3)).await;
    assert!(first.is_some(), "it goes on");
    let noted = run.world.parameters.text(RECORD);
    run.world.pass(Duration::from_secs(first.unwrap())).await;
    run.due(json!({ "scheduledTime": at, "windowMinutes": 1440, "force": true }));
    run.take_all().await;
    assert_eq!(run.errors().len(), 1, "the narrow one failed");
    assert!(run.keys().contains(&"gone".to_owned()));
    let wide = run.asked().iter().any(|url| since(url) <= opted);
    assert!(wide, "{:?} {noted:?} {:?}", run.asked(), run.errors());
}

#[tokio::test(start_paused = true)]
async fn a_campaign_whose_feed_fails_holds_back_no_opt_out_of_another() {
    let run = run(|url, _| match url.contains(OTHER_CAMPAIGN) {
        true => (403, Value::Null),
        false => page(&[ordinary(), opted_out("gone")], None),
    });
    run.world.put("gone", 5, "5");
    for _ in 0..12 {
        run.due(json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] }));
        run.take_all().await;
        run.world.pass(QUARTER).await;
    }
    run.sent_nothing_but("gone");
    assert!(run.errors().len() > 10, "and each run says that it failed");
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_the_feed_secret_does_not_name_holds_back_no_opt_out_of_another() {
    let secret = json!({
        "auth": { "kind": "none" },
        "request": { "url": "https://crm.test/v1", "query": { "since": "{since}", "list": "{campaign.list}" } },
        "campaigns": { CAMPAIGN: { "list": "7" } }, "items": "/contacts",
    });
    let run = run_with(&secret, |_, _| page(&[ordinary(), opted_out("gone")], None));
    run.world.put("gone", 5, "5");
    for _ in 0..12 {
        run.due(json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] }));
        run.take_all().await;
        run.world.pass(QUARTER).await;
    }
    run.sent_nothing_but("gone");
    assert!(run.errors().len() > 10, "and each run says that it failed");
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_drifts_too_much_holds_back_no_opt_out_of_another() {
    let run = run(|url, _| match url.contains(OTHER_CAMPAIGN) {
        true => {
            let many: Vec<_> = (0..150)
                .map(|n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }))
                .collect();
            page(&many, None)
        }
        false => page(&[ordinary(), opted_out("gone")], None),
    });
    run.world.put("gone", 5, "5");
    for _ in 0..4 {
        run.due(json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] }));
        run.take_all().await;
        run.world.pass(QUARTER).await;
    }
    run.sent_nothing_but("gone");
    let told = run.world.told();
    assert!(
        told.iter().any(|told| told.contains("stopped: 150 of 150")),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_campaign_with_too_many_faulty_contacts_holds_back_no_opt_out_of_another() {
    let run = run(|url, _| match url.contains(OTHER_CAMPAIGN) {
        true => page(&vec![json!({ "contactKey": 7 }); 150], None),
        false => page(&[ordinary(), opted_out("gone")], None),
    });
    run.world.put("gone", 5, "5");
    run.due(json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] }));
    run.take_all().await;
    run.sent_nothing_but("gone");
    assert!(
        run.errors()[0].contains("150 of 152 contacts are faulty"),
        "{:?}",
        run.errors()
    );
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_fails_for_two_campaigns_is_asked_for_no_third() {
    const THIRD: &str = "third";
    let run = run(|_, _| (403, Value::Null));
    run.world.put_campaign("acme", THIRD, None);
    run.due(json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN, THIRD] }));
    run.take_all().await;
    assert_eq!(
        (run.asked().len(), run.errors().len()),
        (4, 1),
        "two tries of two"
    );
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_in_the_second_of_an_opt_in_is_not_taken_for_it_by_the_queue() {
    // A run comes twice, because its record was not written. Both answers of the CRM are changes
    // within the same second.
    let run = run(|_, before| match before {
        0 => page(&[], None),
        1 => page(
            &[
                json!({ "contactKey": "gone", "version": 6, "data": { "phone": "5" }, "callable": true }),
            ],
            None,
        ),
        _ => page(&[opted_out("gone")], None),
    });
    run.world.put("gone", 5, "4");
    run.due(json!({}));
    run.take_all().await;
    run.world.pass(QUARTER).await;
    run.due(json!({}));
    run.world.parameters.refuse_writes(3);
    run.take_all().await;
    while !run.world.queue.is_empty() {
        run.world.invoke().await;
    }
    assert!(!run.world.contact("gone").1, "who opted out is called");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_campaign_is_reported_as_unknown_however_long_the_run_took() {
    let run = run(|_, _| {
        let many: Vec<_> = (0..200)
            .map(|n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }))
            .collect();
        page(&many, None)
    });
    run.due(json!({ "campaignIds": [CAMPAIGN, "nowhere"], "force": true }));
    for _ in 0..60 {
        if run.world.runs.is_empty() {
            break;
        }
        if let Some(seconds) = run.take(Duration::from_mins(2)).await {
            run.world.pass(Duration::from_secs(seconds)).await;
        }
    }
    let errors = run.errors();
    assert!(!errors[0].contains("ended by force"), "{errors:?}");
}
