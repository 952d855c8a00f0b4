//! Tests of an org's record: what is due, what is kept, and how it fits into a parameter. `waiting`
//! has runs that wait for exports. Reading and writing the record, and whole runs with one, are in
//! `tests/it/reconcile/runs.rs`.

mod waiting;

use domain::change::OrgId;
use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::feed::MAX_CURSOR;

fn time(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().unwrap()
}

/// A run of these campaigns that was due at this time, with a window of an hour.
fn run(due: &str, campaigns: &[&str]) -> Input {
    let input =
        json!({ "org": "acme", "campaignIds": campaigns, "scheduledTime": time(due).to_string() });
    Input::parse(&input, Timestamp::UNIX_EPOCH).unwrap()
}

fn asked(record: &Record, input: &Input) -> Vec<String> {
    let due = record.due(input).into_iter();
    due.map(|due| format!("{} since {}", due.campaign, due.since))
        .collect()
}

fn looked_at(record: &mut Record, input: &Input, began: &str) {
    let did = Did {
        began: time(began),
        done: &record.due(input),
        cursor: None,
        goes_on: false,
        only_waited: false,
        message: "m",
        receives: 1,
        ended: time(began),
    };
    record.note(input, &did);
}

#[test]
fn a_run_looks_at_its_window_and_at_all_since_the_last_that_came_to_its_end() {
    let mut record = Record::default();
    let first = run("16:00:00", &["a", "b"]);
    let hour = [
        "a since 2026-11-24T15:00:00Z",
        "b since 2026-11-24T15:00:00Z",
    ];
    assert_eq!(asked(&record, &first), hour);
    looked_at(&mut record, &run("16:00:00", &["a"]), "16:00:02");
    assert_eq!(
        asked(&record, &first),
        hour[1..],
        "one campaign of the same run is done"
    );
    let soon = run("16:15:00", &["a", "b"]);
    assert_eq!(asked(&record, &soon)[0], "a since 2026-11-24T15:00:02Z");
    let late = run("19:00:00", &["a", "b", "c"]);
    let expected = [
        "a since 2026-11-24T15:00:02Z",
        "b since 2026-11-24T18:00:00Z",
        "c since 2026-11-24T18:00:00Z",
    ];
    assert_eq!(asked(&record, &late), expected);
}

#[test]
fn an_overtaken_run_does_nothing_if_its_window_is_covered() {
    let mut record = Record::default();
    looked_at(&mut record, &run("16:00:00", &["a"]), "18:00:30");
    assert!(asked(&record, &run("16:15:00", &["a"])).is_empty());
    assert!(asked(&record, &run("18:00:30", &["a"])).is_empty());
    assert_eq!(asked(&record, &run("18:00:31", &["a"])).len(), 1);
    let mut wide = run("16:15:00", &["a"]);
    wide.since = time("12:00:00");
    assert_eq!(asked(&record, &wide), ["a since 2026-11-24T12:00:00Z"]);
    looked_at(&mut record, &wide, "18:01:00");
    assert!(asked(&record, &wide).is_empty());
}

#[test]
fn a_run_goes_on_where_it_stopped_and_so_does_the_next_if_it_is_given_up() {
    let mut record = Record::default();
    let input = run("16:00:00", &["a", "b", "c"]);
    let cursor = Cursor {
        page: Some("7".to_owned()),
        done: 3,
        ..Cursor::start(&input.org, &input.campaigns[1..], input.since)
    };
    let due = record.due(&input);
    let did = |began: &str, receives| Did {
        began: time(began),
        done: &due[..1],
        cursor: Some(cursor.clone()),
        goes_on: true,
        only_waited: false,
        message: "m",
        receives,
        ended: time(began),
    };
    record.note(&input, &did("16:00:01", 1));
    record.note(&input, &did("16:15:01", 2));
    let asked_for = asked(&record, &input);
    assert_eq!(asked_for.len(), 2, "a is done");
    let b = CampaignId::parse("b").unwrap();
    let of_b = |since| Due {
        campaign: b.clone(),
        since,
    };
    let goes_on = record.cursor(&of_b(input.since)).unwrap();
    assert_eq!((goes_on.page.as_deref(), goes_on.done), (Some("7"), 3));
    assert_eq!(record.receives("m"), Some((2, time("16:15:01"))));
    assert!(record.receives("another").is_none());
    let wider = of_b(time("12:00:00"));
    assert!(record.cursor(&wider).is_none(), "it asks for more");
    // If the run is given up, the next one continues at its place.
    let next = run("16:15:00", &["a", "b", "c"]);
    assert_eq!(
        record.cursor(&of_b(next.since)),
        record.cursor(&of_b(input.since))
    );
    looked_at(&mut record, &run("16:15:00", &["c"]), "16:20:00");
    assert!(
        record.cursor(&of_b(input.since)).is_some(),
        "the record is of another campaign"
    );
    looked_at(&mut record, &run("16:15:00", &["b"]), "16:30:01");
    let (_, until) = record.oldest(std::slice::from_ref(&b)).unwrap();
    assert_eq!(until, time("16:00:01"), "when it began with it");
}

