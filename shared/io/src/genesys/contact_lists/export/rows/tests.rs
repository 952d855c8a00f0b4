//! Tests of reading the rows of an export, whole and in pieces, plain and packed. Requesting and
//! downloading an export is tested in `tests/it/reconcile/export.rs`.

use std::collections::BTreeSet;

use domain::change::ContactKey;
use domain::channel::{Channel, Lowered};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::snapshot::Shown;
use super::*;

const HEADER: &str = "inin-outbound-id,phone,name,version,ContactCallable,ContactableByVoice,ContactableBySms,\
                      ContactableByEmail,CallRecordLastAttempt-phone,Callable-phone";

fn columns() -> BTreeSet<String> {
    ["phone", "name", "version"].map(str::to_owned).into()
}

fn snapshot(file: &[u8], piece: usize) -> Result<Snapshot, NoExport> {
    let (columns, numbers) = (columns(), BTreeSet::from(["phone".to_owned()]));
    let mut rows = Rows::new(&columns, Some(&numbers))?;
    for piece in file.chunks(piece) {
        rows.take(piece)?;
    }
    rows.end(Some("version"))
}

fn find(snapshot: &Snapshot, key: &str) -> Shown {
    snapshot.find(&ContactKey::parse(key).unwrap()).unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn rows() -> String {
    format!(
        "{HEADER}\r\na,1,\"Doe, \"\"Jo\"\"\nJr\",5,1,1,0,,2026-11-24,0\r\nb,,,7:7-,false,TRUE,,,,\r\nÄ-1,2,x,,,,,,,"
    )
}

#[test]
fn a_row_becomes_the_contact_that_a_read_would_show_whatever_the_pieces() {
    let (plain, bom) = (rows(), format!("\u{feff}{}", rows()));
    let members = [gzip(&plain[..99]), gzip(&plain[99..])].concat();
    for file in [plain.as_bytes(), bom.as_bytes(), &gzip(&plain), &members] {
        for piece in [1, 2, 7, 10_000] {
            let snapshot = snapshot(file, piece).unwrap();
            assert_eq!(snapshot.contacts(), 3);
            let Shown::Contact(a) = find(&snapshot, "a") else {
                panic!("a is there");
            };
            assert_eq!(
                (a.data["name"].as_str(), a.callable),
                ("Doe, \"Jo\"\nJr", true)
            );
            assert_eq!(a.version.rank, domain::Rank::new(5));
            let wish = Lowered {
                channels: Channel::ALL.into(),
                phones: ["phone".to_owned()].into(),
            };
            let lacks = a.statuses.not_yet_lowered(&wish);
            assert_eq!(
                lacks.channels,
                [Channel::Voice, Channel::Email, Channel::WhatsApp].into()
            );
            assert!(lacks.phones.is_empty());
            let Shown::Contact(b) = find(&snapshot, "b") else {
                panic!("b is there");
            };
            assert!(!b.callable && b.data.keys().eq(["version"]));
            assert_eq!(find(&snapshot, "c"), Shown::Nobody);
            assert_eq!(find(&snapshot, "A"), Shown::Unsure);
            assert_eq!(find(&snapshot, "ä-1"), Shown::Unsure);
            let untold = Lowered {
                channels: [Channel::WhatsApp].into(),
                ..Lowered::default()
            };
            assert_eq!(*snapshot.untold(), untold);
        }
    }
}

#[test]
fn a_broken_export_is_reported_without_its_content() {
    let broken = |file: &[u8]| match snapshot(file, 64) {
        Err(NoExport::Malformed(what)) => what,
        _ => panic!("it is broken"),
    };
    let row = |row: &str| broken(format!("{HEADER}\n{row}\n").as_bytes());
    assert_eq!(broken(b""), "it is empty");
    assert_eq!(
        broken(b"<html>"),
        "expected the column \"inin-outbound-id\""
    );
    let no_id = HEADER.replace("inin-outbound-id", "id");
    assert_eq!(
        broken(no_id.as_bytes()),
        "expected the column \"inin-outbound-id\""
    );
    let nothing = HEADER.replace("ContactCallable", "Contact");
    assert_eq!(
        broken(nothing.as_bytes()),
        "expected the column \"ContactCallable\""
    );
    assert_eq!(row("secret,1"), "row 2 has 2 cells: expected 10");
    assert_eq!(row("a,,,,,,,,,\n,1,,,,,,,,"), "row 3 has no id");
    let odd = "row 2 has a flag that is neither true nor false";
    assert_eq!(row("a,,,,perhaps,,,,,"), odd);
    assert_eq!(
        row(&format!("a,{},,,,,,,,", "x".repeat(70_000))),
        "row 2 is longer than any contact"
    );
    let cut = "it is cut short, or it is not gzip";
    let packed = gzip(&rows());
    for length in [5, 30, packed.len() - 9, packed.len() - 1] {
        assert_eq!(broken(&packed[..length]), cut, "{length}");
    }
    let mut changed = packed;
    let last = changed.len() - 5;
    changed[last] ^= 1;
    assert_eq!(broken(&changed), cut);
}

#[test]
fn a_column_of_the_list_that_is_named_as_one_of_the_exports_own_stands_before_it() {
    let columns = BTreeSet::from(["ContactCallable".to_owned()]);
    let export = |header: &str, row: &str| {
        let mut rows = Rows::new(&columns, None)?;
        rows.take(format!("{header}\n{row}\n").as_bytes())?;
        rows.end(None)
    };
    let both = export(
        "inin-outbound-id,ContactCallable,ContactCallable",
        "a,yes,0",
    )
    .unwrap();
    let Shown::Contact(a) = find(&both, "a") else {
        panic!("a is there");
    };
    assert_eq!(
        (a.data["ContactCallable"].as_str(), a.callable),
        ("yes", false)
    );
    assert!(export("inin-outbound-id,ContactCallable", "a,1").is_err());
}
