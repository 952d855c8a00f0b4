//! An operator sets the stored rank of a contact back. Only this lowers a rank, and apply remains
//! the only writer. How such a rank is kept out is in `rank_ahead`.

use std::time::Duration;

use emulator::genesys::Effect;
use emulator::{Fault, fifo};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::served::Served;
use crate::support::{CAMPAIGN, Change, VERSION_FIELD, World, by_both, change};

const END: u64 = 9_007_199_254_740_991;

fn reset(key: &str, from: u64, to: Option<u64>) -> Change {
    let mut reset = json!({ "from": from, "reason": "the CRM's clock" });
    if let Some(to) = to {
        reset["to"] = to.into();
    }
    let to = to.map_or("none".to_owned(), |to| to.to_string());
    change(key, from)
        .without("version")
        .without("data")
        .with("eventId", format!("reset-{from}-{to}"))
        .with("operation", "resetRank")
        .with("reset", reset)
}

/// The calls that write a contact.
fn writes(world: &World) -> usize {
    let is_write = |call: &&emulator::genesys::Call| {
        call.method != "GET" && call.path.contains("contacts") && !call.path.ends_with("bulk")
    };
    world.genesys.calls().iter().filter(is_write).count()
}

#[tokio::test(start_paused = true)]
async fn a_reset_changes_the_stored_rank_and_nothing_else() {
    by_both(async |world| {
        for (to, stored) in [(Some(5), "5"), (None, "")] {
            for callable in [true, false] {
                let end = END.to_string();
                let data = [
                    (VERSION_FIELD, end.as_str()),
                    ("phone", "1"),
                    ("nickname", "n"),
                ];
                world.genesys.put_contact(CAMPAIGN, "a", &data, callable);
                world.send([reset("a", END, to).with("eventId", format!("{stored}-{callable}"))]);
                let done = world.invoke().await;
                assert_eq!(done.records, ["updated"]);
                let (mut data, is_callable) = world.contact("a");
                let rank = data.remove(VERSION_FIELD).unwrap_or_default();
                assert_eq!((rank.as_str(), is_callable), (stored, callable));
                data.retain(|_, value| !value.is_empty());
                let expected = [("nickname", "n"), ("phone", "1")];
                assert!(
                    data.iter()
                        .map(|(name, value)| (name.as_str(), value.as_str()))
                        .eq(expected)
                );
            }
        }
        assert!(
            world
                .told()
                .contains(&format!("! rank {END} reset to 5: the CRM's clock"))
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_stores_another_rank_by_now_is_left_alone() {
    by_both(async |world| {
        world.put("a", 7, "7");
        let before = writes(world);
        let done = world
            .apply([reset("a", END, Some(5)), reset("nobody", END, None)])
            .await;
        assert_eq!(done.records, ["stale", "stale"]);
        assert_eq!(writes(world), before);
        assert_eq!(world.column("a", VERSION_FIELD), "7");
        assert!(!world.genesys.contacts(CAMPAIGN).contains_key("nobody"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_comes_twice_or_whose_answer_is_lost_is_done_once() {
    by_both(async |world| {
        world.put("a", END, "1");
        let effect = Effect::Lost { is_done: true };
        let write = Fault::next("", effect).any_method().on("contacts").after(1);
        world.genesys.add_fault(write);
        let done = world.apply([reset("a", END, Some(5))]).await;
        assert_eq!(done.records, ["unchanged"], "a read shows that it was done");
        let twice = reset("a", END, Some(5)).with("eventId", "twice");
        assert_eq!(world.apply([twice]).await.records, ["unchanged"]);
        assert_eq!(world.column("a", VERSION_FIELD), "5");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_in_a_batch_with_changes_does_what_it_does_one_by_one() {
    let changes = || {
        [
            change("a", 6).phone("6"),
            reset("a", END, Some(5)),
            change("a", 4).phone("4"),
            change("a", 8).phone("8").callable(false),
            change("a", 7).phone("7").callable(true),
            reset("a", 8, None),
            change("a", 1).phone("1"),
        ]
    };
    let expected = [
        "stale", "updated", "stale", "updated", "stale", "updated", "updated",
    ];
    by_both(async |world| {
        world.put("a", END, "end");
        let together = world.apply(changes()).await;
        assert_eq!(together.records, expected);
        let in_a_batch = world.contact("a");
        world.put("a", END, "end");
        let mut alone = Vec::new();
        for (n, change) in changes().into_iter().enumerate() {
            alone.extend(
                world
                    .apply([change.with("eventId", format!("alone-{n}"))])
                    .await
                    .records,
            );
        }
        assert_eq!(alone, expected);
        assert_eq!(world.contact("a"), in_a_batch);
        assert_eq!(in_a_batch.0["phone"], "1");
        assert!(!in_a_batch.1, "an opted-out contact stays so");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_holds_up_no_other_contact_and_what_follows_it_waits_for_it() {
    by_both(async |world| {
        world.put("a", END, "end");
        world.put("b", 1, "1");
        let fault = Fault::status("", 503)
            .any_method()
            .on("contacts")
            .after(2)
            .times(1);
        world.genesys.add_fault(fault);
        let changes = [
            change("b", 2).phone("2"),
            reset("a", END, Some(5)),
            change("a", 6).phone("6"),
        ];
        let done = world.apply(changes).await;
        let ended = |record: &String| !record.starts_with("retried") && !record.is_empty();
        assert!(
            ended(&done.records[0]) || ended(&done.records[1]),
            "{done:?}"
        );
        while !world.queue.is_empty() {
            let waits = world.queue.in_flight().values().copied().max().unwrap_or(0);
            world.pass(Duration::from_secs(waits)).await;
            world.invoke().await;
        }
        assert_eq!(
            (world.column("a", "phone"), world.column("b", "phone")),
            ("6".into(), "2".into())
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_org_that_stores_no_ranks_has_none_to_reset() {
    let world = World::new();
    world.put_secret("acme", &json!({ "versionField": null }));
    world.put("a", END, "1");
    assert_eq!(
        world.apply([reset("a", END, None)]).await.records,
        ["stale"]
    );
    assert_eq!(world.column("a", VERSION_FIELD), END.to_string());
}

const NOT_AHEAD: &str =
    "the stored rank 7 is not ahead: look whether it is really wrong, and pass --force if it is";

const OF_LISTS: &str = "campaign-of-lists";

fn arguments<'a>(key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = [
        "contact",
        "reset-rank",
        key,
        "--org",
        "lists",
        "--campaign",
        OF_LISTS,
    ];
    [&fixed[..], &["--reason", "the CRM's clock"], more].concat()
}

fn put(served: &Served, key: &str, rank: &str, callable: bool) {
    let data = [("phone", "1"), ("crmVersion", rank)];
    served.genesys.put_contact(OF_LISTS, key, &data, callable);
}

#[tokio::test]
async fn the_command_puts_a_reset_into_the_contacts_own_message_group() {
    let served = Served::new().await;
    put(&served, "LEAD-1", &END.to_string(), true);
    let (status, report, text) = served
        .command(&arguments("LEAD-1", &["--to", "5", "--dry-run", "--json"]))
        .await;
    assert_eq!(
        (status, &report["enqueued"], &report["storedRank"]),
        (0, &json!(false), &json!(END)),
        "{text}"
    );
    assert!(served.queue.is_empty());

    let (status, _, text) = served.command(&arguments("LEAD-1", &["--to", "5"])).await;
    assert_eq!(status, 0, "{text}");
    assert!(
        text.contains("at the end of what a rank can be") && !text.contains("LEAD-1"),
        "{text}"
    );
    let sent = served.queue.messages().remove(0);
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(
        (&body["operation"], &body["contactKey"], &body["reset"]),
        (
            &json!("resetRank"),
            &json!("LEAD-1"),
            &json!({ "from": END, "to": 5, "reason": "the CRM's clock" })
        )
    );
    let of_contact = change("LEAD-1", 1).of("lists", OF_LISTS).message().group;
    assert_eq!(sent.group, of_contact);
    assert!(!sent.deduplication_id.is_empty() && sent.attributes.is_empty());
}

#[tokio::test]
async fn the_key_may_come_by_standard_input() {
    let served = Served::new().await;
    put(&served, "LEAD-1", &END.to_string(), false);
    let mut command = served.prepared(&arguments("-", &[]));
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"LEAD-1\n").await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        text.contains("may not be called") && text.contains("none"),
        "{text}"
    );
    assert_eq!(served.queue.len(), 1);
}

#[tokio::test]
async fn the_command_says_why_there_is_nothing_to_reset() {
    let served = Served::with(fifo::Attributes {
        visibility_timeout: Duration::from_secs(180),
        max_receives: 1_000,
    })
    .await;
    put(&served, "ranked", "7", true);
    put(&served, "unranked", "", true);
    let long = "r".repeat(201);
    for (key, more, expected_status, expected) in [
        (
            "ranked",
            &["--to", "7"][..],
            2,
            "--to: expected a rank below the stored one, 7",
        ),
        (
            "ranked",
            &["--to", "9007199254740990"],
            2,
            "--to 9007199254740990: expected a rank that is not ahead itself: it is at the end",
        ),
        ("ranked", &["--to", "1e3"], 2, "expected a whole number"),
        ("ranked", &["--reason", &long], 2, "--reason"),
        ("nobody", &[], 2, "contact lists/campaign-of-lists/"),
        ("nobody", &[], 2, ": there is no such contact"),
        ("unranked", &[], 1, "there is nothing to reset"),
        (" x", &[], 2, "contact key: expected"),
        ("ranked", &[], 2, NOT_AHEAD),
        ("ranked", &["--to", "5"], 2, NOT_AHEAD),
        ("ranked", &["--dry-run"], 2, NOT_AHEAD),
        (
            "ranked",
            &["--dry-run", "--force"],
            0,
            "stored rank: 7, not ahead",
        ),
        ("", &[], 2, "KEY: expected one contact key, on one line"),
    ] {
        let (status, _, text) = served.command(&arguments(key, more)).await;
        assert_eq!(status, expected_status, "{key} {more:?}: {text}");
        assert!(text.contains(expected), "{key} {more:?}: {text}");
    }
    assert!(served.queue.is_empty());
    let (status, _, text) = served.command(&arguments("ranked", &["--force"])).await;
    assert_eq!((status, served.queue.len()), (0, 1), "{text}");
    served.put_org(
        "lists",
        &json!({ "api": "contactLists", "versionField": null }),
    );
    let (status, _, text) = served.command(&arguments("ranked", &[])).await;
    assert!(status == 2 && text.contains("no versionField"), "{text}");
    assert_eq!(served.queue.len(), 1);
}

#[tokio::test]
async fn check_reports_a_stored_rank_that_is_ahead_and_what_repairs_it() {
    let served = Served::new().await;
    put(&served, "LEAD-1", "7", true);
    put(&served, "LEAD-2", &END.to_string(), true);
    let check = async |more: &[&str]| {
        let fixed = ["check", "--org", "lists", "--campaign", OF_LISTS];
        served.command(&[&fixed[..], more].concat()).await
    };
    let (status, _, text) = check(&[
        "--contact",
        "LEAD-1",
        "--contact",
        "LEAD-2",
        "--contact",
        "LEAD-3",
    ])
    .await;
    assert_eq!(status, 1, "{text}");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("rank of contact"))
        .collect();
    let [good, ahead, missing] = lines[..] else {
        panic!("{text}")
    };
    assert!(
        good.starts_with("ok ") && good.ends_with(": it stores 7: it may be called"),
        "{good}"
    );
    assert!(
        ahead.starts_with("FAIL") && ahead.contains("at the end of what a rank can be"),
        "{ahead}"
    );
    assert!(
        ahead.contains("campaign-sync contact reset-rank KEY --org lists"),
        "{ahead}"
    );
    assert!(
        missing.starts_with("FAIL") && missing.contains("there is no such contact"),
        "{missing}"
    );
    assert!(!text.contains("LEAD"), "{text}");

    served.put_org(
        "lists",
        &json!({ "api": "contactLists", "versionUnit": "seconds" }),
    );
    put(&served, "LEAD-1", "1764000000000", true);
    let (_, _, text) = check(&["--contact", "LEAD-1"]).await;
    assert!(
        text.contains("it stores the rank 1764000000000, more than a day ahead of now"),
        "{text}"
    );
    assert!(
        text.contains("version, a time in seconds, is stored in crmVersion"),
        "{text}"
    );
    let (status, _, text) = served
        .command(&["check", "--org", "lists", "--contact", "LEAD-1"])
        .await;
    assert!(status == 2 && text.contains("--campaign"), "{text}");
}
