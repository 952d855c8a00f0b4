//! Changes that may create no contact: they are skipped only once it is known that there is none.
//! docs/design.md "Who is not in the campaign" says how that is known; what is then written is
//! tested in `plan`.

use super::*;
use crate::dnc::{DncBy, DncList, DncListId};

/// By `contactLists`, a read shows only after this time whether there is a contact.
fn twice(said: &[&str], seconds: u64) -> Attempt {
    let absence = match seconds {
        0 => Absence::Known,
        seconds => Absence::ByReadAfter(Duration::from_secs(seconds)),
    };
    attempt(said).with_absence(absence)
}

#[test]
fn before_a_skip_a_contact_that_reads_miss_is_probed_by_an_empty_update() {
    let none = || StepResult::Contact(None);
    assert_eq!(
        steps(attempt(&["skip 2"]), vec![ABSENT, none()]),
        ["read", "probe", "skipped"]
    );
    assert_eq!(
        steps(attempt(&["skip 2"]), vec![ABSENT, THERE(), WRITTEN()]),
        ["read", "probe", "update 5", "updated"],
        "a moment ago it was created"
    );
    assert_eq!(
        steps(attempt(&["skip 2"]), vec![THERE(), WRITTEN()]),
        ["read", "update 5", "updated"]
    );
    let skip_opt_out = attempt(&["skipOptOut out", "skip 2"]);
    assert_eq!(
        steps(skip_opt_out, vec![ABSENT, none()]),
        ["read", "probe", "skipped, skipped"]
    );
}

#[test]
fn a_failed_probe_skips_nothing() {
    for (kind, then) in [
        (Kind::UnknownCampaign, "retry Missing"),
        (Kind::NotFound, "retry Missing"),
        (Kind::Unavailable, "retry Unavailable"),
        (Kind::Unanswered, "retry Unavailable"),
        (Kind::Refused, "retry Refused"),
        (Kind::Rejected, "parked rejected"),
    ] {
        let steps = steps(attempt(&["skip 2"]), vec![ABSENT, failed(kind)]);
        assert_eq!(steps, ["read", "probe", then], "{kind:?}");
    }
}

#[test]
fn a_list_is_read_twice_a_minute_apart() {
    assert_eq!(
        steps(twice(&["skip 2"], 60), vec![ABSENT]),
        ["read", "retry Absent { after: 60s }"]
    );
    assert_eq!(
        steps(twice(&["skip 2"], 0), vec![ABSENT]),
        ["read", "skipped"]
    );
    assert_eq!(
        steps(twice(&["skip 2"], 60), vec![THERE(), WRITTEN()]),
        ["read", "update 5", "updated"],
        "a contact that is there is not waited for"
    );
    // Whatever is written anyway is written at once.
    assert_eq!(
        steps(
            twice(&["skip 2", "skip out"], 60),
            vec![ABSENT, StepResult::Written(None)]
        ),
        ["read", "create -6 bare", "skipped, created"]
    );
    assert_eq!(
        steps(
            twice(&["skipOptOut out", "2"], 60),
            vec![ABSENT, StepResult::Written(None)]
        ),
        ["read", "create 6", "skipped, created"]
    );
}

#[test]
fn a_contact_with_only_an_opt_out_needs_no_probe_after_it_is_read() {
    let hollow = || {
        let hollow = Contact {
            data: Columns::default(),
            version: Version::from_text("1:1-"),
            ..contact(1, false).unwrap()
        };
        StepResult::Contact(Some(hollow))
    };
    assert_eq!(
        steps(attempt(&["skip in"]), vec![hollow()]),
        ["read", "skipped"]
    );
    assert_eq!(
        steps(twice(&["skip in"], 60), vec![hollow()]),
        ["read", "skipped"]
    );
    assert_eq!(
        steps(attempt(&["in"]), vec![hollow(), WRITTEN()]),
        ["read", "update +5", "updated"]
    );
}

#[test]
fn changes_with_a_skip_among_them_are_never_assumed_to_be_of_a_new_contact() {
    for said in [&["skip 2"][..], &["skip out"], &["2", "skip 3"]] {
        let mut attempt = attempt(said);
        assert_eq!(attempt.next(StepResult::Nothing), Step::Read);
        assert_eq!(attempt.assumed_new(), None, "{said:?}");
    }
    assert!(!attempt(&["skip 2", "skipOptOut out"]).may_create());
    assert!(attempt(&["skip 2", "3"]).may_create());
}

