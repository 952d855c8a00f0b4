use clap::Parser;
use domain::change::Operation;

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    mapping: Mapping,
}

fn file(text: &[u8], format: Format, flags: &str, as_of: Option<&str>) -> File {
    let mapping = Flags::parse_from(format!("send {flags}").split_whitespace()).mapping;
    let common = Common {
        org: OrgId::parse("acme").unwrap(),
        campaign: CampaignId::parse("c").unwrap(),
        now: "2026-11-24T16:00:00Z".parse().unwrap(),
        as_of: as_of.map(|at| at.parse().unwrap()),
    };
    File::new(text.to_vec(), format, mapping, common).unwrap()
}

/// Each row as JSON without its event id, or its fault.
fn rows(text: &str, format: Format, flags: &str) -> Vec<Result<Value, String>> {
    shown(&file(text.as_bytes(), format, flags, None))
}

fn shown(file: &File) -> Vec<Result<Value, String>> {
    let show = |(_, change): (String, Change)| {
        let mut body: Value = serde_json::from_str(&change.body()).unwrap();
        for member in ["schema", "eventId", "org", "campaignId", "source"] {
            assert!(
                body.as_object_mut().unwrap().remove(member).is_some(),
                "{member}"
            );
        }
        body
    };
    let rows = file.rows().unwrap();
    rows.map(|row| {
        row.map(show)
            .map_err(|fault| format!("{}: {}", fault.place, fault.what))
    })
    .collect()
}

