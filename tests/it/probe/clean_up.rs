//! The probe leaves no contact behind, whatever fails and even if somebody presses Ctrl-C. What it
//! finds out is in `readings`, and what it refuses to do in `refused`.

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::genesys::{Call, ListReadings, Options};
use emulator::{Effect, Fault};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::process::Child;

use super::*;
use crate::support::served::Served;

/// If the answer to any call is lost, the probe looks for its contacts and deletes them, whether or
/// not the call was carried out.
#[tokio::test]
async fn whatever_call_gets_no_answer_nothing_is_left() {
    let runs = (0..31).map(|n| async move {
        let served = served(Options::default()).await;
        let lost = Effect::Lost { is_done: true };
        let fault = Fault::next("", lost).any_method().on("/outbound/");
        served.genesys.add_fault(fault.after(n));
        let (status, report, shown) = probe(&served).await;
        assert!(status < 2, "{n}: {shown}");
        assert_eq!(report["leftOver"], json!([]), "{n}: {shown}");
        assert!(is_empty(&served), "{n}: {shown}");
        assert_eq!(
            questions(&report, json!(false)),
            BTreeSet::new(),
            "{n}: {shown}"
        );
    });
    join_all(runs).await;
}

/// Starts a probe, and returns once it has made this many calls of the method.
async fn started(served: &Served, method: &str, count: usize) -> Child {
    let child = served
        .prepared(&["check", "--org", ORG, "--probe", LIST, "--json"])
        .spawn()
        .unwrap();
    until_called(served, method, count).await;
    child
}

async fn until_called(served: &Served, method: &str, count: usize) {
    let are_made = async {
        let made = || {
            calls(served)
                .iter()
                .filter(|call| call.method == method)
                .count()
        };
        while made() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), are_made)
        .await
        .expect("the calls are made");
}

fn press_ctrl_c(child: &Child) {
    let pid = child.id().unwrap().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(killed.unwrap().success());
}

async fn ended(child: Child) -> (Option<i32>, Value, String) {
    let output = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output());
    let output = output.await.expect("it ends").unwrap();
    (
        output.status.code(),
        serde_json::from_slice(&output.stdout).unwrap_or_default(),
        format!("{output:?}"),
    )
}

#[tokio::test]
async fn ctrl_c_ends_the_probe_and_its_contacts_are_deleted() {
    let served = served(Options::default()).await;
    // The contacts exist, and the answer to the update is late.
    let fault = Fault::next("POST", Effect::Slow(Duration::from_secs(9)));
    let contacts = format!("contactlists/{LIST}/contacts");
    served.genesys.add_fault(fault.on(&*contacts).after(3));
    let child = started(&served, "POST", 4).await;
    assert!(!is_empty(&served));
    press_ctrl_c(&child);
    let (status, report, shown) = ended(child).await;
    assert_eq!(status, Some(1), "{shown}");
    assert!(is_empty(&served), "{shown}");
    assert_eq!(report["leftOver"], json!([]));
    let seen = &fact(&report, "postCallable")["seen"];
    assert_eq!(seen, "not found out: the probe ended before");
    assert_eq!(questions(&report, json!(true)).len(), 2, "{report}");
    let told = "Stopped. Deleting what was made; Ctrl-C once more leaves it.";
    assert!(shown.contains(told), "{shown}");

    let fault = Fault::next("POST", Effect::Slow(Duration::from_secs(9)));
    served.genesys.add_fault(fault.on(contacts).after(3));
    let is_post = |call: &Call| call.method == "POST";
    let before = calls(&served).into_iter().filter(is_post).count();
    let mut command = served.prepared(&["check", "--org", ORG, "--probe", LIST]);
    let child = command.spawn().unwrap();
    until_called(&served, "POST", before + 4).await;
    press_ctrl_c(&child);
    let (_, _, shown) = ended(child).await;
    assert!(
        shown.contains("It was stopped: 12 questions stay open."),
        "{shown}"
    );
    assert!(!shown.contains("the probe ended before"), "{shown}");
}

#[tokio::test]
async fn the_first_ctrl_c_leaves_nothing_even_during_the_clean_up() {
    let served = served(Options::default()).await;
    let slow = Effect::Slow(Duration::from_secs(3));
    let fault = Fault::next("DELETE", slow).after(1);
    served.genesys.add_fault(fault);
    let child = started(&served, "DELETE", 2).await;
    press_ctrl_c(&child);
    let (status, report, shown) = ended(child).await;
    assert_eq!(status, Some(0), "{shown}");
    assert!(is_empty(&served), "{shown}");
    assert_eq!(report["leftOver"], json!([]));
    for told in [
        "Deleting what was made …",
        "The contacts are being deleted, which takes up to a minute. Ctrl-C once more leaves them.",
    ] {
        assert!(shown.contains(told), "{shown}");
    }
}

