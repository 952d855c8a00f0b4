//! Rows of a file become changes by the rules of webhooks, and every fault is named by its place.
//! `callable` has columns that say who may be called, `files` has the forms of files, and `pieces`
//! long ones. The org's own rules are tested in `tests/it/send/rows.rs`.

mod callable;
mod files;
mod pieces;

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::send::csv;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    mapping: Mapping,
}

fn file(text: &str, format: Format, flags: &str, as_of: Option<&str>) -> File {
    let mapping = Flags::parse_from(format!("send {flags}").split_whitespace()).mapping;
    let common = Common {
        org: OrgId::parse("acme").unwrap(),
        campaign: CampaignId::parse("c").unwrap(),
        now: "2026-11-24T16:00:00Z".parse().unwrap(),
        as_of: as_of.map(|at| at.parse().unwrap()),
        run: String::new(),
    };
    let source = (Source::of(text.as_bytes()), None);
    File::new(source, format, mapping, common).unwrap()
}

/// Each row as JSON without its event id, or its fault.
fn rows(text: &str, format: Format, flags: &str) -> Vec<Result<Value, String>> {
    shown(&file(text, format, flags, None))
}

fn shown(file: &File) -> Vec<Result<Value, String>> {
    let show = |row: Result<ParsedRow, RowFault>| match row {
        Ok(ParsedRow::Blank) => None,
        Ok(ParsedRow::Change(_, change)) => {
            let mut body: Value = serde_json::from_str(&change.body()).unwrap();
            for member in ["schema", "eventId", "org", "campaignId", "source"] {
                let members = body.as_object_mut().unwrap();
                assert!(members.remove(member).is_some(), "{member}");
            }
            Some(Ok(body))
        }
        Err(fault) => Some(Err(format!("{}: {}", fault.place, fault.what))),
    };
    let rows = file.rows().unwrap();
    rows.map(Result::unwrap).filter_map(show).collect()
}

#[test]
fn rows_of_json_may_lower_channels_and_numbers_and_raise_none() {
    let text = r#"{"contactKey": "a", "data": {}, "contactable": {"Sms": false}, "phones": {"home": false}}
{"contactKey": "b", "data": {}, "contactable": {"Sms": true, "Fax": false}}
"#;
    let lowers = json!({ "contactKey": "a", "data": {}, "contactable": { "Sms": false }, "phones": { "home": false } });
    let fault = "line 2: contactable/Sms: expected false: channels and numbers are only lowered here, since no \
                 rank is stored for each of them; raise it in Genesys Cloud; contactable/Fax: expected Voice, Sms, \
                 Email or WhatsApp";
    let expected = [Ok(lowers), Err(fault.to_owned())];
    assert_eq!(rows(text, Format::Ndjson, ""), expected);
}

/// The one change of a file.
fn only(text: &str, format: Format, flags: &str) -> Change {
    let file = file(text, format, flags, None);
    let mut rows = file.rows().unwrap();
    match rows.next() {
        Some(Ok(Ok(ParsedRow::Change(_, change)))) => change,
        other => panic!("{text}: {other:?}"),
    }
}

/// The fault of a file as a whole.
fn whole_fault(text: &str, format: Format, flags: &str) -> String {
    file(text, format, flags, None).rows().err().unwrap()
}

#[test]
fn a_csv_with_the_contracts_names_needs_no_flags() {
    let text = "contactKey,version,callable,operation,phone,first name\r\n\
                LEAD-1,5,true,,+1,Zoë\r\n\
                LEAD-2,6,FALSE,upsert,\"+2, or so\",\r\n\
                LEAD-3,7,,remove,ignored,\r\n";
    assert_eq!(
        rows(text, Format::Csv, ""),
        [
            Ok(
                json!({ "contactKey": "LEAD-1", "version": 5, "callable": true, "data": { "phone": "+1", "first name": "Zoë" } })
            ),
            Ok(
                json!({ "contactKey": "LEAD-2", "version": 6, "callable": false, "data": { "phone": "+2, or so" } })
            ),
            Ok(json!({ "contactKey": "LEAD-3", "version": 7, "operation": "remove" })),
        ]
    );
}