#[test]
fn a_csv_with_the_contracts_names_needs_no_flags() {
    let text = "\u{FEFF}contactKey,version,callable,operation,phone,first name\r\n\
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
fn a_row_that_is_not_right_is_told_by_its_line_and_without_its_values() {
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
            "line 3: contactKey: expected this field; version: expected a whole number from 0 to 9007199254740991; callable: \
             expected true or false",
            "line 4: expected 4 values, as in the first line; there are 3",
            "line 5: contactKey: expected 1 to 255 bytes without control characters, U+FFFE or U+FFFF, without white space at \
             either end, not . or ..",
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
    let faults = shown(&file(
        b"key,phone\na,\xFF\n",
        Format::Csv,
        "--key key",
        None,
    ));
    assert_eq!(
        faults,
        [Err("line 2: column \"phone\": expected UTF-8".to_owned())]
    );
}

#[test]
fn a_file_that_is_not_right_as_a_whole_is_told_before_any_row() {
    let error = |text: &[u8], format, flags| file(text, format, flags, None).rows().err().unwrap();
    assert_eq!(
        error(b"", Format::Csv, ""),
        "line 1: expected the names of the columns"
    );
    assert_eq!(
        error(b"id,phone\n", Format::Csv, ""),
        "--key: expected the name of a column; the file has no column \"contactKey\""
    );
    assert_eq!(
        error(b"contactKey,a,a\n", Format::Csv, ""),
        "column \"a\": expected once in the first line"
    );
    assert_eq!(
        error(b"contactKey\n", Format::Csv, "--column phone=Phone"),
        "--column: the file has no column \"Phone\""
    );
    for name in ["Callable", "CALLABLE", "call_able"] {
        // Taken for a column of the list, an opt-out would become a call.
        let text = format!("contactKey,{name},phone\na,false,1\n");
        for flags in ["", "--column phone"] {
            let told = error(text.as_bytes(), Format::Csv, flags);
            assert!(told.contains(&format!("--callable {name:?}")), "{told}");
        }
    }
    let both = error(b"contactKey,x\n", Format::Csv, "--version x --callable x");
    assert_eq!(both, "--callable: column \"x\" is version already");
    assert_eq!(
        error(b"{\n}", Format::Json, ""),
        "line 1: expected a JSON array of objects"
    );
    assert_eq!(
        error(b"{}\n\xFF", Format::Ndjson, ""),
        "line 2: expected UTF-8"
    );
}

fn event_ids(text: &str) -> Vec<String> {
    let file = file(text.as_bytes(), Format::Csv, "", None);
    file.rows()
        .unwrap()
        .map(|row| row.unwrap().1.event_id.to_string())
        .collect()
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
    assert_eq!(
        ids[0],
        event_ids("contactKey,phone\na,1\nb,2\n")[0],
        "whatever follows it"
    );
    let own = rows_with_id(r#"{"eventId": "evt_1", "contactKey": "a", "data": {}}"#);
    assert_eq!(own, "evt_1");
}

fn rows_with_id(row: &str) -> String {
    let file = file(row.as_bytes(), Format::Ndjson, "", None);
    file.rows()
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .1
        .event_id
        .to_string()
}

#[test]
fn a_time_for_all_stands_where_a_row_says_none() {
    let text = "contactKey,occurredAt\na,2026-11-24T10:00:00Z\nb,\n";
    let rows = shown(&file(
        text.as_bytes(),
        Format::Csv,
        "",
        Some("2026-11-24T12:00:00Z"),
    ));
    let at = |row: &Result<Value, String>| row.as_ref().unwrap()["occurredAt"].clone();
    assert_eq!(
        rows.iter().map(at).collect::<Vec<_>>(),
        ["2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z"]
    );
    let text = "{\"contactKey\": \"a\", \"data\": {}, \"occurredAt\": \"2026-11-24T10:00:00Z\"}\n{\"contactKey\": \"b\", \"data\": {}}";
    let rows = shown(&file(
        text.as_bytes(),
        Format::Ndjson,
        "",
        Some("2026-11-24T12:00:00Z"),
    ));
    assert_eq!(
        rows.iter().map(at).collect::<Vec<_>>(),
        ["2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z"]
    );
}

#[test]
fn an_opt_out_is_never_taken_for_anything_else() {
    for (said, expected) in [
        ("false", Some(false)),
        ("False", Some(false)),
        ("true", Some(true)),
        ("", None),
    ] {
        let file = file(
            format!("contactKey,callable\na,{said}\n").as_bytes(),
            Format::Csv,
            "",
            None,
        );
        let (_, change) = file.rows().unwrap().next().unwrap().unwrap();
        assert!(
            matches!(change.operation, Operation::Upsert { callable, .. } if callable == expected),
            "{said:?}"
        );
    }
    for said in ["0", "no", "f", "opted out", " false"] {
        let text = format!("contactKey,callable\na,{said}\n");
        assert!(
            file(text.as_bytes(), Format::Csv, "", None)
                .rows()
                .unwrap()
                .next()
                .unwrap()
                .is_err(),
            "{said:?}"
        );
    }
}

#[test]
fn a_column_that_nearly_says_who_may_be_called_is_asked_about() {
    for name in [
        "Callable",
        "call able",
        "calable",
        "callabel",
        "Callble",
        "is_callable",
        "callables",
        "Operatoin",
    ] {
        let file = file(
            format!("contactKey,{name}\na,false\n").as_bytes(),
            Format::Csv,
            "",
            None,
        );
        let error = file
            .rows()
            .err()
            .unwrap_or_else(|| panic!("{name} is taken for a column"));
        assert!(
            error.starts_with(&format!("column {name:?}: say --")),
            "{error}"
        );
    }
    for name in [
        "called",
        "phone",
        "crmVersion",
        "available",
        "billable",
        "Operator",
    ] {
        let file = file(
            format!("contactKey,{name}\na,false\n").as_bytes(),
            Format::Csv,
            "",
            None,
        );
        assert!(file.rows().is_ok(), "{name}");
    }
    // Who said which column it is has a way out.
    for flags in ["--callable MayCall", "--callable callable"] {
        let text = "contactKey,callable,MayCall,is_callable\na,false,false,false\n";
        assert!(
            file(text.as_bytes(), Format::Csv, flags, None)
                .rows()
                .is_ok(),
            "{flags}"
        );
    }
}

#[test]
fn faults_are_told_by_line_however_lines_end() {
    for (end, blanks) in [
        ("\n", 0),
        ("\r\n", 0),
        ("\r", 0),
        ("\n", 1),
        ("\r\n", 2),
        ("\r", 1),
    ] {
        let blank = end.repeat(blanks);
        let text = format!(
            "contactKey,version,a{end}K1,abc,x{end}{blank}\"K2\",1,\"two{end}lines\"{end}K3,no,{end}"
        );
        let rows = shown(&file(text.as_bytes(), Format::Csv, "", None));
        let expected = [
            "line 2: version".to_owned(),
            "right".to_owned(),
            format!("line {}: version", 5 + blanks),
        ];
        for (row, expected) in rows.iter().zip(expected) {
            match row {
                Ok(_) => assert_eq!(expected, "right", "{text:?}"),
                Err(fault) => assert!(fault.starts_with(&expected), "{text:?}: {fault}"),
            }
        }
        assert_eq!(rows.len(), 3, "{text:?}");
    }
}