#[test]
fn the_campaign_in_which_a_run_stopped_comes_first() {
    let mut record = Record::default();
    let input = run("16:00:00", &["a", "b", "c"]);
    let did = Did {
        began: time("16:00:01"),
        done: &[],
        cursor: Some(Cursor::start(
            &input.org,
            &input.campaigns[2..],
            input.since,
        )),
        goes_on: true,
        only_waited: false,
        message: "m",
        receives: 1,
        ended: time("16:00:01"),
    };
    record.note(&input, &did);
    let order: Vec<_> = record
        .due(&input)
        .into_iter()
        .map(|due| due.campaign.to_string())
        .collect();
    assert_eq!(order, ["c", "a", "b"]);
}

#[test]
fn a_cursor_is_dropped_after_three_failed_runs_of_its_campaign() {
    let mut record = Record::default();
    let input = run("16:00:00", &["a"]);
    let did = Did {
        began: time("16:00:01"),
        done: &[],
        cursor: Some(Cursor::start(&input.org, &input.campaigns, input.since)),
        goes_on: true,
        only_waited: false,
        message: "m",
        receives: 1,
        ended: time("16:00:02"),
    };
    record.note(&input, &did);
    let due = record.due(&input).remove(0);
    let other = CampaignId::parse("b").unwrap();
    let of = |campaign: &CampaignId| [campaign.clone()];
    for (campaign, failures) in [(&other, 1), (&due.campaign, 2)] {
        let failed = record.fail("m", 2, time("16:05:00"), &of(campaign));
        assert_eq!(failed, failures);
    }
    let failed = record.fail("n", 1, time("16:06:00"), &of(&due.campaign));
    assert_eq!(failed, 1);
    assert!(record.cursor(&due).is_some());
    record.fail("n", 2, time("16:07:00"), &of(&due.campaign));
    assert!(record.cursor(&due).is_none());
    assert_eq!(record.receives("n"), Some((2, time("16:07:00"))));
}

#[test]
fn a_hundred_campaigns_and_the_longest_cursor_fit_into_a_parameter() {
    let ids: Vec<_> = (0..100)
        .map(|n| format!("{n:08}-0000-4000-8000-000000000000"))
        .collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let input = run("16:00:00", &ids);
    let mut record = Record::default();
    let cursor = Cursor {
        page: Some("é".repeat(1_024)),
        last: Some("0".repeat(32)),
        ..Cursor::start(&input.org, &input.campaigns, input.since)
    };
    let did = Did {
        began: time("16:00:01"),
        done: &record.due(&input),
        cursor: Some(cursor),
        goes_on: true,
        only_waited: false,
        message: "00000000-0000-4000-8000-000000000000",
        receives: 900,
        ended: time("16:00:01"),
    };
    record.note(&input, &did);
    record.note_sent(20_000, time("16:00:01"));
    let text = record.text().unwrap();
    assert!(text.len() < 7_000, "{}", text.len());
    assert!(Record::parse(&text).unwrap() == record);
    assert!(Record::parse("{\"lookedAt\": 7}").is_none() && Record::parse("").is_none());
    assert!(Record::parse("{}").is_none(), "it would forget all");
}

#[test]
fn a_hundred_campaigns_and_the_longest_link_fit_into_a_parameter_by_shorter_ids() {
    let ids: Vec<_> = (0..100)
        .map(|n| format!("{:08x}-0f0e-4d6e-9f55-0f6f4b3f9a11", n * 7_919))
        .collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let input = run("16:00:00", &ids);
    let mut record = Record::default();
    for (n, id) in ids.iter().enumerate() {
        let began = format!("16:{:02}:{:02}", n / 60, n % 60);
        looked_at(&mut record, &run("16:00:00", &[id]), &began);
    }
    let cursor = Cursor {
        page: Some("é".repeat(MAX_CURSOR / 2)),
        last: Some("0".repeat(32)),
        ..Cursor::start(&input.org, &input.campaigns, input.since)
    };
    let did = Did {
        began: time("16:15:01"),
        done: &[],
        cursor: Some(cursor.clone()),
        goes_on: true,
        only_waited: true,
        message: "00000000-0000-4000-8000-000000000000",
        receives: 900,
        ended: time("16:15:01"),
    };
    let later = run("16:15:00", &ids);
    record.note(&later, &did);
    record.begin(did.message, 900, time("16:30:01"), 2);
    record.note_sent(20_000, time("16:30:01"));
    let text = record.text().unwrap();
    assert!(text.len() <= MOST_BYTES, "{}", text.len());
    let kept = Record::parse(&text).unwrap();
    assert_eq!(kept.due(&later).len(), 100);
    let first = &kept.due(&later)[0];
    let goes_on = kept.cursor(first).unwrap();
    assert!(goes_on.page == cursor.page);
    for id in ids {
        let id = CampaignId::parse(id).unwrap();
        let (was, is) = (record.looked(&id).unwrap(), kept.looked(&id).unwrap());
        assert!(is.to <= was.to && is.to > was.to - 3_600, "not forgotten");
    }
}

