//! `campaign-sync check --probe`, run as a real command. It finds out how an emulated Genesys Cloud
//! behaves, refuses to write where that could do harm, and leaves nothing behind.

mod clean_up;
mod readings;
mod refused;

use std::collections::BTreeSet;

use emulator::genesys::{Call, Options};
use emulator::world::client_id;
use serde_json::{Value, json};

use crate::support::served::Served;

const ORG: &str = "acme-probed";
const LIST: &str = "0d5f7c3e-scratch";

/// An org of the list API with an empty list that no campaign draws on.
async fn served(options: Options) -> Served {
    let served = Served::playing(options, Default::default()).await;
    served.put_org(ORG, &json!({ "api": "contactLists" }));
    put_list(&served, LIST, &["phone", "firstName", "crmVersion"]);
    served
}

fn put_list(served: &Served, list: &str, columns: &[&str]) {
    served
        .genesys
        .put_list(&client_id(ORG), list, Some(columns));
}

async fn probe(served: &Served) -> (i32, Value, String) {
    served
        .command(&["check", "--org", ORG, "--probe", LIST, "--json"])
        .await
}

/// The stable ids of the questions with this `asAssumed`.
fn questions(report: &Value, as_assumed: Value) -> BTreeSet<&str> {
    let facts = report["facts"].as_array().into_iter().flatten();
    facts
        .filter(|fact| fact["asAssumed"] == as_assumed)
        .map(|fact| fact["question"].as_str().unwrap())
        .collect()
}

fn fact<'a>(report: &'a Value, question: &str) -> &'a Value {
    let facts = report["facts"].as_array().into_iter().flatten();
    let mut facts = facts.filter(|fact| fact["question"] == question);
    facts.next().unwrap_or(&Value::Null)
}

/// The calls by the org of the probe. Calls for a token have no client.
fn calls(served: &Served) -> Vec<Call> {
    let mut calls = served.genesys.calls();
    calls.retain(|call| call.path.starts_with("/api/"));
    calls
}

fn is_empty(served: &Served) -> bool {
    served.genesys.contacts_of_list(LIST).is_empty()
}

#[tokio::test]
async fn a_terminal_that_has_no_room_for_the_table_gets_blocks() {
    let served = served(Options {
        omitted_callable_is_true: true,
        ..Options::default()
    })
    .await;
    let mut command = served.prepared(&["check", "--org", ORG, "--probe", LIST]);
    let output = command.env("COLUMNS", "50").output().await.unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let is_narrow = shown.lines().all(|line| line.chars().count() <= 50);
    assert!(is_narrow && !shown.contains('│'), "{shown}");
    let block = "an opt-out, POST without callable\n  seen: is callable again\n  differs: campaign-sync says";
    assert!(shown.contains(block), "{shown}");
}

#[tokio::test]
async fn the_help_fits_into_a_page() {
    let served = served(Options::default()).await;
    let (_, _, shown) = served.command(&["check", "--help"]).await;
    let widest = shown.lines().map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|widest| widest <= 100), "{shown}");
}

#[tokio::test]
async fn a_probe_needs_no_queue() {
    let served = served(Options::default()).await;
    let mut command = served.prepared(&["check", "--org", ORG, "--probe", LIST]);
    for name in ["QUEUE_URL", "DEAD_LETTER_QUEUE_URL"] {
        command.env_remove(name);
    }
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    let told = "All 14 answers are as assumed. Look too at: special characters in an id.";
    assert!(shown.contains(told), "{shown}");
}

#[tokio::test]
async fn the_report_for_an_issue_names_nobody() {
    let served = served(Options::default()).await;
    let (_, report, _) = probe(&served).await;
    let text = report.to_string();
    for secret in [
        ORG,
        LIST,
        "campaign-sync-probe-",
        "secret-of",
        "client-of",
        "token-",
    ] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
