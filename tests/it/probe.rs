//! `campaign-sync check --probe`, by the real command: what it finds out of an emulated Genesys
//! Cloud in every reading, whom it refuses to write to, and that it leaves nothing behind.

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::genesys::{Call, Duplicates, ListReadings, Options};
use emulator::world::client_id;
use emulator::{Effect, Fault};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::process::Child;

use crate::support::openapi;
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

/// Stable ids of the questions whose `asAssumed` is this.
fn questions(report: &Value, as_assumed: Value) -> BTreeSet<&str> {
    let facts = report["facts"].as_array().into_iter().flatten();
    facts
        .filter(|fact| fact["asAssumed"] == as_assumed)
        .map(|fact| fact["question"].as_str().unwrap())
        .collect()
}

/// What needs something of who runs campaign-sync where it is otherwise.
const MATTERS: [&str; 6] = [
    "postCallable",
    "idCharacters",
    "idLength",
    "idCase",
    "readAfterCreate",
    "readAfterUpdate",
];

fn fact<'a>(report: &'a Value, question: &str) -> &'a Value {
    let facts = report["facts"].as_array().into_iter().flatten();
    let mut facts = facts.filter(|fact| fact["question"] == question);
    facts.next().unwrap_or(&Value::Null)
}

/// Calls of the API by the org of the probe; those for a token have no client.
fn calls(served: &Served) -> Vec<Call> {
    let mut calls = served.genesys.calls();
    calls.retain(|call| call.path.starts_with("/api/"));
    calls
}

fn is_empty(served: &Served) -> bool {
    served.genesys.contacts_of_list(LIST).is_empty()
}

/// What the service does, and the questions that then differ from what is assumed.
fn readings() -> Vec<(Options, &'static [&'static str])> {
    let base = Options::default;
    let lists = |lists: ListReadings| Options {
        lists,
        ..Options::default()
    };
    let list = ListReadings::default;
    vec![
        (base(), &[]),
        (
            Options {
                omitted_callable_is_true: true,
                ..base()
            },
            &["postCallable", "putCallable"],
        ),
        (
            Options {
                list_updates_merge: true,
                ..base()
            },
            &["putColumns"],
        ),
        (
            Options {
                list_updates_merge: true,
                lists: ListReadings {
                    posts_take_a_subset: true,
                    ..list()
                },
                ..base()
            },
            &["postColumns", "postSubset", "putColumns"],
        ),
        (
            lists(ListReadings {
                posts_take_a_subset: true,
                ..list()
            }),
            &["postSubset"],
        ),
        (
            lists(ListReadings {
                puts_take_a_subset: false,
                ..list()
            }),
            &["putSubset"],
        ),
        (
            lists(ListReadings {
                fold_case: true,
                ..list()
            }),
            &["idCase"],
        ),
        (
            lists(ListReadings {
                read_lag: Duration::from_millis(1_500),
                ..list()
            }),
            &["readAfterCreate"],
        ),
        // Longer than the reads of a question that nothing hangs on are waited for.
        (
            lists(ListReadings {
                read_lag: Duration::from_secs(16),
                ..list()
            }),
            &["readAfterCreate"],
        ),
        (
            lists(ListReadings {
                duplicates: Duplicates::FirstWins,
                ..list()
            }),
            &["duplicates"],
        ),
        (
            lists(ListReadings {
                duplicates: Duplicates::LastWins,
                ..list()
            }),
            &["duplicates"],
        ),
        (
            lists(ListReadings {
                answer_in_another_order: true,
                ..list()
            }),
            &["answerOrder"],
        ),
        (
            lists(ListReadings {
                id_characters: "-",
                ..list()
            }),
            &["idCharacters"],
        ),
        (
            lists(ListReadings {
                id_characters: "-_.:/@+ é",
                ..list()
            }),
            &[],
        ),
        (
            lists(ListReadings {
                longest_id: 200,
                ..list()
            }),
            &["idLength"],
        ),
        (
            lists(ListReadings {
                longest_id: 50,
                ..list()
            }),
            &["idLength"],
        ),
        (
            Options {
                counts_each_token: true,
                ..base()
            },
            &["budget"],
        ),
    ]
}

#[tokio::test]
async fn every_reading_is_found_out_and_nothing_is_left() {
    let found = readings()
        .into_iter()
        .map(|(options, expected)| async move {
            let said = format!("{options:?}");
            let served = served(options).await;
            let (status, report, shown) = probe(&served).await;
            let expected: BTreeSet<_> = expected.iter().copied().collect();
            assert_eq!(
                questions(&report, json!(false)),
                expected,
                "{said}\n{shown}"
            );
            assert_eq!(
                questions(&report, Value::Null),
                BTreeSet::new(),
                "{said}\n{shown}"
            );
            let is_as_assumed = expected.is_empty();
            let is_right = expected.iter().all(|question| !MATTERS.contains(question));
            assert_eq!(status, i32::from(!is_right), "{shown}");
            assert_eq!(report["ok"], json!(is_right), "{shown}");
            for question in expected {
                let fact = fact(&report, question);
                assert!(fact["meaning"].is_string(), "{question}: {shown}");
                assert_eq!(fact["matters"], json!(MATTERS.contains(&question)));
            }
            assert!(is_empty(&served), "{said}");
            assert_eq!(report["leftOver"], json!([]));
            let calls = calls(&served);
            assert_eq!(openapi::faults(&calls), [""; 0]);
            assert_eq!(report["calls"], json!(calls.len()));
            assert!(calls.len() <= 40, "{}: {said}", calls.len());
            if is_as_assumed {
                assert!(calls.len() <= 32, "{}: {said}", calls.len());
            }
            assert!(
                calls.iter().all(|call| call.method != "POST"
                    || !call.path.ends_with("/contacts")
                    || call.query == "doNotQueue=true"),
                "nobody is put into a queue"
            );
        });
    join_all(found).await;
}

