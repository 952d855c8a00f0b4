//! The metrics of docs/contract.md "Metrics" as CloudWatch reads them. A process of its own: what
//! collects is global.
#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::batch::{Evidence, Outcome};
use domain::retry::Cause;

use io::telemetry::{About, Event, Telemetry, flush, init};
use serde_json::{Value, json};

const PERSONAL: &str = "LEAD-CANARY";

/// Everything that is told, once; what is not a count or an org holds the canary.
fn events<'a>(evidence: &'a Evidence, not_parked: &'a (Cause, Evidence)) -> Vec<Event<'a>> {
    let about = |is_opt_out| About {
        org: Some("acme-us"),
        campaign: Some(PERSONAL),
        event_id: Some(PERSONAL),
        group: PERSONAL,
        age: Some(Duration::from_millis(2_500)),
        is_opt_out,
    };
    let unreadable = About {
        org: None,
        ..about(false)
    };
    let (org, campaign, source, detail) = ("acme-us", PERSONAL, PERSONAL, PERSONAL);
    vec![
        Event::Done {
            about: about(false),
            outcome: Outcome::Created,
            is_kept: false,
        },
        Event::Done {
            about: about(true),
            outcome: Outcome::Updated,
            is_kept: false,
        },
        Event::Done {
            about: about(false),
            outcome: Outcome::Unchanged,
            is_kept: true,
        },
        Event::Done {
            about: about(false),
            outcome: Outcome::Stale,
            is_kept: false,
        },
        Event::Done {
            about: about(false),
            outcome: Outcome::Superseded,
            is_kept: false,
        },
        Event::Done {
            about: about(false),
            outcome: Outcome::Skipped,
            is_kept: false,
        },
        Event::Written {
            about: about(true),
            outcome: Outcome::Created,
            delay: Duration::from_secs(30),
        },
        Event::Parked {
            about: about(true),
            reason: "rejected",
            evidence,
        },
        Event::Parked {
            about: unreadable,
            reason: "invalidChange",
            evidence,
        },
        Event::Retried {
            about: about(true),
            delay: Duration::from_secs(15),
            why: Some(not_parked),
        },
        Event::TookIn {
            messages: 1_000,
            topped_up: 990,
        },
        Event::OrgRefused { org, evidence },
        Event::CampaignRefused {
            org,
            campaign,
            evidence,
        },
        Event::DncListFailed { org, evidence },
        Event::OrgIll {
            org,
            campaign: Some(campaign),
            detail,
        },
        Event::Conflict { org, campaign },
        Event::Throttled { org },
        Event::Called {
            org,
            latency: Duration::from_millis(40),
        },
        Event::Called {
            org,
            latency: Duration::from_millis(60),
        },
        Event::Accepted {
            source,
            org,
            changes: 3,
        },
        Event::Refused {
            source,
            org: Some(org),
            detail,
        },
        Event::Refused {
            source,
            org: None,
            detail,
        },
        Event::Unmapped {
            source,
            org: Some(org),
            items: 4,
            detail,
        },
        Event::Unauthorized { source, detail },
        Event::Reconciled {
            org,
            checked: 9,
            drifted: 2,
            kept: 4,
            enqueued: 1,
        },
        Event::LookedAt {
            org,
            campaign,
            until: jiff::Timestamp::UNIX_EPOCH,
            age: Duration::from_secs(90),
        },
        Event::Incomplete {
            org,
            detail,
            checked: 9,
            enqueued: 1,
        },
        Event::Stopped {
            org,
            campaign,
            checked: 9,
            drifted: 2,
        },
    ]
}

fn about() -> About<'static> {
    About {
        org: Some("acme-us"),
        campaign: None,
        event_id: None,
        group: "group",
        age: Some(Duration::from_secs(1)),
        is_opt_out: false,
    }
}

fn flushed() -> String {
    let mut lines = Vec::new();
    flush(&mut lines);
    String::from_utf8(lines).unwrap()
}

/// Metrics by dimensions, as CloudWatch takes them out of each line; checks the line on the way.
fn extracted(lines: &str) -> BTreeMap<String, BTreeMap<String, (String, Value)>> {
    let mut all: BTreeMap<String, BTreeMap<String, (String, Value)>> = BTreeMap::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000,
            "{line}"
        );
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], "CampaignSync");
            for dimensions in directive["Dimensions"].as_array().unwrap() {
                let names = dimensions
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap());
                let of: Vec<_> = names
                    .map(|name| format!("{name}={}", line[name].as_str().unwrap()))
                    .collect();
                for metric in directive["Metrics"].as_array().unwrap() {
                    let name = metric["Name"].as_str().unwrap();
                    let unit = metric["Unit"].as_str().unwrap().to_owned();
                    all.entry(of.join(","))
                        .or_default()
                        .insert(name.to_owned(), (unit, line[name].clone()));
                }
            }
        }
    }
    all
}

