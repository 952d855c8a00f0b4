//! Reading a whole list by an export (docs/reconciliation.md "A whole list at once"): when it is
//! taken, and that it finds what bulk reads find. Exports that fail are in `trouble`.

mod full;
mod shared_list;
mod trouble;
mod unknown;

use emulator::genesys::{DncKind, Exports};

use super::*;

fn of_lists(exports: Exports) -> Run {
    let options = Options {
        calls_per_minute: Some(1_000_000),
        exports,
        ..Options::default()
    };
    let run = Run::with(World::of_lists(options), 100, |_| ());
    secret(&run, json!({}));
    run
}

fn secret(run: &Run, more: Value) {
    let mut members = json!({ "api": "contactLists", "callsPerMinute": 1_000_000 });
    let more = more.as_object().unwrap().clone();
    members.as_object_mut().unwrap().extend(more);
    run.world.put_secret("acme", &members);
}

/// How many calls the run made for an export, by GET and by POST, and how many bulk reads.
fn calls(run: &Run) -> (usize, usize, usize) {
    let calls = run.world.genesys.calls();
    let exports = |method| {
        let is_export = |path: &str| path.ends_with("/export");
        calls
            .iter()
            .filter(|call| call.method == method && is_export(&call.path))
            .count()
    };
    let bulk = |call: &&emulator::genesys::Call| call.path.ends_with("/contacts/bulk");
    (
        exports("POST"),
        exports("GET"),
        calls.iter().filter(bulk).count(),
    )
}

/// Contacts that differ in every way, and some that do not differ.
fn fill(run: &Run) {
    let genesys = &run.world.genesys;
    let put = |key, version, phone, callable| {
        let data = [(VERSION_FIELD, version), ("phone", phone)];
        genesys.put_contact(CAMPAIGN, key, &data, callable);
    };
    for (key, version, phone, callable) in [
        ("same", "5", "5", true),
        ("older", "4", "4", true),
        ("unlike", "5", "other", true),
        ("newer", "9", "9", true),
        ("rank-alone", "4", "5", true),
        ("taken-out", "5", "5", false),
        ("opted-in", "5:5-", "5", false),
        ("opted-out", "5", "5", true),
        ("opted-out-late", "9", "9", true),
        ("kept", "5:5!", "5", false),
        ("sms", "5", "5", true),
        ("sms-done", "5", "5", true),
        ("number", "9", "9", true),
        ("whatsapp", "5", "5", true),
        ("whatsapp-done", "5", "5", true),
        ("cells", "5", "a \"b\",\r\n c", true),
        ("unlisted", "5", "5", true),
        ("out", "5:5-", "5", false),
    ] {
        put(key, version, phone, callable);
    }
    let lowered = |name: &str| json!({ name: { "contactable": false } });
    genesys.note(CAMPAIGN, "sms-done", "contactableStatus", lowered("Sms"));
    genesys.note(
        CAMPAIGN,
        "whatsapp-done",
        "contactableStatus",
        lowered("WhatsApp"),
    );
    for key in ["same", "older", "unlike", "newer", "rank-alone", "missing"] {
        run.says(key, 5, "5");
    }
    run.says("cells", 5, "a \"b\",\r\n c");
    let more = |key, version, more| run.says_more(key, version, "5", more);
    more("taken-out", 6, json!({ "callable": true }));
    more("opted-in", 6, json!({ "callable": true }));
    more("kept", 6, json!({ "callable": true }));
    for (key, version) in [("opted-out", 6), ("opted-out-late", 4), ("out", 5)] {
        more(key, version, json!({ "callable": false }));
    }
    for key in ["sms", "sms-done"] {
        more(key, 5, json!({ "contactable": { "Sms": false } }));
    }
    more("number", 5, json!({ "phones": { "phone": false } }));
    for key in ["whatsapp", "whatsapp-done"] {
        more(key, 5, json!({ "contactable": { "WhatsApp": false } }));
    }
    // Empty, null and absent values are equal.
    run.says_more(
        "same",
        5,
        "5",
        json!({ "data": { "phone": "5", "firstName": "", "nickname": null } }),
    );
}

