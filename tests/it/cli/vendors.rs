//! `local --crm`: after the webhooks of a vendor's CRM, every contact is as the CRM's record says.
//! `local --serve`: it shows a sender for each preset. The presets themselves are tested in the
//! crate `mapping`, and the pages about vendors in `crm`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use super::*;

const VENDORS: [&str; 4] = ["hubspot", "salesforce", "dynamics", "pipedrive"];

fn run(crm: &str, more: &[&str]) -> (Option<i32>, Value) {
    let mut arguments = vec!["local", "--crm", crm, "--json"];
    arguments.extend(["--contacts", "60", "--changes", "400"]);
    arguments.extend(more);
    let output = campaign_sync(&arguments);
    (output.status.code(), json(&output))
}

fn number(report: &Value, name: &str) -> u64 {
    let number = report[name].as_u64();
    number.unwrap_or_else(|| panic!("{name} of {report}"))
}

#[test]
fn every_contact_ends_as_the_vendors_record_says() {
    for crm in VENDORS {
        for seed in ["42", "1", "2", "3"] {
            let (status, report) = run(crm, &["--seed", seed]);
            assert_eq!(status, Some(0), "{crm} {seed}: {report}");
            let number = |name| number(&report, name);
            let nothing = [
                "wrongContacts",
                "leftInQueue",
                "secondRunChanges",
                "refused",
                "dropped",
                "conflictsLeft",
            ];
            for nothing in nothing {
                assert_eq!(number(nothing), 0, "{nothing} of {report}");
            }
            assert_eq!(report["crm"], crm);
            assert!((400..420).contains(&number("changes")), "{report}");
            // Some events are sent twice, and some concern other objects.
            assert!(
                number("said") > number("changes") && number("ignored") > 0,
                "{report}"
            );
            assert_eq!(number("accepted"), number("said"));
            let outcomes = report["outcomes"].as_object().unwrap();
            let ended: u64 = outcomes.values().map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(
                ended + number("reSent"),
                number("accepted") + number("repaired"),
                "each change ends once: {report}"
            );
            // Only full changes create contacts that are not in the campaign. If the webhooks are
            // partial, the feed creates them.
            assert!(number("wrongBefore") > 0 && number("repaired") >= number("wrongBefore"));
            let outcome = |name: &str| outcomes[name].as_u64().unwrap();
            assert_eq!(outcome("parked"), 0);
            assert_eq!(
                outcome("skipped") > 0,
                crm != "pipedrive",
                "{crm}: {report}"
            );
            assert!(outcome("created") > 0 && outcome("updated") > 0 && outcome("stale") > 0);
            // Only a HubSpot app sends many events in one request.
            let requests = number("webhooks");
            assert_eq!(
                requests < number("said") / 2,
                crm == "hubspot",
                "{crm}: {report}"
            );
        }
    }
}

#[test]
fn what_a_vendors_webhooks_miss_is_repaired_by_both_apis() {
    for crm in VENDORS {
        for api in ["predictive", "contactLists"] {
            let (status, report) = run(crm, &["--api", api, "--drop", "30%"]);
            assert_eq!(status, Some(0), "{crm} {api}: {report}");
            assert!(number(&report, "dropped") > 20, "{crm}: {report}");
            assert_eq!(number(&report, "accepted"), number(&report, "said"));
        }
    }
}

#[test]
fn local_runs_with_few_records_of_a_vendor() {
    for crm in VENDORS {
        for (contacts, changes) in [("1", "1"), ("1", "60"), ("2", "40"), ("5", "60")] {
            let (status, report) = run_of(crm, contacts, changes);
            assert_eq!(status, Some(0), "{crm} {contacts} {changes}: {report}");
        }
    }
}

fn run_of(crm: &str, contacts: &str, changes: &str) -> (Option<i32>, Value) {
    let output = campaign_sync(&[
        "local",
        "--crm",
        crm,
        "--json",
        "--contacts",
        contacts,
        "--changes",
        changes,
    ]);
    (output.status.code(), json(&output))
}