#[tokio::test]
async fn a_client_that_may_not_delete_writes_nothing() {
    let served = served(Options::default()).await;
    let fault = Fault::status("DELETE", 403).times(1_000);
    served.genesys.add_fault(fault);
    let (status, report, shown) = probe(&served).await;
    assert_eq!((status, report), (2, Value::Null), "{shown}");
    let told = "DELETE contacts: 403 on.purpose: the client needs outbound:contact:delete. Nothing was written.";
    assert!(shown.contains(told), "{shown}");
    let is_write = |call: &Call| call.method == "PUT" || call.path.ends_with("/contacts");
    let written = calls(&served).into_iter().filter(is_write);
    let written: Vec<_> = written.map(|call| call.method).collect();
    assert_eq!(written, ["DELETE"]);
}

#[tokio::test]
async fn a_second_ctrl_c_leaves_the_contacts_and_names_them() {
    let served = served(Options::default()).await;
    let slow = Fault::next("POST", Effect::Slow(Duration::from_secs(9)));
    let contacts = format!("contactlists/{LIST}/contacts");
    served.genesys.add_fault(slow.on(contacts).after(3));
    let hangs = Effect::Hang { is_done: false };
    served
        .genesys
        .add_fault(Fault::next("DELETE", hangs).after(1).times(9));
    let child = started(&served, "POST", 4).await;
    press_ctrl_c(&child);
    tokio::time::sleep(Duration::from_secs(1)).await;
    press_ctrl_c(&child);
    let (status, report, shown) = ended(child).await;
    assert_eq!(status, Some(1), "{shown}");
    let there = served.genesys.contacts_of_list(LIST);
    assert_eq!(report["leftOver"], json!(there.keys().collect::<Vec<_>>()));
    assert!(there.len() == 4 && shown.contains("NOT DELETED"), "{shown}");
}

#[tokio::test]
async fn one_id_that_cannot_be_deleted_keeps_no_other() {
    let served = served(Options::default()).await;
    // The service refuses the delete of all ids, and then that of each of two ids.
    let fault = Fault::status("DELETE", 400).after(1).times(3);
    served.genesys.add_fault(fault);
    let (status, _, shown) = probe(&served).await;
    assert!(status == 0 && is_empty(&served), "{shown}");
}

#[tokio::test]
async fn a_deletion_that_does_not_show_is_made_again() {
    let served = served(Options::default()).await;
    let nothing_done = Effect::Text(String::new());
    let fault = Fault::next("DELETE", nothing_done).after(1);
    served.genesys.add_fault(fault);
    let (status, _, shown) = probe(&served).await;
    assert!(status == 0 && is_empty(&served), "{shown}");

    // The service may still carry out a write after the probe deleted its contacts.
    let fault = Fault::next("POST", Effect::Hang { is_done: false });
    let contacts = format!("contactlists/{LIST}/contacts");
    let before = calls(&served).len();
    served.genesys.add_fault(fault.on(contacts).after(1));
    let (_, report, shown) = probe(&served).await;
    let deletions = calls(&served)[before..]
        .iter()
        .filter(|call| call.method == "DELETE" && call.query.contains("-Case"))
        .count();
    assert_eq!(deletions, 2, "{shown}");
    assert_eq!(report["leftOver"], json!([]));
}

#[tokio::test]
async fn contacts_that_could_not_be_deleted_are_named_with_how_to_delete_them() {
    // The list's size counts what is left at once.
    let lists = ListReadings {
        search_lag: Duration::ZERO,
        ..ListReadings::default()
    };
    let options = Options {
        lists,
        ..Options::default()
    };
    let served = served(options).await;
    let fault = Fault::status("DELETE", 403).after(1).times(1_000);
    served.genesys.add_fault(fault);
    let (status, report, shown) = probe(&served).await;
    let there = served.genesys.contacts_of_list(LIST);
    assert!(status == 1 && !there.is_empty(), "{shown}");
    assert_eq!(report["ok"], json!(false));
    assert_eq!(report["leftOver"], json!(there.keys().collect::<Vec<_>>()));
    let start = format!(
        "\ncurl -X DELETE -H \"Authorization: Bearer $TOKEN\" '{}/api/v2/outbound/contactlists/{LIST}/contacts?contactIds=campaign-sync-probe-",
        served.base
    );
    let why = "NOT DELETED, as far as is known: 7 contacts (DELETE contacts: 403 on.purpose (needs outbound:contact:delete))";
    assert!(shown.contains(why) && shown.contains(&start), "{shown}");
    let (status, _, again) = probe(&served).await;
    let told = "holds 7 contacts. Nothing was written. The 7 contacts that a search shows are an earlier probe's";
    assert!(
        status == 2 && again.contains(told) && again.contains(&start),
        "{again}"
    );
    let is_harmless = there.values().all(|contact| !contact.callable);
    assert!(is_harmless, "{there:?}");
}
