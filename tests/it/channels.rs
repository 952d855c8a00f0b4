//! Channels and phone numbers. A change closes them and never opens them, whatever the API does
//! where its documentation is silent. `parked` has changes that must be parked. Opt-outs of whole
//! contacts are in `consent`.

mod parked;

use std::time::Duration;

use bytes::Bytes;
use emulator::Fault;
use emulator::genesys::{Effect, KeptBy, ListReadings, Options};
use io::http::Transport;
use serde_json::{Value, json};

use crate::support::{CAMPAIGN, Change, VERSION_FIELD, World, between, change, openapi};

const EVERY: [&str; 4] = ["Voice", "Sms", "Email", "WhatsApp"];

/// Runs a promise on lists with two phone columns, once with writes that merge statuses and once
/// with writes that replace them. Checks the calls against the published specification.
async fn by_both_readings(promise: impl AsyncFn(&World)) {
    for statuses_merge in [false, true] {
        let world = world(statuses_merge);
        promise(&world).await;
        assert_eq!(openapi::faults(&world.genesys.calls()), [""; 0]);
    }
}

fn world(statuses_merge: bool) -> World {
    let lists = ListReadings {
        statuses_merge,
        ..ListReadings::default()
    };
    let world = World::of_lists(Options {
        lists,
        ..Options::default()
    });
    world
        .genesys
        .number_columns(CAMPAIGN, &["phone", "nickname"]);
    world
}

fn opt_out_of_all(world: &World) {
    world.put_secret("acme", &json!({ "api": "contactLists", "optOut": "all" }));
}

fn lowering(change: Change, channels: &[&str], numbers: &[&str]) -> Change {
    let all = |names: &[&str]| {
        let names = names.iter().map(|name| ((*name).to_owned(), false.into()));
        Value::Object(names.collect())
    };
    let change = match channels {
        [] => change,
        channels => change.with("contactable", all(channels)),
    };
    match numbers {
        [] => change,
        numbers => change.with("phones", all(numbers)),
    }
}

/// The channels by which the contact must not be reached.
fn shut(world: &World, key: &str) -> Vec<&'static str> {
    let kept = |channel: &&str| {
        let by = world.genesys.kept_from_messages(CAMPAIGN, key, channel);
        by.contains(&KeptBy::Channel((*channel).to_owned()))
    };
    EVERY.into_iter().filter(kept).collect()
}