#[test]
fn every_metric_is_written_by_stack_and_org_and_what_alarms_watch_also_for_all_orgs() {
    let evidence = Evidence::from(PERSONAL.to_owned());
    // What is counted before anything collects goes nowhere.
    Telemetry::log().tell(&Event::Throttled { org: "acme-us" });
    assert_eq!(flushed(), "");
    init("blue".to_owned());
    let telemetry = Telemetry::log();
    let not_parked = (Cause::NotParked, evidence.clone());
    events(&evidence, &not_parked)
        .iter()
        .for_each(|event| telemetry.tell(event));

    let lines = flushed();
    assert!(!lines.contains(PERSONAL), "{lines}");
    let metrics = extracted(&lines);
    const ALL: &str = "Stack=blue";
    const ORG: &str = "Stack=blue,Org=acme-us";
    const CAUSE: &str = "Stack=blue,Cause=not parked";
    assert_eq!(metrics.keys().collect::<Vec<_>>(), [ALL, CAUSE, ORG]);
    let retried = ("Count".to_owned(), json!(1));
    assert_eq!(
        metrics[CAUSE],
        BTreeMap::from([("Retried".to_owned(), retried)])
    );
    let count = |of: &str, name: &str| {
        let (unit, value) = &metrics[of][name];
        assert_eq!(unit, "Count", "{name}");
        value.as_u64().unwrap()
    };
    let once = [
        "Created",
        "Updated",
        "Unchanged",
        "Stale",
        "Superseded",
        "Skipped",
        "Confirming",
        "Parked",
        "OptOutParked",
        "Retried",
        "NotParked",
        "ConflictsResolved",
    ];
    let others = [
        ("Kept", 5),
        ("Throttled", 1),
        ("ApiCalls", 2),
        ("OrgRefused", 1),
        ("CampaignRefused", 1),
        ("DncListFailed", 1),
        ("OrgIll", 1),
        ("Accepted", 3),
        ("Refused", 1),
        ("Unmapped", 4),
    ];
    let of_reconcile = [
        ("Checked", 9),
        ("Drifted", 2),
        ("Enqueued", 1),
        ("Runs", 1),
        ("Stopped", 1),
        ("Incomplete", 1),
    ];
    for (name, expected) in once
        .map(|name| (name, 1))
        .into_iter()
        .chain(others)
        .chain(of_reconcile)
    {
        assert_eq!(count(ORG, name), expected, "{name}");
    }
    for (name, expected) in [
        ("Parked", 2),
        ("OptOutParked", 1),
        ("NotParked", 1),
        ("OrgRefused", 1),
        ("CampaignRefused", 1),
        ("DncListFailed", 1),
        ("OrgIll", 1),
        ("Accepted", 3),
        ("Refused", 2),
        ("Unauthorized", 1),
        ("Unmapped", 4),
        ("Runs", 1),
        ("Stopped", 1),
        ("Incomplete", 1),
        ("ToppedUp", 990),
    ] {
        assert_eq!(count(ALL, name), expected, "{name} of all");
    }
    let ages = |of: &str, name: &str| metrics[of][name].clone();
    let seconds = |times| ("Seconds".to_owned(), json!(vec![2.5; times]));
    assert_eq!(ages(ORG, "ChangeAge"), seconds(6));
    assert_eq!(ages(ORG, "OptOutAge"), seconds(4));
    assert_eq!(ages(ALL, "OptOutAge"), seconds(4));
    assert_eq!(ages(ORG, "RetriedAge"), seconds(1));
    assert_eq!(ages(ALL, "RetriedAge"), seconds(1));
    for of in [ORG, ALL] {
        let age = ("Seconds".to_owned(), json!([90.0]));
        assert_eq!(ages(of, "LookedAtAge"), age);
    }
    assert_eq!(
        ages(ORG, "ApiLatency"),
        ("Milliseconds".to_owned(), json!([40.0, 60.0]))
    );
    let of_all: BTreeSet<_> = metrics[ALL].keys().map(String::as_str).collect();
    assert_eq!(
        of_all,
        BTreeSet::from([
            "Accepted",
            "CampaignRefused",
            "DncListFailed",
            "Incomplete",
            "LookedAtAge",
            "NotParked",
            "OptOutAge",
            "OptOutParked",
            "OrgIll",
            "OrgRefused",
            "Parked",
            "Refused",
            "RetriedAge",
            "Runs",
            "Stopped",
            "ToppedUp",
            "Unauthorized",
            "Unmapped",
            "Width"
        ])
    );

    assert_eq!(metrics[ALL]["Width"], ("Count".to_owned(), json!([1000.0])));
    assert_eq!(flushed(), "", "nothing is written twice");
    telemetry.tell(&Event::Throttled { org: "acme-us" });
    assert_eq!(extracted(&flushed())[ORG].len(), 1);

    // A document takes a hundred values of a metric: they are written before more would be lost.
    for _ in 0..130 {
        telemetry.tell(&Event::Called {
            org: "acme-us",
            latency: Duration::from_millis(40),
        });
        telemetry.tell(&Event::Done {
            about: about(),
            outcome: Outcome::Updated,
            is_kept: false,
        });
    }
    let rest = extracted(&flushed());
    let values = |name: &str| rest[ORG][name].1.as_array().map(Vec::len);
    assert_eq!(
        (values("ApiLatency"), values("ChangeAge")),
        (Some(30), Some(30))
    );
}
