//! `campaign-sync check` on an org's DNC list, on the campaigns that should name it, and on
//! contacts. Adding entries is in the module `dnc` beside `check`.

use emulator::genesys::DncKind;

use super::*;

const CAMPAIGN: &str = "campaign-of-dnc";
const COLUMNS: [&str; 3] = ["phone", "leadId", "crmVersion"];

/// Stores an org whose secret names this DNC list, and a campaign of it.
fn put(served: &Served, list: &Value) {
    served.put_org("dnc", &json!({ "api": "contactLists", "dncList": list }));
    served.put_campaign("dnc", CAMPAIGN, Some(&COLUMNS));
    let column = DncKind::Column("leadId".to_owned());
    for (id, kind) in [("numbers", DncKind::Phone), ("values", column)] {
        served.genesys.put_dnc_list("client-of-dnc", id, kind);
    }
}

fn by_phone() -> Value {
    json!({ "id": "numbers", "by": "phone", "column": "phone" })
}

fn by_key() -> Value {
    json!({ "id": "values", "by": "contactKey" })
}

const OF_CAMPAIGN: [&str; 4] = ["--org", "dnc", "--campaign", CAMPAIGN];

#[tokio::test]
async fn check_reports_line_by_line_a_dnc_list_that_is_in_use() {
    let served = Served::new().await;
    for (list, told) in [
        (
            by_phone(),
            [
                "the number in phone of an opt-out is put on DNC list numbers",
                "ok    DNC list numbers: rds, for Phone, 0 on it",
                "skip  DNC list numbers: entries may be added: this cannot be tried without adding an entry: whether outbound:dnc:edit",
                "ok    campaign campaign-of-dnc: names the DNC list: the campaign asks it before it calls",
                "ok    campaign campaign-of-dnc: column of the DNC list: the list has phone",
            ],
        ),
        (
            by_key(),
            [
                "the contact key of an opt-out is put on DNC list values",
                "ok    DNC list values: rds_custom, excludes by the column leadId, 0 on it",
                "skip  DNC list values: entries may be added",
                "ok    campaign campaign-of-dnc: names the DNC list",
                "ok    campaign campaign-of-dnc: column of the DNC list: the list has leadId, which must hold the key",
            ],
        ),
    ] {
        put(&served, &list);
        served
            .genesys
            .name_dnc_lists(CAMPAIGN, &["numbers", "values"]);
        let command = [&["check"], &OF_CAMPAIGN[..]].concat();
        let (status, _, shown) = served.command(&command).await;
        for told in told {
            assert!(shown.contains(told), "{told}\n{shown}");
        }
        assert_eq!(status, 0, "{shown}");
    }
    assert_eq!(served.genesys.dnc_entries("numbers"), [""; 0]);
    let (_, _, shown) = served.command(&["check", "--org", "lists"]).await;
    assert!(!shown.contains("DNC"), "{shown}");
}

#[tokio::test]
async fn check_reports_a_dnc_list_that_keeps_nobody_from_being_called() {
    let served = Served::new().await;
    let unnamed = "campaign campaign-of-dnc: names the DNC list";
    let of_list = |list: &str, by: &str| {
        let column = if by == "phone" {
            json!("phone")
        } else {
            Value::Null
        };
        json!({ "id": list, "by": by, "column": column })
    };
    for (list, wrong_is, to_do) in [
        (by_phone(), unnamed, "add it to the campaign's DNC lists"),
        (
            of_list("missing", "phone"),
            "DNC list missing",
            "look at the id in the secret's dncList",
        ),
        (
            of_list("values", "phone"),
            "DNC list values",
            "needs an internal list of phone numbers, rds",
        ),
        (
            of_list("numbers", "contactKey"),
            "DNC list numbers",
            "needs an internal list of custom values, rds_custom",
        ),
    ] {
        put(&served, &list);
        let (_, lines, shown) = check(&served, &OF_CAMPAIGN).await;
        assert_eq!(wrong(&lines), [wrong_is], "{shown}");
        assert!(shown.contains(to_do), "{to_do}: {shown}");
    }
    put(&served, &by_phone());
    served.genesys.name_dnc_lists(CAMPAIGN, &["numbers"]);
    served.genesys.forbid_dnc_list("numbers", true);
    let (_, lines, shown) = check(&served, &OF_CAMPAIGN).await;
    assert_eq!(wrong(&lines), ["DNC list numbers"], "{shown}");
    assert!(shown.contains("outbound:dncList:view"), "{shown}");
    put(
        &served,
        &json!({ "id": "numbers", "by": "phone", "column": "mobile" }),
    );
    served.genesys.name_dnc_lists(CAMPAIGN, &["numbers"]);
    let (_, lines, shown) = check(&served, &OF_CAMPAIGN).await;
    let lacking = ["campaign campaign-of-dnc: column of the DNC list"];
    assert_eq!(wrong(&lines), lacking, "{shown}");
    assert!(shown.contains("the list lacks mobile"), "{shown}");
}

#[tokio::test]
async fn check_reports_a_contact_without_a_usable_entry_and_hides_its_key() {
    let served = Served::new().await;
    put(&served, &by_key());
    served.genesys.name_dnc_lists(CAMPAIGN, &["values"]);
    let known = [("leadId", "LEAD-1")];
    served.genesys.put_contact(CAMPAIGN, "LEAD-1", &known, true);
    served.genesys.put_contact(CAMPAIGN, "LEAD-2", &known, true);
    let of = |key| [&OF_CAMPAIGN[..], &["--contact", key]].concat();
    let (status, _, shown) = check(&served, &of("LEAD-1")).await;
    assert!(
        status == 0 && shown.contains("DNC list knows contact"),
        "{shown}"
    );
    let (_, lines, shown) = check(&served, &of("LEAD-2")).await;
    let [told] = wrong(&lines)[..] else {
        panic!("{shown}");
    };
    assert!(
        told.contains("DNC list knows contact") && !shown.contains("LEAD-2"),
        "{shown}"
    );
    assert!(
        shown.contains("let the CRM send the key as leadId"),
        "{shown}"
    );
    put(&served, &by_phone());
    served.genesys.name_dnc_lists(CAMPAIGN, &["numbers"]);
    served
        .genesys
        .put_contact(CAMPAIGN, "LEAD-1", &[("phone", "none")], true);
    let (_, lines, shown) = check(&served, &of("LEAD-1")).await;
    assert_eq!(wrong(&lines).len(), 1, "{shown}");
    assert!(shown.contains("phone holds no number"), "{shown}");
}
