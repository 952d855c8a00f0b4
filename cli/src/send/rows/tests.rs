use clap::Parser;
use serde_json::{Value, json};

use super::*;

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
    };
    File::new(text.to_owned(), format, mapping, common).unwrap()
}

/// Each row as JSON without its event id, or its fault.
fn rows(text: &str, format: Format, flags: &str) -> Vec<Result<Value, String>> {
    shown(&file(text, format, flags, None))
}

fn shown(file: &File) -> Vec<Result<Value, String>> {
    let show = |row: Result<Found, RowFault>| match row {
        Ok(Found::Blank) => None,
        Ok(Found::Change(_, change)) => {
            let mut body: Value = serde_json::from_str(&change.body()).unwrap();
            for member in ["schema", "eventId", "org", "campaignId", "source"] {
                let members = body.as_object_mut().unwrap();
                assert!(members.remove(member).is_some(), "{member}");
            }
            Some(Ok(body))
        }
        Err(fault) => Some(Err(format!("{}: {}", fault.place, fault.what))),
    };
    file.rows().unwrap().filter_map(show).collect()
}

/// The one change of a file.
fn only(text: &str, format: Format, flags: &str) -> Change {
    let file = file(text, format, flags, None);
    let mut rows = file.rows().unwrap();
    match rows.next() {
        Some(Ok(Found::Change(_, change))) => change,
        other => panic!("{text}: {other:?}"),
    }
}

/// What is wrong with a file as a whole.
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
            "line 3: contactKey: expected this field; version: expected a whole number from 0 to \
             9007199254740991; callable: expected true or false, 1 or 0, yes or no",
            "line 4: expected 4 values, as in the first line; there are 3",
            "line 5: contactKey: expected 1 to 255 bytes without control characters, U+FFFE or U+FFFF, \
             not . or ..",
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
fn a_file_that_is_not_right_as_a_whole_is_told_before_any_row() {
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
            "--key: the file has no column \"contactKey\"; it has \"contactKey|phone\"; say --delimiter if \
             it is the character between several",
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
            "--column: the file has no column \"Phone\"; it has \"contactKey\"; say --delimiter if it is the \
             character between several",
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
            "line 1: a quoted value begins, and never ends",
        ),
    ] {
        assert_eq!(whole_fault(text, Format::Csv, flags), expected, "{text:?}");
    }
    assert_eq!(
        whole_fault("{\n}", Format::Json, ""),
        "line 1: expected a JSON array of objects"
    );
}

#[test]
fn a_quote_that_is_not_where_it_belongs_ends_the_file_at_the_line_where_its_value_begins() {
    let text = "contactKey,version,callable,phone,notes\r\n\
                K-1,1764000000001,true,+1,ok\r\n\
                K-2,1764000000002,true,+1,\"moved, see ticket\r\n\
                K-3,1764000000003,false,+1,ok\r\n\
                K-4,1764000000004,false,+1,ok\r\n";
    let rows = rows(text, Format::Csv, "--column phone");
    assert_eq!(rows.len(), 2);
    let told = rows[1].as_ref().unwrap_err();
    assert_eq!(
        told,
        "line 3: a quoted value begins, and never ends. What follows is not read"
    );
    let inches = "contactKey\tsize\nK-1\t6\" tall\n";
    assert!(self::rows(inches, Format::Csv, "")[0].is_err());
    let taken = self::rows(inches, Format::Csv, "--no-quotes");
    assert_eq!(
        taken,
        [Ok(
            json!({ "contactKey": "K-1", "data": { "size": "6\" tall" } })
        )]
    );
}