#[tokio::test(start_paused = true)]
async fn named_channels_are_closed_and_what_the_dialler_wrote_is_kept() {
    by_both_readings(async |world| {
        world.put("a", 1, "1");
        let voice =
            json!({ "contactable": true, "columnStatus": { "phone": { "contactable": false } } });
        let email = json!({ "contactable": false });
        let number = json!({ "callable": false });
        let of = |member, value| world.genesys.note(CAMPAIGN, "a", member, value);
        of(
            "contactableStatus",
            json!({ "Voice": voice, "Email": email }),
        );
        of("phoneNumberStatus", json!({ "nickname": number }));
        let says = lowering(change("a", 2).phone("2"), &["Sms", "Email"], &[]);
        assert_eq!(world.apply([says.clone()]).await.records, ["updated"]);
        let channels = json!({ "Voice": voice, "Email": email, "Sms": { "contactable": false } });
        assert_eq!(world.of_the_dialler("a", "contactableStatus"), channels);
        let write = world.genesys.calls().pop().unwrap().body[0].clone();
        assert_eq!(
            write["contactableStatus"], channels,
            "everything that was read is written with it"
        );
        assert_eq!(
            write["phoneNumberStatus"],
            Value::Null,
            "a status that is not closed is not named"
        );
        assert_eq!(write["callable"], Value::Null);
        let again = world.apply([says.with("eventId", "again")]).await;
        assert_eq!(again.records, ["unchanged"]);
        assert_eq!(again.calls, ["POST bulk 200"], "it is closed already");
        let says = lowering(change("a", 3), &[], &["phone"]);
        assert_eq!(world.apply([says]).await.records, ["updated"]);
        let numbers = json!({ "nickname": number, "phone": { "callable": false } });
        assert_eq!(world.of_the_dialler("a", "phoneNumberStatus"), numbers);
        assert_eq!(world.of_the_dialler("a", "contactableStatus"), channels);
        assert!(world.contact("a").1, "it may be called, by another number");
        let silent = world
            .apply([change("a", 4).phone("4").callable(true)])
            .await;
        assert_eq!(silent.records, ["updated"]);
        let write = world.genesys.calls().pop().unwrap().body[0].clone();
        let named = ["contactableStatus", "phoneNumberStatus"].map(|of| write.get(of).is_some());
        assert_eq!(named, [false, false], "an opt-in opens none");
        assert_eq!(shut(world, "a"), ["Sms", "Email"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_new_contact_is_created_with_its_channels_closed() {
    by_both_readings(async |world| {
        let says = lowering(change("a", 1).phone("1"), &["WhatsApp"], &["phone"]);
        assert_eq!(world.apply([says]).await.records, ["created"]);
        let writes = world.genesys.calls().into_iter();
        let writes = writes.filter(|call| call.path.ends_with("/contacts"));
        assert_eq!(writes.count(), 1);
        assert_eq!(shut(world, "a"), ["WhatsApp"]);
        assert!(world.contact("a").1);
        let kept = world.genesys.kept_from_dialling(CAMPAIGN, "a");
        assert_eq!(kept, [KeptBy::Numbers(vec!["phone".to_owned()])]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_change_still_closes_channels_and_a_batch_closes_all_that_it_names() {
    by_both_readings(async |world| {
        world.put("a", 9, "9");
        let late = lowering(change("a", 5).phone("5"), &["Sms"], &[]);
        assert_eq!(world.apply([late]).await.records, ["updated"]);
        assert_eq!(
            world.column("a", "phone"),
            "9",
            "none of its columns is written"
        );
        assert_eq!(world.column("a", VERSION_FIELD), "9");
        assert_eq!(shut(world, "a"), ["Sms"]);
        let batch = [
            lowering(change("a", 10).phone("10"), &["Voice"], &[]),
            lowering(change("a", 6), &["Email"], &["nickname"]),
            change("a", 7).phone("7"),
        ];
        let done = world.apply(batch).await;
        assert_eq!(done.records, ["updated", "stale", "stale"]);
        assert_eq!(done.calls, ["POST bulk 200", "POST contacts 200"]);
        assert_eq!(shut(world, "a"), ["Voice", "Sms", "Email"]);
        let numbers = json!({ "nickname": { "callable": false } });
        assert_eq!(world.of_the_dialler("a", "phoneNumberStatus"), numbers);
        let late = lowering(change("a", 4), &["Email"], &["nickname"]);
        let done = world.apply([late]).await;
        assert_eq!(done.records, ["stale"]);
        assert_eq!(done.calls, ["POST bulk 200"]);
        let unranked = lowering(change("a", 0).without("version"), &["WhatsApp"], &[]);
        assert_eq!(world.apply([unranked]).await.records, ["updated"]);
        assert_eq!(shut(world, "a"), EVERY);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn by_default_an_opt_out_leaves_channels_open_and_by_the_orgs_wish_it_closes_all() {
    by_both_readings(async |world| {
        world.put("a", 1, "1");
        world.apply([change("a", 2).callable(false)]).await;
        assert_eq!(shut(world, "a"), [""; 0], "messages are still sent");
        opt_out_of_all(world);
        world.pass(Duration::from_mins(6)).await;
        // The contact is not callable already. The channels that are still open are closed once.
        let opt_out = |id: &str| change("a", 2).callable(false).with("eventId", id);
        assert_eq!(world.apply([opt_out("1")]).await.records, ["updated"]);
        assert_eq!(shut(world, "a"), EVERY);
        assert_eq!(world.column("a", VERSION_FIELD), "2:2-");
        let again = world.apply([opt_out("2")]).await;
        assert_eq!(again.records, ["unchanged"]);
        assert_eq!(again.calls, ["POST bulk 200"]);
        let opt_in = change("a", 3).callable(true);
        assert_eq!(world.apply([opt_in]).await.records, ["updated"]);
        assert!(world.contact("a").1);
        assert_eq!(shut(world, "a"), EVERY, "an opt-in opens none");
        let kept = world.genesys.kept_from_dialling(CAMPAIGN, "a");
        assert_eq!(kept, [KeptBy::Channel("Voice".to_owned())]);
        world.apply([change("b", 1).remove()]).await;
        assert_eq!(
            shut(world, "b"),
            EVERY,
            "it is created with its channels closed"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_opt_out_closes_no_channel() {
    by_both_readings(async |world| {
        opt_out_of_all(world);
        world.apply([change("a", 9).callable(true)]).await;
        let stale = change("a", 8).callable(false);
        assert_eq!(world.apply([stale]).await.records, ["stale"]);
        assert_eq!(shut(world, "a"), [""; 0]);
        let stale = lowering(change("a", 7).callable(false), &["Sms"], &[]);
        assert_eq!(world.apply([stale]).await.records, ["updated"]);
        assert!(world.contact("a").1);
        assert_eq!(shut(world, "a"), ["Sms"], "only the channels that it names");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_is_read_again_and_closes_channels_once() {
    by_both_readings(async |world| {
        world.put("a", 1, "1");
        world.apply([change("warm", 1)]).await;
        for is_done in [true, false] {
            let lost = Fault::next("POST", Effect::Lost { is_done });
            world.genesys.add_fault(lost.on("/contacts$"));
            let channel = if is_done { "Sms" } else { "Email" };
            let says = lowering(change("a", 2), &[channel], &[]);
            let done = world.apply([says.with("eventId", channel)]).await;
            let writes = done
                .calls
                .iter()
                .filter(|call| call.starts_with("POST contacts"));
            assert_eq!(
                writes.count(),
                1,
                "a call that was lost on its way is no write: {done:?}"
            );
            assert!(done.failed.is_empty());
            assert!(shut(world, "a").contains(&channel));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_shows_a_channel_or_number_still_open_is_not_success() {
    for member in ["contactableStatus", "phoneNumberStatus"] {
        let world = world(false);
        world.put("a", 1, "1");
        world.apply([change("warm", 1)]).await;
        // The service accepts the write but drops one of the two statuses.
        let dropping = between(
            &world.genesys,
            move |genesys, mut request, timeout| async move {
                if request.uri().path().ends_with("/contacts") {
                    let mut body: Value = serde_json::from_slice(request.body()).unwrap();
                    body[0].as_object_mut().unwrap().remove(member);
                    *request.body_mut() = Bytes::from(body.to_string());
                }
                genesys.send(request, timeout).await
            },
        );
        let copy = world.copy(Some(dropping), |_| {});
        world.send([lowering(change("a", 2), &["Sms"], &["phone"])]);
        let time = Some(Duration::from_secs(30));
        let done = world.invoke_copy(&copy, time).await;
        assert_eq!(done.failed, [0], "{member}: {done:?}");
        world.pass(Duration::from_mins(1)).await;
        assert_eq!(world.invoke().await.records, ["updated"]);
        assert_eq!(shut(&world, "a"), ["Sms"]);
        let numbers = json!({ "phone": { "callable": false } });
        assert_eq!(world.of_the_dialler("a", "phoneNumberStatus"), numbers);
    }
}

#[tokio::test(start_paused = true)]
async fn where_reads_lag_a_written_change_comes_back_and_is_read() {
    let world = world(false);
    world.put("a", 1, "1");
    let secret = json!({ "api": "contactLists", "readLagSeconds": 5 });
    world.put_secret("acme", &secret);
    let says = lowering(change("a", 2), &["Sms"], &[]);
    let done = world.apply([says]).await;
    assert_eq!(done.failed, [0]);
    world.pass(Duration::from_secs(6)).await;
    assert_eq!(world.invoke().await.records, ["unchanged"]);
    assert_eq!(shut(&world, "a"), ["Sms"]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_asks_for_channels_of_an_api_without_them_is_refused_by_name() {
    let world = World::new();
    world.put_secret("acme", &json!({ "optOut": "all" }));
    let done = world.apply([change("a", 1)]).await;
    assert_eq!(done.failed, [0]);
    let told = world.told().concat();
    assert!(
        told.contains("optOut: expected \"voice\" where api is \"predictive\""),
        "{told}"
    );
}
