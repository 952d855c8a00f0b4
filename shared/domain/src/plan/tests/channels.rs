//! Channels and numbers are only ever lowered, so even a stale change lowers them (docs/design.md
//! "Channels and numbers"). Reading the members `contactable` and `phones` is tested in `change`.

use super::*;

/// The same upsert, which also lowers these channels and numbers.
pub(super) fn lowering(upsert: Operation, lowered: Lowered) -> Operation {
    match upsert {
        Operation::Upsert { data, callable, .. } => Operation::Upsert {
            data,
            callable,
            lowers: lowered,
        },
        other => other,
    }
}

/// The same contact with these lowered.
pub(super) fn lowered_by(contact: Contact, lowered: &Lowered) -> Contact {
    Contact {
        statuses: contact.statuses.lowered(lowered),
        ..contact
    }
}

/// Channels by their names and numbers by their columns, such as `"Sms phone"`.
fn lowered(names: &str) -> Lowered {
    let mut lowered = Lowered::default();
    for name in names.split_whitespace() {
        match Channel::of(name) {
            Some(channel) => drop(lowered.channels.insert(channel)),
            None => drop(lowered.phones.insert(name.to_owned())),
        }
    }
    lowered
}

fn lowers(names: &str) -> Operation {
    lowering(upsert("", None), lowered(names))
}

fn update(version: Option<Version>, names: &str) -> Action {
    Action::Update {
        data: Columns::default(),
        callable: None,
        version,
        lowers: lowered(names),
    }
}

const EVERY: &str = "Voice Sms Email WhatsApp";

fn all() -> Wishes {
    Wishes {
        opt_out: OptOut::All,
        ..by(Raise::Own)
    }
}

#[test]
fn only_raised_channels_are_written() {
    let actual = lowered_by(contact(&[], true, rank(9)), &lowered("Sms home"));
    let run = vec![(rank(9), lowers("Sms Email home cell"))];
    assert_eq!(
        planned(&run, Some(&actual)).action,
        update(None, "Email cell")
    );
    let run = vec![(rank(9), lowers("Sms home"))];
    let plan = planned(&run, Some(&actual));
    assert_eq!(plan.action, Action::Skip(Skip::Unchanged));
    assert_eq!(plan.parts, [Part::Newest]);
}

#[test]
fn a_change_that_says_nothing_else_counts_as_any_other() {
    let actual = contact(&[("phone", "9")], true, rank(9));
    let run = vec![(rank(10), lowers("Sms"))];
    let newer = update(Some(version("10")), "Sms");
    assert_eq!(planned(&run, Some(&actual)).action, newer);
    let created = result(&run, None).unwrap();
    assert!(created.callable, "text messages stop no call");
    assert!(created.statuses.not_yet_lowered(&lowered("Sms")).is_empty());
    assert_eq!(created.version, version("10"));
}

#[test]
fn a_stale_change_still_lowers_channels_and_is_reported_for_the_write() {
    let actual = contact(&[("phone", "9")], true, rank(9));
    let stale = (rank(8), lowering(upsert("phone=8", None), lowered("Sms")));
    let plan = planned(&vec![stale.clone()], Some(&actual));
    assert_eq!(
        (plan.action, plan.parts),
        (update(None, "Sms"), vec![Part::Newest])
    );
    // The newest part is the last change that made a difference.
    let silent = (rank(7), upsert("phone=7", None));
    let again = (rank(8), lowers("Sms"));
    let plan = planned(&vec![stale.clone(), silent, again], Some(&actual));
    assert_eq!(plan.action, update(None, "Sms"));
    assert_eq!(plan.parts, [Part::Newest, Part::Stale, Part::Stale]);
    // Together with a newer change, the stale one is folded.
    let newer = (
        rank(10),
        lowering(upsert("phone=10", None), lowered("phone")),
    );
    let plan = planned(&vec![newer, stale], Some(&actual));
    let Action::Update { data, lowers, .. } = plan.action else {
        panic!()
    };
    assert_eq!(data["phone"].as_deref(), Some("10"));
    assert_eq!(lowers, lowered("Sms phone"));
    assert_eq!(plan.parts, [Part::Newest, Part::Stale]);
}

#[test]
fn by_the_orgs_wish_an_opt_out_that_counts_lowers_every_channel() {
    for operation in [upsert("", Some(false)), Operation::Remove] {
        let run = vec![(rank(10), operation)];
        let actual = contact(&[], true, version("9:9+"));
        let Action::Update {
            callable, lowers, ..
        } = planned_by(all(), &run, Some(&actual)).action
        else {
            panic!()
        };
        assert_eq!((callable, lowers), (Some(false), lowered(EVERY)));
        let created = result_by(all(), &run, None).unwrap();
        assert!(created.statuses.not_yet_lowered(&lowered(EVERY)).is_empty());
        let voice = result(&run, Some(&actual)).unwrap();
        assert_eq!(voice.statuses, Statuses::default(), "by default none");
    }
}

#[test]
fn an_opt_out_lowers_the_raised_channels_of_a_contact_that_is_not_callable_already() {
    // It does not matter who made the contact not callable: campaign-sync, the dialler or 0.1.
    for stored in ["9:9-", "9:9!", "9:9+", "9"] {
        for number in [9, 10] {
            let actual = lowered_by(contact(&[], false, version(stored)), &lowered("Sms"));
            let run = vec![(rank(number), upsert("", Some(false)))];
            let written = result_by(all(), &run, Some(&actual)).unwrap();
            let left = written.statuses.not_yet_lowered(&lowered(EVERY));
            assert!(left.is_empty(), "{stored} {number}: {left:?}");
            assert!(!written.callable);
            let again = planned_by(all(), &run, Some(&written)).action;
            assert_eq!(again, Action::Skip(Skip::Unchanged), "{stored} {number}");
        }
    }
}

#[test]
fn a_stale_opt_out_lowers_no_channel_by_the_orgs_wish_and_an_opt_in_raises_none() {
    let actual = contact(&[], true, version("9:9+"));
    let stale = vec![(rank(8), upsert("", Some(false)))];
    let plan = planned_by(all(), &stale, Some(&actual));
    assert_eq!(plan.action, Action::Skip(Skip::Stale));
    let in_again = vec![
        (rank(10), upsert("", Some(false))),
        (rank(11), upsert("", Some(true))),
    ];
    let written = result_by(all(), &in_again, Some(&actual)).unwrap();
    assert!(written.callable);
    assert!(written.statuses.not_yet_lowered(&lowered(EVERY)).is_empty());
    // Without versions every opt-out counts.
    let unstored = Wishes {
        opt_out: OptOut::All,
        ..Wishes::default()
    };
    let plan = planned_by(
        unstored,
        &vec![(None, Operation::Remove)],
        Some(&contact(&[], false, None)),
    );
    let Action::Update { lowers, .. } = plan.action else {
        panic!()
    };
    assert_eq!(lowers, lowered(EVERY));
}
