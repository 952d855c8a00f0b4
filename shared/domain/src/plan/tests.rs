//! Tests of the plan: which single write brings a contact to what its changes ask for. This file
//! has columns and ranks. `callable`, `channels`, `absent`, `leave` and `adopt` have the other
//! rules, and `properties` what holds for every run of changes.

mod absent;
mod adopt;
mod callable;
mod channels;
mod leave;
mod properties;
mod reset;

use super::*;
use crate::change::RankReset;
use crate::channel::{Channel, Statuses};

fn rank(number: u64) -> Option<Rank> {
    Some(Rank::new(number).unwrap())
}

fn columns(columns: &[(&str, &str)]) -> Columns<String> {
    Columns(
        columns
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

/// An upsert: `"name=value name2="` names two columns and clears the second.
fn upsert(data: &str, callable: Option<bool>) -> Operation {
    let data = data
        .split_whitespace()
        .map(|column| column.split_once('=').unwrap());
    let data = data.map(|(name, value)| {
        (
            name.to_owned(),
            Some(value.to_owned()).filter(|value| !value.is_empty()),
        )
    });
    Operation::Upsert {
        data: Columns(data.collect()),
        callable,
        lowers: Lowered::default(),
    }
}

fn contact(data: &[(&str, &str)], callable: bool, version: impl Into<Version>) -> Contact {
    Contact {
        data: columns(data),
        callable,
        version: version.into(),
        statuses: Statuses::default(),
    }
}

/// A version by its text.
fn version(text: &str) -> Version {
    let version = Version::from_text(text);
    assert_eq!(version.to_string(), text);
    version
}

/// A run of changes in queue order: (rank, operation).
type Run = Vec<(Option<Rank>, Operation)>;

fn by(raise: Raise) -> Wishes {
    Wishes {
        raise: Some(raise),
        ..Wishes::default()
    }
}

fn planned(run: &Run, actual: Option<&Contact>) -> Plan {
    planned_by(by(Raise::Own), run, actual)
}

fn planned_by(wishes: Wishes, run: &Run, actual: Option<&Contact>) -> Plan {
    let changes: Vec<_> = run
        .iter()
        .map(|(rank, operation)| RankedChange {
            rank: *rank,
            if_absent: IfAbsent::Create,
            operation,
        })
        .collect();
    plan(&changes, actual, wishes)
}

/// The contact that the service holds after an action (docs/contract.md "Predictive API").
fn after(actual: Option<&Contact>, action: &Action) -> Option<Contact> {
    match action {
        Action::Skip(_) => actual.cloned(),
        Action::Create {
            data,
            callable,
            version,
            lowers,
        } => {
            assert!(actual.is_none(), "created over an existing contact");
            Some(Contact {
                data: data.clone(),
                callable: callable.unwrap_or(true),
                version: *version,
                statuses: Statuses::default().lowered(lowers),
            })
        }
        Action::Update {
            data,
            callable,
            version,
            lowers,
        } => {
            let mut contact = actual.expect("only what exists is updated").clone();
            for (name, value) in data.iter() {
                match value {
                    Some(value) => contact.data.insert(name.clone(), value.clone()),
                    None => contact.data.remove(name),
                };
            }
            contact.callable = callable.unwrap_or(contact.callable);
            contact.version = version.unwrap_or(contact.version);
            contact.statuses = contact.statuses.lowered(lowers);
            Some(contact)
        }
    }
}

fn result(run: &Run, actual: Option<&Contact>) -> Option<Contact> {
    after(actual, &planned(run, actual).action)
}

fn result_by(wishes: Wishes, run: &Run, actual: Option<&Contact>) -> Option<Contact> {
    after(actual, &planned_by(wishes, run, actual).action)
}

#[test]
fn a_contact_that_does_not_exist_is_created_without_nulls() {
    let run = vec![(rank(7), upsert("phone=1 nickname=", None))];
    let plan = planned(&run, None);
    assert_eq!(
        plan.action,
        Action::Create {
            data: columns(&[("phone", "1")]),
            callable: None,
            version: version("7"),
            lowers: Lowered::default(),
        }
    );
    assert_eq!(plan.parts, [Part::Newest]);
}

#[test]
fn rapid_updates_are_folded_into_one_write() {
    let run = vec![
        (rank(1), upsert("phone=1 name=a", None)),
        (rank(2), upsert("phone=2", Some(false))),
        (rank(3), upsert("email=x", None)),
    ];
    let plan = planned(&run, None);
    let data = columns(&[("phone", "2"), ("name", "a"), ("email", "x")]);
    assert_eq!(
        plan.action,
        Action::Create {
            data,
            callable: Some(false),
            version: version("3:2-"),
            lowers: Lowered::default(),
        }
    );
    assert_eq!(
        plan.parts,
        [Part::Superseded, Part::Superseded, Part::Newest]
    );
}

#[test]
fn changes_are_merged_by_rank_and_not_by_arrival() {
    let run = vec![
        (rank(3), upsert("phone=3", None)),
        (rank(2), upsert("phone=2 name=b", Some(false))),
    ];
    let plan = planned(&run, None);
    let data = columns(&[("phone", "3"), ("name", "b")]);
    assert_eq!(
        plan.action,
        Action::Create {
            data,
            callable: Some(false),
            version: version("3:2-"),
            lowers: Lowered::default(),
        }
    );
    assert_eq!(
        (plan.parts, plan.order),
        (vec![Part::Newest, Part::Superseded], vec![1, 0])
    );
}

#[test]
fn a_stale_change_writes_no_column_and_raises_nothing() {
    let actual = contact(&[("phone", "9")], false, rank(9));
    let plan = planned(
        &vec![(rank(8), upsert("phone=8", Some(true)))],
        Some(&actual),
    );
    assert_eq!(
        (plan.action, plan.parts),
        (Action::Skip(Skip::Stale), vec![Part::Stale])
    );
}

#[test]
fn a_change_without_a_rank_applies_at_its_place_in_the_queue() {
    let actual = contact(&[("phone", "9")], false, rank(9));
    let unranked = || (None, upsert("phone=u", Some(true)));
    let phone = |run: Run| {
        let contact = result_by(by(Raise::Always), &run, Some(&actual)).unwrap();
        (
            contact.data["phone"].clone(),
            contact.callable,
            contact.version.rank,
        )
    };
    assert_eq!(phone(vec![unranked()]), ("u".into(), true, rank(9)));
    assert_eq!(
        phone(vec![unranked(), (rank(9), upsert("phone=9", Some(false)))]),
        ("9".into(), false, rank(9))
    );
    assert_eq!(
        phone(vec![
            (rank(12), upsert("phone=12", Some(false))),
            unranked()
        ]),
        ("u".into(), true, rank(12))
    );
    let later_but_older = vec![
        (rank(12), upsert("phone=12", None)),
        unranked(),
        (rank(11), upsert("phone=11", None)),
    ];
    assert_eq!(phone(later_but_older), ("u".into(), true, rank(12)));
    assert_eq!(
        phone(vec![(rank(8), upsert("phone=8", None)), unranked()]),
        ("u".into(), true, rank(9))
    );
}

#[test]
fn without_stored_ranks_the_order_of_the_queue_decides() {
    let actual = contact(&[("phone", "9")], false, None);
    let run = vec![
        (None, upsert("phone=1", Some(false))),
        (None, upsert("phone=2", Some(true))),
    ];
    let contact = result_by(Wishes::default(), &run, Some(&actual)).unwrap();
    assert_eq!(
        (
            contact.data["phone"].as_str(),
            contact.callable,
            contact.version
        ),
        ("2", true, Version::default())
    );
}

#[test]
fn equal_content_with_a_newer_rank_stores_the_rank_alone() {
    let actual = contact(&[("phone", "9")], true, rank(9));
    let run = vec![(rank(10), upsert("phone=9 nickname=", Some(true)))];
    let plan = planned(&run, Some(&actual));
    assert_eq!(
        plan.action,
        Action::Update {
            data: Columns::default(),
            callable: None,
            version: Some(version("10:10+")),
            lowers: Lowered::default(),
        }
    );
}

#[test]
fn an_update_names_all_that_the_changes_name_if_any_of_it_differs() {
    let actual = contact(
        &[("phone", "9"), ("name", "a"), ("kept", "k")],
        true,
        rank(9),
    );
    let run = vec![(rank(10), upsert("phone=9 name=", Some(true)))];
    let Action::Update {
        data,
        callable,
        version: stored,
        ..
    } = planned(&run, Some(&actual)).action
    else {
        panic!()
    };
    assert_eq!(data.keys().collect::<Vec<_>>(), ["name", "phone"]);
    assert_eq!(stored, Some(version("10:10+")));
    assert_eq!(callable, None, "it is so already, or was lowered meanwhile");
}

#[test]
fn null_empty_and_absent_are_equal() {
    let actual = contact(&[("empty", "")], true, rank(9));
    for data in ["empty= absent=", "empty="] {
        let plan = planned(&vec![(rank(9), upsert(data, None))], Some(&actual));
        assert_eq!(
            (plan.action, plan.parts),
            (Action::Skip(Skip::Unchanged), vec![Part::Newest])
        );
    }
}

#[test]
fn removing_what_cannot_be_read_leaves_a_tombstone_that_an_older_upsert_cannot_undo() {
    let tombstone = result(&vec![(rank(9), Operation::Remove)], None).unwrap();
    assert_eq!(tombstone, contact(&[], false, version("9:9-")));
    let late = planned(
        &vec![(rank(8), upsert("phone=8", Some(true)))],
        Some(&tombstone),
    );
    assert_eq!(late.action, Action::Skip(Skip::Stale));
    let newer = result(
        &vec![(rank(10), upsert("phone=10", Some(true)))],
        Some(&tombstone),
    )
    .unwrap();
    assert!(newer.callable);
    let silent = result(
        &vec![(rank(10), upsert("phone=10", None))],
        Some(&tombstone),
    )
    .unwrap();
    assert!(!silent.callable);
}

#[test]
fn a_first_rank_is_newer_than_none() {
    let actual = contact(&[("phone", "x")], false, None);
    let run = vec![(rank(0), upsert("phone=0", Some(true)))];
    let contact = result_by(by(Raise::Always), &run, Some(&actual)).unwrap();
    assert_eq!(
        (
            contact.data["phone"].as_str(),
            contact.callable,
            contact.version
        ),
        ("0", true, version("0:0+"))
    );
}
