//! A change that no retry can help is parked, and only that change. Changes that are parked because
//! they failed for too long are in `horizon`, and docs/contract.md "Parked messages" lists the
//! reasons.

mod folds;

use std::time::Duration;

use emulator::Fault;
use emulator::genesys::Effect;
use serde_json::json;

use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, World, change};

#[tokio::test(start_paused = true)]
async fn poison_first_in_its_group_is_parked_and_the_group_goes_on() {
    let world = World::new();
    let poison = change("a", 1).spoilt("{\"schema\": 1, \"eventId\": ");
    let done = world
        .apply([poison.clone(), change("a", 2).phone("2"), change("b", 1)])
        .await;
    assert_eq!(
        done.records,
        ["parked: invalidChange", "created", "created"]
    );
    assert_eq!(done.failed, [0; 0]);
    let parked = world.dead_letters.messages().remove(0);
    let sent = poison.message();
    assert_eq!(
        (parked.body, parked.group),
        (sent.body, sent.group),
        "body and group are the original's"
    );
    assert_eq!(parked.deduplication_id.len(), 64);
    assert_ne!(
        parked.deduplication_id, sent.deduplication_id,
        "SQS would drop a redrive within five minutes"
    );
    let attributes = world.parked().remove(0);
    assert_eq!(
        attributes["detail"],
        "body: expected one JSON object (notJson)"
    );
    assert_eq!(attributes["firstReceivedAt"], "2026-11-24T16:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn every_rule_of_a_change_has_its_reason() {
    let world = World::new();
    world.put_secret("acme", &json!({"contactKeyPattern": "^[a-z]$"}));
    let mut foreign = change("e", 1).message();
    foreign.group = change("x", 1).message().group;
    world.queue.send(foreign).unwrap();
    let done = world
        .apply([
            change("a", 1).with("calable", false),
            change("b", 1).with("schema", 2),
            change("c", 1).column("crmVersion", json!("7")),
            change("LONG", 1),
            change("d", 1),
        ])
        .await;
    let reasons = [
        "groupMismatch",
        "invalidChange",
        "unsupportedSchema",
        "reservedColumn",
        "keyPattern",
    ];
    assert_eq!(
        done.records[..5],
        reasons.map(|reason| format!("parked: {reason}"))
    );
    assert_eq!(done.records[5], "created");
    assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 1);
    let details: Vec<_> = world
        .parked()
        .into_iter()
        .map(|attributes| attributes["detail"].clone())
        .collect();
    assert!(
        details
            .iter()
            .any(|detail| detail.contains("an unknown member: expected only the fields"))
    );
    assert!(details.iter().any(|detail| {
        detail.contains("contactKey: expected a match of the org's contactKeyPattern")
    }));
}