#[tokio::test]
async fn what_was_seen_is_told_in_words() {
    let served = served(Options {
        lists: ListReadings {
            longest_id: 200,
            duplicates: Duplicates::LastWins,
            ..ListReadings::default()
        },
        ..Options::default()
    })
    .await;
    let (_, report, _) = probe(&served).await;
    for (question, seen) in [
        ("postColumns", "none may be left out"),
        ("putColumns", "is emptied"),
        ("idCharacters", "taken: _.   refused: : / @ + space é"),
        (
            "idLength",
            "128 characters, not 255: one between may be taken",
        ),
        ("duplicates", "is taken: the last wins"),
        ("readAfterCreate", "at once"),
    ] {
        assert_eq!(fact(&report, question)["seen"], seen);
    }
    let (status, _, shown) = served
        .command(&["check", "--org", ORG, "--probe", LIST])
        .await;
    assert_eq!(status, 1);
    let widest = shown
        .lines()
        .filter(|line| line.starts_with('│'))
        .map(|line| line.chars().count())
        .max();
    assert!(widest <= Some(100), "{shown}");
    for expected in [
        "as assumed; keys that hold a refused",
        "differs: ",
        "otherwise, harmless: no matter to",
        "Every contact that was made is deleted.",
        "Of 14 answers 12 are as assumed, 1 is otherwise and harmless, 1 needs something of you: the longest\nid. Look too at: special characters in an id.",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let characters = fact(&report, "idCharacters");
    assert_eq!(characters["asAssumed"], json!(true));
    assert_eq!(characters["matters"], json!(false));
    assert!(characters["meaning"].is_string(), "{report}");
}

#[tokio::test]
async fn an_opt_out_that_is_not_seen_is_judged_by_the_first_question_too() {
    for (omitted_callable_is_true, told) in [
        (false, "by the answer to the first question it stays"),
        (true, "that person is then callable again"),
    ] {
        let served = served(Options {
            omitted_callable_is_true,
            lists: ListReadings {
                read_lag: Duration::from_millis(500),
                ..ListReadings::default()
            },
            ..Options::default()
        })
        .await;
        let (_, report, _) = probe(&served).await;
        let meaning = fact(&report, "readAfterCreate")["meaning"].as_str();
        assert!(
            meaning.is_some_and(|meaning| meaning.contains(told)),
            "{report}"
        );
    }
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
    assert!(widest <= Some(100), "{shown}");
}

#[tokio::test]
async fn it_needs_no_queue() {
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
    // Longer than the questions wait; the clean-up does.
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
async fn what_nobody_tells_stays_open_and_stops_nothing_else() {
    // No count is told.
    let untold = served(Options {
        rate_headers: false,
        ..Options::default()
    });
    let untold = untold.await;
    let (status, report, shown) = probe(&untold).await;
    assert_eq!(status, 1, "{shown}");
    assert_eq!(questions(&report, Value::Null), ["budget"].into());
    assert_eq!(questions(&report, json!(false)), BTreeSet::new());

    // The PUT without callable, the POST of long ids, and the POST of the characters.
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

    // No contact at all can be made.
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
async fn a_refusal_of_everything_is_none_of_what_is_special() {
    let served = served(Options::default()).await;
    let contacts = format!("contactlists/{LIST}/contacts");
    // The look at the list is answered, and no write.
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
    // A campaign went to another list, and left its contact behind.
    served.put_campaign(ORG, "gone", Some(&["phone", "a", "b"]));
    genesys.put_contact("gone", "LEAD-1", &[("phone", "+13175550100")], true);
    genesys.change_list("gone", LIST);
    genesys.change_list("gone", "list-of-drawing");
    put_list(&served, "narrow", &["phone", "a"]);
    for (org, list, told) in [
        (
            ORG,
            "list-of-drawing",
            "a campaign draws on it (drawing, gone)",
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
    // One of the two that tell of contacts is behind the other.
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
    let is_look = |call: &Call| call.method == "GET" || call.path.ends_with("/contacts/search");
    assert!(calls(&served).iter().all(is_look), "no write was made");
    assert_eq!(genesys.contacts_of_list("list-of-gone").len(), 1);
}

#[tokio::test]
async fn what_does_not_go_with_a_probe_is_refused() {
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
    assert_eq!(shown, "campaign-sync: --probe needs --org\n");
    for id in ["", "..", "a/b", "a?b"] {
        let shown = with(&["--org", ORG, "--probe", id]).await;
        assert!(shown.contains("expected 1 to 64 characters"), "{shown}");
    }
    assert!(calls(&served).is_empty());
}

/// Whichever call is lost: done or not, its contacts are looked for and deleted.
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

/// Starts a probe, and answers it when so many calls of the method were made.
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
async fn ctrl_c_ends_it_and_its_contacts_are_deleted() {
    let served = served(Options::default()).await;
    // The contacts are made, and the answer to the update does not come.
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
async fn the_first_ctrl_c_leaves_nothing_also_where_it_comes_in_the_clean_up() {
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
async fn a_second_ctrl_c_leaves_the_contacts_and_tells_them() {
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
    // All of them together, then two of them alone.
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

    // What may be done yet, after its contacts were deleted.
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
async fn contacts_that_could_not_be_deleted_are_told_and_how_to_delete_them() {
    let served = served(Options::default()).await;
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

#[tokio::test]
async fn the_report_of_an_issue_names_nobody() {
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
