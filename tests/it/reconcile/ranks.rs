//! Ranks: which of two is newer, ranks in the feed that are too far ahead, and stored ranks that
//! are ahead.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_contact_that_is_listed_twice_ends_as_its_newer_version_says() {
    let run = Run::with(World::new(), 1, |_| ());
    run.says("a", 5, "5");
    run.feed
        .put(json!({ "contactKey": "a", "version": 6, "data": { "phone": "6" } }));
    assert_eq!(run.run(json!({})).await.unwrap().enqueued, 2);
    run.apply_all().await;
    assert_eq!(run.world.column("a", "phone"), "6");
}

/// 2026-11-24T16:00:00Z, in milliseconds, and the highest rank.
const NOW: u64 = 1_795_536_000_000;
const END: u64 = 9_007_199_254_740_991;

#[tokio::test(start_paused = true)]
async fn a_contact_that_the_feed_ranks_too_far_ahead_is_left_out_except_for_its_opt_out() {
    for (world, api) in World::by_api() {
        let run = Run::new(world);
        run.world.put_secret(
            "acme",
            &json!({ "api": api, "versionUnit": "milliseconds" }),
        );
        for key in ["changed", "opted-out", "removed", "good"] {
            run.world.put(key, NOW - 1, "old");
        }
        run.says("changed", END, "end");
        run.says("missing", END, "end");
        run.says_more("opted-out", END, "end", json!({ "callable": false }));
        run.feed.put(json!({ "campaignId": CAMPAIGN, "contactKey": "removed", "version": END, "operation": "remove" }));
        run.says("good", NOW, "new");
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!(counts(&answer), [5, 0, 3, 0, 0, 3]);
        run.apply_all().await;
        assert!(
            run.world.dead_letters.is_empty(),
            "{:?}",
            run.world.parked()
        );
        let contact = |key| {
            let (mut data, callable) = run.world.contact(key);
            (
                data.remove("phone").unwrap(),
                data.remove(VERSION_FIELD).unwrap(),
                callable,
            )
        };
        let (old, new) = ((NOW - 1).to_string(), NOW.to_string());
        assert_eq!(contact("changed"), ("old".to_owned(), old.clone(), true));
        let lowered = format!("{old}:{old}-");
        assert_eq!(
            contact("opted-out"),
            ("old".to_owned(), lowered.clone(), false)
        );
        assert_eq!(contact("removed"), ("old".to_owned(), lowered, false));
        assert_eq!(contact("good"), ("new".to_owned(), new, true));
        assert!(!run.world.genesys.contacts(CAMPAIGN).contains_key("missing"));
        assert_eq!(
            counts(&run.run(json!({})).await.unwrap()),
            [5, 0, 0, 0, 0, 0]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn stored_ranks_that_are_ahead_are_counted_and_reported_by_message_group() {
    let lines = crate::support::Lines::default();
    let writer = lines.clone();
    let log = io::telemetry::subscriber(
        move || writer.clone(),
        tracing::level_filters::LevelFilter::INFO,
    );
    let ran = async {
        let run = Run::new(World::new());
        run.world.put("canary-end", END, "1");
        run.world.put("good", 4, "4");
        run.says("canary-end", 5, "5");
        run.says("good", 5, "5");
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!((answer.ahead, answer.stale, answer.enqueued), (1, 1, 1));
        run.world
            .put_secret("acme", &json!({ "versionUnit": "milliseconds" }));
        run.world.put("in-a-week", NOW + 7 * 86_400_000, "1");
        run.says("in-a-week", 5, "5");
        let run = Run {
            context: another_copy(&run),
            ..run
        };
        assert_eq!(run.run(json!({})).await.unwrap().ahead, 2);
    };
    tracing::instrument::WithSubscriber::with_subscriber(ran, log).await;
    let log = lines.take();
    let group = change("canary-end", 1).message().group;
    let told = log
        .lines()
        .filter(|line| line.contains("stored rank is ahead"));
    assert_eq!(
        told.filter(|line| line.contains(&group)).count(),
        2,
        "{log}"
    );
    assert!(!log.contains("canary"), "{log}");
}
