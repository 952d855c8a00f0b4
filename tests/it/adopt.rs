//! Whom 0.1 made not callable gets the mark by which campaign-sync knows its own, at an operator's wish:
//! from the CRM's feed by the queue to apply.

use std::sync::Arc;
use std::time::Duration;

use apply::Context;
use emulator::genesys::{Effect, Options};
use emulator::world::sent;
use emulator::{Fault, Feed};
use io::Clock;
use io::telemetry::Telemetry;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::served::Served;
use crate::support::{CAMPAIGN, Change, VERSION_FIELD, World, change, config, openapi};

/// Of the CRM's opt-out with this rank, and a contact that was seen to store that one.
fn adoption(key: &str, opt_out: Option<u64>, stored: Option<u64>) -> Change {
    let mut adopt = json!({});
    let members = [("optOut", opt_out), ("stored", stored)];
    for (name, rank) in members {
        if let Some(rank) = rank {
            adopt[name] = rank.into();
        }
    }
    change(key, 0)
        .without("version")
        .without("data")
        .with("eventId", format!("adopt-{opt_out:?}-{stored:?}"))
        .with("operation", "adopt")
        .with("adopt", adopt)
}

async fn by_both(promise: impl AsyncFn(&World)) {
    for world in [World::new(), World::of_lists(Options::default())] {
        promise(&world).await;
        assert_eq!(openapi::faults(&world.genesys.calls()), [""; 0]);
    }
}

/// As 0.1 left it: not callable, and no mark.
fn lowered(world: &World, key: &str, version: &str) {
    put(world, key, version, false);
}

fn put(world: &World, key: &str, version: &str, callable: bool) {
    let data = [(VERSION_FIELD, version), ("phone", "1"), ("nickname", "n")];
    world.genesys.put_contact(CAMPAIGN, key, &data, callable);
}

/// What becomes of these changes, one invocation, and of whom they are about.
async fn made(world: &World, changes: impl IntoIterator<Item = Change>) -> String {
    let done = world.apply(changes).await;
    let (mut data, callable) = world.contact("a");
    let version = data.remove(VERSION_FIELD).unwrap_or_default();
    let callable = if callable { "callable" } else { "not" };
    format!("{}: {callable} {version}", done.records.join(", "))
}

fn opt_in(version: u64) -> Change {
    change("a", version).phone("2").callable(true)
}

