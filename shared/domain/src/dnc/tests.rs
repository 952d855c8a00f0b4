use super::*;
use crate::channel::Lowered;
use crate::contact::Columns;

fn list(by: DncBy) -> DncList {
    let id = DncListId::parse("6f9c0e2a-1b7d-4a55-9c30-8e2f7d1a4b60").unwrap();
    DncList { id, by }
}

#[test]
fn by_key_the_entry_is_the_key_and_no_column_is_asked_for() {
    let key = ContactKey::parse("LEAD-00042").unwrap();
    let list = list(DncBy::ContactKey);
    let entry = list.entry(&key, |_| unreachable!("no column says it"));
    assert_eq!(entry.unwrap().as_str(), "LEAD-00042");
}

#[test]
fn by_phone_the_entry_is_the_number_as_it_stands_in_the_column_or_none() {
    let column = "phone".to_owned();
    let list = list(DncBy::Phone { column });
    let key = ContactKey::parse("LEAD-00042").unwrap();
    let entry = |value: Option<&'static str>| {
        list.entry(&key, |column| value.filter(|_| column == "phone"))
    };
    for (value, expected) in [
        ("+13175550100", Some("+13175550100")),
        (" \t+1 (317) 555-0100\u{a0}", Some("+1 (317) 555-0100")),
        ("3175550100", Some("3175550100")),
        ("", None),
        ("  ", None),
        ("unknown", None),
        ("+", None),
    ] {
        let entry = entry(Some(value));
        assert_eq!(entry.as_ref().map(Entry::as_str), expected, "{value:?}");
    }
    assert_eq!(entry(None), None);
}

#[test]
fn an_entry_is_owed_for_an_opt_out_by_the_crm_and_for_a_new_number_of_its_contact() {
    let key = ContactKey::parse("LEAD-00042").unwrap();
    let column = "phone".to_owned();
    let by_key = list(DncBy::ContactKey);
    let by_phone = list(DncBy::Phone { column });
    let say = |data: &[&str], callable| Operation::Upsert {
        lowers: Lowered::default(),
        data: Columns(data.iter().map(|name| ((*name).to_owned(), None)).collect()),
        callable,
    };
    let opt_out = Operation::Remove;
    let (number, name) = (say(&["phone"], None), say(&["name"], None));
    let number_in = say(&["phone"], Some(true));
    let opt_in = say(&[], Some(true));
    for (callable, version, operations, expected, why) in [
        (false, "2:2-", vec![&opt_out], [true, true], "an opt-out"),
        (
            false,
            "2:2!",
            vec![&opt_out],
            [true, true],
            "somebody else had made it not callable before",
        ),
        (
            false,
            "",
            vec![&opt_out],
            [true, true],
            "an org without versions",
        ),
        (
            false,
            "2",
            vec![&opt_out],
            [true, true],
            "it is not known who lowered",
        ),
        (true, "2:2+", vec![&opt_out], [false, false], "a stale one"),
        (
            false,
            "2:2+",
            vec![&opt_out],
            [false, false],
            "stale, and the dialler lowered",
        ),
        (
            false,
            "2:1-",
            vec![&number_in],
            [false, false],
            "an opt-in that the org's `raise` keeps out",
        ),
        (
            false,
            "2:1-",
            vec![&opt_out, &opt_in],
            [false, false],
            "the newest word is an opt-in",
        ),
        (
            true,
            "2:2+",
            vec![&opt_out, &opt_in],
            [false, false],
            "undone at once",
        ),
        (false, "2:1-", vec![&number], [false, true], "a new number"),
        (false, "2:1-", vec![&name], [false, false], "another column"),
        (
            false,
            "2",
            vec![&number],
            [false, false],
            "it was not the CRM",
        ),
        (
            false,
            "2:1+",
            vec![&number],
            [false, false],
            "the dialler lowered",
        ),
    ] {
        let data = [("phone", "+13175550100"), ("version", version)];
        let data = data.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let left = Contact::new(Columns(data.into()), callable, Some("version"));
        let owed = [&by_key, &by_phone].map(|list| {
            let owed = list.owed(&key, &left, None, operations.iter().copied());
            !owed.is_empty()
        });
        assert_eq!(owed, expected, "{why}");
    }
}

#[test]
fn an_id_stays_one_segment_of_a_path() {
    assert!(DncListId::parse("made-dnc-list-1").is_ok());
    for wrong in ["", "a/b", "..", "a b", "é", &"a".repeat(65)] {
        assert!(DncListId::parse(wrong).is_err(), "{wrong}");
    }
}
