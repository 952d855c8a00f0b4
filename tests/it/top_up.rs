//! What apply receives by itself, beside what Lambda hands over (docs/design.md "Topping up").

use std::time::Duration;

use emulator::genesys::Options;
use emulator::{Effect, Fault};
use io::http::Transport;

use crate::support::{CAMPAIGN, Change, OTHER_CAMPAIGN, World, between, change};

const TIME: Option<Duration> = Some(Duration::from_secs(30));

/// Changes of so many contacts.
fn changes(contacts: usize) -> impl Iterator<Item = Change> {
    (0..contacts).map(|n| change(&format!("c{n}"), 1))
}

/// A world of lists whose copy has met its org, and found the queue empty a while ago.
async fn met() -> World {
    let world = World::of_lists(Options::default());
    world.apply([change("first", 1)]).await;
    world.pass(Duration::from_secs(2)).await;
    world
}

fn count(calls: &[String], what: &str) -> usize {
    calls.iter().filter(|call| call.contains(what)).count()
}

#[tokio::test(start_paused = true)]
async fn a_backlog_of_a_list_is_applied_as_wide_as_the_api_is() {
    let world = met().await;
    let done = world.apply(changes(1_000)).await;
    assert_eq!(world.queue.len(), 0);
    assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 1_001);
    assert_eq!(count(&done.calls, "bulk"), 20, "{:?}", done.calls);
    assert_eq!(done.calls.len(), 21, "{:?}", done.calls);
    assert!(done.failed.is_empty());
    let outcomes = world.told();
    assert_eq!(
        outcomes.iter().filter(|told| *told == "created").count(),
        1_001
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_of_less_than_five_or_a_top_up_of_none_leaves_the_queue_alone() {
    let world = met().await;
    world.send(changes(4));
    world.invoke().await;
    assert_eq!(world.sqs.receives(), 0);
    world.send((10..200).map(|n| change(&format!("c{n}"), 1)));
    let copy = world.copy_that_tops_up(0);
    for _ in 0..3 {
        world.invoke_copy(&copy, TIME).await;
    }
    assert_eq!((world.sqs.receives(), world.queue.len()), (0, 160));
}

#[tokio::test(start_paused = true)]
async fn no_more_is_received_than_was_asked_for() {
    let world = met().await;
    let copy = world.copy_that_tops_up(40);
    world.send(changes(100));
    world.invoke_copy(&copy, TIME).await;
    assert_eq!(world.queue.len(), 90, "its org was not known yet");
    world.invoke_copy(&copy, TIME).await;
    assert_eq!(world.queue.len(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_has_no_more_is_left_alone_for_a_second() {
    let world = met().await;
    world.apply(changes(10)).await;
    assert_eq!(world.sqs.receives(), 2);
    world
        .apply((10..20).map(|n| change(&format!("c{n}"), 1)))
        .await;
    assert_eq!(world.sqs.receives(), 2);
    world.pass(Duration::from_secs(1)).await;
    world
        .apply((20..30).map(|n| change(&format!("c{n}"), 1)))
        .await;
    assert_eq!(world.sqs.receives(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_answer_keeps_nobody_and_is_left_alone_for_a_minute() {
    let world = met().await;
    world.send(changes(60));
    world.sqs.refuse(2);
    let done = world.invoke().await;
    assert!(done.failed.is_empty(), "{done:?}");
    world.pass(Duration::from_secs(59)).await;
    world.invoke().await;
    assert_eq!((world.sqs.receives(), world.queue.len()), (2, 40));
    world.pass(Duration::from_secs(1)).await;
    world.invoke().await;
    assert_eq!(world.queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_fails_of_its_own_messages_is_given_back_with_all_later_ones_of_its_group() {
    let world = met().await;
    world.send(changes(10));
    for version in [2, 3] {
        world.send([change("own", version), change("other", version)]);
    }
    world
        .genesys
        .add_fault(Fault::status("POST", 500).on("/contacts").after(1).times(1));
    world.invoke().await;
    let left = world.queue.messages();
    assert_eq!(left.len(), 14);
    let own = change("own", 2).message().group;
    let own: Vec<_> = left.iter().filter(|it| it.group == own).collect();
    assert!(own[0].body.contains('2') && own[1].body.contains('3'));
    assert!(world.queue.receive(10).is_none(), "all of them wait");
    world.pass(Duration::from_mins(1)).await;
    while !world.queue.is_empty() {
        world.invoke().await;
    }
    assert_eq!(world.column("own", crate::support::VERSION_FIELD), "3");
}

#[tokio::test(start_paused = true)]
async fn after_a_delete_that_fails_no_later_message_of_the_group_is_deleted() {
    let world = met().await;
    world.send(changes(10));
    let own = |version| change("own", version);
    let group = own(2).message().group;
    world.send([own(2), own(3), change("other", 1)]);
    world.sqs.refuse_deletes_of(&group, 1);
    world.invoke().await;
    assert_eq!(world.queue.len(), 0, "it was tried again");
    world.pass(Duration::from_secs(2)).await;
    world.send((20..30).map(|n| change(&format!("c{n}"), 1)));
    world.send([own(4), own(5), change("other", 2)]);
    world.sqs.refuse_deletes_of(&group, 2);
    world.invoke().await;
    assert_eq!(world.queue.len(), 2);
    assert_eq!(world.column("own", crate::support::VERSION_FIELD), "5");
    // They come back together, a minute after the invocation's end at the latest, and change nothing.
    world.pass(Duration::from_secs(95)).await;
    let done = world.invoke().await;
    assert_eq!(done.records, ["stale", "unchanged"]);
}

#[tokio::test(start_paused = true)]
async fn by_predictive_no_more_is_received_than_there_are_calls_for() {
    let world = World::with(Options {
        calls_per_minute: Some(60),
        ..Options::default()
    });
    world.apply([change("first", 1)]).await;
    world.pass(Duration::from_secs(2)).await;
    world.send(changes(200));
    world.invoke().await;
    let received = 10 + world.sqs.receives() * 10;
    assert!(received <= 40, "{received}");
}

#[tokio::test(start_paused = true)]
async fn opt_outs_of_a_wide_batch_are_written_apart_from_it() {
    let world = met().await;
    world.send(changes(200));
    world.send([change("out", 1).callable(false)]);
    let done = world.invoke().await;
    let writes = done
        .calls
        .iter()
        .filter(|call| call.starts_with("POST contacts "));
    assert_eq!(writes.count(), 2, "{:?}", done.calls);
    assert!(!world.contact("out").1);
}

/// Invokes it and looks a second later, when a read that hangs is not given up yet.
async fn in_a_second(world: &World) {
    let invoked = tokio::time::timeout(Duration::from_secs(1), world.invoke()).await;
    assert!(invoked.is_err(), "a read hangs");
}

/// The next read of this campaign's list is never answered.
fn hang_a_read(campaign: &str) -> Fault {
    let hang = Fault::next("POST", Effect::Hang { is_done: false });
    hang.on(format!("list-of-{campaign}/contacts/bulk"))
}

#[tokio::test(start_paused = true)]
async fn opt_outs_go_before_the_wide_reads_of_a_campaign_that_hangs() {
    let world = met().await;
    world
        .apply([change("out", 1).of("acme", OTHER_CAMPAIGN)])
        .await;
    // By then the count is old: one call goes at first, and the others wait for its answer.
    world.pass(Duration::from_secs(2)).await;
    world.send(changes(100));
    world.send([change("out", 2).callable(false).of("acme", OTHER_CAMPAIGN)]);
    let hang = hang_a_read(CAMPAIGN).times(usize::MAX);
    world.genesys.add_fault(hang);
    in_a_second(&world).await;
    let out = world.genesys.contact(OTHER_CAMPAIGN, "out").unwrap();
    assert!(!out.callable);
}

#[tokio::test(start_paused = true)]
async fn opt_outs_that_are_read_do_not_wait_until_the_others_of_a_wide_batch_are() {
    let world = met().await;
    let key = |n: usize| format!("c{n}");
    for n in 0..200 {
        world.put(&key(n), 1, "");
    }
    world.send((0..200).map(|n| change(&key(n), 2).callable(n % 40 != 39)));
    world.genesys.add_fault(hang_a_read(CAMPAIGN).after(1));
    in_a_second(&world).await;
    let is_callable = |n: &usize| world.contact(&key(*n)).1;
    assert_eq!((0..200).filter(is_callable).count(), 195);
}

/// A bulk read of the contact `bad` fails.
#[tokio::test(start_paused = true)]
async fn no_opt_out_of_a_wide_batch_is_read_with_whoever_makes_reads_fail() {
    let world = World::of_lists(Options::default());
    let line = between(&world.genesys, |genesys, request, timeout| {
        let is_bad = String::from_utf8_lossy(request.body()).contains("\"bad\"")
            && request.uri().path().ends_with("/bulk");
        async move {
            if is_bad {
                let failed = http::Response::builder().status(500);
                return Ok(failed.body(bytes::Bytes::new()).unwrap());
            }
            genesys.send(request, timeout).await
        }
    });
    let (_, own) = crate::support::config(&world);
    let shared = io::genesys::Shared {
        transport: line,
        ..world.shared(|_| {})
    };
    let copy = apply::Context::new(shared, own, std::sync::Arc::clone(&world.sqs) as _);
    world.send([change("first", 1)]);
    world.invoke_copy(&copy, TIME).await;
    world.pass(Duration::from_secs(2)).await;
    world.send([change("bad", 1)]);
    let key = |n: usize| format!("c{n}");
    for n in 0..100 {
        world.put(&key(n), 1, "");
    }
    world.send((0..100).map(|n| change(&key(n), 2).callable(n % 10 != 9)));
    world.invoke_copy(&copy, TIME).await;
    let is_callable = |n: &usize| world.contact(&key(*n)).1;
    assert_eq!((0..100).filter(is_callable).count(), 90);
}

#[tokio::test(start_paused = true)]
async fn of_a_campaign_in_doubt_nothing_else_begins_before_its_opt_outs_are_written() {
    let world = World::of_lists(Options {
        calls_per_minute: Some(20),
        ..Options::default()
    });
    world.apply([change("first", 1)]).await;
    world
        .genesys
        .add_fault(Fault::status("POST", 500).on("/contacts").after(1).times(1));
    world.apply([change("a", 1), change("b", 1)]).await;
    while !world.queue.is_empty() {
        world.pass(Duration::from_secs(60)).await;
        world.invoke().await;
    }
    // It is topped up again; its secret is known, and the window new.
    world.pass(Duration::from_secs(400)).await;
    world.apply([change("first", 2)]).await;
    world.pass(Duration::from_secs(55)).await;
    let key = |n: usize| format!("c{n}");
    for n in 0..300 {
        world.put(&key(n), 1, "");
    }
    world.send((0..300).map(|n| change(&key(n), 2).callable(n % 5 != 4)));
    world.invoke().await;
    let is_callable = |n: &usize| world.contact(&key(*n)).1;
    let left = (0..300).filter(is_callable).count();
    assert_eq!(left, 240);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_opt_outs_is_not_spent_on_whoever_is_read_with_them() {
    let world = World::of_lists(Options {
        calls_per_minute: Some(100),
        ..Options::default()
    });
    // Until what is left is kept.
    let mut n = 0..;
    let first = |n| change(&format!("first{n}"), 1);
    while world.apply(n.next().map(first)).await.failed.is_empty() {}
    let key = |n: usize| format!("c{n}");
    for n in 0..300 {
        world.put(&key(n), 1, "");
    }
    world.send((0..300).map(|n| change(&key(n), 2).callable(n % 5 != 4)));
    let done = world.invoke().await;
    assert_eq!(done.calls.len(), 3, "{:?}", done.calls);
    let is_callable = |n: &usize| world.contact(&key(*n)).1;
    assert_eq!((0..300).filter(is_callable).count(), 240);
}

#[tokio::test(start_paused = true)]
async fn a_wide_write_that_is_refused_is_not_halved_without_an_end() {
    let world = met().await;
    world.send(changes(910));
    // After nineteen reads.
    let refused = Fault::status("POST", 400).on("/contacts").after(19);
    world.genesys.add_fault(refused.times(60));
    let done = world.invoke().await;
    let writes = count(&done.calls, "POST contacts ");
    assert!((42..=81).contains(&writes), "{writes}: {:?}", done.calls);
    let left = world.queue.len();
    assert!((1..910).contains(&left), "{left}");
    while !world.queue.is_empty() {
        world.pass(Duration::from_secs(30)).await;
        while world.queue.in_flight().len() < world.queue.len() {
            world.invoke().await;
        }
    }
    assert!(world.parked().is_empty());
    let stored = world.genesys.contacts(CAMPAIGN);
    assert_eq!(stored.len(), 911);
}

#[tokio::test(start_paused = true)]
async fn after_one_error_of_a_wide_write_its_contacts_are_read_again_by_fifties() {
    let world = met().await;
    for n in 0..300 {
        world.put(&format!("c{n}"), 1, "");
    }
    world.send((0..300).map(|n| change(&format!("c{n}"), 2)));
    let failed = Fault::status("POST", 503).on("/contacts").after(6);
    world.genesys.add_fault(failed.times(1));
    let done = world.invoke().await;
    let reads = count(&done.calls, "bulk");
    assert!((12..=16).contains(&reads), "{:?}", done.calls);
    // About fifty a write, as its campaign is in doubt.
    assert!(
        count(&done.calls, "POST contacts 200") <= 6,
        "{:?}",
        done.calls
    );
    assert_eq!(world.queue.len(), 0);
    world.send((0..300).map(|n| change(&format!("c{n}"), 3)));
    world.pass(Duration::from_secs(60)).await;
    world.invoke().await;
    assert_eq!(
        world.queue.len(),
        290,
        "for five minutes it is not topped up"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_received_by_itself_where_many_lists_are_to_be_found_first() {
    let world = met().await;
    let campaigns: Vec<_> = (0..60).map(|n| format!("campaign-of-{n}")).collect();
    for campaign in &campaigns {
        world.put_campaign("acme", campaign, Some(&crate::support::COLUMNS));
    }
    world.send(changes(5));
    world.send(campaigns.iter().map(|of| change("k", 1).of("acme", of)));
    world.invoke().await;
    assert!(world.sqs.receives() <= 2, "{}", world.sqs.receives());
    assert!(world.queue.len() >= 35);
}

/// A world of campaigns by `predictive` in which sixty contacts were read and not found.
async fn first_load() -> World {
    let world = World::with(Options {
        calls_per_minute: Some(3_000),
        ..Options::default()
    });
    for n in 0..6 {
        world
            .apply((0..10).map(|i| change(&format!("new{n}{i}"), 1)))
            .await;
    }
    world.pass(Duration::from_secs(2)).await;
    world
}

#[tokio::test(start_paused = true)]
async fn in_a_first_load_contacts_are_created_a_hundred_a_call_without_a_look() {
    let world = first_load().await;
    let done = world.apply(changes(300)).await;
    assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 360);
    assert_eq!(done.calls, ["POST contacts 200"; 3]);
}

#[tokio::test(start_paused = true)]
async fn one_that_exists_ends_a_first_load_and_is_read() {
    let world = first_load().await;
    world.put("c7", 9, "+15550009");
    world.send(changes(10));
    let done = world.invoke().await;
    assert_eq!(
        count(&done.calls, "POST contacts 409"),
        1,
        "{:?}",
        done.calls
    );
    assert_eq!(count(&done.calls, "GET"), 10, "{:?}", done.calls);
    assert_eq!(done.records[7], "stale");
    assert_eq!(world.column("c7", "phone"), "+15550009");
    let done = world
        .apply((20..30).map(|n| change(&format!("c{n}"), 1)))
        .await;
    assert_eq!(count(&done.calls, "GET"), 10, "{:?}", done.calls);
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_a_rank_is_never_made_without_a_look() {
    let world = first_load().await;
    world.put("c7", 9, "+15550009");
    let reset = change("c7", 1)
        .without("data")
        .without("version")
        .with("operation", "resetRank")
        .with(
            "reset",
            serde_json::json!({ "from": 9, "to": 3, "reason": "the CRM was restored" }),
        );
    let done = world.apply([reset]).await;
    assert_eq!(done.records, ["updated"], "{:?}", done.calls);
    assert_eq!(world.column("c7", crate::support::VERSION_FIELD), "3");
}

#[tokio::test(start_paused = true)]
async fn what_was_received_before_is_read_in_a_first_load_too() {
    let world = first_load().await;
    world.send([change("c1", 1)]);
    world.queue.receive_for(10, Duration::from_secs(1));
    world.pass(Duration::from_secs(1)).await;
    let done = world.invoke().await;
    assert_eq!(done.calls, ["GET c1 404", "POST contacts 200"]);
}
