//! One contact makes every call that contains it fail. No other contact's changes wait for it.
//! `apart` has small batches with several such contacts.

use std::sync::Arc;
use std::time::Duration;

use apply::Context;
use bytes::Bytes;
use emulator::genesys::{Effect, Options};
use emulator::{Fault, Genesys};
use http::{Request, Response, StatusCode};
use io::http::{Transport, TransportError};
use serde_json::json;

use crate::support::{CAMPAIGN, World, between, change};

/// The fate of a call that contains the poison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Poison {
    Answers(StatusCode),
    Hangs,
    Panics,
}

/// A copy whose calls of this method fail if the path or the body contains the word `poison`.
pub(super) fn poisoned(world: &World, method: &'static str, poison: Poison) -> Context {
    let strike = move |genesys: Arc<Genesys>, request: Request<Bytes>, timeout| async move {
        let is_read = request.method() == "GET" || request.uri().path().ends_with("/bulk");
        let holds = String::from_utf8_lossy(request.body()).contains("poison")
            || request.uri().path().contains("poison");
        let is_meant = (method == "GET") == is_read;
        if !holds || !is_meant {
            return genesys.send(request, timeout).await;
        }
        match poison {
            Poison::Answers(status) => {
                let mut response = Response::new(Bytes::from("{}"));
                *response.status_mut() = status;
                Ok(response)
            }
            Poison::Hangs => {
                tokio::time::sleep(timeout).await;
                Err(TransportError::TimedOut)
            }
            Poison::Panics => panic!("on purpose"),
        }
    };
    world.copy(Some(between(&world.genesys, strike)), |_| ())
}

const THIRTY: Option<Duration> = Some(Duration::from_secs(30));

