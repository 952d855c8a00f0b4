//! The emulated DNC lists: which entries they take, and which contacts they keep from being called.
//! How campaign-sync uses such lists is in `dnc` and `listed`.

use emulator::genesys::{DncKind, KeptBy, ListReadings};
use serde_json::{Value, json};

use super::Client;

const LISTS: &str = "/api/v2/outbound/dnclists";

impl Client {
    async fn dnc(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (path, token) = (format!("{LISTS}{path}"), format!("Bearer {}", self.token));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, &path, &token, body).await
    }

    /// Sends a PATCH of entries, and returns the status and the code.
    async fn patch(&self, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.dnc("PATCH", path, body).await;
        let code = answer["code"].as_str().unwrap_or_default();
        (status, code.to_owned())
    }
}

fn refused(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_list_is_made_shown_named_by_a_campaign_and_deleted() {
    let client = Client::new(ListReadings::default()).await;
    client.genesys.put_campaign("id", "c", None);
    let values = json!({ "name": "opt-outs", "dncSourceType": "rds_custom", "customExclusionColumn": "leadId" });
    let (status, made) = client.dnc("POST", "", values.clone()).await;
    assert_eq!(
        (status, &made["customExclusionColumn"]),
        (200, &json!("leadId"))
    );
    let id = made["id"].as_str().unwrap();
    let numbers = json!({ "name": "numbers", "dncSourceType": "rds", "contactMethod": "Phone" });
    assert_eq!(client.dnc("POST", "", numbers.clone()).await.0, 200);
    let found = |query| client.dnc("GET", query, Value::Null);
    assert_eq!(found("").await.1["total"], 2);
    assert_eq!(found("?dncSourceType=rds").await.1["total"], 1);
    let (_, shown) = found(&format!("/{id}?includeSize=true")).await;
    assert_eq!(
        (&shown["size"], &shown["dncSourceType"]),
        (&json!(0), &json!("rds_custom"))
    );
    for (whole, member) in [
        (&values, "name"),
        (&values, "dncSourceType"),
        (&values, "customExclusionColumn"),
        (&numbers, "contactMethod"),
    ] {
        let mut lacking = whole.clone();
        lacking.as_object_mut().unwrap().remove(member);
        assert_eq!(client.dnc("POST", "", lacking).await.0, 400, "{member}");
    }

    let (token, path) = (
        format!("Bearer {}", client.token),
        "/api/v2/outbound/campaigns/c",
    );
    let (_, mut campaign) = client.send("GET", path, &token, String::new()).await;
    assert_eq!(campaign["dncLists"], json!([]));
    campaign["dncLists"] = json!([{ "id": id }]);
    let put = client.send("PUT", path, &token, campaign.to_string()).await;
    assert_eq!((put.0, &put.1["dncLists"][0]["id"]), (200, &json!(id)));
    let naming = format!("/api/v2/outbound/campaigns?dncListIds={id}");
    assert_eq!(
        client.send("GET", &naming, &token, String::new()).await.1["total"],
        1
    );
    assert_eq!(
        client.dnc("DELETE", &format!("/{id}"), Value::Null).await.0,
        400
    );
    client.genesys.name_dnc_lists("c", &[]);
    assert_eq!(
        client.dnc("DELETE", &format!("/{id}"), Value::Null).await.0,
        200
    );
    assert_eq!(
        client.dnc("GET", &format!("/{id}"), Value::Null).await.0,
        404
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_adds_or_removes_all_of_its_entries_or_none_and_only_on_a_list_of_their_kind() {
    let client = Client::new(ListReadings::default()).await;
    let genesys = &client.genesys;
    genesys.put_dnc_list("id", "n", DncKind::Phone);
    genesys.put_dnc_list("id", "v", DncKind::Column("leadId".to_owned()));
    genesys.put_dnc_list("other", "theirs", DncKind::Phone);
    let numbers =
        |action: &str, numbers: &[&str]| json!({ "action": action, "phoneNumbers": numbers });
    let values =
        |values: &[&str]| json!({ "action": "Add", "customExclusionColumnEntries": values });
    let done = (204, String::new());
    for _ in 0..2 {
        let added = client
            .patch("/n/phonenumbers", numbers("Add", &["+1 555", "+2"]))
            .await;
        assert_eq!(added, done);
    }
    assert_eq!(genesys.dnc_entries("n"), ["+1 555", "+2"]);
    for _ in 0..2 {
        let removed = client
            .patch("/n/phonenumbers", numbers("Remove", &["+2", "+3"]))
            .await;
        assert_eq!(removed, done);
    }
    assert_eq!(
        client
            .patch("/v/customexclusioncolumns", values(&["LEAD-1"]))
            .await,
        done
    );
    for (path, body, code) in [
        (
            "/v/phonenumbers",
            numbers("Add", &["+1"]),
            "dnc.source.operation.not.supported",
        ),
        (
            "/n/customexclusioncolumns",
            values(&["a"]),
            "dnc.source.operation.not.supported",
        ),
        (
            "/n/phonenumbers",
            numbers("Add", &["+4", "no number"]),
            "invalid.value",
        ),
        ("/n/phonenumbers", numbers("Put", &["+4"]), "invalid.value"),
        (
            "/v/customexclusioncolumns",
            values(&["b", " "]),
            "invalid.value",
        ),
        ("/n/phonenumbers", numbers("Add", &[]), "bad.request"),
        ("/n/phonenumbers", values(&["+4"]), "bad.request"),
        (
            "/n/phonenumbers",
            numbers("Add", &["+4"; 1_001]),
            "constraint.validation",
        ),
    ] {
        assert_eq!(
            client.patch(path, body).await,
            refused(code),
            "{path} {code}"
        );
    }
    assert_eq!(
        client
            .patch("/theirs/phonenumbers", numbers("Add", &["+1"]))
            .await
            .0,
        404
    );
    assert_eq!(
        client
            .patch("/none/phonenumbers", numbers("Add", &["+1"]))
            .await
            .0,
        404
    );
    genesys.forbid_dnc_list("n", true);
    assert_eq!(
        client
            .patch("/n/phonenumbers", numbers("Add", &["+1"]))
            .await
            .0,
        403
    );
    genesys.forbid_dnc_list("n", false);
    genesys.fill_dnc_list("n", true);
    let full = refused("dnc.records.per.list.limit.exceeded");
    assert_eq!(
        client
            .patch("/n/phonenumbers", numbers("Add", &["+4"]))
            .await,
        full
    );
    let again = client
        .patch("/n/phonenumbers", numbers("Add", &["+1 555"]))
        .await;
    assert_eq!(again, done, "an existing entry needs no room");
    assert_eq!(genesys.dnc_entries("n"), ["+1 555"]);
    assert_eq!(
        client.dnc("DELETE", "/n/phonenumbers", Value::Null).await.0,
        204
    );
    assert_eq!(genesys.dnc_entries("n"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_dialler_does_not_call_contacts_on_a_dnc_list_of_its_campaign() {
    let client = Client::new(ListReadings::default()).await;
    let genesys = &client.genesys;
    genesys.put_campaign("id", "c", None);
    let ada = [("phone", " +1 555 "), ("leadId", "LEAD-1")];
    genesys.put_contact("c", "LEAD-1", &ada, true);
    genesys.put_contact("c", "LEAD-2", &[("phone", "+2")], false);
    genesys.put_dnc_list("id", "n", DncKind::Phone);
    genesys.put_dnc_list("id", "v", DncKind::Column("leadId".to_owned()));
    let kept = |key| genesys.kept_from_dialling("c", key);
    let by = |list: &str| KeptBy::DncList(list.to_owned());
    genesys.put_dnc_entry("n", "+1 555");
    genesys.put_dnc_entry("v", "LEAD-1");
    genesys.put_dnc_entry("v", "LEAD-2");
    assert_eq!(kept("LEAD-1"), [], "its campaign names no list");
    genesys.name_dnc_lists("c", &["n", "v"]);
    assert_eq!(kept("LEAD-1"), [by("n"), by("v")]);
    assert_eq!(
        kept("LEAD-2"),
        [KeptBy::NotCallable],
        "its column does not say LEAD-2"
    );
    assert_eq!(kept("LEAD-3"), [KeptBy::Absence]);
    genesys.change_column("c", "LEAD-1", "phone", "+1555");
    assert_eq!(
        kept("LEAD-1"),
        [by("v")],
        "a number in another form is another number"
    );
    genesys.change_column("c", "LEAD-1", "leadId", "");
    assert_eq!(kept("LEAD-1"), []);
    genesys.name_dnc_lists("c", &["v"]);
    let soon = json!({ "action": "Add", "customExclusionColumnEntries": ["LEAD-9"], "expirationDateTime": "2026-11-24T16:01Z" });
    assert_eq!(
        client
            .patch("/v/customexclusioncolumns", soon.clone())
            .await
            .0,
        204
    );
    genesys.change_column("c", "LEAD-1", "leadId", "LEAD-9");
    assert_eq!(kept("LEAD-1"), [by("v")]);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(kept("LEAD-1"), [], "it has expired");
    let mut late = soon;
    late["expirationDateTime"] = json!("2027-11-24T16:01Z");
    assert_eq!(
        client.patch("/v/customexclusioncolumns", late).await,
        refused("invalid.date.value")
    );
}
