//! The parts that only the contact list API has: campaigns that draw on lists, known columns, and
//! writes of whole contacts. `lists` has which list a campaign draws on. What both APIs promise is
//! in `both_apis`.

mod lists;
mod unreadable;

use std::time::Duration;

use bytes::Bytes;
use emulator::Fault;
use emulator::genesys::{Effect, Options};
use io::http::Transport;
use serde_json::{Value, json};

use crate::support::{CAMPAIGN, VERSION_FIELD, World, between, change, openapi};

fn world() -> World {
    World::of_lists(Options::default())
}

#[track_caller]
fn as_published(world: &World) {
    assert_eq!(openapi::faults(&world.genesys.calls()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_costs_two_calls_once_the_list_is_known() {
    let world = world();
    let first = world.apply([change("warm", 1)]).await;
    let (campaign, list) = (
        format!("GET {CAMPAIGN} 200"),
        format!("GET list-of-{CAMPAIGN} 200"),
    );
    assert_eq!(
        first.calls,
        [
            "token 200",
            &campaign,
            &list,
            "POST bulk 200",
            "POST contacts 200"
        ]
    );
    (0..5).for_each(|n| world.put(&format!("old-{n}"), 1, "1"));
    let keys = (0..5).flat_map(|n| [format!("old-{n}"), format!("new-{n}")]);
    let done = world
        .apply(keys.map(|key| change(&key, 2).phone("2")))
        .await;
    assert_eq!(
        done.records
            .iter()
            .filter(|record| *record == "created")
            .count(),
        5
    );
    assert_eq!(done.calls, ["POST bulk 200", "POST contacts 200"]);
    assert_eq!(done.took, Duration::from_millis(80));
    as_published(&world);
}

#[tokio::test(start_paused = true)]
async fn writes_keep_the_place_in_the_queue_and_name_every_column_but_nothing_of_the_dialler() {
    let world = world();
    world.genesys.put_contact(
        CAMPAIGN,
        "a",
        &[("crmVersion", "1"), ("firstName", "Ada")],
        true,
    );
    let status = json!({ "phone": { "callable": false } });
    world
        .genesys
        .note(CAMPAIGN, "a", "phoneNumberStatus", status.clone());
    world.apply([change("a", 2).phone("2")]).await;
    let calls = world.genesys.calls();
    let write = calls.last().unwrap();
    assert_eq!(write.query, "doNotQueue=true");
    let data = json!({ "phone": "2", "firstName": "Ada", "nickname": "", "crmVersion": "2" });
    let list = format!("list-of-{CAMPAIGN}");
    assert_eq!(
        write.body,
        json!([{ "id": "a", "contactListId": list, "data": data }])
    );
    assert_eq!(
        world.genesys.contacts(CAMPAIGN)["a"].of_the_dialler["phoneNumberStatus"],
        status
    );
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_was_read_as_not_callable_is_written_as_not_callable() {
    let world = world();
    world
        .genesys
        .put_contact(CAMPAIGN, "a", &[("crmVersion", "1")], false);
    world.apply([change("a", 2).phone("2")]).await;
    assert_eq!(
        world.genesys.calls().last().unwrap().body[0]["callable"],
        false
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_halved_until_the_bad_contacts_are_alone() {
    let world = world();
    let mut changes: Vec<_> = (0..8)
        .map(|n| change(&format!("good-{n}"), 1).phone("1"))
        .collect();
    // Genesys Cloud refuses special characters in an id.
    changes.insert(3, change("bad/1", 1).phone("1"));
    changes.insert(8, change("bad#2", 1).phone("1"));
    let done = world.apply(changes).await;
    for (index, record) in done.records.iter().enumerate() {
        assert_eq!(
            record,
            if [3, 8].contains(&index) {
                "parked: rejected"
            } else {
                "created"
            },
            "{index}"
        );
    }
    assert!(
        world.parked()[0]["detail"].contains("invalid.contact.id"),
        "{:?}",
        world.parked()
    );
    assert!(done.failed.is_empty());
    as_published(&world);
}

#[tokio::test(start_paused = true)]
async fn ids_that_cannot_be_read_together_are_read_apart() {
    let world = world();
    world.put("a", 1, "1");
    world.apply([change("warm", 1)]).await;
    world.genesys.add_fault(
        Fault::next("POST", Effect::Status(400, vec![]))
            .on("bulk")
            .times(2),
    );
    let done = world
        .apply([change("b", 1), change("a", 2).phone("2")])
        .await;
    assert_eq!(
        done.records,
        ["parked: rejected", "updated"],
        "{:?}",
        done.calls
    );
}

#[tokio::test(start_paused = true)]
async fn a_contact_whose_id_differs_in_case_only_is_not_overwritten() {
    let world = world();
    world.put("LEAD-1", 9, "9");
    let copy = altered(&world, "/bulk", |contact| {
        contact["id"] = contact["id"].as_str().unwrap().to_lowercase().into()
    });
    world.send([change("LEAD-1", 1).phone("1"), change("new", 1).phone("1")]);
    let done = world
        .invoke_copy(&copy, Some(Duration::from_secs(30)))
        .await;
    assert_eq!(done.records, ["stale", "created"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_returns_other_contacts_is_not_an_answer() {
    let world = world();
    world.put("a", 9, "9");
    world.apply([change("warm", 1)]).await;
    let other = json!([{ "id": "somebody-else", "data": { "phone": "1" }, "callable": true }]);
    let about_another = Fault::next("POST", Effect::Text(other.to_string())).on("contacts/bulk");
    world.genesys.add_fault(about_another);
    let done = world.apply([change("a", 2).phone("2")]).await;
    assert!(done.records[0].starts_with("retried"), "{done:?}");
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.invoke().await.records, ["stale"]);
    assert_eq!(world.contact("a").0["phone"], "9", "rank 9 stands");
}

#[tokio::test(start_paused = true)]
async fn a_contact_without_callable_is_treated_as_not_callable() {
    let world = world();
    world.put("a", 1, "1");
    let copy = altered(&world, "/bulk", |contact| {
        drop(contact.as_object_mut().unwrap().remove("callable"))
    });
    world.send([change("a", 1).callable(false)]);
    assert_eq!(
        world
            .invoke_copy(&copy, Some(Duration::from_secs(30)))
            .await
            .records,
        ["updated"]
    );
    assert!(!world.contact("a").1);
}

#[tokio::test(start_paused = true)]
async fn replaying_changes_one_by_one_keeps_the_rank() {
    let world = world();
    world.apply([change("warm", 1)]).await;
    // The folded write is refused, then the opt-out by itself. The write that makes the contact not
    // callable succeeds.
    world.genesys.add_fault(
        Fault::next("POST", Effect::Status(400, vec![]))
            .on("/contacts")
            .after(1),
    );
    world.genesys.add_fault(
        Fault::next("POST", Effect::Status(400, vec![]))
            .on("/contacts")
            .after(2),
    );
    let done = world
        .apply([
            change("a", 5).phone("5"),
            change("a", 5)
                .phone("x")
                .callable(false)
                .with("eventId", "e"),
        ])
        .await;
    assert!(done.failed.is_empty(), "{:?}", done.calls);
    assert_eq!(
        (
            world.column("a", VERSION_FIELD).as_str(),
            world.contact("a").1
        ),
        ("5:5-", false),
        "{:?}",
        done.calls
    );
    assert_eq!(
        world
            .apply([change("a", 4).phone("4").callable(true)])
            .await
            .records,
        ["stale"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_lacks_the_contact_is_not_taken_for_done() {
    let world = world();
    world.apply([change("warm", 1)]).await;
    let nothing = Effect::Status(200, vec![]);
    world
        .genesys
        .add_fault(Fault::next("POST", nothing).on("/contacts").after(1));
    let done = world.apply([change("a", 1).phone("1")]).await;
    assert_eq!(
        done.failed,
        [0],
        "it may still be carried out: nothing is created twice in an invocation"
    );
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.invoke().await.records, ["created"]);
    assert_eq!(world.column("a", "phone"), "1");
}

/// A copy of apply that sees every contact altered in the answers of calls whose path ends so.
fn altered(
    world: &World,
    path: &'static str,
    alter: impl Fn(&mut Value) + Clone + Send + Sync + 'static,
) -> apply::Context {
    let altering = between(&world.genesys, move |genesys, request, timeout| {
        let alter = alter.clone();
        async move {
            let is_altered = request.uri().path().ends_with(path);
            let answer = genesys.send(request, timeout).await?;
            if !is_altered {
                return Ok(answer);
            }
            Ok(answer.map(|body| {
                let mut body: Value = serde_json::from_slice(&body).unwrap();
                body.as_array_mut().unwrap().iter_mut().for_each(alter);
                Bytes::from(body.to_string())
            }))
        }
    });
    world.copy(Some(altering), |_| {})
}

#[tokio::test(start_paused = true)]
async fn a_409_by_contact_lists_names_no_key_and_is_followed_by_a_read() {
    let world = world();
    world.put("a", 1, "1");
    world.apply([change("warm", 1)]).await;
    world
        .genesys
        .add_fault(Fault::status("POST", 409).on("/contacts").after(1));
    let done = world.apply([change("a", 2).phone("2")]).await;
    assert_eq!(done.records, ["updated"]);
    assert_eq!(
        done.calls,
        [
            "POST bulk 200",
            "POST contacts 409",
            "POST bulk 200",
            "POST contacts 200"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn wide_contacts_are_written_in_as_many_calls_as_their_bytes_ask_for() {
    let world = World::of_lists(Options::default());
    let columns: Vec<String> = (0..49).map(|n| format!("column-{n:02}")).collect();
    let mut names: Vec<_> = columns.iter().map(String::as_str).collect();
    names.push("crmVersion");
    world.put_campaign("acme", CAMPAIGN, Some(&names));
    // A contact with 49 values of 512 three-byte characters takes 75 kB.
    let wide = |n: usize| {
        columns
            .iter()
            .fold(change(&format!("wide-{n}"), 1), |change, name| {
                change.column(name, json!("☎".repeat(512)))
            })
    };
    let done = world.apply((0..10).map(wide)).await;
    assert_eq!(done.records, ["created"; 10]);
    assert_eq!(
        done.calls
            .iter()
            .filter(|call| *call == "POST contacts 200")
            .count(),
        2,
        "{:?}",
        done.calls
    );
    assert!(
        !done.calls.contains(&"POST contacts 413".to_owned()),
        "{:?}",
        done.calls
    );
}

#[tokio::test(start_paused = true)]
async fn keys_of_one_batch_that_differ_in_case_are_not_mixed_up() {
    let world = world();
    world.put("LEAD-1", 9, "9");
    let done = world
        .apply([
            change("LEAD-1", 8).phone("8"),
            change("lead-1", 1).phone("1"),
        ])
        .await;
    assert_eq!(done.records, ["stale", "created"]);
    assert_eq!(
        (
            world.column("LEAD-1", "phone"),
            world.column("lead-1", "phone")
        ),
        ("9".into(), "1".into())
    );
}
