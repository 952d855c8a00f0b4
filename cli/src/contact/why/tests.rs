//! Tests of the answer to "why is this contact not called?": what stops a contact, what may stop
//! it, and how the answer says so. `unknown` has the answers if something could not be looked at.
//! `contact/look.rs` gathers the facts; `tests/it/console/contact.rs` tests the whole page.

mod unknown;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::channel::Statuses;
use domain::contact::{Columns, Contact};
use domain::dnc::{DncBy, DncList, DncListId};
use domain::rules::{Rules, VersionUnit};
use io::genesys::CampaignFacts;
use io::secrets::Api;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::look::{InGenesys, ParkedChange, ParkedOf};
use super::super::story::{ContactHistory, Cut, Entry};
use super::*;

fn columns(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn contact(callable: bool, version: &str) -> Contact {
    let data = [("phone", "+1"), ("home", "+2"), ("crmVersion", version)];
    let data = data.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Contact::new(
        Columns(data.into_iter().collect()),
        callable,
        Some("crmVersion"),
    )
}

/// A contact in a campaign that is on and calls both numbers.
fn looked(contact: Option<Contact>) -> Looked {
    Looked {
        group: "acme/c/0".to_owned(),
        genesys: Ok(InGenesys {
            rules: Arc::default(),
            api: Api::ContactLists,
            contact: Ok(contact),
            campaign: Ok(Some(CampaignFacts {
                status: Some("on".to_owned()),
                phone_columns: columns(&["phone", "home"]),
                ..CampaignFacts::default()
            })),
            numbers: columns(&["phone", "home"]),
        }),
        story: Ok(ContactHistory::default()),
        since: Timestamp::UNIX_EPOCH,
    }
}

/// A contact in a campaign with these facts.
fn in_campaign(contact: Option<Contact>, facts: CampaignFacts) -> Looked {
    let mut one = looked(contact);
    one.genesys.as_mut().unwrap().campaign = Ok(Some(facts));
    one
}

fn told(
    entries: impl IntoIterator<Item = Entry>,
    cut: Option<Cut>,
) -> Result<ContactHistory, String> {
    let entries = entries.into_iter().collect();
    Ok(ContactHistory { entries, cut })
}

/// The findings if nothing is parked.
fn why(looked: &Looked) -> Vec<Finding> {
    super::why(looked, &Ok(Vec::new()))
}

fn parked() -> ParkedOf {
    Ok(vec![ParkedChange {
        id: "p1".to_owned(),
        reason: "rejected".to_owned(),
        detail: String::new(),
        at: None,
        opt_out: None,
    }])
}

fn entry(what: &'static str, how: &str) -> Entry {
    Entry {
        at: Timestamp::UNIX_EPOCH,
        what,
        how: how.to_owned(),
        event_id: None,
        detail: None,
        delay_seconds: Some(15),
        http_status: None,
        correlation_id: None,
        is_kept: false,
    }
}

/// The words of the findings that stop the contact.
fn stops(looked: &Looked) -> Vec<String> {
    let stops = why(looked)
        .into_iter()
        .filter(|one| one.says == Says::Stops);
    stops.map(|one| one.words).collect()
}

#[test]
fn a_contact_that_nothing_stops_is_called_in_turn() {
    let found = why(&looked(Some(contact(true, "10:10+"))));
    assert!(
        found.iter().all(|one| one.says == Says::Passes),
        "{found:?}"
    );
    assert!(answer(&found).starts_with("Nothing that is known keeps it"));
}

#[test]
fn the_answer_names_who_made_a_contact_not_callable_and_by_which_change() {
    for (version, words) in [
        (
            "10:5-",
            "The CRM opted it out, or a change closed a channel or a number, by the change of rank 5",
        ),
        (
            "10:5~",
            "The CRM said that the person left the campaign, by the change of rank 5",
        ),
        ("10:5=", "the person opted out, and left the campaign"),
        (
            "10:5!",
            "The dialler or a person made it not callable in Genesys Cloud, and the CRM opted it out too",
        ),
        (
            "10:5+",
            "after the CRM opted it in, by the opt-in of rank 5",
        ),
        ("10", "or it was made so before there were marks"),
    ] {
        let stops = stops(&looked(Some(contact(false, version))));
        assert!(
            stops.len() == 1 && stops[0].contains(words),
            "{version}: {stops:?}"
        );
    }
    let mut by_time = looked(Some(contact(false, "1764000000000:1764000000000-")));
    by_time.genesys.as_mut().unwrap().rules = Arc::new(Rules {
        version_unit: Some(VersionUnit::Milliseconds),
        ..Rules::default()
    });
    let stops = stops(&by_time);
    assert!(
        stops[0].contains("of 2025-11-24T16:00:00Z (rank 1764000000000)"),
        "{stops:?}"
    );
    let answer = answer(&why(&by_time));
    assert!(
        answer.starts_with("It is not called: the CRM opted it out"),
        "{answer}"
    );
}

#[test]
fn a_closed_channel_and_numbers_that_are_closed_or_empty_stop_calls() {
    let with = |contactable: Value, phones: Value| {
        let mut one = contact(true, "");
        one.statuses = Statuses::new(contactable, phones);
        stops(&looked(Some(one)))
    };
    let open = json!({});
    assert_eq!(with(open.clone(), open.clone()), Vec::<String>::new());
    assert_eq!(
        with(json!({ "Sms": { "contactable": false } }), open.clone()),
        Vec::<String>::new()
    );
    let voice = with(json!({ "Voice": { "contactable": false } }), open.clone());
    assert!(
        voice[0].starts_with("The channel Voice is closed"),
        "{voice:?}"
    );
    assert_eq!(
        with(open.clone(), json!({ "home": { "callable": false } })),
        Vec::<String>::new()
    );
    let shut = json!({ "home": { "callable": false }, "phone": { "callable": false } });
    assert_eq!(
        with(open, shut),
        ["It has no number to call: home is closed, phone is closed."]
    );
    let mut empty = contact(true, "");
    empty.data.insert("phone".to_owned(), " ".to_owned());
    empty.data.remove("home");
    assert_eq!(
        stops(&looked(Some(empty))),
        ["It has no number to call: home is empty, phone is empty."]
    );
}

#[test]
fn a_campaign_that_does_not_run_calls_nobody() {
    for (status, says) in [
        ("off", Says::Stops),
        ("complete", Says::Stops),
        ("invalid", Says::Stops),
        ("stopping", Says::Stops),
        ("forced", Says::May),
    ] {
        let facts = CampaignFacts {
            status: Some(status.to_owned()),
            ..CampaignFacts::default()
        };
        let one = in_campaign(Some(contact(true, "")), facts);
        assert_eq!(why(&one)[0].says, says, "{status}");
    }
}

#[test]
fn a_campaign_that_nobody_knows_calls_nobody() {
    let mut one = looked(None);
    let now = one.genesys.as_mut().unwrap();
    now.campaign = Ok(None);
    now.contact = Err("GET campaign: 404".to_owned());
    let found = why(&one);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        answer(&found).starts_with("It is not called: Genesys Cloud knows no such campaign"),
        "{}",
        answer(&found)
    );
}

/// With `readLagSeconds` a change is read once more before it counts as done.
#[test]
fn a_change_that_is_written_and_not_yet_confirmed_has_not_ended() {
    let written = || told([entry("written", "created")], None);
    let mut there = looked(Some(contact(true, "10:10+")));
    there.story = written();
    let may = why(&there);
    let may: Vec<_> = may.iter().filter(|one| one.says == Says::May).collect();
    assert_eq!(
        may[0].words,
        "The work on a change of it has not ended. The last, at 1970-01-01T00:00:00Z: written (created), to be read once more."
    );
    let mut absent = looked(None);
    absent.story = written();
    assert_eq!(
        stops(&absent),
        [
            "It is not in the campaign, or cannot be read yet. The last that the log tells of it, at 1970-01-01T00:00:00Z: written \
          (created), to be read once more."
        ]
    );
}
