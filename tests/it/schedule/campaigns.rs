//! The campaigns of a schedule, each of which must exist in Genesys Cloud. The rest of `schedule
//! set` is in [`super`].

use serde_json::json;
use wiremock::MockServer;

use super::{FAILED, QUEUE, ROLE, answer, missing, on};
use crate::support::CAMPAIGN;
use crate::support::served::Served;

/// Runs `schedule set` for the campaigns of an org. Returns the exit status and the output.
async fn set(
    served: &Served,
    scheduler: &MockServer,
    org: &str,
    campaigns: &str,
    more: &[&str],
) -> (i32, String) {
    let arguments = ["schedule", "set", "--org", org, "--campaigns", campaigns];
    let mut command = served.prepared(&[&arguments[..], more].concat());
    command
        .env("AWS_ENDPOINT_URL_SCHEDULER", scheduler.uri())
        .env("STACK_NAME", "blue")
        .env("RUNS_QUEUE_ARN", QUEUE)
        .env("FAILED_RUNS_QUEUE_ARN", FAILED)
        .env("SCHEDULE_ROLE_ARN", ROLE);
    let output = command.output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

/// An EventBridge Scheduler that takes a schedule of each of these orgs.
async fn scheduler() -> MockServer {
    let server = MockServer::start().await;
    on(&server, "GET", "/schedules/blue-reconcile", missing()).await;
    for org in ["ranked", "lists", "nobody"] {
        let at = format!("/schedules/blue-reconcile-{org}");
        on(
            &server,
            "PUT",
            &at,
            answer(200, json!({ "ScheduleArn": "arn" })),
        )
        .await;
    }
    server
}

async fn was_set(server: &MockServer) -> bool {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .any(|request| request.method.as_str() == "PUT")
}

#[tokio::test]
async fn campaigns_that_genesys_cloud_does_not_have_are_named_and_nothing_is_set() {
    let served = Served::new().await;
    let own = format!("no-such,{CAMPAIGN},other");
    for (org, campaigns) in [
        ("ranked", own.as_str()),
        ("lists", "no-such,campaign-of-lists,other"),
    ] {
        let server = scheduler().await;
        let (status, text) = set(&served, &server, org, campaigns, &[]).await;
        let expected = format!("org {org} has no such campaign in Genesys Cloud: no-such, other: ");
        assert!(status == 2 && text.contains(&expected), "{text}");
        assert!(!was_set(&server).await);
    }
    let server = scheduler().await;
    for (org, campaign) in [("ranked", CAMPAIGN), ("lists", "campaign-of-lists")] {
        let (status, text) = set(&served, &server, org, campaign, &[]).await;
        assert!(status == 0 && text.contains("is replaced"), "{text}");
        assert!(!text.contains("is not known"), "{text}");
    }
    assert!(was_set(&server).await);
}

#[tokio::test]
async fn if_genesys_cloud_cannot_be_asked_the_command_warns_and_goes_on() {
    let served = Served::new().await;
    let server = scheduler().await;
    let (status, text) = set(&served, &server, "nobody", "a", &[]).await;
    assert!(
        status == 2
            && text
                .contains("org nobody: secret campaign-sync/org/nobody: there is no such secret"),
        "{text}"
    );
    let malformed = r#"{"clientId": "c", "clientSecret": "s", "region": "canary"}"#;
    served.vault.put("campaign-sync/org/lists", malformed);
    let (status, text) = set(&served, &server, "lists", "campaign-of-lists", &[]).await;
    assert!(
        status == 2
            && text.contains("secret campaign-sync/org/lists: the secret is malformed: region: ")
            && text.contains("nothing is set")
            && !text.contains("canary"),
        "{text}"
    );
    assert!(
        !was_set(&server).await,
        "an org that cannot log in gets no schedule"
    );
    served.deny("secretsmanager.GetSecretValue");
    let (status, text) = set(&served, &server, "ranked", "a", &[]).await;
    assert_eq!(status, 0, "{text}");
    assert!(
        text.contains("whether Genesys Cloud has these campaigns is not known (org ranked: ")
            && text.contains("campaign-sync/org/ranked: your credentials may not read it"),
        "{text}"
    );
    assert!(was_set(&server).await);
    let many = (0..101).map(|id| id.to_string()).collect::<Vec<_>>();
    for campaigns in ["a,a", &many.join(",")] {
        let (status, text) = set(&served, &server, "ranked", campaigns, &[]).await;
        let expected = "campaign-sync: --campaigns: expected 1 to 100 different ids\n";
        assert_eq!((status, text.as_str()), (2, expected));
    }
    let more = ["--rate", "15 minutes"];
    let (status, text) = set(&served, &server, "ranked", "a", &more).await;
    assert!(
        status == 2 && text.contains("expected rate(N minutes)"),
        "{text}"
    );
}

#[tokio::test]
async fn a_window_shorter_than_the_rate_brings_a_warning_about_the_first_run() {
    let served = Served::new().await;
    let server = scheduler().await;
    for (rate, window, is_told) in [
        ("rate(15 minutes)", "14", true),
        ("rate(15 minutes)", "15", false),
        ("rate(1 day)", "60", true),
        ("cron(0 6 * * ? *)", "1", false),
    ] {
        let more = ["--rate", rate, "--window", window];
        let (status, text) = set(&served, &server, "ranked", CAMPAIGN, &more).await;
        let note = format!("a campaign's first run looks back only {window} minutes");
        assert!(
            status == 0 && text.contains(&note) == is_told,
            "{rate} {window}: {text}"
        );
    }
}
