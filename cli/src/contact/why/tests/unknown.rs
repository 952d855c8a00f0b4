//! The answer if something is not known, or if the contact is not there: it never claims more than
//! was looked at. Contacts whose facts are all known are in [`super`].

use super::*;

#[test]
fn a_source_that_could_not_be_read_makes_the_answer_not_known() {
    let well = || looked(Some(contact(true, "10:10+")));
    let mut campaign = well();
    campaign.genesys.as_mut().unwrap().campaign = Err("GET campaign: 403".to_owned());
    let mut unread = well();
    unread.genesys.as_mut().unwrap().contact = Err("GET contact: 503".to_owned());
    let mut ill = well();
    ill.genesys = Err("org acme: there is no such secret".to_owned());
    let mut log = well();
    log.story = Err("log group l: AccessDenied".to_owned());
    for (one, wanted) in [
        (
            campaign,
            "Not known: the campaign could not be read: GET campaign: 403.",
        ),
        (
            unread,
            "Not known: the contact could not be read: GET contact: 503.",
        ),
        (
            ill,
            "Not known: Genesys Cloud could not be asked: org acme: there is no such secret.",
        ),
        (
            log,
            "Not known: what became of its changes could not be read: log group l: AccessDenied.",
        ),
    ] {
        assert_eq!(answer(&why(&one)), wanted);
    }
    let failed = Err(NotSeen::Failed(
        "the dead-letter queue: AccessDenied".to_owned(),
    ));
    let of_parked = |parked| answer(&super::super::why(&well(), parked));
    assert!(of_parked(&failed).starts_with("Not known: what is parked of it could not be looked at: the dead-letter queue: AccessDenied"));
    assert!(of_parked(&Err(NotSeen::Yet)).contains("is not known yet"));
}

#[test]
fn a_known_cause_is_reported_even_if_others_are_not_known() {
    let mut one = looked(Some(contact(false, "10:5-")));
    one.story = Err("log group l: AccessDenied".to_owned());
    let found = super::super::why(&one, &Err(NotSeen::Yet));
    assert!(answer(&found).starts_with("It is not called: the CRM opted it out"));
    let unknown = found.iter().filter(|one| one.says == Says::Unknown);
    assert_eq!(unknown.count(), 2);
}

#[test]
fn nothing_is_concluded_from_a_story_without_its_end() {
    let mut one = looked(Some(contact(true, "10:10+")));
    let waits = || [entry("retried", "throttled")];
    one.story = told(waits(), Some(Cut::After("too long".to_owned())));
    let found = why(&one);
    assert!(
        answer(&found).contains("could not be read: too long")
            && found.iter().all(|one| one.what != "queue"),
        "{found:?}"
    );
    // The end of the story is known.
    one.story = told(waits(), Some(Cut::Before("too many".to_owned())));
    assert!(why(&one).iter().any(|one| one.what == "queue"));
    one.story = told(
        [entry("done", "updated")],
        Some(Cut::Before("too many".to_owned())),
    );
    assert!(answer(&why(&one)).starts_with("Nothing that is known"));
    one.story = told([], Some(Cut::Before("too long".to_owned())));
    assert!(answer(&why(&one)).starts_with("Not known: "));
}

#[test]
fn a_cause_that_cannot_be_verified_is_reported_as_possible() {
    let facts = |filters| CampaignFacts {
        status: Some("on".to_owned()),
        filters,
        phone_columns: columns(&["phone"]),
        dnc_lists: columns(&["dnc-1"]),
        ..CampaignFacts::default()
    };
    let mut one = in_campaign(Some(contact(true, "")), facts(1));
    one.story = told([entry("retried", "throttled")], None);
    let found = super::super::why(&one, &parked());
    let may: Vec<_> = found
        .iter()
        .filter(|one| one.says == Says::May)
        .map(|one| one.what)
        .collect();
    assert_eq!(may, ["DNC list", "filter", "queue", "parked"]);
    assert!(answer(&found).contains("Look at the findings that may"));
    let words = |filters| {
        let found = why(&in_campaign(Some(contact(true, "")), facts(filters)));
        let mut filter = found.into_iter().filter(|one| one.what == "filter");
        filter.next().unwrap().words
    };
    assert!(words(1).contains("has 1 filter of its contact list: whether this contact passes it"));
    assert!(
        words(2).contains("has 2 filters of its contact list: whether this contact passes them")
    );
    let now = one.genesys.as_mut().unwrap();
    now.rules = Arc::new(Rules {
        dnc_list: Some(DncList {
            id: DncListId::parse("dnc-1").unwrap(),
            by: DncBy::ContactKey,
        }),
        ..Rules::default()
    });
    now.contact = Ok(Some(contact(false, "10:5-")));
    assert!(
        why(&one)
            .iter()
            .any(|one| one.words.contains("campaign-sync dnc remove"))
    );
}

#[test]
fn the_answer_for_an_absent_contact_claims_only_what_is_known() {
    let mut one = looked(None);
    assert!(stops(&one)[0].contains("has no change of it since"));
    assert!(stops(&one)[0].contains("the CRM sent none"));
    let absent = |one: &Looked, parked: &ParkedOf| {
        let found = super::super::why(one, parked);
        let mut contact = found.into_iter().filter(|one| one.what == "contact");
        let contact = contact.next().unwrap();
        assert_eq!(contact.says, Says::Stops);
        contact.words
    };
    let words = absent(&one, &parked());
    assert!(
        words.contains("is parked, and so not applied: p1 (rejected)")
            && !words.contains("CRM sent none"),
        "{words}"
    );
    let words = absent(&one, &Err(NotSeen::Yet));
    assert!(
        words.contains("whether one is parked is not known") && !words.contains("CRM sent none"),
        "{words}"
    );
    for (story, why) in [
        (
            Err("log group l: no answer".to_owned()),
            "log group l: no answer",
        ),
        (
            told([], Some(Cut::Before("too long".to_owned()))),
            "too long",
        ),
        (
            told(
                [entry("done", "updated")],
                Some(Cut::After("cut".to_owned())),
            ),
            "cut",
        ),
    ] {
        one.story = story;
        let words = absent(&one, &Ok(Vec::new()));
        assert!(
            words.contains(&format!("could not be read: {why}"))
                && !words.contains("CRM sent none"),
            "{words}"
        );
    }
    one.story = told([entry("done", "skipped")], None);
    assert!(stops(&one)[0].contains("may create nobody"));
    one.story = told([entry("parked", "rejected")], None);
    assert!(stops(&one)[0].contains("parked as rejected"));
}

#[test]
fn a_parked_opt_out_is_not_taken_for_an_opt_in() {
    let told = |opt_out| {
        let mut parked = parked().unwrap();
        parked[0].opt_out = opt_out;
        of_parked(&Ok(parked)).unwrap().words
    };
    assert!(told(None).ends_with("It may be an opt-in."));
    let words = told(Some("opt-out"));
    assert!(
        words.contains("p1 (rejected: opt-out)") && !words.contains("opt-in"),
        "{words}"
    );
}