#[test]
fn rows_without_any_value_and_columns_that_are_not_sent_are_left_out() {
    let text = "contactKey,version,callable,phone,,\r\nK,5,true,+1,,\r\n,,,,,\r\n\r\n\"\",,\r\n";
    let row =
        json!({ "contactKey": "K", "version": 5, "callable": true, "data": { "phone": "+1" } });
    let file = file(text, Format::Csv, "--column phone", None);
    assert_eq!(shown(&file), [Ok(row)]);
    let is_blank = |row: &Result<Found, RowFault>| matches!(row, Ok(Found::Blank));
    assert_eq!(file.rows().unwrap().filter(is_blank).count(), 3);
    assert_eq!(file.lines(), 5);
}

#[test]
fn the_delimiter_is_what_the_file_says_or_what_fits_its_first_line() {
    let row =
        json!({ "contactKey": "K", "version": 5, "callable": true, "data": { "phone": "+1" } });
    for (text, flags, guessed) in [
        ("contactKey,version,callable,phone\nK,5,true,+1\n", "", None),
        (
            "contactKey;version;callable;phone\nK;5;true;+1\n",
            "",
            Some(";"),
        ),
        (
            "contactKey\tversion\tcallable\tphone\nK\t5\ttrue\t+1\n",
            "",
            Some("\\t"),
        ),
        (
            "sep=;\r\ncontactKey;version;callable;phone\r\nK;5;true;+1\r\n",
            "",
            Some(";"),
        ),
        (
            "SEP=|\ncontactKey|version|callable|phone\nK|5|true|+1\n",
            "",
            Some("|"),
        ),
        (
            "contactKey|version|callable|phone\nK|5|true|+1\n",
            "--delimiter |",
            None,
        ),
        // The one with the key, though the other has more columns.
        (
            "a,b,c;contactKey;version;callable;phone\n1;K;5;true;+1\n",
            "--ignore a,b,c",
            Some(";"),
        ),
        (
            "\"a;b;c\",contactKey,version,callable,phone\n1,K,5,true,+1\n",
            "--ignore a;b;c",
            None,
        ),
    ] {
        assert_eq!(
            rows(text, Format::Csv, flags),
            [Ok(row.clone())],
            "{text:?}"
        );
        let file = file(text, Format::Csv, flags, None);
        assert_eq!(file.guessed_delimiter().as_deref(), guessed, "{text:?}");
    }
    let second = rows("sep=;\ncontactKey;version\nK;x\n", Format::Csv, "").remove(0);
    assert!(
        second.unwrap_err().starts_with("line 3: version"),
        "lines count from the file's first"
    );
}