#[test]
fn an_unfinished_run_of_another_version_leaves_the_covered_window_intact() {
    let mut record = Record::default();
    looked_at(&mut record, &run("16:00:00", &["a"]), "16:00:02");
    let text = record.text().unwrap();
    let newer = text.replace(
        "\"unfinished\":null",
        "\"unfinished\":{\"new\":1},\"more\":2",
    );
    assert_ne!(newer, text);
    assert!(Record::parse(&newer).unwrap() == record);
    let older = "{\"lookedAt\":[]}";
    assert!(Record::parse(older).unwrap() == Record::default());
}

#[test]
fn an_oversized_record_understates_the_covered_window() {
    let ids: Vec<_> = (0..200)
        .map(|n| format!("{n:08}-0000-4000-8000-000000000000"))
        .collect();
    let mut record = Record::default();
    for (n, id) in ids.iter().take(150).enumerate() {
        let began = format!("{:02}:{:02}:07", 16 + n / 60, n % 60);
        looked_at(&mut record, &run("16:00:00", &[id.as_str()]), &began);
    }
    let text = record.text().unwrap();
    assert!(text.len() <= MOST_BYTES, "{}", text.len());
    let kept = Record::parse(&text).unwrap();
    for id in ids.iter().take(150) {
        let id = CampaignId::parse(id).unwrap();
        let (was, is) = (record.looked(&id).unwrap(), kept.looked(&id).unwrap());
        assert!(is.from >= was.from || is.from == is.to);
        assert!(is.to <= was.to && is.to > was.to - 86_400);
    }
}

#[test]
fn a_campaign_whose_first_run_fails_is_not_forgotten() {
    let mut record = Record::default();
    let first = run("16:00:00", &["a"]);
    record.see(&first, &record.clone().due(&first));
    let later = run("19:00:00", &["a"]);
    assert_eq!(asked(&record, &later), ["a since 2026-11-24T15:00:00Z"]);
    let (_, until) = record.oldest(&first.campaigns).unwrap();
    assert_eq!(until, time("15:00:00"), "and how late it is can be told");
    // A run that asks for everything the CRM has goes back one day.
    let mut all = run("16:00:00", &["b"]);
    all.since = Timestamp::UNIX_EPOCH;
    record.see(&all, &record.clone().due(&all));
    let later = run("19:00:00", &["b"]);
    assert_eq!(asked(&record, &later), ["b since 2026-11-23T16:00:00Z"]);
}

#[test]
fn the_backlog_drains_and_an_unused_campaign_is_forgotten_after_ninety_days() {
    let mut record = Record::default();
    assert_eq!(record.left(1_500, time("16:00:00")), 0);
    record.note_sent(1_500, time("16:00:00"));
    assert_eq!(record.left(1_500, time("16:02:00")), 1_200);
    assert_eq!(
        record.left(1_500, time("15:59:00")),
        1_500,
        "a clock that goes back"
    );
    let org = OrgId::parse("acme").unwrap();
    let mut old = run("16:00:00", &["old"]);
    old.run = "2026-08-01T00:00:00Z".parse().unwrap();
    let did = Did {
        began: old.run,
        done: &record.due(&old),
        cursor: None,
        goes_on: false,
        only_waited: false,
        message: "m",
        receives: 1,
        ended: old.run,
    };
    record.note(&old, &did);
    assert!(record.oldest(&old.campaigns).is_some() && old.org == org);
    looked_at(&mut record, &run("16:00:00", &["a"]), "16:00:01");
    assert!(record.oldest(&old.campaigns).is_none());
}

#[test]
fn a_record_begun_anew_looks_a_day_back_at_the_campaigns_of_other_schedules_too() {
    let first = run("16:00:00", &["a"]);
    let mut record = Record::begin_anew(&first);
    looked_at(&mut record, &first, "16:00:01");
    let record = Record::parse(&record.text().unwrap()).unwrap();
    let other = run("16:10:00", &["b"]);
    let day = first.run - SignedDuration::from_hours(24);
    assert_eq!(record.due(&other)[0].since, day);
    let mut seen = record.clone();
    seen.see(&other, &record.due(&other));
    let later = run("16:25:00", &["b"]);
    assert!(seen.due(&later)[0].since <= day, "its first run failed");
    // A campaign that is new much later is looked at as usual.
    let mut new = run("16:00:00", &["c"]);
    new.run += SignedDuration::from_hours(24 * 9);
    new.since += SignedDuration::from_hours(24 * 9);
    assert_eq!(record.due(&new)[0].since, new.since);
}

#[test]
fn a_record_that_is_ahead_of_the_clock_is_recognized() {
    let mut record = Record::default();
    looked_at(&mut record, &run("16:00:00", &["a"]), "16:00:01");
    assert!(!record.is_ahead(time("16:00:00")));
    assert!(record.is_ahead(time("15:00:00")));
}
