use std::collections::BTreeSet;
use std::sync::Arc;

use domain::channel::Statuses;
use domain::contact::Columns;
use domain::dnc::{DncList, DncListId};
use io::genesys::CampaignFacts;
use serde_json::json;

use super::super::look::ParkedChange;
use super::super::story::{Entry, Story};
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

/// In a campaign that is on and calls both numbers.
fn looked(contact: Option<Contact>) -> Looked {
    Looked {
        group: "acme/c/0".to_owned(),
        rules: Arc::default(),
        api: Api::ContactLists,
        contact: Ok(contact),
        campaign: Ok(CampaignFacts {
            status: Some("on".to_owned()),
            phone_columns: columns(&["phone", "home"]),
            ..CampaignFacts::default()
        }),
        is_unknown: false,
        numbers: columns(&["phone", "home"]),
        story: Ok(Story::default()),
        since: Timestamp::UNIX_EPOCH,
        parked: Ok(Vec::new()),
    }
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

/// The words of what stops it.
fn stops(looked: &Looked) -> Vec<String> {
    let stops = why(looked)
        .into_iter()
        .filter(|one| one.says == Says::Stops);
    stops.map(|one| one.words).collect()
}

#[test]
fn a_campaign_that_genesys_cloud_does_not_know_comes_first() {
    let unknown = Looked {
        contact: Err("GET contact: 404 campaign.not.found".to_owned()),
        campaign: Err("GET campaign: 404".to_owned()),
        is_unknown: true,
        numbers: BTreeSet::new(),
        ..looked(None)
    };
    let found = why(&unknown);
    let [one] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((one.what, one.says), ("campaign", Says::Stops));
    let answer = answer(&found);
    assert!(
        answer.starts_with("It is not called: the org has no such campaign in Genesys Cloud"),
        "{answer}"
    );
}

#[test]
fn whom_nothing_stops_is_called_in_turn() {
    let found = why(&looked(Some(contact(true, "10:10+"))));
    assert!(
        found.iter().all(|one| one.says == Says::Passes),
        "{found:?}"
    );
    assert!(answer(&found).starts_with("Nothing that is known keeps it"));
}

#[test]
fn who_made_it_not_callable_and_by_which_change_is_told() {
    for (version, words) in [
        (
            "10:5-",
            "the CRM opted it out, or a change closed a channel or a number, by the change of rank 5",
        ),
        (
            "10:5~",
            "the CRM said that the person left the campaign, by the change of rank 5",
        ),
        ("10:5=", "the person opted out, and left the campaign"),
        (
            "10:5!",
            "the dialler or a person made it so in Genesys Cloud, and the CRM opted it out too",
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
    by_time.rules = Arc::new(Rules {
        version_unit: Some(VersionUnit::Milliseconds),
        ..Rules::default()
    });
    let stops = stops(&by_time);
    assert!(
        stops[0].contains("of 2025-11-24T16:00:00Z (rank 1764000000000)"),
        "{stops:?}"
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
        let mut one = looked(Some(contact(true, "")));
        one.campaign = Ok(CampaignFacts {
            status: Some(status.to_owned()),
            ..CampaignFacts::default()
        });
        assert_eq!(why(&one)[0].says, says, "{status}");
    }
    let mut one = looked(Some(contact(true, "")));
    one.campaign = Err("GET campaign: 403".to_owned());
    assert!(
        why(&one)[0]
            .words
            .contains("is not known: GET campaign: 403")
    );
}

#[test]
fn what_cannot_be_known_is_told_as_what_may_stop_it() {
    let mut one = looked(Some(contact(true, "")));
    one.campaign = Ok(CampaignFacts {
        status: Some("on".to_owned()),
        filters: 1,
        phone_columns: columns(&["phone"]),
        dnc_lists: columns(&["dnc-1"]),
        ..CampaignFacts::default()
    });
    one.story = Ok(Story {
        entries: vec![entry("retried", "throttled")],
        cut: None,
    });
    let parked = ParkedChange {
        id: "p1".to_owned(),
        reason: "rejected".to_owned(),
        detail: String::new(),
        at: None,
    };
    one.parked = Ok(vec![parked]);
    let found = why(&one);
    let may: Vec<_> = found
        .iter()
        .filter(|one| one.says == Says::May)
        .map(|one| one.what)
        .collect();
    assert_eq!(may, ["DNC list", "filter", "queue", "parked"]);
    assert!(answer(&found).contains("Look at what may"));
    one.rules = Arc::new(Rules {
        dnc_list: Some(DncList {
            id: DncListId::parse("dnc-1").unwrap(),
            by: DncBy::ContactKey,
        }),
        ..Rules::default()
    });
    one.contact = Ok(Some(contact(false, "10:5-")));
    assert!(
        why(&one)
            .iter()
            .any(|one| one.words.contains("campaign-sync dnc remove"))
    );
}

#[test]
fn who_is_not_there_is_told_by_what_the_log_knows() {
    let mut one = looked(None);
    assert!(
        stops(&one)[0].contains("tells of no change of it"),
        "{:?}",
        stops(&one)
    );
    one.story = Ok(Story {
        entries: vec![entry("done", "skipped")],
        cut: None,
    });
    assert!(stops(&one)[0].contains("may create nobody"));
    one.story = Ok(Story {
        entries: vec![entry("parked", "rejected")],
        cut: None,
    });
    assert!(stops(&one)[0].contains("parked as rejected"));
    one.contact = Err("GET contact: 503".to_owned());
    assert!(answer(&why(&one)).contains("Nothing is known for sure"));
}