#[tokio::test(start_paused = true)]
async fn a_write_of_this_contact_alone_that_is_refused_is_parked() {
    for (status, code) in [(400, "bad.request"), (413, "on.purpose")] {
        let world = World::new();
        world.put("a", 1, "1");
        world.genesys.add_fault(Fault::status("PATCH", status));
        let done = world
            .apply([change("a", 2).phone("2"), change("b", 1)])
            .await;
        assert_eq!(done.records, ["parked: rejected", "created"]);
        let attributes = world.parked().remove(0);
        assert_eq!(attributes["httpStatus"], status.to_string());
        assert_eq!(
            attributes["detail"],
            format!("PATCH contact: {status} {code}")
        );
        assert!(attributes["correlationId"].starts_with("00000000-0000-4000-9000-"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_refused_is_parked() {
    let world = World::new();
    world.genesys.add_fault(Fault::status("GET", 400));
    let done = world.apply([change("a", 1), change("a", 2)]).await;
    assert_eq!(done.records, ["parked: rejected"; 2]);
    assert_eq!(done.calls, ["token 200", "GET a 400"]);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_is_unknown_for_a_moment_parks_nothing_and_holds_up_no_other() {
    let world = World::new();
    let unknown = |method| Fault::status(method, 404).on("contacts");
    world.genesys.add_fault(unknown("POST"));
    let done = world
        .apply([change("a", 1), change("b", 1).of("acme", OTHER_CAMPAIGN)])
        .await;
    assert_eq!(done.failed.len(), 1, "{:?}", done.records);
    assert!(
        done.records.contains(&"created".to_owned()),
        "{:?}",
        done.records
    );
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.invoke().await.records, ["created"]);
    assert!(world.dead_letters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_bad_create_of_several_is_parked_alone() {
    let world = World::new();
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", "crmVersion"]));
    let done = world
        .apply([
            change("a", 1),
            change("bad", 1).column("shoeSize", json!("44")),
            change("c", 1),
        ])
        .await;
    assert_eq!(done.records, ["created", "parked: rejected", "created"]);
    let posts: Vec<_> = done
        .calls
        .iter()
        .filter(|call| call.starts_with("POST"))
        .collect();
    assert_eq!(
        posts,
        [
            "POST contacts 400",
            "POST contacts 200",
            "POST contacts 400",
            "POST contacts 200"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cannot_be_parked_is_retried_and_so_are_those_after_it() {
    let world = World::new();
    world.sqs.refuse(1);
    let done = world
        .apply([change("a", 1).spoilt("x"), change("a", 2), change("b", 1)])
        .await;
    assert_eq!(done.failed, [0, 1]);
    assert_eq!(done.records[2], "created");
    assert!(world.dead_letters.is_empty());
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(
        world.invoke().await.records,
        ["parked: invalidChange", "unchanged"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_parked_change_behind_one_that_is_retried_waits_its_turn() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::next("GET", Effect::Status(500, vec![])).times(3));
    let done = world
        .apply([change("a", 1), change("a", 2).spoilt("x")])
        .await;
    assert_eq!(done.failed, [0, 1]);
    assert!(
        world.dead_letters.is_empty(),
        "a message that is not deleted is not parked either"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_opt_out_still_makes_the_contact_not_callable() {
    for exists in [true, false] {
        let world = World::new();
        world.put_campaign("acme", CAMPAIGN, Some(&["phone", "crmVersion"]));
        if exists {
            world.put("a", 1, "1");
        }
        let opt_out = || {
            change("a", 5)
                .column("shoeSize", json!("44"))
                .callable(false)
        };
        assert_eq!(world.apply([opt_out()]).await.records, ["parked: rejected"]);
        assert!(
            !world.contact("a").1,
            "an opt-out does not wait for a person"
        );
        let late = world
            .apply([change("a", 4).phone("4").callable(true)])
            .await;
        assert_eq!(
            (late.records, world.contact("a").1),
            (vec!["stale".to_owned()], false),
            "nothing older undoes it"
        );
        let later = world.apply([change("a", 6).phone("6")]).await;
        assert_eq!(
            (later.records, world.contact("a").1),
            (vec!["updated".to_owned()], false)
        );

        let folded = [
            change("b", 5)
                .column("shoeSize", json!("44"))
                .callable(false),
            change("b", 6).phone("6"),
        ];
        world.apply(folded).await;
        assert_eq!(
            (world.contact("b").1, world.column("b", "phone")),
            (false, "6".into())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_opt_out_that_cannot_be_written_yet_is_not_parked_yet() {
    let world = World::new();
    world.put("a", 1, "1");
    world.genesys.add_fault(Fault::status("PATCH", 400));
    world.genesys.add_fault(Fault::status("PATCH", 500));
    let done = world
        .apply([change("a", 2).phone("2").callable(false)])
        .await;
    assert_eq!((done.failed, world.dead_letters.len()), (vec![0], 0));
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.invoke().await.records, ["updated"]);
    assert!(!world.contact("a").1);
}

#[tokio::test(start_paused = true)]
async fn a_body_with_thousands_of_faults_is_parked_with_the_first_of_them() {
    let world = World::new();
    let columns: Vec<_> = (0..25_000).map(|n| format!("\"column-{n}\":1")).collect();
    let poison = change("a", 1).spoilt(&format!(
        "{{\"schema\":1,\"data\":{{{}}}}}",
        columns.join(",")
    ));
    let done = world.apply([poison, change("a", 2)]).await;
    assert_eq!(done.records, ["parked: invalidChange", "created"]);
    let detail = &world.parked()[0]["detail"];
    assert!(
        detail.len() <= 1_000 && detail.contains("org: expected this field (required)"),
        "{detail}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_leaves_no_room_for_attributes_is_parked_without_them() {
    let world = World::new();
    for (size, attributes) in [(1 << 20, 0), ((1 << 20) - 30, 1)] {
        let done = world
            .apply([change("a", size as u64).spoilt(&"x".repeat(size))])
            .await;
        assert_eq!(done.records, ["parked: invalidChange"]);
        assert_eq!(world.parked().last().unwrap().len(), attributes);
    }
}

#[tokio::test(start_paused = true)]
async fn the_report_ends_before_the_invocation_does() {
    use std::time::Duration;
    let world = World::new();
    world.apply([change("warm", 1)]).await;
    world.sqs.set_latency(Duration::from_millis(2_700));
    world.genesys.add_fault(
        Fault::next("GET", Effect::Hang { is_done: false })
            .on("contacts/slow")
            .times(9),
    );
    world.send([
        change("slow", 1),
        change("b", 1).spoilt("x"),
        change("b", 2).spoilt("y"),
    ]);
    let done = world
        .invoke_copy(&world.context, Some(Duration::from_secs(6)))
        .await;
    assert_eq!(done.failed, [0, 1, 2]);
    assert!(done.took < Duration::from_secs(6), "{:?}", done.took);
}
