//! Schedules as `list` shows them, with what is wrong with them and with their runs. Making
//! schedules is in [`super`], and their campaigns are in `campaigns`.

use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{QUEUE, answer, on, schedule, scheduler, shown};

/// Lets the server list these schedules, and others by their names alone.
async fn serve(server: &MockServer, schedules: &[Value], others: &[&str]) {
    let names = schedules.iter().map(|one| one["Name"].as_str().unwrap());
    let names: Vec<_> = names.chain(others.iter().copied()).collect();
    let listed: Vec<_> = names.iter().map(|name| json!({ "Name": name })).collect();
    on(
        server,
        "GET",
        "/schedules",
        answer(200, json!({ "Schedules": listed })),
    )
    .await;
    for (name, one) in names.iter().zip(schedules) {
        let at = format!("/schedules/{name}");
        on(server, "GET", &at, answer(200, one.clone())).await;
    }
}

#[tokio::test]
async fn schedules_are_listed_with_what_is_wrong_with_them() {
    let server = MockServer::start().await;
    let group = |org: &str| json!({ "MessageGroupId": org });
    let function = "arn:aws:lambda:us-east-1:123456789012:function:blue-reconcile";
    let schedules = [
        schedule("blue-reconcile", "DISABLED", QUEUE, group("none"), ""),
        schedule("blue-reconcile-a", "ENABLED", QUEUE, group("a"), "a"),
        schedule("blue-reconcile-b", "ENABLED", function, Value::Null, "b"),
        schedule("blue-reconcile-c", "ENABLED", QUEUE, group("b"), "c"),
        schedule("blue-reconcile-d", "DISABLED", QUEUE, group("d"), "d"),
        schedule("blue-reconcile-e", "ENABLED", QUEUE, group(""), ""),
    ];
    // A schedule of another name is not asked for.
    serve(&server, &schedules, &["blue-reconciled"]).await;
    has_no_other_record(&server).await;
    let output = scheduler(&server, &["list", "--json"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults: Vec<_> = listed["schedules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["fault"].as_str())
        .collect();
    let [own, a, b, c, d, e] = faults[..] else {
        panic!("{faults:?}")
    };
    assert_eq!((own, a, d), (None, None, Some("is off")));
    assert!(e.unwrap().contains("no org or no campaign"));
    assert!(b.unwrap().contains("queue of runs") && c.unwrap().contains("message group"));
    let output = scheduler(&server, &["list"]).await;
    assert!(
        shown(&output).contains("blue-reconcile-c"),
        "{}",
        shown(&output)
    );
}

/// A record that says until when campaigns were looked at, this many minutes ago.
fn record(looked: &[(&str, i64)]) -> Value {
    let now = jiff::Timestamp::now().as_second();
    let looked = looked.iter().map(|(campaign, minutes)| {
        let to = now - minutes * 60;
        json!({ "from": to - 60, "to": to, "campaigns": [campaign] })
    });
    let record = json!({ "lookedAt": looked.collect::<Vec<_>>() });
    json!({ "Parameter": { "Name": "n", "Type": "SecureString", "Value": record.to_string() } })
}

/// An answer of Parameter Store for the record of this org.
async fn has_record(server: &MockServer, org: &str, told: ResponseTemplate) {
    let name = format!("/campaign-sync/blue/reconcile/{org}");
    Mock::given(method("POST"))
        .and(body_partial_json(
            json!({ "Name": name, "WithDecryption": true }),
        ))
        .respond_with(told)
        .mount(server)
        .await;
}

/// Parameter Store has no record of any org that is not named otherwise.
async fn has_no_other_record(server: &MockServer) {
    let none = json!({ "__type": "ParameterNotFound" });
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400).set_body_json(none))
        .with_priority(9)
        .mount(server)
        .await;
}

/// The schedules that `list` shows.
async fn listed(server: &MockServer, status: i32) -> Vec<Value> {
    let output = scheduler(server, &["list", "--json"]).await;
    assert_eq!(output.status.code(), Some(status), "{}", shown(&output));
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    listed["schedules"].as_array().unwrap().clone()
}

/// A schedule that was made this many minutes ago.
fn made(org: &str, minutes: i64) -> Value {
    let group = json!({ "MessageGroupId": org });
    let name = format!("blue-reconcile-{org}");
    let mut schedule = schedule(&name, "ENABLED", QUEUE, group, org);
    let at = jiff::Timestamp::now().as_second() - minutes * 60;
    schedule["LastModificationDate"] = at.into();
    schedule
}

#[tokio::test]
async fn an_org_that_no_run_looked_at_for_twice_its_rate_is_reported() {
    let server = MockServer::start().await;
    let schedules = [
        made("fresh", 900),
        made("late", 900),
        made("never", 900),
        made("new", 5),
        made("broken", 900),
    ];
    serve(&server, &schedules, &[]).await;
    for (org, told) in [
        ("fresh", answer(200, record(&[("5f0c1e1a", 29)]))),
        ("late", answer(200, record(&[("5f0c1e1a", 31)]))),
        (
            "broken",
            answer(200, json!({ "Parameter": { "Value": "{}" } })),
        ),
    ] {
        has_record(&server, org, told).await;
    }
    has_no_other_record(&server).await;
    let all = listed(&server, 1).await;
    let faults: Vec<_> = all
        .iter()
        .map(|one| one["fault"].as_str().is_some())
        .collect();
    assert_eq!(faults, [false, true, true, false, true], "{all:?}");
    assert!(all[0]["lookedAtUntil"].is_string() && all[2]["lookedAtUntil"].is_null());
    let output = scheduler(&server, &["list"]).await;
    let shown = shown(&output);
    for expected in ["twice its rate", "never", "not what reconcile writes"] {
        assert!(shown.contains(expected), "{shown}");
    }
}

#[tokio::test]
async fn what_is_not_known_of_an_org_is_not_well() {
    let denied = json!({ "__type": "AccessDeniedException" });
    for told in [
        answer(200, json!({ "Parameter": { "Value": "{}" } })),
        answer(400, denied),
    ] {
        let server = MockServer::start().await;
        serve(&server, &[made("a", 5)], &[]).await;
        has_record(&server, "a", told).await;
        let all = listed(&server, 1).await;
        let fault = all[0]["fault"].as_str().unwrap();
        assert!(
            fault.starts_with("whether its runs come is not known: "),
            "{fault}"
        );
        assert!(all[0]["furthestBehind"].is_null(), "{all:?}");
    }
}

#[tokio::test]
async fn the_campaign_that_is_furthest_behind_is_named() {
    const MINUTES_OF_A_DAY: i64 = 24 * 60;
    let of = |mut schedule: Value, campaigns: [&str; 2], rate: &str| {
        let org = &schedule["Target"]["SqsParameters"]["MessageGroupId"];
        let input = json!({ "org": org, "campaignIds": campaigns });
        schedule["Target"]["Input"] = input.to_string().into();
        schedule["ScheduleExpression"] = rate.into();
        schedule
    };
    let rate = "rate(15 minutes)";
    let daily = "cron(0 10 * * ? *)";
    for (schedule, looked, behind, limit) in [
        (
            made("a", 900),
            [("x", 5), ("y", 31)],
            "y",
            Some("twice its rate"),
        ),
        (made("a", 900), [("x", 5), ("y", 6)], "y", None),
        // A campaign that no run has had counts from when the schedule was made.
        (
            made("a", 900),
            [("x", 5), ("other", 5)],
            "y",
            Some("twice its rate"),
        ),
        (made("a", 5), [("x", 29), ("other", 5)], "x", None),
        (
            made("a", 5),
            [("x", 31), ("other", 5)],
            "x",
            Some("twice its rate"),
        ),
    ] {
        let server = MockServer::start().await;
        serve(&server, &[of(schedule, ["x", "y"], rate)], &[]).await;
        has_record(&server, "a", answer(200, record(&looked))).await;
        let all = listed(&server, i32::from(limit.is_some())).await;
        assert_eq!(all[0]["furthestBehind"], behind, "{all:?}");
        let expected = limit
            .map(|limit| format!("campaign {behind} was not looked at for longer than {limit}: "));
        let fault = all[0]["fault"].as_str();
        assert_eq!(fault.is_some(), expected.is_some(), "{all:?}");
        assert!(
            fault
                .unwrap_or_default()
                .starts_with(&expected.unwrap_or_default()),
            "{all:?}"
        );
    }
    for (days, is_late) in [(7, false), (9, true)] {
        let server = MockServer::start().await;
        let schedule = made("a", 90 * MINUTES_OF_A_DAY);
        serve(&server, &[of(schedule, ["x", "y"], daily)], &[]).await;
        let looked = [("x", days * MINUTES_OF_A_DAY), ("y", 5)];
        has_record(&server, "a", answer(200, record(&looked))).await;
        let all = listed(&server, i32::from(is_late)).await;
        let fault = all[0]["fault"].as_str().unwrap_or_default();
        let expected = "campaign x was not looked at for longer than 8 days: ";
        assert_eq!(fault.starts_with(expected), is_late, "{all:?}");
    }
}

#[tokio::test]
async fn a_stack_without_a_schedule_is_named() {
    let server = MockServer::start().await;
    let none = answer(200, json!({ "Schedules": [] }));
    on(&server, "GET", "/schedules", none).await;
    let output = scheduler(&server, &["list"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(
        shown(&output).contains("Stack blue has no schedule: none in this account and region is called blue-reconcile or blue-reconcile-ORG"),
        "{}",
        shown(&output)
    );
}
