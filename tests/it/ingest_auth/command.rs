//! `campaign-sync event webhook --secret`: an operator tries a source, and ingest accepts what the
//! command signs. `source` tests the command that only shows what a webhook becomes.

use std::path::PathBuf;
use std::process::{Command, Output};

use ingest::auth::{Authenticity, Shown, judge};

use super::*;

/// The secret of a source in a file.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn event(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_campaign-sync"))
        .arg("event")
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_printed_request_is_let_in_with_the_secret_that_it_was_made_with() {
    for (n, way) in ways().into_iter().enumerate() {
        let secret = source(&way).to_string();
        let path = file(&format!("source-{n}.json"), &secret);
        let output = event(&[
            "webhook",
            "--secret",
            path.to_str().unwrap(),
            "--source",
            "crm",
        ]);
        assert!(output.status.success(), "{way}: {}", text(&output.stderr));
        let request = lambda_http::request::from_str(text(&output.stdout)).unwrap();
        assert_eq!(request.uri().path(), "/webhooks/crm");
        let secret = SourceSecret::parse(&secret.into()).unwrap();
        let shown = Shown {
            method: request.method(),
            headers: request.headers(),
            query: request.uri().query().unwrap_or_default(),
            body: request.body(),
            now: jiff::Timestamp::now(),
        };
        assert_eq!(
            judge(&secret.auth, &shown),
            Authenticity::Authentic,
            "{way}"
        );
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!((body.get("org"), body.get("campaignId")), (None, None));
    }
}

#[test]
fn a_shell_reads_the_printed_command_as_it_is_meant() {
    let auth =
        json!({ "header": { "name": "x-api-key", "values": ["it's of \"16\" $or `more`"] } });
    let path = file("source-quoted.json", &json!({ "auth": auth }).to_string());
    let path = path.to_str().unwrap();
    let url = "https://hooks.example.com/webhooks/crm";
    let output = event(&[
        "webhook", "--secret", path, "--source", "crm", "--curl", url,
    ]);
    let script = format!(
        "curl() {{ printf '%s\\0' \"$@\"; }}\n{}",
        text(&output.stdout)
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let arguments: Vec<_> = text(&output.stdout).split('\0').collect();
    assert_eq!(
        &arguments[..6],
        [
            "-i",
            url,
            "-H",
            "content-type: application/json",
            "-H",
            "x-api-key: it's of \"16\" $or `more`"
        ]
    );
    let body: Value = serde_json::from_str(arguments[7]).unwrap();
    assert_eq!(
        (arguments[6], &body["org"]),
        ("--data-raw", &json!("acme-us"))
    );

    let auth = json!({ "query": { "name": "token", "values": [CANARY] } });
    let path = file("source-query.json", &json!({ "auth": auth }).to_string());
    let path = path.to_str().unwrap();
    for (url, expected) in [
        (
            url.to_owned(),
            format!("'{url}?token=canary%2Bof%2D16%2Fok%3D'"),
        ),
        (
            format!("{url}?a=1"),
            format!("'{url}?a=1&token=canary%2Bof%2D16%2Fok%3D'"),
        ),
    ] {
        let output = event(&[
            "webhook", "--secret", path, "--source", "crm", "--curl", &url,
        ]);
        assert!(
            text(&output.stdout).contains(&expected),
            "{}",
            text(&output.stdout)
        );
    }
}

#[test]
fn an_impossible_request_is_reported_without_the_secret() {
    let short = file(
        "source-short.json",
        r#"{"auth": {"preset": "github", "secrets": ["canary"]}}"#,
    );
    let deep = json!({ "auth": { "body": { "pointer": "/a/b", "values": [CANARY] } } }).to_string();
    let deep = file("source-deep.json", &deep);
    let (short, deep) = (short.to_str().unwrap(), deep.to_str().unwrap());
    for (arguments, expected) in [
        (
            vec!["webhook", "--secret", short, "--source", "crm"],
            "auth: secrets: expected secrets of 16 bytes or more",
        ),
        (
            vec!["webhook", "--secret", deep, "--source", "crm"],
            "the body has no place for the token",
        ),
        (
            vec!["webhook", "--secret", "no.json", "--source", "crm"],
            "no.json: ",
        ),
        (vec!["webhook", "--secret", short], "--source"),
        (vec!["webhook", "--curl", "https://x"], "--secret"),
        (
            vec!["schedule", "--secret", short, "--source", "crm"],
            "--secret goes with the event webhook alone",
        ),
        (
            vec!["webhook", "--secret", short, "--source", "No Name"],
            "--source",
        ),
    ] {
        let output = event(&arguments);
        let told = text(&output.stderr);
        assert!(
            output.status.code() == Some(2) && told.contains(expected),
            "{told}"
        );
        assert!(!told.contains("canary"), "{told}");
    }
}