#[test]
fn a_fold_that_is_refused_is_applied_one_by_one_and_asks_once() {
    let (refused, none) = (failed(Kind::Rejected), StepResult::Contact(None));
    let seen = vec![ABSENT, refused, none, StepResult::Written(None)];
    assert_eq!(
        steps(attempt(&["skip 2", "skipOptOut 3", "4"]), seen),
        [
            "read",
            "create 7",
            "probe",
            "create alone 7",
            "skipped, skipped, created"
        ]
    );
}

#[test]
fn the_opt_out_of_a_change_that_breaks_a_rule_is_skipped_or_written_too() {
    let parked = |said: &str| {
        let piece = refused(0, change(5, said), ParkReason::ReservedColumn);
        let key = ContactKey::parse("k").unwrap();
        Attempt::new(key, vec![piece], ranked(), plan)
    };
    assert_eq!(
        steps(parked("skip out"), vec![ABSENT, StepResult::Written(None)]),
        ["read", "create -5 bare", "parked reservedColumn"]
    );
    assert_eq!(
        steps(
            parked("skipOptOut out"),
            vec![ABSENT, StepResult::Contact(None)]
        ),
        ["read", "probe", "parked reservedColumn"]
    );
}

#[test]
fn an_opt_out_of_an_absent_contact_is_entered_on_the_dnc_list() {
    let id = DncListId::parse("list-1").unwrap();
    let phone = DncBy::Phone {
        column: "phone".to_owned(),
    };
    for by in [DncBy::ContactKey, phone] {
        let dnc_list = Some(DncList {
            id: id.clone(),
            by: by.clone(),
        });
        let rules = Arc::new(Rules {
            dnc_list,
            ..Rules::clone(&ranked())
        });
        let owed = |said: &[&str], seen: Vec<StepResult>| {
            let pieces = said.iter().enumerate();
            let pieces = pieces.map(|(n, said)| taken(n, change(5 + n as u64, said)));
            let key = ContactKey::parse("k").unwrap();
            let mut attempt = Attempt::new(key, pieces.collect(), Arc::clone(&rules), plan);
            for seen in std::iter::once(StepResult::Nothing).chain(seen) {
                attempt.next(seen);
            }
            let (entries, by) = attempt.take_owed();
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| entry.as_str().to_owned())
                .collect();
            (entries, by)
        };
        let entry = match by {
            DncBy::ContactKey => "k",
            DncBy::Phone { .. } => "1",
        };
        let whole = (vec![entry.to_owned()], vec![0]);
        let none = (Vec::new(), Vec::new());
        assert_eq!(owed(&["skip out"], vec![ABSENT]), whole);
        assert_eq!(
            owed(&["skipOptOut out"], vec![ABSENT, StepResult::Contact(None)]),
            (whole.0.clone(), vec![0, 0])
        );
        assert_eq!(
            owed(&["skip 2"], vec![ABSENT, StepResult::Contact(None)]),
            none
        );
        assert_eq!(owed(&["skipOptOut out", "in"], vec![ABSENT]), none);
        let skipped = owed(&["skip out", "skip in"], vec![ABSENT]);
        assert_eq!(skipped, whole, "an opt-in that is skipped undoes nothing");
        // An opt-out without columns leaves nobody in the campaign.
        let before = match by {
            DncBy::ContactKey => "k",
            DncBy::Phone { .. } => "9",
        };
        let mut there = contact(1, true).unwrap();
        there.data.insert("phone".to_owned(), "9".to_owned());
        let emptied = (vec![before.to_owned()], vec![0]);
        for (said, then) in [
            ("skip in", emptied.clone()),
            ("skip in quiet", emptied),
            ("in", none.clone()),
        ] {
            let owed = owed(
                &["cleared out", said],
                vec![StepResult::Contact(Some(there.clone()))],
            );
            assert_eq!(owed, then, "{said}");
        }
        let silent = owed(&["skipOptOut out", "1"], vec![ABSENT]);
        assert_eq!(silent.0, whole.0, "who created it said nothing of that");
    }
}
