//! Topping up: what apply receives by itself, beside what Lambda hands over (docs/design.md
//! "Topping up"). `opt_outs`, `behind` and `first_load` have more. The decision itself is in
//! `domain::batch`.

mod behind;
mod first_load;
mod opt_outs;

use std::time::Duration;

use emulator::genesys::Options;
use emulator::{Effect, Fault};
use io::http::Transport;

use crate::support::{CAMPAIGN, Change, OTHER_CAMPAIGN, World, between, change};

const TIME: Option<Duration> = Some(Duration::from_secs(30));

/// One change for each of this many contacts.
fn changes(contacts: usize) -> impl Iterator<Item = Change> {
    (0..contacts).map(|n| change(&format!("c{n}"), 1))
}

/// A world of lists. Its copy knows the org, and found the queue empty some time ago.
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
async fn an_event_of_fewer_than_five_changes_or_a_top_up_of_zero_leaves_the_queue_alone() {
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
async fn a_queue_that_does_not_answer_delays_nobody_and_is_left_alone_for_a_minute() {
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
async fn a_message_that_fails_is_given_back_with_all_later_ones_of_its_group() {
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
    // They come back together within a minute of the invocation's end, and change nothing.
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
async fn a_refused_wide_write_is_not_halved_endlessly() {
    let world = met().await;
    world.send(changes(910));
    // The first nineteen POSTs are reads.
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
    // A campaign in doubt gets about fifty contacts in a write.
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
async fn apply_does_not_top_up_while_many_lists_must_be_found_first() {
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
