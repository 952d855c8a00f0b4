//! Tests of the input of a run: what it may hold, and how its faults are named. The cursor in it is
//! tested here too. What a run does with its input is in `tests/it/reconcile.rs`.

use serde_json::json;

use super::*;

const NOW: &str = "2026-11-24T16:00:00Z";

fn parse(input: &Value) -> Result<Input, String> {
    Input::parse(input, NOW.parse().unwrap()).map_err(|error| error.to_string())
}

fn start(org: &str, campaign: &str, since: &str) -> Cursor {
    let (org, campaign) = (
        OrgId::parse(org).unwrap(),
        CampaignId::parse(campaign).unwrap(),
    );
    Cursor::start(&org, &[campaign], since.parse().unwrap())
}

fn campaigns(input: &Input) -> Vec<&str> {
    input.campaigns.iter().map(CampaignId::as_str).collect()
}

#[test]
fn no_campaign_is_always_the_last() {
    let mut first = std::collections::BTreeSet::new();
    for minutes in 0..40 {
        let due: Timestamp = NOW.parse().unwrap();
        let due = due + SignedDuration::from_mins(minutes * 15);
        let input = json!({ "org": "acme", "campaignIds": ["a", "b", "c"], "scheduledTime": due.to_string() });
        let mut input = parse(&input).unwrap();
        input.rotate(0);
        first.insert(input.campaigns[0].clone());
        input.campaigns.sort();
        assert_eq!(campaigns(&input), ["a", "b", "c"]);
    }
    assert_eq!(first.len(), 3);
    // The first campaign is another one in each try of a run, too.
    let input = parse(&json!({ "org": "acme", "campaignIds": ["a", "b", "c"] })).unwrap();
    let first: std::collections::BTreeSet<_> = (0..3)
        .map(|before| {
            let mut input = input.clone();
            input.rotate(before);
            input.campaigns[0].clone()
        })
        .collect();
    assert_eq!(first.len(), 3);
}

#[test]
fn absent_and_null_members_have_their_defaults() {
    for input in [
        json!({ "org": "acme", "campaignIds": ["a", "b"] }),
        json!({ "org": "acme", "campaignIds": ["a", "b"], "windowMinutes": null, "dryRun": false,
                "maxDriftPercent": 20, "force": false, "cursor": null }),
    ] {
        let input = parse(&input).unwrap();
        assert_eq!(campaigns(&input), ["a", "b"]);
        assert_eq!(
            (input.since.to_string(), input.run.to_string()),
            ("2026-11-24T15:00:00Z".into(), NOW.into())
        );
        assert!(!input.dry_run && !input.force && input.cursor.is_none());
        assert_eq!(input.max_drift_percent, 20);
    }
}

#[test]
fn the_window_is_counted_from_the_time_that_the_run_was_due() {
    let due = json!({ "org": "acme", "campaignIds": ["a"], "windowMinutes": 10, "scheduledTime": "2026-11-24T15:50:00Z" });
    let input = parse(&due).unwrap();
    assert_eq!(input.since.to_string(), "2026-11-24T15:40:00Z");
    assert_eq!(input.run.to_string(), "2026-11-24T15:50:00Z");
    let unfilled = json!({ "org": "acme", "campaignIds": ["a"], "scheduledTime": "<aws.scheduler.scheduled-time>" });
    assert_eq!(parse(&unfilled).unwrap().run.to_string(), NOW);
    let wrong = parse(&json!({ "org": "acme", "campaignIds": ["a"], "scheduledTime": "noon" }))
        .unwrap_err();
    assert!(
        wrong.ends_with("scheduledTime: expected an RFC 3339 time"),
        "{wrong}"
    );
}

#[test]
fn a_cursor_is_read_back_and_brings_its_own_window() {
    let cursor = Cursor {
        page: Some("☎/2".into()),
        done: 50,
        last: Some("h".into()),
        checked: 150,
        drifted: 3,
        ..start("acme", "b", "2026-11-01T00:00:00Z")
    };
    let input =
        parse(&json!({ "org": "acme", "campaignIds": ["a", "b"], "cursor": cursor.to_string() }))
            .unwrap();
    assert_eq!(input.since, cursor.since);
    assert_eq!(input.cursor, Some(cursor));
}

#[test]
fn every_member_that_is_wrong_is_named_with_what_was_expected() {
    let error = parse(
        &json!({ "campaignIds": [], "windowMinutes": 0, "dryRun": "yes", "maxDriftPercent": 101, "windowMinute": 5 }),
    );
    assert_eq!(
        error.unwrap_err(),
        "the input is not as expected: org is missing: expected 1 to 32 characters of a-z, 0-9 and -; \
         campaignIds: expected 1 to 100 different ids of campaigns; \
         windowMinutes: expected a whole number from 1 to 5256000; dryRun: expected true or false; \
         maxDriftPercent: expected a whole number from 0 to 100; \"windowMinute\" is unknown"
    );
    let expected =
        "the input is not as expected: campaignIds: expected 1 to 100 different ids of campaigns";
    for wrong in [json!(["a", "a"]), json!("a"), json!(["a b"]), json!([7])] {
        assert_eq!(
            parse(&json!({ "org": "acme", "campaignIds": wrong })).unwrap_err(),
            expected
        );
    }
    let others =
        [start("acme", "c", NOW), start("other", "a", NOW)].map(|cursor| cursor.to_string());
    for cursor in ["nonsense", "", &others[0], &others[1]] {
        let error =
            parse(&json!({ "org": "acme", "campaignIds": ["a"], "cursor": cursor })).unwrap_err();
        assert!(
            error.ends_with(
                "cursor: expected the cursor of an answer, of this org and these campaigns"
            ),
            "{error}"
        );
    }
    assert_eq!(
        parse(&json!([])).unwrap_err(),
        "the input is not as expected: expected a JSON object"
    );
}

#[test]
fn a_page_of_another_secret_begins_the_campaign_anew() {
    let begun = start("acme", "a", NOW).for_feed("0123456789abcdef");
    let at = Cursor {
        page: Some("7".to_owned()),
        done: 3,
        checked: 9,
        ..begun.clone()
    };
    assert!(at.clone().for_feed("0123456789abcdef") == at);
    let anew = at.for_feed("fedcba9876543210");
    assert_eq!((anew.page.as_ref(), anew.done, anew.checked), (None, 0, 0));
    assert!(anew.for_feed("0123456789abcdef") == begun);
}