#[tokio::test(start_paused = true)]
async fn an_adoption_sets_the_mark_and_nothing_else() {
    by_both(async |world| {
        for (opt_out, stored, version, left) in [
            (Some(9), Some(9), "9", "9:9-"),
            (Some(4), Some(9), "9", "9:4-"),
            (Some(12), Some(9), "9", "9:9-"),
            (None, Some(9), "9", "9:9-"),
            (Some(9), None, "", ":9-"),
            (None, None, "", ":-"),
        ] {
            lowered(world, "a", version);
            let made = made(world, [adoption("a", opt_out, stored)]).await;
            assert_eq!(made, format!("updated: not {left}"));
            let (mut data, _) = world.contact("a");
            data.remove(VERSION_FIELD);
            data.retain(|_, value| !value.is_empty());
            let expected = [("nickname", "n"), ("phone", "1")];
            assert!(
                data.iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .eq(expected)
            );
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_later_opt_in_raises_who_was_adopted_and_nobody_else() {
    by_both(async |world| {
        lowered(world, "a", "9");
        assert_eq!(made(world, [opt_in(10)]).await, "updated, kept: not 10:10+");
        // Who was opted in since is nobody's to adopt.
        let late = adoption("a", Some(9), Some(10));
        assert_eq!(made(world, [late]).await, "stale: not 10:10+");

        lowered(world, "a", "9");
        let adoption = || adoption("a", Some(9), Some(9));
        let twice = adoption().with("eventId", "twice");
        assert_eq!(made(world, [adoption()]).await, "updated: not 9:9-");
        assert_eq!(made(world, [twice]).await, "unchanged: not 9:9-");
        let tie = opt_in(9).with("eventId", "tie");
        assert_eq!(
            made(world, [tie]).await,
            "updated: not 9:9-",
            "its columns, and a tie is the opt-out's"
        );
        let out = change("a", 11).callable(false);
        assert_eq!(made(world, [out]).await, "updated: not 11:11-");
        assert_eq!(made(world, [opt_in(12)]).await, "updated: callable 12:12+");
        let late = adoption().with("eventId", "late");
        assert_eq!(made(world, [late]).await, "stale: callable 12:12+");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_otherwise_than_it_was_seen_is_left_alone() {
    by_both(async |world| {
        put(world, "callable", "9", true);
        put(world, "raised", "9:9-", true);
        lowered(world, "newer", "10");
        lowered(world, "older", "8");
        lowered(world, "found", "9:9!");
        lowered(world, "opted-in", "9:9+");
        lowered(world, "own", "9:8-");
        let keys = [
            "callable", "raised", "newer", "older", "found", "opted-in", "own", "nobody",
        ];
        let before = world.genesys.contacts(CAMPAIGN);
        let done = world
            .apply(keys.map(|key| adoption(key, Some(9), Some(9))))
            .await;
        let expected = [
            "stale",
            "stale",
            "stale",
            "stale",
            "stale",
            "stale",
            "unchanged",
            "stale",
        ];
        assert_eq!(done.records, expected);
        let shown = |contacts: std::collections::BTreeMap<String, emulator::genesys::Contact>| {
            let shown = contacts
                .into_iter()
                .map(|(key, contact)| (key, contact.data, contact.callable));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(shown(world.genesys.contacts(CAMPAIGN)), shown(before));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn in_one_batch_with_changes_it_does_what_it_does_one_by_one() {
    for (changes, expected) in [
        (
            [opt_in(10), adoption("a", Some(9), Some(9))],
            "updated, kept, stale: not 10:10+",
        ),
        (
            [adoption("a", Some(9), Some(9)), opt_in(10)],
            "updated, updated: callable 10:10+",
        ),
        (
            [
                adoption("a", Some(9), Some(9)),
                change("a", 10).callable(false),
            ],
            "updated, updated: not 10:10-",
        ),
    ] {
        by_both(async |world| {
            lowered(world, "a", "9");
            assert_eq!(made(world, changes.clone()).await, expected);
            lowered(world, "a", "9");
            let (mut records, mut end) = (Vec::new(), String::new());
            for (n, one) in changes.iter().enumerate() {
                let one = one.clone().with("eventId", format!("alone-{n}"));
                let made = made(world, [one]).await;
                let (record, left) = made.split_once(": ").unwrap();
                records.push(record.to_owned());
                left.clone_into(&mut end);
            }
            assert_eq!(format!("{}: {end}", records.join(", ")), expected);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_adoption_whose_answer_is_lost_is_done_once() {
    by_both(async |world| {
        lowered(world, "a", "9");
        let effect = Effect::Lost { is_done: true };
        let write = Fault::next("", effect).any_method().on("contacts").after(1);
        world.genesys.add_fault(write);
        let done = made(world, [adoption("a", Some(9), Some(9))]).await;
        assert_eq!(done, "unchanged: not 9:9-", "a read shows that it was done");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_org_that_stores_no_versions_has_no_marks_to_set() {
    let world = World::new();
    world.put_secret("acme", &json!({ "versionField": null }));
    lowered(&world, "a", "9");
    let done = made(&world, [adoption("a", Some(9), Some(9))]).await;
    assert_eq!(done, "stale: not 9");
}

const OF_LISTS: &str = "campaign-of-lists";

/// The parts over HTTP, and a CRM's feed beside them for both orgs.
struct Crm {
    served: Served,
    feed: Arc<Feed>,
    apply: Context,
}

impl Crm {
    async fn new() -> Crm {
        let served = Served::new().await;
        let feed = Arc::new(Feed::new(Clock::system(), "token", 4));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/contacts", listener.local_addr().unwrap());
        let of_app = Arc::clone(&feed);
        let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
            let (feed, (parts, _)) = (Arc::clone(&of_app), request.into_parts());
            async move {
                let request = http::Request::from_parts(parts, bytes::Bytes::new());
                sent(&*feed, request).await.map(axum::body::Body::from)
            }
        });
        tokio::spawn(axum::serve(listener, app).into_future());
        for org in ["ranked", "lists"] {
            served.put_feed(org, &json!({ "url": url, "bearerToken": "token" }));
        }
        let (config, own) = config(&served);
        let shared = served.shared(7, Telemetry::from_fn(|_| ()), config);
        let apply = Context::new(shared, own, Arc::clone(&served.sqs) as _);
        Crm {
            served,
            feed,
            apply,
        }
    }

    /// What the CRM says of a contact, and how the campaign holds it.
    fn put(&self, campaign: &str, key: &str, said: &Value, held: Option<(&str, bool)>) {
        let mut contact = json!({ "campaignId": campaign, "contactKey": key, "data": {} });
        let members = said.as_object().unwrap().clone();
        contact.as_object_mut().unwrap().extend(members);
        self.feed.put(contact);
        if let Some((version, callable)) = held {
            let data = [("phone", "1"), (VERSION_FIELD, version)];
            self.served
                .genesys
                .put_contact(campaign, key, &data, callable);
        }
    }

    async fn adopt(&self, org: &str, campaign: &str, more: &[&str]) -> (i32, Value, String) {
        let fixed = ["contact", "adopt", "--org", org, "--campaign", campaign];
        self.served.command(&[&fixed[..], more].concat()).await
    }

    /// Applies all that is in the queue.
    async fn apply_all(&self) {
        while !self.served.queue.is_empty() {
            let batch = self.served.queue.receive(10).expect("something to give");
            let mut lambda = lambda_runtime::Context::default();
            let end = self.served.clock.now() + Duration::from_secs(30);
            lambda.deadline = end.as_millisecond().unsigned_abs();
            let event = serde_json::from_value(batch.event.clone()).unwrap();
            let answer = apply::handle(&self.apply, LambdaEvent::new(event, lambda))
                .await
                .unwrap();
            let answer = serde_json::to_value(answer).unwrap();
            self.served.event_source().answered(&batch, Some(&answer));
        }
    }

    fn version(&self, campaign: &str, key: &str) -> (String, bool) {
        let contact = self.served.genesys.contacts(campaign).remove(key).unwrap();
        (contact.data[VERSION_FIELD].clone(), contact.callable)
    }
}

/// Every kind of contact, three of which are to be adopted.
fn put_all(crm: &Crm, campaign: &str) {
    let out = |version: u64| json!({ "version": version, "callable": false });
    for (key, said, held) in [
        ("LEAD-1", out(7), Some(("7", false))),
        ("LEAD-2", json!({ "callable": false }), Some(("7", false))),
        ("LEAD-3", out(9), Some(("7", false))),
        ("LEAD-4", out(7), Some(("8", false))),
        ("LEAD-5", out(7), Some(("7:7!", false))),
        ("LEAD-6", out(7), Some(("7:7-", false))),
        ("LEAD-7", out(7), Some(("6", true))),
        ("LEAD-8", out(7), None),
        (
            "LEAD-9",
            json!({ "version": 7, "callable": true }),
            Some(("7", false)),
        ),
        ("LEAD-10", json!({ "version": 7 }), Some(("7", false))),
    ] {
        crm.put(campaign, key, &said, held);
    }
}

const COUNTS: [&str; 9] = [
    "checked", "optedOut", "adopted", "behind", "newer", "marked", "callable", "missing",
    "enqueued",
];

fn counts(report: &Value) -> Vec<u64> {
    let number = |name| report[name].as_u64().unwrap();
    COUNTS.into_iter().map(number).collect()
}

#[tokio::test]
async fn the_command_adopts_whom_the_feed_opts_out_and_a_second_run_finds_nothing() {
    let crm = Crm::new().await;
    for (org, campaign) in [("ranked", CAMPAIGN), ("lists", OF_LISTS)] {
        put_all(&crm, campaign);
        for look in [&["--json"][..], &["--json", "--dry-run"]] {
            let (status, report, text) = crm.adopt(org, campaign, look).await;
            assert_eq!(
                (status, counts(&report)),
                (0, vec![10, 8, 3, 1, 1, 2, 1, 1, 0]),
                "{text}"
            );
            assert_eq!(
                (&report["dryRun"], &report["complete"]),
                (&json!(true), &json!(true))
            );
        }
        assert!(crm.served.queue.is_empty(), "without --yes nothing is");

        let yes = ["--yes", "--json"];
        let (status, report, text) = crm.adopt(org, campaign, &yes).await;
        assert_eq!((status, &report["enqueued"]), (0, &json!(3)), "{text}");
        let (_, again, text) = crm.adopt(org, campaign, &yes).await;
        assert_eq!(again["enqueued"], json!(3), "{text}");
        assert_eq!(
            crm.served.queue.len(),
            3,
            "what is sent again within five minutes is dropped"
        );
        for sent in crm.served.queue.messages() {
            let body: Value = serde_json::from_str(&sent.body).unwrap();
            let of_contact = change(body["contactKey"].as_str().unwrap(), 1).of(org, campaign);
            assert_eq!(sent.group, of_contact.message().group);
        }
        crm.apply_all().await;
        assert!(crm.served.dead_letters.is_empty());
        for (key, version) in [
            ("LEAD-1", "7:7-"),
            ("LEAD-2", "7:7-"),
            ("LEAD-3", "7:7-"),
            ("LEAD-4", "8"),
            ("LEAD-5", "7:7!"),
            ("LEAD-6", "7:7-"),
            ("LEAD-9", "7"),
            ("LEAD-10", "7"),
        ] {
            let expected = (version.to_owned(), false);
            assert_eq!(crm.version(campaign, key), expected, "{key}");
        }
        let (status, report, text) = crm.adopt(org, campaign, &yes).await;
        assert_eq!(
            (status, counts(&report)),
            (0, vec![10, 8, 0, 0, 1, 5, 1, 1, 0]),
            "{text}"
        );

        let opt_in = |key| change(key, 10).callable(true).of(org, campaign).message();
        for key in ["LEAD-1", "LEAD-4"] {
            crm.served.queue.send(opt_in(key)).unwrap();
        }
        crm.apply_all().await;
        assert_eq!(crm.version(campaign, "LEAD-1"), ("10:10+".into(), true));
        assert_eq!(crm.version(campaign, "LEAD-4"), ("10:10+".into(), false));
    }
}

#[tokio::test]
async fn what_is_newer_in_the_campaign_is_adopted_where_the_operator_says_so() {
    let crm = Crm::new().await;
    put_all(&crm, OF_LISTS);
    let arguments = ["--also-newer", "--yes"];
    let (status, _, text) = crm.adopt("lists", OF_LISTS, &arguments).await;
    assert_eq!(status, 0, "{text}");
    for line in [
        "│ to be adopted: not callable, no mark           ┆      4 │",
        "│   of them, newer in the campaign than the feed ┆      1 │",
        "4 adoptions enqueued",
        "is for campaign-sync reconcile",
        "Complete.",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("LEAD"), "no key is shown: {text}");
    crm.apply_all().await;
    assert_eq!(crm.version(OF_LISTS, "LEAD-4"), ("8:7-".into(), false));
}

#[tokio::test]
async fn the_command_says_why_it_cannot_run() {
    let crm = Crm::new().await;
    put_all(&crm, OF_LISTS);
    let (status, _, text) = crm.adopt("lists", OF_LISTS, &["--yes", "--dry-run"]).await;
    assert!(
        status == 2 && text.contains("cannot be used with"),
        "{text}"
    );
    let (status, _, text) = crm.adopt("lists", OF_LISTS, &["--cursor", "x"]).await;
    assert!(
        status == 2 && text.contains("expected the cursor that an earlier run printed"),
        "{text}"
    );
    let api = json!({ "api": "contactLists", "versionField": null });
    crm.served.put_org("lists", &api);
    let (status, _, text) = crm.adopt("lists", OF_LISTS, &["--yes"]).await;
    assert!(
        status == 2 && text.contains("its secret has no versionField, so that there are no marks"),
        "{text}"
    );
    assert!(crm.served.queue.is_empty());
}
