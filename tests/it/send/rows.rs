//! The rules for a row, and the report on a file before any of it is sent. Single values are unit
//! tests in the command's `send::rows`; filling the queue is in `queue`.

use serde_json::{Value, json};

use super::{Folder, arguments, bodies, send};
use crate::support::CAMPAIGN;
use crate::support::served::{Served, secret};

#[tokio::test]
async fn if_one_row_is_invalid_no_row_is_sent() {
    let (served, folder) = (Served::new().await, Folder::new("faults"));
    let mut rules = secret("lists", "contactLists");
    rules["contactKeyPattern"] = "^LEAD-[0-9]+$".into();
    served
        .vault
        .put("campaign-sync/org/lists", rules.to_string());
    let text = "contactKey,version,callable,phone,crmVersion,shoeSize,hatSize\n\
                LEAD-1,5,true,+1,,,\n\
                secret-key,5,true,+1,,,\n\
                LEAD-2,,true,+1,,,\n\
                LEAD-3,5,perhaps,+1,,,\n\
                LEAD-4,5,true,+1,7,,\n\
                LEAD-5,5,true,+1,,44,60\n";
    let file = folder.put("contacts.csv", text);
    let lists = [
        "send",
        "--org",
        "lists",
        "--campaign",
        "campaign-of-lists",
        &file,
    ];
    let (status, _, shown) = served.command(&lists).await;
    let expected = "line 3: contactKey: expected a match of the org's contactKeyPattern\n\
                    line 4: version: missing; the org ranks its changes by it. Add it, or pass --unranked\n\
                    line 5: callable: expected true or false, 1 or 0, yes or no\n\
                    line 6: data: expected not to name \"crmVersion\", in which the org's versionField stores the rank\n\
                    line 7: data: expected only columns of the campaign's contact list, which has no \"hatSize\", \
                    \"shoeSize\"\n\
                    5 of 6 rows are invalid; nothing was sent.\n";
    assert_eq!((status, shown.as_str()), (1, expected));
    assert!(served.queue.messages().is_empty());
    for (arguments, expected) in [
        (
            vec!["send", "--org", "lists", "--campaign", "nobody", &file],
            "GET campaign: 404 resource.not.found: check the campaign's id and the divisions of the OAuth client's role",
        ),
        (
            vec!["send", "--org", "ranked", "--campaign", "nobody", &file],
            "org ranked, campaign nobody: GET contact: 404 campaign.not.found: check the campaign's id and the divisions of the OAuth client's role",
        ),
        (
            vec!["send", "--org", "nobody", "--campaign", "c", &file],
            "secret campaign-sync/org/nobody",
        ),
        (
            vec![
                "send",
                "--org",
                "lists",
                "--campaign",
                "campaign-of-lists",
                "/nowhere.csv",
            ],
            "/nowhere.csv: No such file",
        ),
        (
            vec![
                "send",
                "--org",
                "lists",
                "--campaign",
                "campaign-of-lists",
                "/dev/null",
            ],
            "--format",
        ),
    ] {
        let (status, _, shown) = served.command(&arguments).await;
        assert!(status == 2 && shown.contains(expected), "{status} {shown}");
    }
}

#[tokio::test]
async fn a_malformed_csv_sends_nothing_and_its_line_is_reported() {
    let (served, folder) = (Served::new().await, Folder::new("malformed"));
    let text = "contactKey,version,callable,phone,notes\r\n\
                K-1,1764000000001,true,+13175550101,ok\r\n\
                K-2,1764000000002,true,+13175550102,\"moved, see ticket\r\n\
                K-3,1764000000003,false,+13175550103,ok\r\n\
                K-4,1764000000004,false,+13175550104,ok\r\n";
    let file = folder.put("01.csv", text);
    let more = ["--column", "phone"];
    let arguments = arguments(&file, &more);
    let (status, _, shown) = served.command(&arguments).await;
    assert_eq!(
        (status, shown.as_str()),
        (
            1,
            "line 3: a quoted value begins here and never ends; nothing after it was read\n\
             1 of 2 rows is invalid; nothing was sent.\n"
        )
    );
    assert!(served.queue.messages().is_empty());
}

