//! Every possible behaviour of the service, and what the probe reports about it. The contacts that
//! it makes for that are deleted in `clean_up`.

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::genesys::{Duplicates, ListReadings, Options};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::support::openapi;

/// The questions for which an unexpected answer asks the operator to act.
const MATTERS: [&str; 6] = [
    "postCallable",
    "idCharacters",
    "idLength",
    "idCase",
    "readAfterCreate",
    "readAfterUpdate",
];

/// A behaviour of the service, and the questions whose answers then differ from what is assumed.
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
        (
            lists(ListReadings {
                update_lag: Duration::from_millis(1_500),
                ..list()
            }),
            &["readAfterUpdate"],
        ),
        // The lag is longer than the probe waits for a read that nothing depends on.
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
                "no contact is queued for dialling"
            );
        });
    join_all(found).await;
}

#[tokio::test]
async fn the_report_is_in_plain_words() {
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
    assert!(widest.is_some_and(|widest| widest <= 100), "{shown}");
    for expected in [
        "as assumed; keys that hold a refused",
        "differs: ",
        "otherwise, harmless: this does not",
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
async fn the_meaning_of_a_read_lag_depends_on_the_answer_to_the_first_question() {
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
        let what_to_set = "into readLagSeconds of the org's secret";
        assert!(meaning.is_some_and(|meaning| meaning.contains(what_to_set)));
    }
}
