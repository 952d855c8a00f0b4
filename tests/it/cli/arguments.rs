//! Arguments, files and texts on standard input that cannot be right: each is refused with a
//! message that says what was expected, before any service is asked. Whole command lines are in
//! `refused`, and incomplete environments in `unset`.

use std::io::Write;

use super::*;

/// The exit status and standard error of a command whose environment is complete, and whose
/// standard input holds this text. No service answers at the addresses in it.
fn refused(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campaign-sync"));
    command.args(arguments).env_clear().envs(complete());
    let piped = std::process::Stdio::piped;
    let command = command.stdin(piped()).stdout(piped()).stderr(piped());
    let mut child = command.spawn().unwrap();
    // A command that is refused may be over before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stderr).to_owned())
}

/// A complete environment, whose services do not answer.
pub(super) fn complete() -> Vec<(&'static str, &'static str)> {
    vec![
        ("QUEUE_URL", "http://127.0.0.1:1/000000000000/changes.fifo"),
        (
            "DEAD_LETTER_QUEUE_URL",
            "http://127.0.0.1:1/000000000000/parked.fifo",
        ),
        ("RUNS_QUEUE_ARN", "arn:aws:sqs:us-east-1:123456789012:runs"),
        ("SCHEDULE_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
        (
            "FAILED_RUNS_QUEUE_ARN",
            "arn:aws:sqs:us-east-1:123456789012:f",
        ),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ]
}

#[test]
fn a_number_that_cannot_be_meant_is_refused_with_its_range() {
    let check = ["check", "--org", "a", "--apply-timeout"];
    let set = ["schedule", "set", "--org", "a", "--campaigns", "c"];
    let send = ["send", "--org", "a", "--campaign", "c", "f.csv"];
    let whole = "expected a whole number";
    for (command, more, expected) in [
        (
            &["local"][..],
            &["--contacts", "abc"][..],
            "from 1 to 1000000",
        ),
        (&["local"], &["--contacts", "-5"], "from 1 to 1000000"),
        (
            &["local"],
            &["--contacts", "99999999999999999999"],
            "from 1 to 1000000",
        ),
        (&["local"], &["--changes", "0"], "from 1 to 10000000"),
        (
            &["local"],
            &["--seed", "x"],
            "from 0 to 18446744073709551615",
        ),
        (
            &["local"],
            &["--calls-per-minute", "x"],
            "from 1 to 1000000",
        ),
        (&["local"], &["--serve", "--port", "x"], "from 0 to 65535"),
        (&["console"], &["--port", "65536"], "from 0 to 65535"),
        (&["status"], &["--watch", "0"], "of seconds from 1 to 86400"),
        (&["status"], &["--watch", "x"], "of seconds from 1 to 86400"),
        (
            &["feed", "test", "--org", "a"],
            &["--page", "0"],
            "from 1 to 100000",
        ),
        (&check, &["0"], "of seconds from 1 to 900"),
        (&check, &["901"], "of seconds from 1 to 900"),
        (&check, &["x"], "of seconds from 1 to 900"),
        (&set, &["--window", "0"], "of minutes from 1 to 5256000"),
        (&set, &["--window", "-1"], "of minutes from 1 to 5256000"),
        (
            &set,
            &["--max-drift-percent", "101%"],
            "from 0 to 100, such as 20%",
        ),
        (
            &send,
            &["--expect-rows", "x"],
            "from 0 to 18446744073709551615",
        ),
        (
            &send,
            &["--expect-opt-outs", "-1"],
            "from 0 to 18446744073709551615",
        ),
    ] {
        let (status, said) = refused(&[command, more].concat(), "");
        let expected = format!("{whole} {expected}");
        assert!(
            status == Some(2) && said.contains(&expected),
            "{more:?}: {said}"
        );
    }
    for (arguments, expected) in [
        (
            &["local", "--drop", "-1%"][..],
            "expected a percentage from 0% to 100%",
        ),
        (&["dlq", "redrive", "--rate", "-1/s"], "from 1/s to 100/s"),
        (
            &[
                "reconcile",
                "--org",
                "a",
                "--campaign",
                "c",
                "--since",
                "-1h",
            ],
            "expected a time such as",
        ),
        (
            &["schedule", "set", "--org", "a", "--campaigns", "c,c"],
            "campaign-sync: --campaigns: expected 1 to 100 different ids\n",
        ),
    ] {
        let (status, said) = refused(arguments, "");
        assert!(
            status == Some(2) && said.contains(expected),
            "{arguments:?}: {said}"
        );
    }
}

#[test]
fn a_refused_combination_of_arguments_is_reported_by_its_flags() {
    let reconcile = ["reconcile", "--org", "a", "--campaign", "c"];
    let show = ["contact", "show", "k", "--org", "a", "--campaign", "c"];
    let source = ["source", "test"];
    for (command, more, expected) in [
        (
            &reconcile[..],
            &["--full", "--read", "bulk"][..],
            "--full needs --read export, or no --read",
        ),
        (
            &reconcile,
            &["--remove-unknown", "--read", "bulk"],
            "--remove-unknown needs --read export, or no --read",
        ),
        (
            &show,
            &["--since", "2999-01-01T00:00:00Z"],
            "--since: expected a time in the past",
        ),
        (
            &show,
            &["--stack", "a b"],
            "expected the name of a CloudFormation stack",
        ),
        (
            &["console"],
            &["--stack", "x/y"],
            "expected the name of a CloudFormation stack",
        ),
        (&source, &["body.json"], "expected --source or --secret"),
        (
            &source,
            &["--secret", "-", "-"],
            "--secret - and BODY -: only one of them can be read from standard input",
        ),
        (
            &["feed", "test"],
            &["--secret", "-", "-"],
            "--secret - and ANSWER -: only one of them can be read from standard input",
        ),
        (
            &source,
            &["x", "--sign", "nope"],
            "expected a URL that begins with https://",
        ),
        (
            &source,
            &["x", "--sign", "ftp://x"],
            "expected a URL that begins with https://",
        ),
        (
            &source,
            &["x", "--sign", "http://example.com/w"],
            "or with http:// on this machine",
        ),
        (
            &["event", "webhook", "--secret", "s", "--source", "s"],
            &["--curl", "ftp://nope"],
            "expected a URL that begins with https://",
        ),
    ] {
        let (status, said) = refused(&[command, more].concat(), "");
        assert!(
            status == Some(2) && said.contains(expected),
            "{more:?}: {said}"
        );
    }
}

#[test]
fn a_contact_key_is_one_and_a_reason_is_not_repeated() {
    let check = ["check", "--org", "a", "--campaign", "c", "--contact", "-"];
    let reset = [
        "contact",
        "reset-rank",
        "-",
        "--org",
        "a",
        "--campaign",
        "c",
    ];
    let reset = [&reset[..], &["--reason", "r"]].concat();
    let one = "standard input: expected exactly one line, with one contact key";
    for (arguments, input, expected) in [
        (&check[..], "", "--contact -: standard input holds no key"),
        (
            &check,
            "a\n hush\n",
            "standard input, line 2: contact key: expected",
        ),
        (&reset, "", one),
        (&reset, "a\nb\n", one),
    ] {
        let (status, said) = refused(arguments, input);
        assert!(status == Some(2) && said.contains(expected), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
    let of_contact = [
        "contact",
        "reset-rank",
        "k",
        "--org",
        "a",
        "--campaign",
        "c",
    ];
    for command in [&of_contact[..], &["dnc", "remove", "k", "--org", "a"]] {
        let (status, said) = refused(&[command, &["--reason", "hush\nhush"]].concat(), "");
        assert!(
            status == Some(2) && said.contains("--reason: expected 1 to 200"),
            "{said}"
        );
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_file_that_cannot_be_sent_is_reported_before_any_service_is_asked() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("send-refused");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ok.csv");
    std::fs::write(&file, "contactKey,version\nLEAD-1,1\n").unwrap();
    let file = file.to_str().unwrap();
    let send = ["send", "--org", "a", "--campaign", "c", "--yes"];
    let folder = folder.to_str().unwrap();
    for (more, expected) in [
        (&[folder][..], "send-refused: is a directory"),
        (&["-"], "standard input: expected --format"),
        (
            &[file, "--state", "/nope/x"],
            "--state /nope/x: cannot be written: No such file or directory",
        ),
    ] {
        let (status, said) = refused(&[&send[..], more].concat(), "");
        assert!(
            status == Some(2) && said.contains(expected),
            "{more:?}: {said}"
        );
    }
    std::fs::write(format!("{file}.send-state.json"), "{").unwrap();
    let (status, said) = refused(&[&send[..], &[file]].concat(), "");
    assert!(
        status == Some(2) && said.contains("delete it, or pass --restart"),
        "{said}"
    );
    let no_text = Path::new(folder).join("latin.json");
    std::fs::write(&no_text, b"\xff").unwrap();
    let arguments = ["source", "test", "--secret", no_text.to_str().unwrap(), "x"];
    let (status, said) = refused(&arguments, "");
    assert!(
        status == Some(2) && said.ends_with("latin.json: expected UTF-8\n"),
        "{said}"
    );
}