#[tokio::test]
async fn the_contents_of_a_file_are_reported_and_compared_before_anything_is_sent() {
    let (served, folder) = (Served::new().await, Folder::new("expected"));
    let text =
        "contactKey;version;DoNotCall;phone\r\nL-1;5;1;+1\r\n;;;\r\nL-2;5;0;+1\r\nl-2;6;no;+1\r\n";
    let utf16: Vec<u8> = format!("\u{FEFF}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let file = folder.put("NAMES.CSV", utf16);
    let flags = ["--not-callable", "DoNotCall", "--expect-rows", "3"];
    let (status, report, shown) = send(
        &served,
        &file,
        &[&flags[..], &["--expect-opt-outs", "2"]].concat(),
    )
    .await;
    assert_eq!((status, &report["sent"]), (1, &json!(0)), "{shown}");
    assert_eq!(
        report["unexpected"],
        json!(["expected 2 opt-outs; the file has 1 opt-out"])
    );
    assert!(served.queue.messages().is_empty());

    let arguments = ["send", "--org", "ranked", "--campaign", CAMPAIGN, &file];
    let all = [&arguments[..], &flags, &["--expect-opt-outs", "1"]].concat();
    let (status, _, shown) = served.command(&all).await;
    let expected = format!(
        "3 of 3 rows are in the queue.\n\
         {file}: 5 lines, 3 rows, 1 row without any value left out, 1 opt-out.\n\
         Its values are separated by \";\", by its first line.\n\
         Warning: line 5: the key differs from an earlier one only in case, or by Unicode normalisation: to \
         campaign-sync they are two contacts, to Genesys Cloud perhaps one.\n"
    );
    assert_eq!((status, shown), (0, expected));
    let callable: Vec<_> = bodies(&served.queue.messages())
        .iter()
        .map(|body| body["callable"].clone())
        .collect();
    assert_eq!(callable, [json!(false), json!(true), json!(true)]);
}

#[tokio::test]
async fn rows_without_ranks_and_rows_without_callable_are_reported() {
    let (served, folder) = (Served::new().await, Folder::new("unranked"));
    let mut rules = secret("ranked", "predictive");
    rules["versionField"] = Value::Null;
    served
        .vault
        .put("campaign-sync/org/ranked", rules.to_string());
    let file = folder.put("contacts.csv", "contactKey,version,phone\nLEAD-1,5,+1\n");
    let (status, report, shown) = send(&served, &file, &[]).await;
    assert!(
        status == 1 && shown.contains("no versionField") && shown.contains("--unranked"),
        "{shown}"
    );
    assert_eq!(report["faulty"], 1);
    let (status, report, shown) = send(&served, &file, &["--unranked"]).await;
    assert_eq!(
        (status, &report["sent"], &report["saysCallable"]),
        (0, &json!(1), &json!(false)),
        "{shown}"
    );
    let more = ["--unranked", "--dry-run"];
    let arguments = arguments(&file, &more);
    let (_, _, shown) = served.command(&arguments).await;
    assert!(
        shown.contains("No row says whether its contact may be called"),
        "{shown}"
    );
}

#[tokio::test]
async fn columns_that_no_flag_names_are_reported_as_not_sent() {
    let (served, folder) = (Served::new().await, Folder::new("not-sent"));
    let file = folder.put(
        "contacts.csv",
        "contactKey,version,MayCall,Tel,Note\nLEAD-1,5,no,+1,x\n",
    );
    let flags = ["--column", "phone=Tel", "--ignore", "Note", "--dry-run"];
    let (status, report, shown) = send(&served, &file, &flags).await;
    assert_eq!(
        (status, &report["notSent"]),
        (0, &json!(["MayCall"])),
        "{shown}"
    );
    let (_, _, shown) = served.command(&arguments(&file, &flags)).await;
    assert!(
        shown.contains("Not sent, because no flag names them: \"MayCall\" ("),
        "{shown}"
    );
    let all = [&flags[..], &["--ignore", "MayCall"]].concat();
    let (_, report, shown) = send(&served, &file, &all).await;
    assert_eq!(report["notSent"], json!([]), "{shown}");
}

#[tokio::test]
async fn a_row_is_refused_exactly_where_apply_would_park_it() {
    let (served, folder) = (Served::new().await, Folder::new("rules"));
    served.put_org(
        "lists",
        &json!({ "api": "contactLists", "versionUnit": "milliseconds" }),
    );
    let file = folder.put(
        "one.csv",
        "contactKey,version,callable,phone,shoeSize\nLEAD-1,1764000000000,true,+1,\n",
    );
    let fixed = ["send", "--org", "lists", "--campaign", "campaign-of-lists"];
    let send = async |file: &str| {
        let more = [file, "--clear-empty", "--dry-run"];
        served.command(&[&fixed[..], &more].concat()).await
    };
    let (status, _, shown) = send(&file).await;
    let first = shown.lines().next();
    assert_eq!(
        (status, first),
        (0, Some("1 row is right; nothing was sent.")),
        "a cleared column may be absent: {shown}"
    );
    let row = |number: &str| {
        json!({ "contactKey": "LEAD-1", "version": 1_764_000_000_000_u64, "data": {}, "callable": true,
            "contactable": { "Sms": false }, "phones": { number: false } })
    };
    let rows = folder.put("rows.ndjson", format!("{}\n{}\n", row("phone"), row("fax")));
    let (status, _, shown) = send(&rows).await;
    let expected = "line 2: phones: expected only columns of numbers of the campaign's contact list, which has no \"fax\"\n\
                    1 of 2 rows is invalid; nothing was sent.\n";
    assert_eq!((status, shown.as_str()), (1, expected));
    let ranked = [
        "send",
        "--org",
        "ranked",
        "--campaign",
        CAMPAIGN,
        &rows,
        "--dry-run",
    ];
    let (status, _, shown) = served.command(&ranked).await;
    let unsaid = "contactable, phones: expected neither, since the org's api does not support them";
    assert_eq!((status, shown.matches(unsaid).count()), (1, 2), "{shown}");
    let file = folder.put(
        "ahead.csv",
        "contactKey,version,callable,phone\nLEAD-1,9007199254740991,true,+1\n",
    );
    let (status, _, shown) = send(&file).await;
    let expected = "line 2: version: expected a time at most a day ahead of the clock, in the org's versionUnit\n\
                    1 of 1 row is invalid; nothing was sent.\n";
    assert_eq!((status, shown.as_str()), (1, expected));
}

#[tokio::test]
async fn a_value_that_goes_on_in_the_next_line_is_warned_of() {
    let (served, folder) = (Served::new().await, Folder::new("line-end"));
    let text = "contactKey,version,callable,phone\n\
                LEAD-1,1,true,\"+1\n\
                LEAD-2,2,false,\"\n";
    let file = folder.put("quotes.csv", text);
    let arguments = arguments(&file, &["--dry-run"]);
    let (status, _, shown) = served.command(&arguments).await;
    assert!(
        status == 0 && shown.contains("line 2: a value goes on in the next line"),
        "{shown}"
    );
}
