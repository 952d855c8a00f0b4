//! The probe refuses lists on which it could do harm, and says what is missing if Genesys Cloud
//! refuses its calls. What it finds out otherwise is in `readings`.

use std::collections::BTreeSet;

use emulator::genesys::{Call, Options};
use emulator::world::client_id;
use emulator::{Effect, Fault};
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_service_that_wants_a_while_without_calls_is_waited_for() {
    let throttled = |seconds: &str| Effect::Status(429, vec![("retry-after", seconds.to_owned())]);
    let for_seconds = async {
        let served = served(Options::default()).await;
        let contacts = format!("contactlists/{LIST}/contacts");
        let fault = Fault::next("POST", throttled("2")).on(contacts).after(3);
        served.genesys.add_fault(fault.times(4));
        let (status, report, shown) = probe(&served).await;
        assert_eq!(status, 0, "{shown}");
        assert_eq!(questions(&report, json!(true)).len(), 14, "{shown}");
    };
    // The service asks for a longer wait than a question allows, but not longer than the clean-up
    // allows.
    let for_longer = async {
        let served = served(Options::default()).await;
        let fault = Fault::next("PUT", throttled("61"));
        served.genesys.add_fault(fault);
        let (status, report, shown) = probe(&served).await;
        assert_eq!(status, 1, "{shown}");
        let seen = fact(&report, "putCallable")["seen"].as_str();
        let is_told = seen.is_some_and(|seen| seen.ends_with("run it again in a minute"));
        assert!(is_told, "{report}");
        assert!(is_empty(&served), "{shown}");
    };
    tokio::join!(for_seconds, for_longer);
}

#[tokio::test]
async fn a_question_without_an_answer_stays_open_and_stops_no_other() {
    // The answers do not report the rate limit.
    let untold = served(Options {
        rate_headers: false,
        ..Options::default()
    });
    let untold = untold.await;
    let (status, report, shown) = probe(&untold).await;
    assert_eq!(status, 1, "{shown}");
    assert_eq!(questions(&report, Value::Null), ["budget"].into());
    assert_eq!(questions(&report, json!(false)), BTreeSet::new());

    // The PUT without `callable`, the POST of long ids and the POST of the characters fail.
    let ill = served(Options::default()).await;
    let contacts = format!("contactlists/{LIST}/contacts");
    ill.genesys
        .add_fault(Fault::status("PUT", 503).on("contacts"));
    for (after, status) in [(10, 500), (11, 403)] {
        let fault = Fault::status("POST", status).on(&*contacts);
        ill.genesys.add_fault(fault.after(after));
    }
    let (status, report, shown) = probe(&ill).await;
    assert_eq!(status, 1, "{shown}");
    assert_eq!(
        questions(&report, Value::Null),
        ["idCharacters", "idLength", "putCallable"].into(),
        "{shown}"
    );
    assert_eq!(questions(&report, json!(false)), BTreeSet::new(), "{shown}");
    let seen = &fact(&report, "putCallable")["seen"];
    assert_eq!(seen, "not found out: PUT contact: 503 on.purpose");
    assert_eq!(fact(&report, "putCallable")["meaning"], Value::Null);
    assert!(is_empty(&ill));

    // No contact can be created at all.
    let shut = served(Options::default()).await;
    let fault = Fault::status("POST", 400).on(&*contacts).after(1);
    shut.genesys.add_fault(fault.times(1));
    let (_, report, shown) = probe(&shut).await;
    let open = questions(&report, Value::Null);
    assert_eq!(open.len(), 10, "{shown}");
    let seen = &fact(&report, "idCase")["seen"];
    let expected = "not found out: no contact could be made: POST contacts: 400 bad.request";
    assert_eq!(seen, expected);
    assert!(is_empty(&shut));
    let refused = Fault::status("POST", 403).on(&*contacts).after(1);
    shut.genesys.add_fault(refused.times(1));
    let arguments = ["check", "--org", ORG, "--probe", LIST];
    let (_, _, shown) = shut.command(&arguments).await;
    assert_eq!(shown.matches("403").count(), 1, "{shown}");
    assert!(
        shown.contains("No contact could be made (POST contacts: 403"),
        "{shown}"
    );
    assert!(shown.contains("10 questions stay open."), "{shown}");
    let needed = "(needs outbound:contact:add, and\noutbound:contact:edit for what exists)";
    assert!(shown.contains(needed), "{shown}");
}

#[tokio::test]
async fn a_list_is_empty_if_no_contact_can_be_read_and_no_file_is_being_imported() {
    let served = served(Options::default()).await;
    served.genesys.import(LIST, true);
    let (status, _, shown) = probe(&served).await;
    let told = "is not empty: a file is being imported into it. Nothing was written.";
    assert!(status == 2 && shown.contains(told), "{shown}");
    let writes = |call: &Call| call.method == "PUT" || call.path.ends_with("/contacts");
    assert!(!calls(&served).iter().any(writes));
    served.genesys.import(LIST, false);
    // The size of the list counts the deleted contacts of the first probe for some seconds.
    for _ in 0..2 {
        let (status, _, shown) = probe(&served).await;
        assert_eq!(status, 0, "{shown}");
    }
}

