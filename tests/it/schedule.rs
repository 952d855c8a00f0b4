//! `campaign-sync schedule` with an EventBridge Scheduler on loopback: what `set`, `list` and
//! `remove` send and print. The runs that a schedule causes are in `reconcile::runs`.

mod campaigns;
mod listed;
mod local;

use std::process::{Command, Output};

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:blue-runs.fifo";
const FAILED: &str = "arn:aws:sqs:us-east-1:123456789012:blue-failed-runs";
const ROLE: &str = "arn:aws:iam::123456789012:role/blue-schedule";

async fn scheduler(server: &MockServer, arguments: &[&str]) -> Output {
    let (uri, arguments): (_, Vec<_>) = (
        server.uri(),
        arguments.iter().map(|text| (*text).to_owned()).collect(),
    );
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_campaign-sync"))
            .arg("schedule")
            .args(arguments)
            .env_clear()
            .envs([
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "key"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("STACK_NAME", "blue"),
                ("RUNS_QUEUE_ARN", QUEUE),
                ("FAILED_RUNS_QUEUE_ARN", FAILED),
                ("SCHEDULE_ROLE_ARN", ROLE),
            ])
            .env("AWS_ENDPOINT_URL", uri)
            .output()
            .unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn shown(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn answer(status: u16, body: Value) -> ResponseTemplate {
    let answer = ResponseTemplate::new(status).set_body_json(body);
    if status == 404 {
        return answer.insert_header("x-amzn-errortype", "ResourceNotFoundException");
    }
    answer
}

async fn on(server: &MockServer, verb: &str, at: &str, answer: ResponseTemplate) {
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn missing() -> ResponseTemplate {
    answer(404, json!({ "Message": "Schedule does not exist." }))
}

fn schedule(name: &str, state: &str, arn: &str, group: Value, org: &str) -> Value {
    let input = json!({ "org": org, "campaignIds": ["5f0c1e1a"], "windowMinutes": 60 });
    json!({ "Name": name, "State": state, "ScheduleExpression": "rate(15 minutes)", "Target": {
        "Arn": arn, "RoleArn": ROLE, "SqsParameters": group, "Input": input.to_string() } })
}

async fn body_of(server: &MockServer, verb: &str) -> Value {
    let requests = server.received_requests().await.unwrap();
    let request = requests
        .iter()
        .find(|request| request.method.as_str() == verb && request.url.path() != "/");
    serde_json::from_slice(&request.unwrap().body).unwrap()
}

#[tokio::test]
async fn a_schedule_is_made_with_its_org_as_the_group_of_its_runs_and_replaced_later() {
    let server = MockServer::start().await;
    on(&server, "GET", "/schedules/blue-reconcile", missing()).await;
    on(
        &server,
        "PUT",
        "/schedules/blue-reconcile-acme-eu",
        missing(),
    )
    .await;
    let made = answer(200, json!({ "ScheduleArn": "arn" }));
    on(
        &server,
        "POST",
        "/schedules/blue-reconcile-acme-eu",
        made.clone(),
    )
    .await;
    let arguments = [
        "set",
        "--org",
        "acme-eu",
        "--campaigns",
        "5f0c1e1a,0b7a52c4",
        "--rate",
        "rate(5 minutes)",
    ];
    let output = scheduler(&server, &arguments).await;
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(
        shown(&output)
            .contains("blue-reconcile-acme-eu is made: 2 campaigns of acme-eu, rate(5 minutes)")
    );
    let sent = body_of(&server, "POST").await;
    let target = &sent["Target"];
    assert_eq!(
        (&target["Arn"], &target["RoleArn"]),
        (&json!(QUEUE), &json!(ROLE))
    );
    assert_eq!(
        target["SqsParameters"],
        json!({ "MessageGroupId": "acme-eu" })
    );
    assert_eq!(target["DeadLetterConfig"], json!({ "Arn": FAILED }));
    assert_eq!(
        (&sent["State"], &sent["ScheduleExpression"]),
        (&json!("ENABLED"), &json!("rate(5 minutes)"))
    );
    let input: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
    let expected = json!({ "org": "acme-eu", "campaignIds": ["5f0c1e1a", "0b7a52c4"], "windowMinutes": 60,
                           "maxDriftPercent": 20, "scheduledTime": "<aws.scheduler.scheduled-time>" });
    assert_eq!(input, expected, "the same as in template.yaml");

    let server = MockServer::start().await;
    on(&server, "GET", "/schedules/blue-reconcile", missing()).await;
    on(&server, "PUT", "/schedules/blue-reconcile-acme-eu", made).await;
    let output = scheduler(&server, &arguments).await;
    assert!(shown(&output).contains("is replaced"), "{}", shown(&output));
}

#[tokio::test]
async fn an_org_gets_no_second_schedule_beside_the_stacks_own() {
    let server = MockServer::start().await;
    let own = schedule(
        "blue-reconcile",
        "ENABLED",
        QUEUE,
        json!({ "MessageGroupId": "acme-eu" }),
        "acme-eu",
    );
    on(
        &server,
        "GET",
        "/schedules/blue-reconcile",
        answer(200, own),
    )
    .await;
    let output = scheduler(&server, &["set", "--org", "acme-eu", "--campaigns", "a"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        shown(&output).contains("ReconcileCampaignIds"),
        "{}",
        shown(&output)
    );
}

#[tokio::test]
async fn a_schedule_is_removed_and_a_missing_permission_is_reported() {
    let server = MockServer::start().await;
    on(
        &server,
        "DELETE",
        "/schedules/blue-reconcile-a",
        answer(200, json!({})),
    )
    .await;
    on(&server, "DELETE", "/schedules/blue-reconcile-b", missing()).await;
    let denied = answer(403, json!({ "Message": "you may not" }))
        .insert_header("x-amzn-errortype", "AccessDeniedException");
    on(&server, "DELETE", "/schedules/blue-reconcile-c", denied).await;
    for (org, code, expected) in [
        ("a", 0, "blue-reconcile-a is removed"),
        ("b", 1, "there is no schedule blue-reconcile-b"),
        (
            "c",
            2,
            "EventBridge Scheduler: AccessDeniedException: you may not",
        ),
    ] {
        let output = scheduler(&server, &["remove", "--org", org]).await;
        assert_eq!(output.status.code(), Some(code), "{}", shown(&output));
        assert!(shown(&output).contains(expected), "{}", shown(&output));
    }
}

#[tokio::test]
async fn a_wrong_command_line_is_refused_before_any_call() {
    let server = MockServer::start().await;
    for (arguments, expected) in [
        (vec!["set", "--org", "a"], "--campaigns"),
        (vec!["set", "--org", "A", "--campaigns", "x"], "--org"),
        (
            vec!["set", "--org", "a", "--campaigns", "x,x"],
            "--campaigns: expected 1 to 100 different ids",
        ),
        (
            vec!["set", "--org", "a", "--campaigns", "x", "--window", "0"],
            "--window <MINUTES>",
        ),
    ] {
        let output = scheduler(&server, &arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(shown(&output).contains(expected), "{}", shown(&output));
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}
