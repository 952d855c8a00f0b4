//! Rows are read whole from files that are longer than a piece. What a row becomes is tested in
//! [`super`].

use super::*;

const ROWS: usize = 4_000;

/// A value with everything that the end of a piece may cut in two.
fn note(n: usize) -> String {
    "é, \"6\"\"\r\nof\n🦀".repeat(n % 7) + &"x".repeat(n % 41)
}

/// The place of each row, and its key and note, however the file is cut into pieces.
fn told(text: &str, format: Format, flags: &str) -> Vec<(String, String)> {
    let file = file(text, format, flags, None);
    let row = |row: Result<Result<ParsedRow, RowFault>, String>| match row.unwrap().unwrap() {
        ParsedRow::Change(place, change) => {
            let data = change.operation.data().unwrap();
            let note = data.get("note").cloned().flatten();
            (
                place,
                format!("{} {}", change.key.as_str(), note.unwrap_or_default()),
            )
        }
        ParsedRow::Blank => panic!("none is blank"),
    };
    file.rows().unwrap().map(row).collect()
}

#[test]
fn rows_of_a_csv_are_whole_wherever_a_piece_ends() {
    for pad in 0..12 {
        let mut text = format!("contactKey,note\r\n{},\r\n", "p".repeat(pad + 1));
        let mut expected = vec![("line 2".to_owned(), format!("{} ", "p".repeat(pad + 1)))];
        let mut line = 3;
        for n in 0..ROWS {
            let note = note(n);
            text += &format!("K{n},\"{}\"\r\n", note.replace('"', "\"\""));
            expected.push((format!("line {line}"), format!("K{n} {note}")));
            line += 1 + csv::line_ends(&note);
        }
        assert!(text.len() > 4 << 16, "or this tests nothing");
        assert!(told(&text, Format::Csv, "") == expected, "{pad}");
    }
}

#[test]
fn rows_of_json_are_whole_wherever_a_piece_ends() {
    for pad in 0..4 {
        let row = |n: usize| {
            let key = if n == 0 {
                "p".repeat(pad + 1)
            } else {
                format!("K{n}")
            };
            (
                json!({ "contactKey": key, "data": { "note": note(n) } }).to_string(),
                format!("{key} {}", note(n)),
            )
        };
        let (rows, says): (Vec<_>, Vec<_>) = (0..ROWS).map(row).unzip();
        let placed = |name: &str| -> Vec<_> {
            let says = says.iter().enumerate();
            says.map(|(n, says)| (format!("{name} {}", n + 1), says.clone()))
                .collect()
        };
        assert!(
            told(&rows.join("\r\n"), Format::Ndjson, "") == placed("line"),
            "{pad}"
        );
        let array = format!(" [\n{} ] \n", rows.join(" ,\r\n"));
        assert!(told(&array, Format::Json, "") == placed("element"), "{pad}");
        let flat = format!(
            "[{}]",
            (0..ROWS)
                .map(|n| format!("{{\"id\":\"K{n}\"}}"))
                .collect::<Vec<_>>()
                .join(",")
        );
        assert_eq!(told(&flat, Format::Json, "--key id").len(), ROWS);
    }
}

#[test]
fn a_fault_late_in_an_array_is_reported_by_its_line_and_ends_the_file() {
    let row = r#"{"contactKey":"K","data":{}}"#;
    let many = vec![row; ROWS].join(",\n");
    for (end, line) in [
        ("", ROWS),
        (",]", ROWS),
        ("\n}", ROWS + 1),
        (",\n{\"contactKey\":", ROWS + 1),
        (&format!("\n{row}]")[..], ROWS + 1),
        ("]\nx", ROWS + 1),
    ] {
        let file = file(&format!("[{many}{end}"), Format::Json, "", None);
        let mut rows = file.rows().unwrap().skip(ROWS);
        let told = rows.next().unwrap().unwrap_err();
        assert_eq!(
            told,
            format!("line {line}: expected a JSON array of objects"),
            "{end:?}"
        );
        assert!(rows.next().is_none());
    }
    for empty in ["[]", " [ \n] "] {
        assert_eq!(rows(empty, Format::Json, ""), []);
    }
}

#[test]
fn a_row_that_does_not_end_is_not_held_for_ever() {
    let long = "x".repeat(17 << 20);
    let csv = format!("contactKey,note\nK,\"{long}");
    let told = rows(&csv, Format::Csv, "").remove(0).unwrap_err();
    assert_eq!(
        told,
        "line 2: a quoted value begins here and never ends; nothing after it was read"
    );
    let expected = "line 2: expected a row of at most 16 MiB; nothing after it was read";
    // A piece may hold more than that: a row that is a little longer is refused for its value.
    let longer = "x".repeat(40 << 20);
    let csv = format!("contactKey,note\nK,{longer}\nL,2\n");
    assert_eq!(rows(&csv, Format::Csv, ""), [Err(expected.to_owned())]);
    let told = rows(&format!("\n\"{long}\"\n{{}}\n"), Format::Ndjson, "");
    assert_eq!(told, [Err(expected.to_owned())]);
    let told = rows(&format!("[\"{long}\", {{}}]"), Format::Json, "");
    let expected = "element 1: expected a row of at most 16 MiB; nothing after it was read";
    assert_eq!(told, [Err(expected.to_owned())]);
}
