//! Opt-outs in a wide batch. A single opt-out behind a backlog is in `behind`.

use super::*;

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

/// Invokes apply, and stops waiting after a second, when the hanging read has not timed out yet.
async fn in_a_second(world: &World) {
    let invoked = tokio::time::timeout(Duration::from_secs(1), world.invoke()).await;
    assert!(invoked.is_err(), "a read hangs");
}

/// The next read of this campaign's list hangs.
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
    // By then the reported rate limit is old. So one call goes first, and the others wait for its
    // answer.
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

/// A bulk read with the contact `bad` fails.
#[tokio::test(start_paused = true)]
async fn no_opt_out_of_a_wide_batch_is_read_with_a_contact_that_makes_reads_fail() {
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
async fn in_a_campaign_in_doubt_opt_outs_are_written_before_anything_else_begins() {
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
    // The copy tops up again. The secret is cached, and the window is new.
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
async fn the_reserve_for_opt_outs_is_not_spent_on_contacts_that_are_read_with_them() {
    let world = World::of_lists(Options {
        calls_per_minute: Some(100),
        ..Options::default()
    });
    // These changes spend calls until only the reserve is left.
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
