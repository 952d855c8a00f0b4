//! If the feed closes a channel or a number that the contact still has open, reconcile repairs it.
//! How changes close them is in the module `channels` of `tests/it`.

use super::*;

fn of_lists(secret: Value) -> Run {
    let run = Run::new(World::of_lists(Options::default()));
    let mut members = json!({ "api": "contactLists" });
    members
        .as_object_mut()
        .unwrap()
        .extend(secret.as_object().unwrap().clone());
    run.world.put_secret("acme", &members);
    run
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_open_against_the_feed_is_closed_and_is_then_no_drift() {
    let run = of_lists(json!({}));
    run.world.put("equal", 5, "5");
    run.world.put("newer", 9, "9");
    run.world.put("done", 5, "5");
    let both = json!({ "contactable": { "Sms": false }, "phones": { "phone": false } });
    let of_channel = json!({ "Sms": { "contactable": false }, "Voice": { "contactable": true } });
    let of_number = json!({ "phone": { "callable": false } });
    let note = |member, value: &Value| {
        run.world
            .genesys
            .note(CAMPAIGN, "done", member, value.clone())
    };
    note("contactableStatus", &of_channel);
    note("phoneNumberStatus", &of_number);
    for key in ["equal", "newer", "done", "missing"] {
        run.says_more(key, 5, "5", both.clone());
    }
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [4, 1, 2, 0, 0, 3]);
    assert!(
        run.queued()
            .iter()
            .all(|change| change["phones"] == json!({ "phone": false }))
    );
    run.apply_all().await;
    for key in ["equal", "newer", "missing"] {
        let sms = json!({ "Sms": { "contactable": false } });
        assert_eq!(
            run.world.of_the_dialler(key, "contactableStatus"),
            sms,
            "{key}"
        );
        assert_eq!(
            run.world.of_the_dialler(key, "phoneNumberStatus"),
            of_number,
            "{key}"
        );
    }
    assert_eq!(
        run.world.column("newer", "phone"),
        "9",
        "no column of a stale contact is written"
    );
    assert_eq!(
        run.world.of_the_dialler("done", "contactableStatus"),
        of_channel
    );
    let again = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&again), [4, 0, 0, 1, 0, 0]);
    assert_eq!(openapi::faults(&run.world.genesys.calls()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn with_opt_out_all_every_channel_of_a_contact_that_opted_out_earlier_is_closed() {
    let run = of_lists(json!({ "optOut": "all" }));
    let data = [(VERSION_FIELD, "5:5-"), ("phone", "5")];
    run.world.genesys.put_contact(CAMPAIGN, "out", &data, false);
    let data = [(VERSION_FIELD, "9:9+"), ("phone", "9")];
    run.world.genesys.put_contact(CAMPAIGN, "in", &data, true);
    for key in ["out", "in"] {
        run.says_more(key, 5, "5", json!({ "callable": false }));
    }
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [2, 0, 1, 1, 0, 1]);
    run.apply_all().await;
    let channels = run.world.of_the_dialler("out", "contactableStatus");
    assert_eq!(channels.as_object().unwrap().len(), 4, "{channels}");
    assert_eq!(
        run.world.of_the_dialler("in", "contactableStatus"),
        Value::Null
    );
    let again = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&again), [2, 0, 0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn channels_and_numbers_that_the_campaign_cannot_hold_are_left_out_of_the_comparison() {
    let both = json!({ "contactable": { "Sms": false }, "phones": { "fax": false } });
    let predictive = Run::new(World::new());
    predictive.world.put("a", 5, "5");
    predictive.says_more("a", 5, "5", both.clone());
    predictive.says_more("b", 5, "5", both.clone());
    let answer = predictive.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [2, 1, 0, 0, 0, 1]);
    predictive.apply_all().await;
    assert!(predictive.world.dead_letters.is_empty());
    let lists = of_lists(json!({}));
    lists.world.put("a", 5, "5");
    lists.says_more("a", 5, "5", both);
    let answer = lists.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [1, 0, 1, 0, 0, 1]);
    lists.apply_all().await;
    assert!(
        lists.world.dead_letters.is_empty(),
        "the list has no such number"
    );
    let sms = json!({ "Sms": { "contactable": false } });
    assert_eq!(lists.world.of_the_dialler("a", "contactableStatus"), sms);
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_is_ranked_too_far_ahead_still_has_its_channels_closed() {
    let run = of_lists(json!({ "versionUnit": "milliseconds" }));
    run.world.put("a", 5, "5");
    let ahead = 9_007_199_254_740_991;
    run.says_more("a", ahead, "6", json!({ "contactable": { "Sms": false } }));
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&answer), [1, 0, 1, 0, 0, 1]);
    run.apply_all().await;
    let sms = json!({ "Sms": { "contactable": false } });
    assert_eq!(run.world.of_the_dialler("a", "contactableStatus"), sms);
    assert_eq!(run.world.column("a", "phone"), "5");
    assert_eq!(run.world.column("a", VERSION_FIELD), "5");
    let again = run.run(json!({})).await.unwrap();
    assert_eq!(counts(&again), [1, 0, 0, 0, 0, 0]);
}
