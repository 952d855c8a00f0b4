//! Contacts of a small batch that make every call that contains them fail. Within two deliveries
//! each other contact is separated from them, however many they are. A single such contact is in
//! `poison`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apply::Context;
use bytes::Bytes;
use emulator::Genesys;
use emulator::genesys::Options;
use http::{Request, Response, StatusCode};
use io::genesys::Shared;
use io::http::Transport;
use io::{Chance, Config};
use serde_json::{Value, json};

use super::poison::{Poison, poisoned};
use crate::support::{CAMPAIGN, VERSION_FIELD, World, between, change};

const THIRTY: Option<Duration> = Some(Duration::from_secs(30));

/// A copy with a draw of its own, whose calls fail as those of another one do.
fn with_luck(world: &World, transport: Arc<dyn Transport>, seed: u64) -> Context {
    let (_, own) = crate::support::config(world);
    let shared = Shared {
        transport,
        chance: Chance::seeded(seed),
        ..world.shared(|_: &mut Config| {})
    };
    Context::new(shared, own, Arc::clone(&world.sqs) as _)
}

/// The status and code of the answer to each bulk read (`bulk`) or write that contains the word
/// `poison`.
fn answering(
    world: &World,
    is_of_reads: bool,
    status: u16,
    code: &'static str,
) -> Arc<dyn Transport> {
    let strike = move |genesys: Arc<Genesys>, request: Request<Bytes>, timeout| async move {
        let is_read = request.uri().path().ends_with("/bulk");
        let is_meant = request.method() == "POST" && is_read == is_of_reads;
        if is_meant && String::from_utf8_lossy(request.body()).contains("poison") {
            let body = json!({ "code": code, "status": status }).to_string();
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            return Ok(response);
        }
        genesys.send(request, timeout).await
    };
    between(&world.genesys, strike)
}

/// Applies the queue, at most five times, until only poisons are left. Returns in which delivery
/// each other contact was done.
async fn deliveries(world: &World, copy: &Context) -> BTreeMap<String, usize> {
    let mut done = BTreeMap::new();
    for delivery in 1..=5 {
        let before: Vec<_> = keys(world).collect();
        while world.queue.len() > world.queue.in_flight().len() {
            world.invoke_copy(copy, THIRTY).await;
        }
        let left: Vec<_> = keys(world).collect();
        for key in before {
            if !left.contains(&key) {
                done.insert(key, delivery);
            }
        }
        let longest = world.queue.in_flight().into_values().max();
        world
            .pass(Duration::from_secs(longest.unwrap_or_default()))
            .await;
    }
    done
}

fn keys(world: &World) -> impl Iterator<Item = String> {
    world.queue.messages().into_iter().map(|message| {
        let change: Value = serde_json::from_str(&message.body).unwrap();
        change["contactKey"].as_str().unwrap().to_owned()
    })
}

/// Sends a batch of ten: this many poisons, two opt-outs and other contacts.
fn send(world: &World, poisons: usize) {
    let bad = (0..poisons).map(|n| (format!("poison-{n}"), true));
    let out = ["out-0", "out-1"].map(|key| (key.to_owned(), false));
    let others = (0..8 - poisons).map(|n| (format!("peer-{n}"), true));
    for (key, callable) in bad.chain(out).chain(others) {
        if key != "peer-0" {
            world.put(&key, 1, "1");
        }
        world.send([change(&key, 5).phone("5").callable(callable)]);
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_of_ten_contacts_fail_each_other_is_done_by_the_second_delivery() {
    for (is_of_reads, status, code) in [
        (true, 503, ""),
        (false, 503, ""),
        (true, 400, "contact.does.not.exist"),
        (false, 404, "not.found"),
    ] {
        for poisons in [1, 3, 7] {
            for seed in 0..6 {
                let world = World::of_lists(Options::default());
                let transport = answering(&world, is_of_reads, status, code);
                let copy = with_luck(&world, transport, seed);
                world.send([change("warm", 1)]);
                world.invoke_copy(&copy, THIRTY).await;
                send(&world, poisons);
                let done = deliveries(&world, &copy).await;
                let case = format!("{status} {code}, reads {is_of_reads}: {poisons}, {seed}");
                assert_eq!(done.len(), 10 - poisons, "{case}: {done:?}");
                assert!(
                    done.values().all(|delivery| *delivery <= 2),
                    "{case}: {done:?}"
                );
                assert!(!world.contact("out-0").1 && !world.contact("out-1").1);
                assert!(world.dead_letters.is_empty());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_campaign_in_doubt_an_opt_out_is_done_at_once_whatever_else_fails() {
    for is_of_reads in [true, false] {
        for seed in 0..6 {
            let world = World::of_lists(Options::default());
            let transport = answering(&world, is_of_reads, 503, "");
            let copy = with_luck(&world, transport, seed);
            world.put("poison", 1, "1");
            world.send([change("poison", 2).callable(false)]);
            world.invoke_copy(&copy, THIRTY).await;
            send(&world, 5);
            world.pass(Duration::from_secs(2)).await;
            world.invoke_copy(&copy, THIRTY).await;
            assert!(!world.contact("out-0").1 && !world.contact("out-1").1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_predictive_too_each_create_is_separated_from_those_that_fail() {
    for seed in 0..6 {
        let world = World::new();
        let transport = answering(&world, false, 503, "");
        let copy = with_luck(&world, transport, seed);
        world.send([change("warm", 1)]);
        world.invoke_copy(&copy, THIRTY).await;
        let keys = ["poison-0", "a", "poison-1", "b", "poison-2", "c", "d"];
        world.send(keys.map(|key| change(key, 1).phone("1")));
        let done = deliveries(&world, &copy).await;
        assert_eq!(done.len(), 4, "{done:?}");
        assert!(done.values().all(|delivery| *delivery <= 2), "{done:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_contacts_that_came_back_go_alone_in_a_campaign_in_doubt() {
    let world = World::of_lists(Options::default());
    let failing = Poison::Answers(StatusCode::SERVICE_UNAVAILABLE);
    let copy = poisoned(&world, "POST", failing);
    world.send([change("poison", 1)]);
    world.invoke_copy(&copy, THIRTY).await;
    world.send((0..8).map(|n| change(&format!("peer-{n}"), 1)));
    let done = world.invoke_copy(&copy, THIRTY).await;
    assert!(done.failed.is_empty());
    assert!(
        done.calls.len() <= 4,
        "two reads, two writes: {:?}",
        done.calls
    );
}

#[tokio::test(start_paused = true)]
async fn contacts_that_go_alone_keep_to_the_calls_that_are_left() {
    let world = World::of_lists(Options {
        calls_per_minute: Some(60),
        ..Options::default()
    });
    let copy = with_luck(&world, answering(&world, true, 503, ""), 1);
    world.send([change("warm", 1)]);
    world.invoke_copy(&copy, THIRTY).await;
    send(&world, 3);
    let done = deliveries(&world, &copy).await;
    assert_eq!(done.len(), 7, "{done:?}");
    let refused = |call: &emulator::genesys::Call| call.status == 429;
    let refused = world
        .genesys
        .calls()
        .iter()
        .filter(|call| refused(call))
        .count();
    assert_eq!(refused, 0);
    assert_eq!(world.column("out-0", VERSION_FIELD), "5:5-");
    assert!(world.genesys.contacts(CAMPAIGN).len() > 7);
}
