//! The members that a sender, a file and a feed fill in, and those that they may not name. Members
//! that all origins share are in `values`.

use super::*;

#[test]
fn a_sender_fills_what_is_left_out() {
    let full = Change::parse_from(&sender(), &body(&[], &[]), now()).unwrap();
    let short = Change::parse_from(
        &sender(),
        &body(&[], &["schema", "org", "campaignId"]),
        now(),
    )
    .unwrap();
    assert_eq!(full, short);
    assert_eq!(short.source.unwrap().as_str(), "crm");
    let free = Sender {
        org: None,
        campaign: None,
        ..sender()
    };
    assert_eq!(Change::parse_from(&free, &body(&[], &[]), now()), Ok(full));
    let invalid = Change::parse_from(&free, &body(&[], &["org", "campaignId"]), now()).unwrap_err();
    let codes: Vec<_> = invalid
        .faults()
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.code))
        .collect();
    assert_eq!(
        codes,
        [
            ("/org", FaultCode::Required),
            ("/campaignId", FaultCode::Required)
        ]
    );
}

#[test]
fn a_sender_cannot_write_to_another_org_campaign_or_source() {
    for (name, value) in [
        ("org", r#""other""#),
        ("campaignId", r#""other""#),
        ("source", r#""other""#),
    ] {
        let invalid =
            Change::parse_from(&sender(), &body(&[(name, value)], &[]), now()).unwrap_err();
        assert_eq!(
            (invalid.faults().len(), invalid.faults()[0].code),
            (1, FaultCode::NotAllowed),
            "{name}"
        );
        assert_eq!(invalid.faults()[0].pointer, format!("/{name}"));
    }
    let schema = Change::parse_from(&sender(), &body(&[("schema", "2")], &[]), now()).unwrap_err();
    assert!(schema.is_unsupported_schema());
}

#[test]
fn a_row_of_a_file_gets_what_it_does_not_say() {
    let sender = sender();
    let event_id = EventId::parse("send-1").unwrap();
    let occurred_at = Some(now());
    let row = Row {
        sender: &sender,
        event_id,
        occurred_at,
    };
    let read = |body: &str| Change::parse_row(&row, body, now()).unwrap();
    let bare = read(r#"{"contactKey": "k", "data": {}}"#);
    assert_eq!(
        (bare.event_id.as_str(), bare.occurred_at),
        ("send-1", Some(now()))
    );
    let own = read(
        r#"{"contactKey": "k", "data": {}, "eventId": "e", "occurredAt": "2026-11-24T15:00:00Z"}"#,
    );
    assert_eq!(own.event_id.as_str(), "e");
    assert!(own.occurred_at < bare.occurred_at);
    let null = Change::parse_row(
        &row,
        r#"{"contactKey": "k", "data": {}, "eventId": null}"#,
        now(),
    );
    assert_eq!(
        null.unwrap_err().faults()[0].pointer,
        "/eventId",
        "null is something that it says"
    );
}

#[test]
fn a_feed_fills_what_its_changes_leave_out_and_names_their_run() {
    let feed = Feed {
        org: OrgId::parse("acme").unwrap(),
        campaign: CampaignId::parse("c1").unwrap(),
        run: "2026-11-24T16:00:00Z".parse().unwrap(),
    };
    let read = |body: &str| {
        Change::parse_from_feed(&feed, body, feed.run).map_err(|invalid| invalid.to_string())
    };
    let change = read(
        r#"{"contactKey": "k", "version": 7, "data": {}, "source": "crm", "eventId": "evt_1"}"#,
    )
    .unwrap();
    assert_eq!(change.event_id.as_str(), "reconcile-2026-11-24T16:00:00Z-7");
    assert_eq!(
        change.source.as_ref().map(SourceName::as_str),
        Some("reconcile")
    );
    assert_eq!(
        (change.org.as_str(), change.campaign.as_str()),
        ("acme", "c1")
    );
    assert_eq!(
        Change::parse(&change.body()),
        Ok(change),
        "the queue takes it"
    );
    let dated =
        read(r#"{"contactKey": "k", "occurredAt": "2026-11-24T15:00:00Z", "operation": "remove"}"#)
            .unwrap();
    assert_eq!(
        dated.event_id.as_str(),
        "reconcile-2026-11-24T16:00:00Z-1795532400000"
    );
    assert!(
        read(r#"{"contactKey": "k", "data": {}, "org": "other"}"#)
            .unwrap_err()
            .starts_with("org: expected the org and campaign of the feed")
    );
    assert!(read(r#"{"contactKey": "k", "data": {}, "calable": false}"#).is_err());
    assert!(
        read(r#"{"data": {}}"#)
            .unwrap_err()
            .starts_with("contactKey: expected this field")
    );
}
