//! `campaign-sync contact adopt` from the CRM's feed through the queue to apply: what it counts,
//! enqueues and prints. The adoption itself is in [`super`].

use std::sync::Arc;
use std::time::Duration;

use apply::Context;
use emulator::Feed;
use emulator::world::sent;
use io::Clock;
use io::telemetry::Telemetry;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::served::Served;
use crate::support::{CAMPAIGN, VERSION_FIELD, change, config};

const OF_LISTS: &str = "campaign-of-lists";

/// The services over HTTP, with a CRM's feed for both orgs.
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

    /// Sets what the CRM says about a contact, and what the campaign holds of it.
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

    /// Applies everything in the queue.
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

/// Puts one contact of every kind. Three of them are to be adopted.
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
async fn the_command_adopts_the_contacts_that_the_feed_opts_out_and_a_second_run_finds_none() {
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
        assert!(
            crm.served.queue.is_empty(),
            "without --yes nothing is enqueued"
        );

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
            ("LEAD-3", "7:9-"),
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
async fn a_contact_that_is_newer_in_the_campaign_is_adopted_only_if_the_operator_says_so() {
    let crm = Crm::new().await;
    put_all(&crm, OF_LISTS);
    let arguments = ["--also-newer", "--yes"];
    let (status, _, text) = crm.adopt("lists", OF_LISTS, &arguments).await;
    assert_eq!(status, 0, "{text}");
    for line in [
        "│ to be adopted: not callable, no mark           ┆      4 │",
        "│   of them, newer in the campaign than the feed ┆      1 │",
        "4 adoptions enqueued",
        "campaign-sync reconcile repairs contacts",
        "Complete.",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("LEAD"), "no key is shown: {text}");
    crm.apply_all().await;
    assert_eq!(crm.version(OF_LISTS, "LEAD-4"), ("8:8-".into(), false));
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
