//! The webhooks of four vendors, and the records of the same CRMs. The secrets are those of
//! docs/crm/, and reconcile reads the emulated APIs. Both rank by one clock. Single pages of feeds
//! are in `crm::feeds`.

use std::sync::Arc;
use std::time::Duration;

use domain::change::SourceName;
use emulator::Crm;
use emulator::crm::Vendor;
use emulator::genesys::Options;
use io::config::IngestConfig;
use io::secrets::SourceSecret;
use io::telemetry::Telemetry;
use lambda_http::Body;
use lambda_runtime::LambdaEvent;
use reconcile::{Answer, Context};
use serde_json::{Value, json};

use super::counts;
use crate::crm::{feeds, webhook};
use crate::support::World;

/// The campaign of the examples.
const CAMPAIGN: &str = "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11";

/// A vendor, and the places of the fields in its records.
struct Of {
    vendor: Vendor,
    page: &'static str,
    webhook: &'static str,
    /// The field that names the campaign, and its value.
    campaign: (&'static str, Value),
    /// The stamp that ranks, and one that no change moves.
    stamps: [&'static str; 2],
    phone: (&'static str, fn(&str) -> Value),
    opt_out: (&'static str, Value),
    opt_in: Value,
}

const OPTION: &str = "/custom_fields/3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3";
const SEGMENT: &str = "5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7";

fn vendors() -> [Of; 4] {
    let text = |text: &str| json!(text);
    [
        Of {
            vendor: Vendor::Hubspot,
            page: "hubspot.md",
            webhook: "hubspotWorkflow",
            campaign: ("/properties/campaign", json!("spring")),
            stamps: ["/properties/lastmodifieddate", "/properties/createdate"],
            phone: ("/properties/phone", text),
            opt_out: ("/properties/do_not_call", json!("true")),
            opt_in: json!(null),
        },
        Of {
            vendor: Vendor::Salesforce,
            page: "salesforce.md",
            webhook: "salesforcePlatformEvent",
            campaign: ("/Campaign__c", json!("spring")),
            stamps: ["/LastModifiedDate", "/CreatedDate"],
            phone: ("/Phone", text),
            opt_out: ("/DoNotCall", json!(true)),
            opt_in: json!(false),
        },
        Of {
            vendor: Vendor::Dataverse,
            page: "dynamics.md",
            webhook: "dataverse",
            campaign: ("/crm_campaign", json!("spring")),
            stamps: ["/modifiedon", "/createdon"],
            phone: ("/mobilephone", text),
            opt_out: ("/donotphone", json!(true)),
            opt_in: json!(false),
        },
        Of {
            vendor: Vendor::Pipedrive,
            page: "pipedrive.md",
            webhook: "pipedrive",
            campaign: (
                "/custom_fields/5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7",
                json!(101),
            ),
            stamps: ["/update_time", "/add_time"],
            phone: (
                "/phones",
                |phone| json!([{ "value": phone, "primary": true, "label": "work" }]),
            ),
            opt_out: (OPTION, json!(17)),
            opt_in: json!(18),
        },
    ]
}

/// An org with one vendor's CRM: ingest takes its webhooks, and reconcile reads its API.
struct Run {
    of: Of,
    world: World,
    ingest: ingest::Context,
    reconcile: Context,
    crm: Arc<Crm>,
    record: Value,
}

fn put(record: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    record.pointer_mut(parent).unwrap()[name] = value;
}

impl Run {
    /// `alter` damages the feed's secret.
    fn new(of: Of, api: &str, alter: impl Fn(&Of, &mut Value)) -> Run {
        let world = World::with(Options::default());
        world.put_secret("acme", &json!({ "api": api, "callsPerMinute": 10_000 }));
        let columns = ["firstName", "lastName", "phone", "title", "crmVersion"];
        world.put_campaign("acme", CAMPAIGN, Some(&columns));
        let example = feeds::of(of.page);
        let mut secret = example.secret();
        alter(&of, &mut secret);
        world.put_feed("acme", &secret);
        let crm = Arc::new(Crm::new(of.vendor, world.clock.clone()));
        crm.put_filter("71", SEGMENT, json!(101));
        let items = secret["items"].as_str().unwrap();
        let mut record = example.answer.pointer(items).unwrap()[0].clone();
        put(&mut record, of.campaign.0, of.campaign.1.clone());
        put(&mut record, of.stamps[1], json!("2020-01-05T09:00:00Z"));
        let context = Context::new(
            world.shared(|_| ()),
            Arc::clone(&world.sqs) as _,
            Arc::clone(&crm) as _,
        );
        let ingest = ingest::Context::new(
            IngestConfig::read(|name| world.variable(name)).unwrap(),
            Arc::clone(&world.vault) as _,
            Arc::clone(&world.sqs) as _,
            world.clock.clone(),
            Telemetry::from_fn(|_| ()),
        );
        let run = Run {
            of,
            world,
            ingest,
            reconcile: context,
            crm,
            record,
        };
        run.crm.put(run.record.clone());
        run
    }

    /// The vendor sends the webhook that its page shows, and apply writes it.
    async fn webhook(&self) {
        let (mut secret, body) = webhook(self.of.page, self.of.webhook);
        secret["org"] = json!("acme");
        self.world.put_source("crm", &secret);
        let auth = SourceSecret::parse(&secret.to_string().into())
            .unwrap()
            .auth;
        let sent = ingest::auth::sent(&auth, &body, self.world.clock.now()).unwrap();
        let source = SourceName::parse("crm").unwrap();
        let mut request = http::Request::post(format!("/webhooks/{source}"))
            .header("content-type", "application/json");
        for (name, value) in &sent.headers {
            request = request.header(name, value);
        }
        let answer =
            ingest::handle(&self.ingest, request.body(Body::Text(sent.body)).unwrap()).await;
        assert_eq!(answer.status(), 202, "{}", self.of.page);
        self.apply().await;
    }

    async fn apply(&self) {
        while !self.world.queue.is_empty() {
            self.world.invoke().await;
        }
        // After a minute the written contact can be read.
        self.world.pass(Duration::from_mins(1)).await;
    }

    async fn reconcile(&self) -> Answer {
        let input = json!({ "org": "acme", "campaignIds": [CAMPAIGN], "windowMinutes": 1_440 });
        let mut lambda = lambda_runtime::Context::default();
        let end = self.world.clock.now() + Duration::from_mins(15);
        lambda.deadline = end.as_millisecond().unsigned_abs();
        let answer = reconcile::at_once(&self.reconcile, LambdaEvent::new(input, lambda)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", self.of.page));
        self.apply().await;
        answer
    }

    /// Alters the CRM's record this many seconds after the stamp of the webhook, and sends no
    /// webhook.
    fn changes(&mut self, seconds: u32, pointer: &str, value: Value) {
        put(&mut self.record, pointer, value);
        let stamp = format!("2026-11-24T16:00:{seconds:02}Z");
        put(&mut self.record, self.of.stamps[0], json!(stamp));
        if self.of.vendor == Vendor::Salesforce {
            put(&mut self.record, "/SystemModstamp", json!(stamp));
        }
        self.crm.put(self.record.clone());
    }

    /// The phone of the contact, and whether it is callable.
    fn held(&self) -> Option<(String, bool)> {
        let contacts = self.world.genesys.contacts(CAMPAIGN).into_values();
        let mut held = contacts.map(|contact| {
            let phone = contact.data.get("phone").cloned();
            (phone.unwrap_or_default(), contact.callable)
        });
        let one = held.next();
        assert_eq!(held.next(), None);
        one
    }
}

/// The counts of a run over one contact in which it found nothing.
const NOTHING: [u64; 6] = [1, 0, 0, 0, 0, 0];

#[tokio::test(start_paused = true)]
async fn a_record_repeats_nothing_that_its_webhook_said() {
    for api in ["predictive", "contactLists"] {
        for of in vendors() {
            let page = of.page;
            let run = Run::new(of, api, |_, _| ());
            run.webhook().await;
            assert!(run.held().is_some_and(|(_, callable)| !callable), "{page}");
            for _ in 0..2 {
                let answer = run.reconcile().await;
                assert_eq!(counts(&answer), NOTHING, "{page} {api}");
                assert!(answer.complete);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_repairs_once_what_its_lost_webhook_would_have_said() {
    for api in ["predictive", "contactLists"] {
        for of in vendors() {
            let page = of.page;
            let mut run = Run::new(of, api, |_, _| ());
            // A contact without a webhook is created, opted out as the record says.
            let answer = run.reconcile().await;
            assert_eq!(counts(&answer), [1, 1, 0, 0, 0, 1], "{page} {api}");
            assert!(run.held().is_some_and(|(_, callable)| !callable), "{page}");
            // The late webhook says the same.
            run.webhook().await;
            assert_eq!(counts(&run.reconcile().await), NOTHING, "{page}");
            // The next webhook is lost.
            let (phone, value) = (run.of.phone.0, (run.of.phone.1)("+13175550199"));
            run.changes(30, phone, value);
            assert_eq!(counts(&run.reconcile().await), [1, 0, 1, 0, 0, 1], "{page}");
            assert_eq!(run.held().unwrap().0, "+13175550199", "{page}");
            assert_eq!(counts(&run.reconcile().await), NOTHING, "{page}");
            // The first webhook comes again, and is stale.
            run.webhook().await;
            assert_eq!(run.held().unwrap().0, "+13175550199", "{page}");
            assert_eq!(counts(&run.reconcile().await), NOTHING, "{page}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_whose_webhook_was_lost_is_repaired() {
    for of in vendors() {
        let page = of.page;
        let mut run = Run::new(of, "contactLists", |_, _| ());
        let ((pointer, no), yes) = (run.of.opt_out.clone(), run.of.opt_in.clone());
        run.changes(10, pointer, yes);
        run.reconcile().await;
        assert!(run.held().unwrap().1, "{page}: created callable");
        run.changes(20, pointer, no);
        let answer = run.reconcile().await;
        assert_eq!(counts(&answer), [1, 0, 1, 0, 0, 1], "{page}");
        assert!(!run.held().unwrap().1, "{page}");
        assert_eq!(counts(&run.reconcile().await), NOTHING, "{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_contact_deleted_at_salesforce_is_removed_and_never_created() {
    let [_, salesforce, ..] = vendors();
    let mut run = Run::new(salesforce, "predictive", |_, _| ());
    let (pointer, yes) = (run.of.opt_out.0, run.of.opt_in.clone());
    run.changes(5, "/IsDeleted", json!(true));
    // A deleted record is not created where the campaign never had it.
    let answer = run.reconcile().await;
    assert_eq!((counts(&answer), run.held()), (NOTHING, None));
    run.changes(10, "/IsDeleted", json!(false));
    run.changes(11, pointer, yes);
    run.reconcile().await;
    assert!(run.held().unwrap().1);
    run.changes(12, "/IsDeleted", json!(true));
    assert_eq!(counts(&run.reconcile().await), [1, 0, 1, 0, 0, 1]);
    assert!(!run.held().unwrap().1);
    assert_eq!(counts(&run.reconcile().await), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_ranks_by_another_clock_repairs_nothing() {
    for of in vendors() {
        let page = of.page;
        let mut run = Run::new(of, "contactLists", |of, secret| {
            let mapping = secret["mapping"].as_object_mut().unwrap();
            let preset = mapping.remove("preset").unwrap();
            let program = mapping::preset(preset.as_str().unwrap()).unwrap();
            let name = |pointer: &str| pointer.rsplit('/').next().unwrap().to_owned();
            let program = program.replace(&name(of.stamps[0]), &name(of.stamps[1]));
            mapping.insert("jq".to_owned(), json!(program));
            let request = secret["request"].to_string();
            secret["request"] = serde_json::from_str(
                &request
                    .replace("donotphone,", "donotphone,createdon,")
                    .replace("IsDeleted,", "IsDeleted, CreatedDate,"),
            )
            .unwrap();
        });
        run.webhook().await;
        let (phone, value) = (run.of.phone.0, (run.of.phone.1)("+13175550199"));
        run.changes(30, phone, value);
        assert_eq!(
            counts(&run.reconcile().await),
            [1, 0, 0, 1, 0, 0],
            "{page}: stale"
        );
        assert_ne!(run.held().unwrap().0, "+13175550199", "{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_forgets_the_opt_out_makes_nobody_callable() {
    for of in vendors() {
        let page = of.page;
        let mut run = Run::new(of, "contactLists", |of, secret| {
            let name = of.opt_out.0.rsplit('/').next().unwrap();
            let request = secret["request"].to_string();
            let parts = [
                format!("\"{name}\","),
                format!("{name},"),
                format!(" {name},"),
            ];
            let request = parts
                .iter()
                .fold(request, |request, part| request.replace(part, ""));
            secret["request"] = serde_json::from_str(&request).unwrap();
            if of.vendor == Vendor::Pipedrive {
                secret["request"]["query"]["custom_fields"] = json!("other");
            }
        });
        let (pointer, yes) = (run.of.opt_out.0, run.of.opt_in.clone());
        run.changes(10, pointer, yes);
        let answer = run.reconcile().await;
        assert!(!answer.complete, "{page}");
        assert_eq!((answer.enqueued, run.held()), (0, None), "{page}");
    }
}