fn event_ids(text: &str) -> Vec<String> {
    let file = file(text, Format::Csv, "", None);
    let id = |row| match row {
        Ok(Found::Change(_, change)) => change.event_id.to_string(),
        other => panic!("{other:?}"),
    };
    file.rows().unwrap().map(id).collect()
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
fn a_time_for_all_stands_where_a_row_says_none() {
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
fn an_opt_out_is_never_taken_for_anything_else() {
    let said = |text: &str, flags: &str| {
        let row = rows(text, Format::Csv, flags).remove(0);
        row.map(|row| row["callable"].as_bool())
    };
    for (value, callable) in [
        ("false", false),
        ("False", false),
        ("0", false),
        ("no", false),
        ("NO", false),
        ("true", true),
        ("TRUE", true),
        ("1", true),
        ("yes", true),
    ] {
        for column in ["callable", "ContactCallable"] {
            let text = format!("contactKey,{column}\na,{value}\n");
            assert_eq!(
                said(&text, &format!("--callable {column}")),
                Ok(Some(callable)),
                "{value}"
            );
        }
        let text = format!("contactKey,DoNotCall\na,{value}\n");
        let flags = "--not-callable DoNotCall";
        assert_eq!(said(&text, flags), Ok(Some(!callable)), "{value}");
    }
    assert_eq!(
        said("contactKey,callable\na,\n", ""),
        Ok(None),
        "left as it is"
    );
    for value in ["f", "opted out", " false", "2", "1.5", "-", "n", "y", "on"] {
        for (column, flags) in [("callable", ""), ("DoNotCall", "--not-callable DoNotCall")] {
            let text = format!("contactKey,{column}\na,{value}\n");
            let told = said(&text, flags).unwrap_err();
            assert_eq!(
                told,
                format!("line 2: {column}: expected true or false, 1 or 0, yes or no"),
                "{value}"
            );
        }
    }
    let silent = said("contactKey,DoNotCall\na,\n", "--not-callable DoNotCall");
    assert!(silent.is_err(), "nothing is no permission: {silent:?}");
}

#[test]
fn a_column_that_may_say_who_may_be_called_is_asked_about() {
    let nearly = [
        "Callable",
        "CALLABLE",
        "call able",
        "call_able",
        "calable",
        "callabel",
        "Callble",
        "is_callable",
        "callables",
        "ContactCallable",
    ];
    let opposite = [
        "DoNotCall",
        "Do_Not_Call",
        "do not call",
        "donotphone",
        "HasOptedOutOfEmail",
        "HasOptedOutOfFax",
        "opt_out",
        "optOut",
        "unsubscribed",
        "Unsubscribe",
        "NotCallable",
        "uncallable",
        "DNC",
        "dnc_flag",
        "Suppressed",
        "donotcal",
        "hs_email_optout",
    ];
    let flags = [
        (&nearly[..], "--callable"),
        (&opposite[..], "--not-callable"),
        (&["Operatoin"], "--operation"),
    ];
    for (names, flag) in flags {
        for name in names {
            for others in ["", "--column phone"] {
                let text = format!("contactKey,{name},phone\na,false,1\n");
                let told = whole_fault(&text, Format::Csv, others);
                assert!(
                    told.starts_with(&format!("column {name:?}: say {flag} {name:?}")),
                    "{told}"
                );
            }
            // Each way out that is told.
            for way in [
                format!("{flag}={name}"),
                format!("--ignore={name}"),
                format!("--column={name}"),
            ] {
                let text = format!("contactKey,{}\na,\n", name);
                let mut mapping = Flags::parse_from(["send", &way]).mapping;
                mapping.clear_empty = false;
                assert!(
                    mapping
                        .meanings(&["contactKey".to_owned(), (*name).to_owned()])
                        .is_ok(),
                    "{way}: {text}"
                );
            }
        }
    }
    for name in [
        "called",
        "phone",
        "crmVersion",
        "available",
        "billable",
        "Operator",
        "notOptedOut",
        "neverUnsubscribed",
        "option",
        "output",
    ] {
        let file = file(
            &format!("contactKey,{name}\na,false\n"),
            Format::Csv,
            "",
            None,
        );
        assert!(file.rows().is_ok(), "{name}");
    }
    // Who said which column it is, is not asked about others.
    for flags in [
        "--callable MayCall",
        "--callable callable",
        "--not-callable DoNotCall --ignore callable",
    ] {
        let text = "contactKey,callable,MayCall,is_callable,DoNotCall\na,false,false,false,true\n";
        assert!(
            file(text, Format::Csv, flags, None).rows().is_ok(),
            "{flags}"
        );
    }
    let inverse = whole_fault(
        "contactKey,DoNotCall\n",
        Format::Csv,
        "--callable DoNotCall",
    );
    assert!(
        inverse.starts_with("--callable: column \"DoNotCall\" says the opposite"),
        "{inverse}"
    );
    let both = whole_fault(
        "contactKey,callable,Stop\n",
        Format::Csv,
        "--not-callable Stop",
    );
    assert!(
        both.starts_with("column \"callable\": --not-callable says already"),
        "{both}"
    );
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

#[test]
fn no_number_loses_a_digit() {
    let flags = "--key id --version v --callable ok";
    let text = r#"{"id":100000000000000000001,"v":5,"phone":131755501310000000001,"x":1.50,"y":1e400,"ok":false}
                  {"id":100000000000000000002,"v":6.0,"phone":"+1","x":-0,"y":1E3,"ok":1}"#;
    assert_eq!(
        rows(text, Format::Ndjson, flags),
        [
            Ok(json!({
                "contactKey": "100000000000000000001", "version": 5, "callable": false,
                "data": { "phone": "131755501310000000001", "x": "1.50", "y": "1e400" },
            })),
            Ok(json!({
                "contactKey": "100000000000000000002", "version": 6, "callable": true,
                "data": { "phone": "+1", "x": "-0", "y": "1E3" },
            })),
        ]
    );
    for (id, key) in [("17", "17"), ("17.0", "17"), ("1.7E1", "17")] {
        let row = format!(r#"{{"id":{id}}}"#);
        assert_eq!(only(&row, Format::Ndjson, "--key id").key.as_str(), key);
    }
    for id in ["17.5", "1e400", "true", "[1]"] {
        let row = format!(r#"{{"id":{id}}}"#);
        let told = rows(&row, Format::Ndjson, "--key id")
            .remove(0)
            .unwrap_err();
        assert!(told.starts_with("line 1: id: expected a"), "{id}: {told}");
    }
    for version in [
        "1764000000000",
        "1764000000000.0",
        "1.764E12",
        " 1764000000000 ",
    ] {
        let csv = format!("contactKey,version\na,{version}\n");
        let json = format!(r#"{{"contactKey":"a","version":{:?}}}"#, version);
        for change in [
            only(&csv, Format::Csv, ""),
            only(&json, Format::Ndjson, "--key contactKey"),
        ] {
            assert_eq!(
                change.version.unwrap().to_string(),
                "1764000000000",
                "{version}"
            );
        }
    }
    for version in ["1.5", "1e", "0x10", "five", "9007199254740993"] {
        let told = rows(
            &format!("contactKey,version\na,{version}\n"),
            Format::Csv,
            "",
        )
        .remove(0);
        assert_eq!(
            told.unwrap_err(),
            "line 2: version: expected a whole number from 0 to 9007199254740991",
            "{version}"
        );
    }
}

#[test]
fn a_key_that_excel_shortened_is_told_as_that() {
    for key in ["1.23E+11", "1E+15", "-1.2E+11", "\"1,23E+11\""] {
        let told = rows(&format!("contactKey\n{key}\n"), Format::Csv, "")
            .remove(0)
            .unwrap_err();
        assert!(
            told.starts_with("line 2: contactKey: expected a key whose digits are all there"),
            "{told}"
        );
    }
    for key in ["E+11", "1.23E11", "LEAD-1E+1", "12.3E+4"] {
        assert!(
            rows(&format!("contactKey\n{key}\n"), Format::Csv, "")[0].is_ok(),
            "{key}"
        );
    }
}

#[test]
fn genesys_clouds_own_export_is_read_with_flags() {
    let text = "\"inin-outbound-id\",\"phone\",\"name\",\"ContactCallable\",\"ContactableByVoice\",\
                \"CallRecordLastResult-phone\",\"Callable-phone\"\r\n\
                \"LEAD-90001\",\"+1\",\"Ann\",\"1\",\"1\",\"\",\"1\"\r\n\
                \"LEAD-90002\",\"+2\",\"Bob\",\"0\",\"0\",\"ININ-OUTBOUND-BUSY\",\"0\"\r\n";
    let flags = "--key inin-outbound-id --callable ContactCallable --column phone --column name";
    let row = |key, callable, phone, name| {
        Ok(
            json!({ "contactKey": key, "callable": callable, "data": { "phone": phone, "name": name } }),
        )
    };
    assert_eq!(
        rows(text, Format::Csv, flags),
        [
            row("LEAD-90001", true, "+1", "Ann"),
            row("LEAD-90002", false, "+2", "Bob")
        ]
    );
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
        let rows = shown(&file(&text, Format::Csv, "", None));
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
