//! The command line as a user calls it: the main job by `local`, and the sample events of `event`.
//! Command lines that are refused are in `refused`, `arguments` and `unset`. Each larger subcommand
//! has a module of its own in `tests/it`.

mod arguments;
mod denied;
mod refused;
mod unset;
mod vendors;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn campaign_sync(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    Command::new(env!("CARGO_BIN_EXE_campaign-sync"))
        .args(arguments)
        .current_dir(root)
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn local_leaves_no_conflict_and_no_wrong_contact() {
    for seed in ["42", "1", "2"] {
        let output = campaign_sync(&["local", "--seed", seed, "--json"]);
        assert_eq!(output.status.code(), Some(0));
        let report = json(&output);
        assert_eq!(
            (&report["contacts"], &report["changes"]),
            (&200.into(), &1_000.into())
        );
        assert_eq!(
            (&report["wrongContacts"], &report["conflictsLeft"]),
            (&0.into(), &0.into())
        );
        let outcomes = report["outcomes"].as_object().unwrap();
        let ended: u64 = outcomes.values().map(|count| count.as_u64().unwrap()).sum();
        let refused = report["refused"].as_u64().unwrap();
        assert!(refused > 0, "{report}");
        assert_eq!(ended + refused, 1_000, "each change ends once");
        assert!(
            outcomes.values().all(|count| count.as_u64() > Some(0)),
            "{outcomes:?}"
        );
        assert!(report["batchPostConflicts"].as_u64() > Some(0));
        let calls = report["apiCalls"].as_object().unwrap();
        let all: u64 = calls
            .iter()
            .filter(|(name, _)| !name.starts_with("token"))
            .map(|(_, n)| n.as_u64().unwrap())
            .sum();
        assert!((report["callsPerChange"].as_f64().unwrap() - all as f64 / 1_000.0).abs() < 0.001);
        assert!(
            calls["POST 409"].as_u64() > Some(0),
            "a run without conflicts proves nothing"
        );
    }
}

#[test]
fn local_does_its_job_by_the_contact_list_api_too() {
    for seed in ["42", "1", "2"] {
        let output = campaign_sync(&["local", "--api", "contactLists", "--seed", seed, "--json"]);
        assert_eq!(output.status.code(), Some(0));
        let report = json(&output);
        assert_eq!(
            (&report["wrongContacts"], &report["conflictsLeft"]),
            (&0.into(), &0.into())
        );
        let calls = report["apiCalls"].as_object().unwrap();
        assert!(calls["POST 200"].as_u64() > Some(0));
        assert!(
            calls
                .keys()
                .all(|call| !call.starts_with("PATCH") && !call.ends_with("409")),
            "{calls:?}"
        );
    }
    for defect in ["rank", "callable"] {
        let output = campaign_sync(&[
            "local",
            "--api",
            "contactLists",
            "--break",
            defect,
            "--json",
        ]);
        assert_eq!(output.status.code(), Some(1), "{defect}");
    }
    let output = campaign_sync(&["local", "--api", "contactLists", "--break", "conflict"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--break conflict"),
        "{output:?}"
    );
}

#[test]
fn local_repairs_what_its_webhooks_miss() {
    for api in ["predictive", "contactLists"] {
        for (seed, drop) in [
            ("42", "10%"),
            ("1", "50%"),
            ("2", "100%"),
            ("19", "10%"),
            ("23", "10%"),
        ] {
            let output = campaign_sync(&[
                "local", "--api", api, "--seed", seed, "--drop", drop, "--json",
            ]);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let report = json(&output);
            let number = |name: &str| {
                report[name]
                    .as_u64()
                    .unwrap_or_else(|| panic!("{name} of {report}"))
            };
            assert!(
                number("dropped") > 50 && number("wrongBefore") > 5,
                "{report}"
            );
            assert!(number("repaired") >= number("wrongBefore"), "{report}");
            assert_eq!(
                (
                    number("wrongContacts"),
                    number("secondRunChanges"),
                    number("leftInQueue")
                ),
                (0, 0, 0)
            );
        }
    }
    let report = json(&campaign_sync(&["local", "--json"]));
    assert!(report.get("dropped").is_none(), "{report}");
    let output = campaign_sync(&["local", "--drop", "10"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("expected a percentage from 0% to 100%"),
        "{output:?}"
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut report = json(&campaign_sync(&[
            "--json",
            "--changes",
            "300",
            "--contacts",
            "30",
        ]));
        report.as_object_mut().unwrap().remove("seconds");
        report
    };
    assert_eq!(run(), run());
}

#[test]
fn local_finds_an_injected_defect() {
    for defect in ["rank", "callable", "conflict"] {
        let output = campaign_sync(&["local", "--break", defect, "--json"]);
        assert_eq!(output.status.code(), Some(1), "{defect}");
        assert!(
            json(&output)["wrongContacts"].as_u64() > Some(0),
            "{defect}"
        );
    }
}

#[test]
fn without_a_command_it_runs_local_and_says_what_became_of_the_changes() {
    let output = campaign_sync(&[]);
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    for line in [
        "1,000 changes to 200 contacts of 3 campaigns in 2 orgs, seed 42:",
        "superseded",
        "Parked in the dead-letter queue, ",
        "contacts not as the CRM last said",
        "Every contact is as the CRM last said.",
    ] {
        assert!(shown.contains(line), "{line:?} is not in\n{shown}");
    }
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn local_runs_with_few_contacts_and_few_changes() {
    for (contacts, changes) in [("1", "1"), ("1", "60"), ("2", "10"), ("500", "3")] {
        let output = campaign_sync(&["--contacts", contacts, "--changes", changes, "--json"]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{contacts} {changes}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn every_sample_event_is_applied() {
    for (file, outcomes) in [
        (
            "events/rapid-updates.json",
            [("created", 1), ("superseded", 3)],
        ),
        (
            "events/several-campaigns.json",
            [("created", 4), ("parked", 0)],
        ),
        ("events/poison-first.json", [("parked", 1), ("created", 1)]),
        ("events/conflict.json", [("created", 2), ("parked", 0)]),
    ] {
        let output = campaign_sync(&["local", "--file", file, "--json"]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{file}: {}",
            text(&output.stderr)
        );
        let report = json(&output);
        for (outcome, count) in outcomes {
            assert_eq!(
                report["outcomes"][outcome], count,
                "{file}: {outcome} in {report}"
            );
        }
        assert_eq!(report["wrongContacts"], 0);
    }
    let broken = campaign_sync(&[
        "local",
        "--file",
        "events/rapid-updates.json",
        "--break",
        "rank",
    ]);
    assert_eq!(
        broken.status.code(),
        Some(1),
        "the oracle of a file can fail too"
    );
}

#[test]
fn every_event_that_is_printed_is_valid_now() {
    for (name, outcomes) in [
        ("rapid-updates", [("created", 1), ("superseded", 3)]),
        ("several-campaigns", [("created", 4), ("parked", 0)]),
        ("poison-first", [("parked", 1), ("created", 1)]),
        ("conflict", [("created", 2), ("parked", 0)]),
    ] {
        let event = campaign_sync(&["event", name]).stdout;
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
        std::fs::write(&path, event).unwrap();
        let report = json(&campaign_sync(&[
            "--file",
            path.to_str().unwrap(),
            "--json",
        ]));
        for (outcome, count) in outcomes {
            assert_eq!(
                report["outcomes"][outcome], count,
                "{name}: {outcome} in {report}"
            );
        }
    }
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_campaign-sync"))
        .args(["--changes", "10"])
        .current_dir(root)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}
