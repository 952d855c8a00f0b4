//! The messages of commands if the environment lacks credentials, a region, a queue or a stack, or
//! if no service can be reached. Wrong arguments are in `arguments`, and secrets that may not be
//! read in `denied`.

use super::arguments::complete;
use super::*;

/// The exit status and standard error of a command. `missing` leaves variables out, and `more` sets
/// some.
fn run(arguments: &[&str], missing: &[&str], more: &[(&str, &str)]) -> (Option<i32>, String) {
    let there = complete().into_iter();
    let there = there.filter(|(name, _)| !missing.contains(name));
    let mut command = Command::new(env!("CARGO_BIN_EXE_campaign-sync"));
    command.args(arguments).env_clear().envs(there);
    let output = command.envs(more.iter().copied()).output().unwrap();
    let all = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), text(&all).to_owned())
}

const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Every command that asks AWS first.
const ASKING: [&[&str]; 10] = [
    &["status"],
    &["dlq", "list"],
    &["schedule", "list"],
    &["schedule", "remove", "--org", "a"],
    &["schedule", "set", "--org", "a", "--campaigns", "c"],
    &["reconcile", "--org", "a", "--campaign", "c"],
    &[
        "contact",
        "reset-rank",
        "k",
        "--org",
        "a",
        "--campaign",
        "c",
        "--reason",
        "r",
    ],
    &["dnc", "remove", "k", "--org", "a", "--reason", "r"],
    &["source", "test", "--source", "s", "body.json"],
    &["feed", "test", "--org", "a"],
];

#[test]
fn missing_credentials_a_missing_region_and_no_connection_are_distinguished() {
    let keys =
        "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let region = "no AWS region: set AWS_REGION";
    // The SDK repeats its calls, and may run out of time before it knows why they fail.
    let away = [
        "not reached: look at the network",
        "timed out",
        "does not answer",
    ];
    for command in ASKING {
        for (missing, expected) in [
            (&KEYS[..], &[keys][..]),
            (&["AWS_REGION"], &[region]),
            (&[], &away),
        ] {
            let (status, said) = run(command, missing, &[]);
            let is_told = expected.iter().any(|expected| said.contains(expected));
            assert!(
                status == Some(2) && is_told,
                "{command:?} without {missing:?}: {said}"
            );
        }
    }
}

#[test]
fn check_reports_once_what_keeps_it_from_asking_aws() {
    for (missing, expected) in [
        (&KEYS[..], "FAIL  AWS: no AWS credentials: set AWS_PROFILE"),
        (&["AWS_REGION"], "FAIL  AWS: no AWS region: set AWS_REGION"),
    ] {
        let (status, said) = run(&["check", "--org", "a", "--source", "s"], missing, &[]);
        assert!(status == Some(1) && said.starts_with(expected), "{said}");
        let skipped = said.lines().skip(1).map(|line| line.starts_with("skip  "));
        assert_eq!(skipped.collect::<Vec<_>>(), [true; 3], "{said}");
    }
}

#[test]
fn every_variable_that_is_missing_or_wrong_is_reported_at_once() {
    const QUEUES: [&str; 2] = ["QUEUE_URL", "DEAD_LETTER_QUEUE_URL"];
    let both = "QUEUE_URL is missing: set it to the stack's output QueueUrl; \
                DEAD_LETTER_QUEUE_URL is missing: set it to the stack's output DeadLetterQueueUrl\n";
    let show = ["contact", "show", "k", "--org", "a", "--campaign", "c"];
    for command in [
        &["status"][..],
        &["console"],
        &["check", "--org", "a"],
        &show,
    ] {
        let (status, said) = run(command, &QUEUES, &[]);
        assert_eq!(
            (status, said),
            (Some(2), format!("campaign-sync: {both}")),
            "{command:?}"
        );
    }
    let set = ["schedule", "set", "--org", "a", "--campaigns", "c"];
    for (missing, more, expected) in [
        (
            &["RUNS_QUEUE_ARN"][..],
            &[][..],
            "RUNS_QUEUE_ARN is missing: set it to the stack's output RunsQueueArn\n",
        ),
        (
            &[],
            &[("RUNS_QUEUE_ARN", "https://sqs")],
            "RUNS_QUEUE_ARN: expected an ARN, the stack's output RunsQueueArn\n",
        ),
        (
            &[],
            &[("STACK_NAME", "has_under")],
            "STACK_NAME: expected the name of a CloudFormation stack",
        ),
        (
            &[],
            &[("STACK_NAME", "x/y")],
            "STACK_NAME: expected the name of a CloudFormation stack",
        ),
    ] {
        let (status, said) = run(&set, missing, more);
        assert!(status == Some(2) && said.contains(expected), "{said}");
    }
}

#[test]
fn an_oauth_client_goes_to_genesys_cloud_or_to_this_machine() {
    for command in [
        &["check", "--org", "a"][..],
        &["status"],
        &["dnc", "remove", "k", "--org", "a", "--reason", "r"],
        &["reconcile", "--org", "a", "--campaign", "c"],
    ] {
        let (status, said) = run(command, &[], &[("GENESYS_BASE_URL", "http://example.com")]);
        let expected = "campaign-sync: GENESYS_BASE_URL: expected http://127.0.0.1:PORT";
        assert!(status == Some(2) && said.starts_with(expected), "{said}");
    }
}

#[test]
fn a_port_that_is_in_use_is_reported_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for command in [&["console"][..], &["local", "--serve"]] {
        let (status, said) = run(&[command, &["--port", &port]].concat(), &[], &[]);
        let expected = "; choose another --port, or 0 for any free one";
        assert!(status == Some(2) && said.contains(expected), "{said}");
    }
}