#[test]
fn flags_say_what_columns_mean_and_what_is_not_named_is_not_sent() {
    let text = "Id;ModStamp;May;Phone;Note\nL 1;9;false;+1;secret\n";
    let flags = "--key Id --version ModStamp --callable May --column phone=Phone --column id=Id --delimiter ;";
    let expected = json!({ "contactKey": "L 1", "version": 9, "callable": false, "data": { "phone": "+1", "id": "L 1" } });
    assert_eq!(rows(text, Format::Csv, flags), [Ok(expected)]);
    let cleared = rows(
        "contactKey,version,phone\na,,\n",
        Format::Csv,
        "--clear-empty",
    );
    assert_eq!(
        cleared,
        [Ok(json!({ "contactKey": "a", "data": { "phone": null } }))]
    );
}

#[test]
fn rows_of_json_are_changes_or_with_flags_flat_objects() {
    let change = r#"{"contactKey": "a", "version": 5, "data": {"phone": "1", "note": null}, "callable": false}"#;
    let expected = json!({ "contactKey": "a", "version": 5, "data": { "phone": "1", "note": null }, "callable": false });
    assert_eq!(
        rows(&format!("\n{change}\n\n"), Format::Ndjson, ""),
        [Ok(expected.clone())]
    );
    assert_eq!(
        rows(&format!("[{change}]"), Format::Json, ""),
        [Ok(expected)]
    );
    let flat = r#"[{"id": 17, "v": 5, "phone": 13175550100, "vip": true, "note": null}]"#;
    let expected = json!({
        "contactKey": "17", "version": 5, "data": { "phone": "13175550100", "vip": "true", "note": null },
    });
    assert_eq!(
        rows(flat, Format::Json, "--key id --version v"),
        [Ok(expected)]
    );
}

#[test]
fn a_faulty_row_is_reported_by_its_line_and_without_its_values() {
    let text = "contactKey,version,callable,phone\n\
                a,5,true,1\n\
                ,x,maybe,1\n\
                b,5,true\n\
                \"two\nlines\",5,true,1\n\
                c,-1,true,1\n";
    let long = format!("{text}d,5,true,{}\n", "9".repeat(513));
    let faults: Vec<_> = rows(&long, Format::Csv, "")
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert_eq!(
        faults,
        [
            "line 3: contactKey: expected this field; version: expected a whole number from 0 to \
             9007199254740991; callable: expected true or false, 1 or 0, yes or no",
            "line 4: expected 4 values, as in the first line; there are 3",
            "line 5: contactKey: expected 1 to 255 bytes, without control characters, U+FFFE and U+FFFF, \
             and neither . nor ..",
            "line 7: version: expected a whole number from 0 to 9007199254740991",
            "line 8: phone: expected at most 512 characters",
        ]
    );
    let unknown = r#"{"contactKey": "a", "data": {}, "calable": false}"#;
    let fault = rows(unknown, Format::Ndjson, "").remove(0).unwrap_err();
    assert_eq!(
        fault,
        "line 1: calable: expected only the fields of schema 1"
    );
}

#[test]
fn a_file_that_is_faulty_as_a_whole_is_refused_before_any_row() {
    for (text, flags, expected) in [
        ("", "", "line 1: expected the names of the columns"),
        (
            ",,\na,b,c\n",
            "",
            "line 1: expected the names of the columns",
        ),
        (
            "id,phone\n",
            "",
            "--key: the file has no column \"contactKey\"; it has \"id\", \"phone\"",
        ),
        (
            "contactKey|phone\n",
            "",
            "--key: the file has no column \"contactKey\"; it has \"contactKey|phone\"; pass --delimiter if \
             another character separates the columns",
        ),
        (
            "contactKey,a,a\n",
            "",
            "column \"a\": expected once in the first line",
        ),
        (
            "contactKey,contactKey\n",
            "--column a=contactKey",
            "column \"contactKey\": expected once in the first line",
        ),
        (
            "contactKey\n",
            "--column phone=Phone",
            "--column: the file has no column \"Phone\"; it has \"contactKey\"; pass --delimiter if another \
             character separates the columns",
        ),
        (
            "contactKey,a,b\n",
            "--column x=a --column x=b",
            "--column: \"x\" is named twice",
        ),
        (
            "contactKey,x\n",
            "--version x --callable x",
            "--callable: column \"x\" is that of --version already",
        ),
        (
            "contactKey,callable\n",
            "--version callable",
            "--version \"callable\": this column already is the change's callable, by its name",
        ),
        (
            "contactKey,version\n",
            "--callable version",
            "--callable \"version\": this column already is the change's version, by its name",
        ),
        (
            "contactKey,x\n",
            "--callable x --ignore x",
            "--ignore: column \"x\" has a meaning already",
        ),
        (
            "contactKey,a,\n",
            "",
            "a column has no name in the first line: name those that are to be sent, each with --column",
        ),
        (
            "contactKey,\"a\n",
            "",
            "line 1: a quoted value begins here and never ends",
        ),
    ] {
        assert_eq!(whole_fault(text, Format::Csv, flags), expected, "{text:?}");
    }
    assert_eq!(
        whole_fault("{\n}", Format::Json, ""),
        "line 1: expected a JSON array of objects; for one object a line pass --format ndjson"
    );
    assert_eq!(
        whole_fault("x", Format::Json, ""),
        "line 1: expected a JSON array of objects"
    );
}