#[tokio::test]
async fn a_service_that_refuses_everything_answers_no_question() {
    let served = served(Options::default()).await;
    let contacts = format!("contactlists/{LIST}/contacts");
    // The reads of the list succeed, and every write is refused.
    let refused = Fault::status("POST", 400).on(&*contacts).after(1);
    served.genesys.add_fault(refused.times(99));
    let (status, report, shown) = probe(&served).await;
    assert_eq!(status, 1, "{shown}");
    assert_eq!(
        questions(&report, json!(true)),
        ["budget"].into(),
        "{shown}"
    );
    assert_eq!(questions(&report, json!(false)), BTreeSet::new(), "{shown}");

    let served = self::served(Options::default()).await;
    let fault = Fault::status("PUT", 400).times(99);
    served.genesys.add_fault(fault);
    let (_, report, shown) = probe(&served).await;
    assert_eq!(
        questions(&report, Value::Null),
        ["putCallable", "putColumns", "putSubset"].into(),
        "{shown}"
    );
    assert_eq!(questions(&report, json!(false)), BTreeSet::new(), "{shown}");
    assert!(is_empty(&served), "{shown}");
}

#[tokio::test]
async fn a_list_that_is_used_is_not_written_to() {
    let served = served(Options::default()).await;
    let genesys = &served.genesys;
    served.put_org("other-api", &json!({ "api": "predictive" }));
    served.put_campaign(ORG, "drawing", Some(&["phone", "a", "b"]));
    // A campaign moved to another list and left its contact behind.
    served.put_campaign(ORG, "gone", Some(&["phone", "a", "b"]));
    genesys.put_contact("gone", "LEAD-1", &[("phone", "+13175550100")], true);
    genesys.change_list("gone", LIST);
    genesys.change_list("gone", "list-of-drawing");
    put_list(&served, "narrow", &["phone", "a"]);
    for (org, list, told) in [
        (
            ORG,
            "list-of-drawing",
            "is used by campaign drawing, gone. Nothing was written",
        ),
        (ORG, "list-of-gone", "holds 1 contact."),
        (ORG, "narrow", "needs two columns of plain text"),
        (ORG, "nowhere", "there is no such contact list"),
        ("other-api", LIST, "the other API, contactLists"),
        (
            "nobody",
            LIST,
            "campaign-sync/org/nobody: there is none in this account and region: create it",
        ),
    ] {
        let (status, report, shown) = served
            .command(&["check", "--org", org, "--probe", list, "--json"])
            .await;
        assert_eq!((status, report), (2, Value::Null), "{shown}");
        assert!(shown.contains(told), "{told}: {shown}");
    }
    // One of the two answers about contacts lags behind the other.
    let columns = r#"{"columnNames": ["phone", "a", "b"]}"#.to_owned();
    let none = r#"{"entities": [], "total": 0}"#.to_owned();
    for (method, path, text) in [
        ("GET", "contactlists/list-of-gone", columns),
        ("POST", "contacts/search", none),
    ] {
        let stale = Fault::next(method, Effect::Text(text));
        genesys.add_fault(stale.on(path));
        let arguments = ["check", "--org", ORG, "--probe", "list-of-gone"];
        let (status, _, shown) = served.command(&arguments).await;
        assert!(status == 2 && shown.contains("holds 1 contact."), "{shown}");
    }
    genesys.forbid(&client_id(ORG), true);
    let (status, _, shown) = probe(&served).await;
    assert!(
        status == 2 && shown.contains("outbound:contactList:view, in the list's division"),
        "{shown}"
    );
    let is_look = |call: &Call| {
        let reads = ["/contacts/search", "/contacts/bulk"];
        call.method == "GET" || reads.iter().any(|read| call.path.ends_with(read))
    };
    assert!(calls(&served).iter().all(is_look), "no write was made");
    assert_eq!(genesys.contacts_of_list("list-of-gone").len(), 1);
}

#[tokio::test]
async fn options_that_contradict_a_probe_are_refused() {
    let served = served(Options::default()).await;
    let with = async |arguments: &[&str]| {
        let (status, _, shown) = served.command(&[&["check"], arguments].concat()).await;
        assert_eq!(status, 2, "{shown}");
        shown
    };
    let named = ["--org", ORG, "--probe", LIST];
    for more in [
        ["--campaign", "c"],
        ["--source", "crm"],
        ["--apply-timeout", "30"],
    ] {
        let shown = with(&[&named[..], &more].concat()).await;
        assert!(shown.contains("cannot be used with"), "{shown}");
    }
    let shown = with(&["--probe", LIST]).await;
    assert!(
        shown.contains("required arguments were not provided") && shown.contains("--org"),
        "{shown}"
    );
    for id in ["", "..", "a/b", "a?b"] {
        let shown = with(&["--org", ORG, "--probe", id]).await;
        assert!(shown.contains("expected 1 to 64 characters"), "{shown}");
    }
    assert!(calls(&served).is_empty());
}
