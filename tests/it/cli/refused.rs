//! Command lines that are refused, with their messages and exit statuses. `arguments` has wrong
//! values of single arguments, and `unset` has incomplete environments.

use super::*;

#[test]
fn reconcile_says_what_it_needs() {
    let with = |arguments: &[&str]| {
        let required = ["reconcile", "--org", "acme-us", "--campaign", "c"];
        let output = campaign_sync(&[&required[..], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr).to_owned()
    };
    assert_eq!(
        with(&[]),
        "campaign-sync: QUEUE_URL is missing: set it to the stack's output QueueUrl\n"
    );
    assert!(
        with(&["--since", "yesterday"])
            .contains("expected a time such as 2026-11-24T16:00:00Z, or a duration such as")
    );
    assert!(with(&["--since=-2h"]).contains("--since"));
    assert!(with(&["--cursor", "x"]).contains("expected the cursor that an earlier run printed"));
    assert!(with(&["--campaign", "a b"]).contains("expected 1 to 48 characters"));
    assert!(
        with(&["--max-drift-percent", "101"]).contains("expected a whole number from 0 to 100")
    );
    assert!(with(&["--since", "2999-01-01T00:00:00Z"]).contains("QUEUE_URL is missing"));
}

#[test]
fn reconcile_refuses_options_that_contradict_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let with = |arguments: &[&str]| {
        let required = ["reconcile", "--org", "acme-us", "--campaign", "c"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_campaign-sync"));
        command
            .args(required)
            .args(arguments)
            .current_dir(root)
            .env("QUEUE_URL", "http://127.0.0.1:1/q.fifo");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        text(&output.stderr).to_owned()
    };
    assert_eq!(
        with(&["--since", "2999-01-01T00:00:00Z"]),
        "campaign-sync: --since: expected a time in the past\n"
    );
    assert_eq!(
        with(&["--campaign", "c"]),
        "campaign-sync: --campaign c is given twice\n"
    );
    // {"org":"acme-us","campaigns":["other"],"since":"2026-11-24T16:00:00Z","page":null,"done":0,"last":null,"checked":0,"drifted":0}
    let other = "eyJvcmciOiJhY21lLXVzIiwiY2FtcGFpZ25zIjpbIm90aGVyIl0sInNpbmNlIjoiMjAyNi0xMS0yNFQxNjowMDowMFoiLCJwYWdlIjpudWxsLCJkb25lIjowLCJsYXN0IjpudWxsLCJjaGVja2VkIjowLCJkcmlmdGVkIjowfQ";
    let expected =
        "campaign-sync: --cursor: expected the cursor of a run of this org and these campaigns\n";
    assert_eq!(with(&["--since", "2h", "--cursor", other]), expected);
}

#[test]
fn bad_input_is_reported_by_name() {
    let file = |name: &str, content: &str| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let record = |members: &str| format!(r#"{{"Records": [{{{members}}}]}}"#);
    let eleven = format!(r#"{{"Records": [{}]}}"#, ["{}"; 11].join(","));
    for (arguments, expected) in [
        (
            vec!["local".to_owned(), "--contacts".to_owned(), "0".to_owned()],
            "--contacts",
        ),
        (
            ["dlq", "list", "--reason", "retryhorizon"]
                .map(str::to_owned)
                .to_vec(),
            "expected one of invalidChange",
        ),
        (
            vec!["--file".to_owned(), "nowhere.json".to_owned()],
            "nowhere.json: No such file",
        ),
        (
            vec!["--file".to_owned(), file("no.json", "{")],
            "no.json: not JSON: it ends at line 1",
        ),
        (
            vec!["--file".to_owned(), file("eleven.json", &eleven)],
            "/Records: expected 1 to 10 records",
        ),
        (
            vec!["--file".to_owned(), file("body.json", &record(""))],
            "/Records/0/body: expected the message's text",
        ),
        (
            vec![
                "--file".to_owned(),
                file("group.json", &record(r#""body": "{}""#)),
            ],
            "/Records/0/attributes/MessageGroupId: expected the message group id",
        ),
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = campaign_sync(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            text(&output.stderr).contains(expected),
            "{expected:?} is not in {}",
            text(&output.stderr)
        );
    }
}
