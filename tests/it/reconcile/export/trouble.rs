//! Exports that are late, too old, malformed or at another address: the run reads in bulk instead,
//! or says why it cannot. Exports that are right are in [`super`].

use emulator::{Effect, Fault};

use super::*;
use crate::reconcile::faults::error;

const EXPORT: &str = "/export$";
const FILE: &str = "/_exports/";

fn one(exports: Exports) -> Run {
    let run = of_lists(exports);
    run.world.put("a", 4, "4");
    run.says("a", 5, "5");
    run
}

fn by_export() -> Value {
    json!({ "read": "export", "scheduledTime": "2026-11-24T16:00:00Z" })
}

fn told(what: &str) -> String {
    format!("org acme, campaign {CAMPAIGN}: {what}")
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_before_its_export_goes_on_with_it() {
    let run = one(Exports {
        takes: Duration::from_mins(20),
        ..Exports::default()
    });
    let answer = run.run(by_export()).await.unwrap();
    assert_eq!((counts(&answer), answer.complete), ([0; 6], false));
    let (posts, gets, bulk) = calls(&run);
    assert!(
        posts == 1 && (15..25).contains(&gets) && bulk == 0,
        "{gets}"
    );
    tokio::time::sleep(Duration::from_mins(6)).await;
    let mut input = by_export();
    input["cursor"] = answer.cursor.into();
    let answer = run.run(input).await.unwrap();
    assert_eq!(
        (counts(&answer), answer.complete),
        ([1, 0, 1, 0, 0, 1], true)
    );
    assert_eq!(calls(&run), (1, gets + 1, 0), "no other was asked for");
}

#[tokio::test(start_paused = true)]
async fn an_export_that_is_older_than_the_run_is_not_taken() {
    let run = one(Exports::default());
    run.run(json!({ "read": "export", "dryRun": true }))
        .await
        .unwrap();
    run.world.genesys.delete_contact(CAMPAIGN, "a");
    tokio::time::sleep(Duration::from_mins(1)).await;
    let answer = run.run(json!({ "read": "export" })).await.unwrap();
    assert_eq!(counts(&answer), [1, 1, 0, 0, 0, 1]);
    assert_eq!((calls(&run).0, run.world.genesys.downloads()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_need_not_export_goes_on_without_its_export() {
    let late = Exports {
        takes: Duration::from_hours(1),
        ..Exports::default()
    };
    let forbidden = |run: &Run| {
        run.world
            .genesys
            .add_fault(Fault::status("POST", 403).on(EXPORT));
    };
    let malformed = |run: &Run| {
        let html = Effect::Text("<html>".to_owned());
        run.world
            .genesys
            .add_fault(Fault::next("GET", html).on(FILE));
    };
    for (exports, break_it) in [
        (late, (&|_: &Run| ()) as &dyn Fn(&Run)),
        (Exports::default(), &forbidden),
        (Exports::default(), &malformed),
    ] {
        let run = of_lists(exports);
        break_it(&run);
        for n in 0..1_100 {
            let key = format!("k{n:04}");
            run.world.put(&key, 5, "5");
            run.says(&key, 5, "5");
        }
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!((answer.checked, answer.complete), (1_100, true));
        assert_eq!((calls(&run).0, calls(&run).2), (1, 22));
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_that_is_refused_says_which_call_and_closes_no_campaign() {
    let run = one(Exports::default());
    run.world
        .genesys
        .add_fault(Fault::status("POST", 403).on(EXPORT));
    let refused = "POST contact list export: 403 on.purpose";
    assert_eq!(error(&run, by_export()).await, told(refused));
    assert_eq!(run.run(by_export()).await.unwrap().enqueued, 1);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_export_stops_the_run_and_nothing_is_enqueued() {
    let run = one(Exports::default());
    for (text, what) in [
        ("", "it is empty"),
        ("<html>", "expected the column \"inin-outbound-id\""),
        (
            "inin-outbound-id,crmVersion,firstName,nickname,phone,ContactCallable\nsecret,1\n",
            "row 2 has 2 cells: expected 6",
        ),
        ("\u{1f}\u{fffd}", "expected the column \"inin-outbound-id\""),
    ] {
        let fault = Fault::next("GET", Effect::Text(text.to_owned())).on(FILE);
        run.world.genesys.add_fault(fault);
        let what = told(&format!("the export of the contact list: {what}"));
        assert_eq!(error(&run, by_export()).await, what);
    }
    for (status, what) in [(302, "302"), (403, "403"), (500, "500")] {
        run.world
            .genesys
            .add_fault(Fault::status("GET", status).on(FILE));
        let what = told(&format!("GET the export's download: {what}"));
        assert_eq!(error(&run, by_export()).await, what);
    }
    for gzip in [true, false] {
        let run = one(Exports {
            cut_short: true,
            gzip,
            ..Exports::default()
        });
        let what = error(&run, by_export()).await;
        assert!(
            what.contains("cut short") || what.contains("cells: expected"),
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_is_downloaded_only_from_a_plain_https_address() {
    let run = one(Exports::default());
    for uri in [
        "http://exports.s3.test/_exports/x",
        "https://user@exports.s3.test/x",
        "ftp://a/b",
        "/x",
        "",
    ] {
        let ready = json!({ "uri": uri, "exportTimestamp": "2026-11-24T16:00:00.000Z" });
        let fault = Fault::next("GET", Effect::Text(ready.to_string())).on(EXPORT);
        run.world.genesys.add_fault(fault);
        let what = "the export of the contact list: expected an https address of its file";
        assert_eq!(error(&run, by_export()).await, told(what), "{uri}");
    }
    assert_eq!(run.world.genesys.downloads(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_org_of_the_predictive_api_has_no_exports() {
    let run = Run::new(World::new());
    let what = "org acme: read by export: expected \"api\": \"contactLists\" in its secret";
    assert_eq!(error(&run, json!({ "read": "export" })).await, what);
    let what = "the input is not as expected: read: expected export or bulk";
    assert_eq!(error(&run, json!({ "read": "csv" })).await, what);
}
