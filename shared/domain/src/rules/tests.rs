//! Tests of the rules of an org: which changes break one, with which reason they are parked, and
//! what of them still counts. The rules of every change are tested in `change`.

use super::*;

const NOW: &str = "2026-11-24T16:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn rules() -> Rules {
    Rules {
        version_field: Some("crmVersion".to_owned()),
        contact_key_pattern: Some(Regex::new("^LEAD-").unwrap()),
        ..Rules::default()
    }
}

fn change(more: &str) -> Change {
    let body =
        format!(r#"{{"schema": 1, "eventId": "e", "org": "acme", "campaignId": "c", {more}}}"#);
    Change::parse(&body).unwrap()
}

fn ranked(version: i64) -> Change {
    change(&format!(
        r#""contactKey": "LEAD-1", "version": {version}, "data": {{}}"#
    ))
}

#[test]
fn each_broken_rule_is_reported_with_the_reason_for_which_apply_parks() {
    for (more, reason, told) in [
        (
            r#""contactKey": "lead-1", "data": {}"#,
            "keyPattern",
            "contactKey: expected a match of the org's contactKeyPattern",
        ),
        (
            r#""contactKey": "LEAD-1", "data": {"crmVersion": null}"#,
            "reservedColumn",
            "data: expected not to name \"crmVersion\", in which the org's versionField stores the rank",
        ),
    ] {
        let broken = rules().broken(&change(more), now()).unwrap();
        assert_eq!(
            (broken.reason().as_str(), broken.to_string().as_str()),
            (reason, told)
        );
    }
    let good = change(r#""contactKey": "LEAD-1", "version": 9007199254740991, "data": {"a": "1"}"#);
    assert_eq!(
        rules().broken(&good, now()),
        None,
        "a count may be any number"
    );
    let lists = change(
        r#""contactKey": "LEAD-1", "data": {"a": "1", "b": "", "c": null, "d": "1", "e": "1"}"#,
    );
    let broken = unknown_columns(&lists, |name| name == "a", |_| true).unwrap();
    assert_eq!(
        (broken.reason().as_str(), broken.to_string().as_str()),
        (
            "unknownColumn",
            "data: expected only columns of the campaign's contact list, which has no \"d\", \"e\""
        )
    );
    assert_eq!(
        unknown_columns(&lists, |name| "ade".contains(name), |_| false),
        None
    );
}

#[test]
fn a_rank_that_is_a_time_may_be_a_day_ahead_in_every_unit() {
    for (unit, a_second) in [
        (VersionUnit::Seconds, 1),
        (VersionUnit::Milliseconds, 1_000),
        (VersionUnit::Microseconds, 1_000_000),
    ] {
        let rules = Rules {
            version_unit: Some(unit),
            ..rules()
        };
        let a_day_ahead = (now().as_second() + 86_400) * a_second;
        let broken = |version| rules.broken(&ranked(version), now());
        for good in [0, now().as_second() * a_second, a_day_ahead] {
            assert_eq!(broken(good), None, "{unit:?} {good}");
        }
        for ahead in [a_day_ahead + 1, 9_007_199_254_740_991] {
            let expected = BrokenRule::RankAhead(VersionFrom::Version);
            assert_eq!(broken(ahead), Some(expected), "{unit:?} {ahead}");
        }
        let stored = |number: i64| Rank::new(number.cast_unsigned()).unwrap();
        assert!(!rules.is_ahead(stored(a_day_ahead), now()));
        assert!(rules.is_ahead(stored(a_day_ahead + 1), now()));
        let unranked = Rules {
            version_field: None,
            ..rules.clone()
        };
        assert_eq!(unranked.broken(&ranked(9_007_199_254_740_991), now()), None);
    }
}

#[test]
fn occurred_at_is_a_time_whatever_the_unit_of_versions() {
    let rules = Rules {
        version_from: VersionFrom::OccurredAt,
        ..rules()
    };
    let at = |at: &str| {
        let more = format!(
            r#""contactKey": "LEAD-1", "version": 9007199254740991, "occurredAt": "{at}", "data": {{}}"#
        );
        rules.broken(&change(&more), now())
    };
    assert_eq!(at("2026-11-25T16:00:00Z"), None);
    assert_eq!(
        at("2026-11-25T16:00:00.001Z"),
        Some(BrokenRule::RankAhead(VersionFrom::OccurredAt))
    );
}

#[test]
fn a_stored_count_is_ahead_only_at_the_very_end() {
    let is_ahead = |number| rules().is_ahead(Rank::new(number).unwrap(), now());
    let end = (1 << 53) - 1;
    assert!(is_ahead(end) && is_ahead(end - 1_000_000));
    assert!(!is_ahead(end - 2_000_000) && !is_ahead(1_764_000_000_000_000));
}

#[test]
fn a_rule_breaking_opt_out_is_salvaged_and_loses_its_rank_only_if_that_is_wrong() {
    let rules = Rules {
        version_unit: Some(VersionUnit::Milliseconds),
        ..rules()
    };
    let salvaged = |more: &str| {
        let salvaged = rules.opt_out(&change(more), now(), |_| false)?;
        assert_eq!(rules.broken(&salvaged, now()), None);
        assert_eq!(unknown_columns(&salvaged, |_| false, |_| false), None);
        assert_eq!(salvaged.operation.callable(), Some(false));
        Some(salvaged.version.map(|rank| rank.to_string()))
    };
    let key = r#""contactKey": "LEAD-1""#;
    let silent = format!(r#"{key}, "version": 5, "data": {{"crmVersion": "1"}}"#);
    assert_eq!(salvaged(&silent), None);
    let reserved =
        format!(r#"{key}, "version": 5, "data": {{"crmVersion": "1"}}, "callable": false"#);
    assert_eq!(salvaged(&reserved), Some(Some("5".to_owned())));
    let ahead = format!(r#"{key}, "version": 9007199254740991, "operation": "remove""#);
    assert_eq!(salvaged(&ahead), Some(None));
    let other = r#""contactKey": "lead-1", "operation": "remove""#;
    let salvaged = rules.opt_out(&change(other), now(), |_| false).unwrap();
    assert_eq!(
        salvaged.operation.callable(),
        Some(false),
        "whatever its key is like"
    );
}

#[test]
fn lowered_channels_of_a_rule_breaking_change_are_salvaged_where_supported() {
    let more = r#""contactKey": "LEAD-1", "version": 5, "data": {"crmVersion": "1"},
        "contactable": {"Sms": false}, "phones": {"home": false, "cell": false}"#;
    let change = change(more);
    let salvaged = |change, may_say: fn(Switch<'_>) -> bool| {
        let salvaged: Option<Change> = rules().opt_out(change, now(), may_say);
        salvaged.map(|salvaged| {
            assert_eq!(salvaged.operation.data().map(|data| data.len()), Some(0));
            let names = salvaged
                .operation
                .lowers()
                .map(|lowers| lowers.names().collect::<Vec<_>>().join(" "));
            (
                salvaged.version.is_some(),
                salvaged.operation.callable(),
                names.unwrap_or_default(),
            )
        })
    };
    let all = "Sms cell home".to_owned();
    assert_eq!(
        salvaged(&change, |_| true),
        Some((false, None, all.clone())),
        "they need no rank"
    );
    let but_home = |switch: Switch<'_>| switch != Switch::Number("home");
    assert_eq!(
        salvaged(&change, but_home),
        Some((false, None, "Sms cell".to_owned()))
    );
    assert_eq!(salvaged(&change, |_| false), None);
    let out = self::change(&format!(r#"{more}, "callable": false"#));
    assert_eq!(
        salvaged(&out, |_| true),
        Some((true, Some(false), all.clone()))
    );
    assert_eq!(
        salvaged(&out, |_| false),
        Some((true, Some(false), String::new()))
    );
    let back = self::change(&format!(r#"{more}, "callable": true"#));
    assert_eq!(
        salvaged(&back, |_| true),
        Some((false, None, all)),
        "nobody is raised by that"
    );
}

#[test]
fn unknown_columns_and_unsupported_channels_are_reported_and_left_out() {
    let more = r#""contactKey": "LEAD-1", "data": {"a": "1", "b": "1"},
        "contactable": {"Sms": false}, "phones": {"a": false, "c": false}"#;
    let mut change = change(more);
    let broken = unknown_columns(&change, |name| name == "a", |name| name == "a").unwrap();
    assert_eq!(broken.reason().as_str(), "unknownColumn");
    assert_eq!(
        broken.to_string(),
        "data: expected only columns of the campaign's contact list, which has no \"b\"; \
         phones: expected only columns of numbers of the campaign's contact list, which has no \"c\""
    );
    broken.leave_out(&mut change);
    assert_eq!(
        unknown_columns(&change, |name| name == "a", |name| name == "a"),
        None
    );
    let lowers: Vec<_> = change.operation.lowers().unwrap().names().collect();
    assert_eq!(lowers, ["Sms", "a"]);
    let broken = unsupported_channels(&change).unwrap();
    assert_eq!(broken.reason().as_str(), "channel");
    assert_eq!(
        broken.to_string(),
        "contactable, phones: expected neither, since the org's api does not support them"
    );
    broken.leave_out(&mut change);
    assert_eq!(unsupported_channels(&change), None);
    assert_eq!(
        change.operation.data().unwrap().len(),
        1,
        "the rest of it stays"
    );
}