fn event_ids(text: &str) -> Vec<String> {
    let file = file(text, Format::Csv, "", None);
    let id = |row| match row {
        Ok(ParsedRow::Change(_, change)) => change.event_id.to_string(),
        other => panic!("{other:?}"),
    };
    file.rows().unwrap().map(Result::unwrap).map(id).collect()
}

#[test]
fn the_same_row_of_the_same_file_is_the_same_event() {
    let text = "contactKey,phone\na,1\na,2\na,1\n";
    let ids = event_ids(text);
    assert_eq!(ids, event_ids(text));
    assert!(
        ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2],
        "A, B, A again are three changes: {ids:?}"
    );
    assert!(
        ids.iter()
            .all(|id| id.starts_with("send-") && id.len() == 37),
        "{ids:?}"
    );
    let other = event_ids("contactKey,phone\na,1\nb,2\n");
    assert_eq!(ids[0], other[0], "whatever follows it");
    let row = r#"{"eventId": "evt_1", "contactKey": "a", "data": {}}"#;
    assert_eq!(only(row, Format::Ndjson, "").event_id.as_str(), "evt_1");
}

#[test]
fn as_of_is_the_time_of_each_row_that_has_none() {
    let csv = "contactKey,occurredAt\na,2026-11-24T10:00:00Z\nb,\n";
    let json = "{\"contactKey\": \"a\", \"data\": {}, \"occurredAt\": \"2026-11-24T10:00:00Z\"}\n\
                {\"contactKey\": \"b\", \"data\": {}}";
    let at = |row: &Result<Value, String>| row.as_ref().unwrap()["occurredAt"].clone();
    for (text, format) in [(csv, Format::Csv), (json, Format::Ndjson)] {
        let rows = shown(&file(text, format, "", Some("2026-11-24T12:00:00Z")));
        let times: Vec<_> = rows.iter().map(at).collect();
        assert_eq!(times, ["2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z"]);
    }
}

#[test]
fn flat_objects_of_json_go_through_the_rules_of_webhooks() {
    let flags = "--key Id --version Mod --callable MayCall --column phone=Phone";
    for twice in [
        r#"{"Id":"D-1","Mod":5,"MayCall":false,"Phone":"+1","MayCall":true}"#,
        r#"{"Id":"D-1","Mod":5,"MayCall":false,"Phone":"+1","May\u0043all":true}"#,
    ] {
        assert_eq!(
            rows(twice, Format::Ndjson, flags),
            [Err("line 1: MayCall: expected once".to_owned())]
        );
        let array = rows(&format!("[{twice}]"), Format::Json, flags);
        assert_eq!(array, [Err("element 1: MayCall: expected once".to_owned())]);
    }
    let half = r#"{"Id":"D-1","Mod":5,"MayCall":false,"Phone":"Ann \ud83d"}"#;
    let told = rows(half, Format::Ndjson, flags).remove(0).unwrap_err();
    assert_eq!(
        told,
        "line 1: phone: expected whole characters; there is half of a surrogate pair"
    );
    let whole = r#"{"contactKey":"LEAD-1","version":5,"data":{"n":1e400}}"#;
    let told = rows(whole, Format::Ndjson, "").remove(0).unwrap_err();
    assert_eq!(
        told, "line 1: n: expected a string, or null to clear",
        "and nothing of the event id"
    );
}