/// Hands batches of the queue to the copy for this long.
async fn serve(world: &World, copy: &Context, time: Duration) {
    let until = world.clock.now() + time;
    while world.clock.now() < until {
        if world.queue.len() > world.queue.in_flight().len() {
            world.invoke_copy(copy, THIRTY).await;
        } else {
            world.pass(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_contact_whose_create_fails_does_not_hold_up_its_batch() {
    let failing = Poison::Answers(StatusCode::INTERNAL_SERVER_ERROR);
    for poison in [failing, Poison::Hangs] {
        for world in [World::new, || World::of_lists(Options::default())] {
            let world = world();
            let copy = poisoned(&world, "POST", poison);
            let peers = (0..8).map(|n| change(&format!("peer-{n}"), 1).phone("1"));
            let opt_out = change("opt-out", 1).remove();
            world.send(
                [change("poison", 1).phone("1"), opt_out]
                    .into_iter()
                    .chain(peers),
            );
            serve(&world, &copy, Duration::from_mins(2)).await;
            let contacts = world.genesys.contacts(CAMPAIGN);
            assert!(
                contacts
                    .get("opt-out")
                    .is_some_and(|contact| !contact.callable),
                "{poison:?}: the opt-out takes effect at the second or third try"
            );
            serve(&world, &copy, Duration::from_hours(2)).await;
            assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 9, "{poison:?}");
            assert!(world.dead_letters.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_contact_whose_read_hangs_does_not_hold_up_its_batch_in_a_quiet_org() {
    for world in [World::new, || World::of_lists(Options::default())] {
        let world = world();
        let copy = poisoned(&world, "GET", Poison::Hangs);
        world.send([change("warm", 1)]);
        world.invoke_copy(&copy, THIRTY).await;
        world.pass(Duration::from_mins(2)).await;
        let peers = (0..9).map(|n| change(&format!("peer-{n}"), 1).phone("1"));
        world.send([change("poison", 1).phone("1")].into_iter().chain(peers));
        serve(&world, &copy, Duration::from_hours(2)).await;
        assert_eq!(world.genesys.contacts(CAMPAIGN).len(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_contacts_call_retries_that_contact_alone() {
    let world = World::new();
    let copy = poisoned(&world, "GET", Poison::Panics);
    world.put("known", 0, "0");
    world.send([
        change("poison", 1),
        change("new", 1).phone("1"),
        change("opt-out", 1).remove(),
        change("known", 1).phone("2"),
    ]);
    let done = world.invoke_copy(&copy, THIRTY).await;
    assert_eq!(done.failed, [0]);
    assert_eq!(done.records[1..], ["created", "created", "updated"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_lacks_its_contacts_has_an_unknown_result() {
    for text in ["<html>maintenance</html>", "[]", "", "{}"] {
        let world = World::new();
        let answer = Fault::next("POST", Effect::Text(text.to_owned())).on("contacts");
        world.genesys.add_fault(answer);
        let done = world
            .apply([change("a", 1).phone("1"), change("b", 1).remove()])
            .await;
        assert_eq!(done.failed, [0, 1], "{text:?}: {:?}", done.records);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_opt_out_that_took_effect_is_not_undone_by_an_older_change() {
    for world in [World::new, || World::of_lists(Options::default())] {
        let world = world();
        let copy = poisoned(
            &world,
            "POST or PATCH",
            Poison::Answers(StatusCode::BAD_REQUEST),
        );
        world.put("a", 1, "0");
        let refused = change("a", 9).column("nickname", "poison".into());
        // If one of the changes has no rank, they are tried in the order of the queue.
        let unranked = change("a", 6)
            .with("eventId", "unranked")
            .without("version");
        world.send([
            refused.callable(false),
            change("a", 5).phone("5").callable(true),
            unranked.column("firstName", "Ada".into()),
        ]);
        let done = world.invoke_copy(&copy, THIRTY).await;
        assert_eq!(done.records, ["parked: rejected", "stale", "updated"]);
        let (data, is_callable) = world.contact("a");
        assert!(!is_callable);
        assert_eq!(data["crmVersion"], "9:9-");
    }
}

#[tokio::test(start_paused = true)]
async fn a_200_that_shows_the_contact_as_it_was_is_not_taken_for_done() {
    for world in [World::new, || World::of_lists(Options::default())] {
        let world = world();
        world.put("a", 1, "1");
        world.apply([change("warm", 1)]).await;
        let as_it_was = json!({
            "id": "a", "data": { "phone": "1", "crmVersion": "1" }, "callable": true
        });
        let patch = Effect::Text(as_it_was.to_string());
        let post = Effect::Text(json!([as_it_was]).to_string());
        world.genesys.add_fault(Fault::next("PATCH", patch));
        let post = Fault::next("POST", post).on("contacts").after(1);
        world.genesys.add_fault(post);
        let done = world.apply([change("a", 2).callable(false)]).await;
        assert_eq!(done.records, ["updated"], "{:?}", done.calls);
        assert!(!world.contact("a").1);
        assert_eq!(world.column("a", "crmVersion"), "2:2-");
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_whose_bulk_read_is_refused_takes_effect_before_it_is_parked() {
    for status in [400, 413] {
        let world = World::of_lists(Options::default());
        world.put("a", 1, "1");
        world.apply([change("warm", 1)]).await;
        let refused = || Fault::status("POST", status).on("contacts/bulk");
        world.genesys.add_fault(refused());
        let done = world.apply([change("a", 5).callable(false)]).await;
        assert_eq!(done.records, ["parked: rejected"]);
        assert!(!world.contact("a").1, "{:?}", done.calls);
        assert_eq!(world.column("a", "phone"), "1", "every column is kept");
        let done = world
            .apply([change("a", 3).phone("3").callable(true)])
            .await;
        assert_eq!(done.records, ["stale"], "its rank is stored");

        world.genesys.add_fault(refused());
        let done = world.apply([change("new", 2).callable(false)]).await;
        assert_eq!(done.records, ["parked: rejected"]);
        assert!(
            !world.contact("new").1,
            "no late create makes a callable one"
        );
        assert_eq!(world.column("new", "crmVersion"), "2:2-");

        world.genesys.add_fault(refused());
        let done = world.apply([change("b", 2).phone("2")]).await;
        assert_eq!(done.records, ["parked: rejected"]);
        assert!(!world.genesys.contacts(CAMPAIGN).contains_key("b"));
    }
}