#[tokio::test(start_paused = true)]
async fn an_export_finds_the_same_drift_as_bulk_reads() {
    let mut seen = Vec::new();
    for (read, exports) in [
        ("bulk", Exports::default()),
        ("export", Exports::default()),
        (
            "export",
            Exports {
                gzip: false,
                bom: true,
                is_direct: true,
                ..Exports::default()
            },
        ),
        (
            "export",
            Exports {
                tells_whatsapp: true,
                ..Exports::default()
            },
        ),
    ] {
        let run = of_lists(exports);
        let list = json!({ "id": "dnc-1", "by": "phone", "column": "phone" });
        secret(&run, json!({ "dncList": list }));
        run.world
            .genesys
            .put_dnc_list("client-of-acme", "dnc-1", DncKind::Phone);
        run.world.genesys.name_dnc_lists(CAMPAIGN, &["dnc-1"]);
        fill(&run);
        let due = "2026-11-24T16:00:00Z";
        let answer = run
            .run(json!({ "read": read, "scheduledTime": due }))
            .await
            .unwrap();
        assert!(answer.complete);
        let mut queued = run.queued();
        queued.sort_by_key(|body| body["contactKey"].to_string());
        seen.push((answer, queued, run.world.genesys.dnc_entries("dnc-1")));
        let expected = match (read, exports.tells_whatsapp) {
            ("bulk", _) => (0, 0, 1),
            // An export without the column for WhatsApp does not say what the feed asks about two
            // contacts, so these are read.
            (_, false) => (1, 5, 1),
            (_, true) => (1, 5, 0),
        };
        assert_eq!(calls(&run), expected);
        assert_eq!(run.world.genesys.tokens_elsewhere(), 0);
        run.apply_all().await;
        assert!(run.world.dead_letters.is_empty());
        let again = run.run(json!({ "read": read })).await.unwrap();
        assert_eq!(again.enqueued, 0);
    }
    assert_eq!(counts(&seen[0].0), [18, 1, 9, 1, 0, 9]);
    assert!(seen.iter().all(|way| *way == seen[0]), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_reads_fifty_a_call_until_that_is_dearer_than_an_export() {
    let run = of_lists(Exports::default());
    for n in 0..1_200 {
        let key = format!("k{n:04}");
        run.world.put(&key, 5, "5");
        run.says(&key, if n % 50 == 0 { 6 } else { 5 }, "5");
    }
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [1_200, 0, 24, 0, 0, 24]);
    assert_eq!(
        (calls(&run), run.world.genesys.downloads()),
        ((1, 5, 20), 1)
    );
    let answer = run.run(json!({ "read": "bulk" })).await.unwrap();
    assert_eq!(counts(&answer), [1_200, 0, 24, 0, 0, 24]);
    assert_eq!(calls(&run), (1, 5, 44));
}

#[tokio::test(start_paused = true)]
async fn a_contact_whose_id_differs_in_case_only_is_read_by_itself() {
    let run = of_lists(Exports::default());
    run.world.put("Lead-1", 5, "5");
    run.world.put("LEAD-2", 5, "5");
    run.world.put("lead-2", 5, "5");
    run.says("lead-1", 5, "5");
    run.says("lead-2", 5, "5");
    let answer = run.run(json!({ "read": "export" })).await.unwrap();
    assert_eq!(counts(&answer), [2, 1, 0, 0, 0, 1]);
    assert_eq!(calls(&run).2, 1);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_older_than_the_queue_undoes_nothing() {
    let run = of_lists(Exports::default());
    for key in ["a", "b", "c"] {
        run.world.put(key, 1, "1");
        run.says(key, 5, "5");
    }
    // The export dates from before these changes, but is no older than the run.
    let due = json!({ "read": "export", "scheduledTime": "2026-11-24T16:00:00Z" });
    run.run(json!({ "read": "export", "dryRun": true }))
        .await
        .unwrap();
    run.world.send([
        change("a", 5).phone("5"),
        change("b", 6).phone("6").callable(false),
    ]);
    run.apply_all().await;
    run.world.genesys.delete_contact(CAMPAIGN, "c");
    let answer = run.run(due).await.unwrap();
    assert_eq!(calls(&run).0, 1, "the one that was there");
    assert_eq!(counts(&answer), [3, 0, 3, 0, 0, 3], "as they were");
    run.apply_all().await;
    assert_eq!(run.world.column("a", "phone"), "5");
    assert_eq!(
        (run.world.column("b", "phone"), run.world.contact("b").1),
        ("6".to_owned(), false)
    );
    assert_eq!(run.world.column("c", "phone"), "5");
    assert!(run.world.dead_letters.is_empty());
    let again = run.run(json!({ "read": "export" })).await.unwrap();
    assert_eq!(counts(&again), [3, 0, 0, 1, 0, 0]);
}
