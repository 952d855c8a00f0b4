//! Files as other programs write them: delimiters, quotes, headers, and the forms of JSON.
//! Encodings and gzip are read in `send/text.rs`, and files longer than a piece in `pieces`.

use super::*;

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
        "line 3: a quoted value begins here and never ends; nothing after it was read"
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
    let is_blank = |row: &Result<ParsedRow, RowFault>| matches!(row, Ok(ParsedRow::Blank));
    let rows = file.rows().unwrap().map(Result::unwrap);
    assert_eq!(rows.filter(is_blank).count(), 3);
    assert_eq!(file.lines(), Ok(5));
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
        // The delimiter that finds the key wins, though the other finds more columns.
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

#[test]
fn faults_are_reported_by_line_with_any_line_ending() {
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

#[test]
fn a_key_that_excel_shortened_is_refused_as_such() {
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
