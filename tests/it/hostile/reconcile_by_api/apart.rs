//! Several campaigns in one run: the trouble of one does not hold back another. Trouble in runs of
//! one campaign is in [`super`].

use super::*;

/// Enqueues a run of both campaigns this many times, a quarter of an hour apart.
async fn each_quarter(run: &Run, times: u32) {
    for _ in 0..times {
        due(run, json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] })).await;
        run_all(run).await;
        run.world.pass(QUARTER).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_campaign_whose_feed_fails_holds_back_no_opt_out_of_another() {
    let run = run(|url, _| match url.contains(OTHER_CAMPAIGN) {
        true => (403, Value::Null),
        false => page(&[ordinary(), opted_out("gone")], None),
    });
    run.world.put("gone", 5, "5");
    each_quarter(&run, 12).await;
    sent_nothing_but(&run, "gone");
    assert!(errors(&run).len() > 10, "and each run says that it failed");
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_the_feed_secret_does_not_name_holds_back_no_opt_out_of_another() {
    let secret = json!({
        "auth": { "kind": "none" },
        "request": { "url": "https://crm.test/v1", "query": { "since": "{since}", "list": "{campaign.list}" } },
        "campaigns": { CAMPAIGN: { "list": "7" } }, "items": "/contacts",
    });
    let run = run_with(&secret, |_, _| page(&[ordinary(), opted_out("gone")], None));
    run.world.put("gone", 5, "5");
    each_quarter(&run, 12).await;
    sent_nothing_but(&run, "gone");
    assert!(errors(&run).len() > 10, "and each run says that it failed");
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_drifts_too_much_holds_back_no_opt_out_of_another() {
    let run = run(|url, _| match url.contains(OTHER_CAMPAIGN) {
        true => {
            let many: Vec<_> = (0..150)
                .map(|n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }))
                .collect();
            page(&many, None)
        }
        false => page(&[ordinary(), opted_out("gone")], None),
    });
    run.world.put("gone", 5, "5");
    each_quarter(&run, 4).await;
    sent_nothing_but(&run, "gone");
    let told = run.world.told();
    assert!(
        told.iter().any(|told| told.contains("stopped: 150 of 150")),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_campaign_with_too_many_faulty_contacts_holds_back_no_opt_out_of_another() {
    let run = run(|url, _| match url.contains(OTHER_CAMPAIGN) {
        true => page(&vec![json!({ "contactKey": 7 }); 150], None),
        // One faulty contact of this campaign does not put its other contacts in doubt.
        false => page(
            &[json!({ "contactKey": 7 }), ordinary(), opted_out("gone")],
            None,
        ),
    });
    run.world.put("gone", 5, "5");
    due(&run, json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] })).await;
    run_all(&run).await;
    sent_nothing_but(&run, "gone");
    assert!(errors(&run)[0].contains(OTHER_CAMPAIGN));
    assert!(
        errors(&run)[0].contains("151 of 153 contacts are faulty"),
        "{:?}",
        errors(&run)
    );
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_fails_for_two_campaigns_is_asked_for_no_third() {
    const THIRD: &str = "third";
    let run = run(|_, _| (403, Value::Null));
    run.world.put_campaign("acme", THIRD, None);
    due(
        &run,
        json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN, THIRD] }),
    )
    .await;
    run_all(&run).await;
    assert_eq!(
        (run.urls().len(), errors(&run).len()),
        (4, 1),
        "two tries of two"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_campaign_is_reported_as_unknown_however_long_the_run_took() {
    let run = run(|_, _| {
        let many: Vec<_> = (0..200)
            .map(|n| json!({ "contactKey": format!("k{n}"), "version": 5, "data": { "phone": "5" } }))
            .collect();
        page(&many, None)
    });
    due(
        &run,
        json!({ "campaignIds": [CAMPAIGN, "nowhere"], "force": true }),
    )
    .await;
    for _ in 0..60 {
        if run.world.runs.is_empty() {
            break;
        }
        if let Err(seconds) = take(&run, Duration::from_mins(2)).await {
            run.world.pass(Duration::from_secs(seconds)).await;
        }
    }
    let errors = errors(&run);
    assert!(!errors[0].contains("killed each time"), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn two_campaigns_that_are_refused_hold_back_no_opt_out_of_a_third() {
    let run = run(|_, _| page(&[opted_out("gone")], None));
    run.world.put("gone", 5, "5");
    for id in ["aaa", "bbb"] {
        run.world.put_campaign("acme", id, None);
        let refused = emulator::Fault::status("GET", 403)
            .on(format!("/{id}/"))
            .times(99);
        run.world.genesys.add_fault(refused);
    }
    due(&run, json!({ "campaignIds": ["aaa", CAMPAIGN, "bbb"] })).await;
    run_all(&run).await;
    let change: Value = serde_json::from_str(&run.world.queue.messages()[0].body).unwrap();
    assert_eq!(change["campaignId"], CAMPAIGN);
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_was_read_before_a_fault_of_its_own_feed_is_enqueued_and_nothing_else_is() {
    let run = run(|url, _| match url.contains("cursor=") {
        true => (403, Value::Null),
        false => page(&[ordinary(), opted_out("gone")], Some("2")),
    });
    run.world.put("gone", 5, "5");
    due(&run, json!({})).await;
    run_all(&run).await;
    sent_nothing_but(&run, "gone");
    assert_eq!(errors(&run).len(), 1);
}
