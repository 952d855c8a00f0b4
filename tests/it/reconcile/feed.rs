//! Failures of the feed: it does not answer, throttles, refuses, or never ends. Single items that
//! break a rule are in `faulty`.

use emulator::{Effect, Fault};

use super::faults::{error, of_feed, page};
use super::*;
use crate::support::{ODD_WAITS, never_hammered};

#[tokio::test(start_paused = true)]
async fn a_feed_that_fails_for_a_moment_is_tried_again() {
    let run = Run::new(World::new());
    run.says("a", 5, "5");
    run.feed.add_fault(Fault::status("GET", 503));
    run.feed
        .add_fault(Fault::next("GET", Effect::Lost { is_done: false }));
    assert_eq!(run.run(json!({})).await.unwrap().enqueued, 1);
    assert_eq!(run.feed.requests().len(), 3);
    let began = run.world.clock.now();
    run.feed.add_fault(Fault::next(
        "GET",
        Effect::Status(429, vec![("retry-after", "20".into())]),
    ));
    assert!(run.run(json!({})).await.is_ok());
    assert!(
        run.world.clock.now().duration_since(began).as_secs() >= 20,
        "as long as it asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_names_no_wait_is_not_asked_again_at_once() {
    for asked in ODD_WAITS {
        let run = Run::new(World::new());
        run.says("a", 5, "5");
        let began = run.world.clock.now();
        let effect = Effect::Status(429, vec![("retry-after", asked.to_owned())]);
        run.feed.add_fault(Fault::next("GET", effect).times(2));
        let ran = run.run(json!({})).await;
        assert!(ran.is_ok(), "{asked:?}: {ran:?}");
        if asked.starts_with("999") {
            assert_eq!(run.feed.requests().len(), 1, "{asked:?}");
            continue;
        }
        let took = run.world.clock.now().duration_since(began).as_secs();
        let least = match asked {
            "0.4" => 2,
            "1.5" => 4,
            _ => 16,
        };
        assert!(
            (least..60).contains(&took),
            "{asked:?}: {took} s for two refusals"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_asks_for_a_long_wait_gets_it_and_what_was_found_is_enqueued() {
    let run = Run::with(World::new(), 1, |_| ());
    run.world.put("same", 5, "5");
    for key in ["same", "z"] {
        run.says(key, 5, "5");
    }
    let effect = Effect::Status(429, vec![("retry-after", "3600".into())]);
    run.feed.add_fault(Fault::next("GET", effect).after(1));
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!((answer.checked, answer.complete), (1, false));
    let answer = run.run(json!({ "cursor": answer.cursor })).await.unwrap();
    assert_eq!((answer.enqueued, answer.complete), (1, true));
    let told = run.world.told();
    let is_told = |told: &String| told.contains("throttles the run (429) for 900 s");
    assert!(told.iter().any(is_told), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn reconcile_never_takes_a_wait_of_zero_literally() {
    for asked in ODD_WAITS {
        let run = Run::new(World::new());
        (0..5).for_each(|n| run.says(&format!("k{n}"), 5, "5"));
        let effect = Effect::Status(429, vec![("retry-after", asked.to_owned())]);
        let fault = Fault::next("GET", effect).on("contacts");
        run.world.genesys.add_fault(fault.times(99));
        let _ = run.run(json!({})).await;
        never_hammered(&run.world.genesys.calls(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_keeps_failing_or_refuses_is_an_error_and_nothing_is_enqueued() {
    for (fault, times, expected) in [
        (Effect::Status(500, vec![]), 3, "it answered 500, 3 times"),
        (
            Effect::Lost { is_done: false },
            3,
            "no connection, or it was lost, 3 times",
        ),
        (Effect::Hang { is_done: false }, 3, "timed out, 3 times"),
        (
            Effect::Status(403, vec![]),
            1,
            "it answered 403: expected it to accept the secret's bearerToken",
        ),
        (
            Effect::Status(404, vec![]),
            1,
            "it answered 404: expected 200",
        ),
        (
            Effect::Status(204, vec![]),
            1,
            "it answered 204: expected 200",
        ),
        (
            Effect::Status(302, vec![("location", "https://evil.test/".into())]),
            1,
            "it answered 302: redirects are not followed; expected the page itself",
        ),
    ] {
        let run = Run::with(World::new(), 1, |_| ());
        run.says("a", 5, "5");
        run.says("b", 5, "5");
        // The first page arrives, but nothing of it is enqueued.
        run.feed
            .add_fault(Fault::next("GET", fault).after(1).times(times));
        assert_eq!(error(&run, json!({})).await, of_feed(expected));
        assert_eq!(run.feed.requests().len(), 1 + times, "{expected}");
        assert_eq!(
            run.run(json!({})).await.unwrap().enqueued,
            2,
            "once the feed works"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_malformed_is_refused_whole() {
    let expected =
        r#"expected {"contacts": [ … ], "next": a cursor or null} and nothing of another type"#;
    let good = r#"{"contactKey": "good", "version": 5, "data": {"phone": "5"}}"#;
    for (text, expected) in [
        (String::new(), "the page is not JSON, or it is cut short"),
        (
            format!(r#"{{"contacts": [{good}], "next": nu"#),
            "the page is not JSON, or it is cut short",
        ),
        (format!(r#"[{good}]"#), expected),
        (format!(r#"{{"contacts": [{good}]}}"#), expected),
        (
            format!(r#"{{"contacts": [{good}], "nextCursor": null}}"#),
            expected,
        ),
        (format!(r#"{{"contacts": [{good}], "next": 7}}"#), expected),
        (format!(r#"{{"contacts": {good}, "next": null}}"#), expected),
        (
            format!(r#"{{"contacts": [{good}], "next": ""}}"#),
            "next: expected a cursor of 1 to 4096 bytes, or null, and it has 0",
        ),
    ] {
        let run = Run::new(World::new());
        run.feed.add_fault(page(&text));
        assert_eq!(error(&run, json!({})).await, of_feed(expected), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_without_an_end_is_found_out() {
    let run = Run::new(World::new());
    run.feed.add_fault(
        page(r#"{"contacts": [{"contactKey": "a", "version": 5, "data": {}}], "next": "x"}"#)
            .times(100),
    );
    let expected =
        of_feed("it has no end: expected a new cursor with each page, and null after the last");
    assert_eq!(error(&run, json!({})).await, expected);
    assert_eq!(run.feed.requests().len(), 2);
    // Each cursor is new, and every page has the same contact.
    run.feed.control("DELETE", "/_emulator/feed/faults", b"");
    for n in 0..200 {
        let same = r#"{"contactKey": "a", "version": 5, "data": {}}"#;
        run.feed
            .add_fault(page(&format!(r#"{{"contacts": [{same}], "next": "{n}"}}"#)));
    }
    assert_eq!(error(&run, json!({})).await, expected);
    // Each cursor is new, and every page is empty.
    run.feed.control("DELETE", "/_emulator/feed/faults", b"");
    for n in 0..1_000 {
        run.feed
            .add_fault(page(&format!(r#"{{"contacts": [], "next": "{n}"}}"#)));
    }
    assert_eq!(error(&run, json!({})).await, expected);
}