#[test]
fn local_finds_a_mapping_that_ignores_opt_outs() {
    for crm in VENDORS {
        for defect in ["optOut", "callable", "rank"] {
            let (status, report) = run(crm, &["--break", defect]);
            assert_eq!(status, Some(1), "{crm} {defect}: {report}");
        }
        let shown = campaign_sync(&["local", "--crm", crm, "--break", "optOut"]);
        assert!(
            text(&shown.stdout).contains("though the CRM had said that nobody may"),
            "{}",
            text(&shown.stdout)
        );
    }
    for (arguments, expected) in [
        (
            vec!["--break", "optOut"],
            "optOut needs --crm with a vendor",
        ),
        (
            vec!["--break", "clock", "--drop", "10%"],
            "clock needs --crm with a vendor",
        ),
        (
            vec!["--crm", "hubspot", "--break", "clock"],
            "clock needs --drop",
        ),
        (
            vec!["--crm", "hubspot", "--break", "conflict"],
            "with --crm, reconcile repairs",
        ),
        (vec!["--crm", "hubspot", "--serve"], "cannot be used with"),
        (vec!["--crm", "zoho"], "[possible values: own, hubspot,"),
    ] {
        let output = campaign_sync(&[&["local"], &*arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains(expected), "{output:?}");
    }
}

/// Reconcile reads the vendor's API. If the feed ranks by another stamp than the webhooks,
/// reconcile repairs nothing, and the run reports it.
#[test]
fn local_finds_a_feed_that_ranks_by_another_clock() {
    for crm in VENDORS {
        let (status, report) = run(crm, &["--drop", "30%", "--break", "clock"]);
        assert_eq!(status, Some(1), "{crm}: {report}");
        assert!(number(&report, "wrongContacts") > 0, "{crm}: {report}");
    }
}

#[test]
fn the_tables_describe_a_vendors_run() {
    let output = campaign_sync(&["local", "--crm", "hubspot"]);
    let shown = text(&output.stdout);
    for line in [
        "contacts of 3 campaigns in 2 orgs, by webhooks of HubSpot, seed 42:",
        "skipped",
        "events in them about something else",
        "changes that reconcile enqueued",
        "Every contact is as the CRM last said.",
    ] {
        assert!(shown.contains(line), "{line:?} is not in\n{shown}");
    }
    assert!(
        !shown.contains("Parked in the dead-letter queue"),
        "{shown}"
    );
}

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `local --serve`, and returns what it prints first.
fn serving() -> (Serving, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_campaign-sync"))
        .args(["local", "--serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut greeting = String::new();
    for line in lines.map(Result::unwrap) {
        greeting += &format!("{line}\n");
        if line.starts_with("Every change") {
            break;
        }
    }
    (Serving(child), greeting)
}

fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    text(&output.stdout).to_owned()
}

#[test]
fn each_preset_has_a_sender_that_is_let_in_and_changes_its_contact() {
    let (_serving, greeting) = serving();
    let of = |part: &'static str| greeting.lines().filter(move |line| line.contains(part));
    let senders: Vec<_> = of("/_senders/").collect();
    assert_eq!(senders.len(), mapping::PRESETS.len(), "{greeting}");
    let contacts = of("/contacts").find(|line| line.contains("0b7a52c4"));
    let contacts = contacts.unwrap();
    let before: Value = serde_json::from_str(&shell(contacts)).unwrap();
    for sender in &senders {
        let answer = shell(sender);
        assert!(answer.contains(" 202 "), "{sender}: {answer}");
        assert!(
            answer.contains(r#"{"accepted":1,"parked":0}"#),
            "{sender}: {answer}"
        );
    }
    for tries in 0.. {
        let held: Value = serde_json::from_str(&shell(contacts)).unwrap();
        let members = held.as_object().unwrap();
        let changed = members.iter().filter(|(key, contact)| {
            before.get(key) != Some(contact) && contact["data"]["crmVersion"].is_string()
        });
        let changed = changed.count();
        if changed == senders.len() {
            break;
        }
        assert!(tries < 150, "{changed}: {held}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn serve_prints_a_senders_secret_and_body() {
    let (_serving, greeting) = serving();
    let at = greeting.find("http://127.0.0.1:").unwrap();
    let base = greeting[at..].split(',').next().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for name in ["hubspot", "salesforce-cdc", "zoho-workflow"] {
        let file = |part: &str| {
            let path = folder.join(format!("{name}-{part}.json"));
            std::fs::write(
                &path,
                shell(&format!("curl -s {base}/_senders/{name}/{part}")),
            )
            .unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (secret, body) = (file("secret"), file("body"));
        let output = campaign_sync(&["source", "test", "--secret", &secret, &body, "--json"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let answer = shell(&format!("curl -s {base}/_senders/nobody"));
    assert!(answer.contains("no such sender"), "{answer}");
}
