//! The emulated contact lists as a client meets them: lists without a campaign, and every possible
//! behaviour that the documentation leaves open. `dnc`, `exports` and `statuses` have the other
//! resources. The `predictive` API is in `emulator_genesys`.

mod dnc;
mod exports;
mod statuses;

use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use emulator::Genesys;
use emulator::genesys::{Duplicates, ListReadings, Options};
use http::Request;
use io::http::Transport;
use serde_json::{Value, json};

const LISTS: &str = "/api/v2/outbound/contactlists";

struct Client {
    genesys: Genesys,
    token: String,
}

impl Client {
    async fn new(lists: ListReadings) -> Client {
        Client::with(Options {
            lists,
            ..Options::default()
        })
        .await
    }

    async fn with(options: Options) -> Client {
        let clock = emulator::logical_clock("2026-11-24T16:00:00Z".parse().unwrap());
        let genesys = Genesys::new(clock, options);
        genesys.put_client("id", "hush");
        genesys.put_list("id", "l", Some(&["a", "b"]));
        let mut client = Client {
            genesys,
            token: String::new(),
        };
        let basic = base64::engine::general_purpose::STANDARD.encode("id:hush");
        let basic = format!("Basic {basic}");
        let form = "grant_type=client_credentials".to_owned();
        let login = client.send("POST", "/oauth/token", &basic, form);
        client.token = login.await.1["access_token"].as_str().unwrap().to_owned();
        client
    }

    async fn send(&self, method: &str, path: &str, auth: &str, body: String) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", auth)
            .body(Bytes::from(body));
        let answer = self.genesys.send(request.unwrap(), Duration::from_secs(60));
        let answer = answer.await.unwrap();
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), body)
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (path, token) = (format!("{LISTS}{path}"), format!("Bearer {}", self.token));
        self.send(method, &path, &token, body.to_string()).await
    }

    /// Posts contacts, and returns the status and the ids of the answer.
    async fn post(&self, contacts: &[(&str, Value)]) -> (u16, Vec<String>) {
        let body: Vec<_> = contacts
            .iter()
            .map(|(id, data)| json!({ "id": id, "contactListId": "l", "data": data }))
            .collect();
        let (status, answer) = self.call("POST", "/l/contacts", json!(body)).await;
        (status, ids(&answer))
    }

    async fn bulk(&self, keys: &[&str]) -> Vec<String> {
        let (status, answer) = self.call("POST", "/l/contacts/bulk", json!(keys)).await;
        assert_eq!(status, 200);
        ids(&answer)
    }

    async fn get(&self, key: &str) -> (u16, Value) {
        let path = format!("/l/contacts/{key}");
        self.call("GET", &path, Value::Null).await
    }
}

fn ids(answer: &Value) -> Vec<String> {
    let contacts = answer.as_array().into_iter().flatten();
    contacts
        .map(|contact| contact["id"].as_str().unwrap().to_owned())
        .collect()
}

fn both(value: &str) -> Value {
    json!({ "a": value, "b": value })
}

#[tokio::test(start_paused = true)]
async fn a_list_is_made_read_and_deleted_without_a_campaign() {
    let client = Client::new(ListReadings::default()).await;
    let list = json!({ "name": "scratch", "columnNames": ["phone", "a"],
                       "phoneColumns": [{ "columnName": "phone", "type": "cell" }] });
    let (status, made) = client.call("POST", "", list.clone()).await;
    assert_eq!((status, &made["name"]), (200, &json!("scratch")));
    let path = format!("/{}", made["id"].as_str().unwrap());
    let size = format!("{path}?includeSize=true");
    let (_, shown) = client.call("GET", &size, Value::Null).await;
    assert_eq!(shown["size"], 0);
    assert_eq!(shown["columnNames"], json!(["a", "phone"]));
    let campaigns = format!("/api/v2/outbound/campaigns?contactListId={}", &path[1..]);
    let token = format!("Bearer {}", client.token);
    let found = client.send("GET", &campaigns, &token, String::new());
    assert_eq!(found.await.1["total"], 0);
    assert_eq!(client.call("DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(client.call("GET", &path, Value::Null).await.0, 404);
    for (member, value, code) in [
        ("name", json!(""), "name.cannot.be.blank"),
        ("columnNames", json!([]), "no.contact.columns.defined"),
        ("phoneColumns", json!([]), "no.phone.columns"),
        ("columnNames", json!(["a"]), "invalid.contact.phone.column"),
    ] {
        let mut wrong = list.clone();
        wrong[member] = value;
        let (status, answer) = client.call("POST", "", wrong).await;
        assert_eq!((status, &answer["code"]), (400, &json!(code)));
    }
    // The list of a campaign cannot be deleted, and another client cannot see it.
    client.genesys.put_campaign("id", "c", None);
    let (status, answer) = client.call("DELETE", "/list-of-c", Value::Null).await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("contact.list.in.use"))
    );
    client.genesys.put_list("other", "theirs", None);
    assert_eq!(client.call("GET", "/theirs", Value::Null).await.0, 404);
    assert_eq!(client.call("DELETE", "/theirs", Value::Null).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn campaigns_may_draw_on_one_list() {
    let client = Client::new(ListReadings::default()).await;
    client.post(&[("old", both("1"))]).await;
    let genesys = &client.genesys;
    for campaign in ["c", "d"] {
        genesys.put_campaign("id", campaign, None);
        genesys.change_list(campaign, "l");
    }
    genesys.put_contact("c", "k", &[("a", "1")], true);
    assert_eq!(genesys.contacts("d"), genesys.contacts_of_list("l"));
    assert_eq!(client.bulk(&["k", "old"]).await, ["k", "old"]);
}

#[tokio::test(start_paused = true)]
async fn ids_are_exact_or_fold_case() {
    for fold_case in [false, true] {
        let client = Client::new(ListReadings {
            fold_case,
            ..ListReadings::default()
        })
        .await;
        client.post(&[("Ab", both("1"))]).await;
        client.post(&[("aB", both("2"))]).await;
        let (folded, separate) = (vec!["Ab", "Ab"], vec!["Ab", "aB"]);
        let expected = if fold_case { folded } else { separate };
        assert_eq!(client.bulk(&["Ab", "aB"]).await, expected);
        let value = client.get("Ab").await.1["data"]["a"].clone();
        assert_eq!(value, if fold_case { "2" } else { "1" });
        let twice = client.post(&[("x", both("")), ("X", both(""))]).await.0;
        assert_eq!(twice, if fold_case { 400 } else { 200 });
        client
            .call("DELETE", "/l/contacts?contactIds=AB", json!(null))
            .await;
        let left = client.bulk(&["Ab", "aB"]).await.len();
        assert_eq!(left, if fold_case { 0 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_contact_may_be_missed_by_reads_for_a_while() {
    let client = Client::new(ListReadings {
        read_lag: Duration::from_secs(10),
        ..ListReadings::default()
    })
    .await;
    assert_eq!(client.post(&[("k", both("1"))]).await.0, 200);
    assert_eq!(client.get("k").await.0, 404);
    assert!(client.bulk(&["k"]).await.is_empty());
    // An update does not restart the read lag of a new contact.
    tokio::time::sleep(Duration::from_secs(9)).await;
    client.post(&[("k", both("2"))]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(client.get("k").await.1["data"]["a"], "2");
}

#[tokio::test(start_paused = true)]
async fn an_update_may_be_read_late() {
    let client = Client::new(ListReadings {
        update_lag: Duration::from_secs(10),
        ..ListReadings::default()
    })
    .await;
    client.post(&[("k", both("1"))]).await;
    assert_eq!(client.get("k").await.1["data"]["a"], "1", "it is new");
    let shown = |seconds: u64| {
        let client = &client;
        async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let (_, read) = client.call("POST", "/l/contacts/bulk", json!(["k"])).await;
            assert_eq!(read[0], client.get("k").await.1);
            read[0]["data"]["a"].clone()
        }
    };
    let (_, answer) = client
        .call(
            "PUT",
            "/l/contacts/k",
            json!({ "data": both("2"), "callable": false }),
        )
        .await;
    assert_eq!(answer["data"]["a"], "2", "its answer shows it");
    assert_eq!(shown(6).await, "1");
    assert_eq!(client.post(&[("k", both("3"))]).await.0, 200);
    assert_eq!((shown(3).await, shown(1).await), (json!("1"), json!("2")));
    assert_eq!((shown(5).await, shown(1).await), (json!("2"), json!("3")));
    assert_eq!(
        client.get("k").await.1["callable"],
        false,
        "writes see what is there"
    );
}

#[tokio::test(start_paused = true)]
async fn searches_and_the_size_of_a_list_lag_and_reads_do_not() {
    for lag in [5, 60] {
        let client = Client::new(ListReadings {
            search_lag: Duration::from_secs(lag),
            ..ListReadings::default()
        })
        .await;
        let counted = async || {
            let page = json!({ "pageNumber": 1, "pageSize": 100 });
            let (_, found) = client.call("POST", "/l/contacts/search", page).await;
            let (_, list) = client.call("GET", "/l?includeSize=true", json!(null)).await;
            assert_eq!(found["total"], list["size"]);
            let held = found["entities"][0]["data"]["a"].as_str();
            (
                list["size"].as_u64().unwrap(),
                held.unwrap_or_default().to_owned(),
            )
        };
        let wait = async |seconds| tokio::time::sleep(Duration::from_secs(seconds)).await;
        client.post(&[("k", both("1"))]).await;
        assert_eq!(client.bulk(&["k"]).await, ["k"]);
        assert_eq!(counted().await, (0, String::new()));
        wait(lag - 1).await;
        assert_eq!(counted().await.0, 0);
        client.post(&[("k", both("2"))]).await;
        wait(1).await;
        assert_eq!(counted().await, (1, "1".to_owned()));
        let gone = client.call("DELETE", "/l/contacts/k", json!(null)).await;
        assert_eq!((gone.0, client.get("k").await.0), (200, 404));
        wait(lag - 1).await;
        assert_eq!(counted().await, (1, "2".to_owned()));
        wait(1).await;
        assert_eq!(counted().await.0, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_import_blocks_campaign_and_list_and_no_contact() {
    let client = Client::new(ListReadings::default()).await;
    let genesys = &client.genesys;
    genesys.put_campaign("id", "c", Some(&["a", "b"]));
    genesys.put_list("id", "new", Some(&["a", "b"]));
    let token = format!("Bearer {}", client.token);
    let put = async |version: u64, list: &str| {
        let path = "/api/v2/outbound/campaigns/c";
        let body = json!({ "version": version, "contactList": { "id": list } });
        let (status, answer) = client.send("PUT", path, &token, body.to_string()).await;
        let code = answer["code"].as_str().unwrap_or_default().to_owned();
        (status, code, answer["version"].as_u64())
    };
    let blocked = || (400, "contact.list.import.in.progress".to_owned(), None);
    for list in ["l", "list-of-c"] {
        genesys.import(list, true);
    }
    assert_eq!(put(1, "new").await, blocked());
    let (status, answer) = client.call("DELETE", "/l", json!(null)).await;
    assert_eq!((status, &answer["code"]), (400, &json!(blocked().1)));
    let status = "/l?includeImportStatus=true";
    let (_, shown) = client.call("GET", status, json!(null)).await;
    assert_eq!(shown["importStatus"]["state"], "IN_PROGRESS");
    assert_eq!(client.post(&[("k", both("1"))]).await.0, 200);
    let put_contact = json!({ "data": both("2") });
    assert_eq!(
        client.call("PUT", "/l/contacts/k", put_contact).await.0,
        200
    );
    let gone = client.call("DELETE", "/l/contacts/k", json!(null)).await;
    assert_eq!(gone.0, 200);

    for list in ["l", "list-of-c"] {
        genesys.import(list, false);
    }
    let (_, shown) = client.call("GET", status, json!(null)).await;
    assert_eq!(shown["importStatus"], json!(null));
    let outdated = (409, "invalid.update.wrong.version".to_owned(), None);
    assert_eq!(put(0, "new").await, outdated);
    assert_eq!(put(1, "theirs").await.0, 400);
    assert_eq!(put(1, "new").await, (200, String::new(), Some(2)));
    assert_eq!(put(1, "l").await, outdated);
    assert_eq!(client.call("DELETE", "/l", json!(null)).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_occurs_twice_is_refused_or_one_of_the_two_wins() {
    for (duplicates, status, value) in [
        (Duplicates::Refused, 400, None),
        (Duplicates::FirstWins, 200, Some("1")),
        (Duplicates::LastWins, 200, Some("2")),
    ] {
        let client = Client::new(ListReadings {
            duplicates,
            ..ListReadings::default()
        })
        .await;
        let sent = [("k", both("1")), ("j", both("9")), ("k", both("2"))];
        let (answered, ids) = client.post(&sent).await;
        assert_eq!(
            (answered, ids.len()),
            (status, if status == 200 { 2 } else { 0 })
        );
        let held = client.get("k").await.1["data"]["a"]
            .as_str()
            .map(str::to_owned);
        assert_eq!(held.as_deref(), value, "{duplicates:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn columns_may_be_omitted_where_the_options_allow_it() {
    for (posts, puts) in [(false, true), (true, false)] {
        let client = Client::new(ListReadings {
            posts_take_a_subset: posts,
            puts_take_a_subset: puts,
            ..ListReadings::default()
        })
        .await;
        client.post(&[("k", both("1"))]).await;
        let part = json!({ "a": "2" });
        let posted = client.post(&[("k", part.clone())]).await.0;
        let body = json!({ "contactListId": "l", "data": part });
        let put = client.call("PUT", "/l/contacts/k", body).await.0;
        let status = |is_taken| if is_taken { 200 } else { 400 };
        assert_eq!((posted, put), (status(posts), status(puts)));
        assert_eq!(
            client.get("k").await.1["data"],
            json!({ "a": "2", "b": "" })
        );
    }
}

#[tokio::test(start_paused = true)]
async fn answers_may_come_in_another_order_and_ids_may_be_narrow() {
    let client = Client::new(ListReadings {
        answer_in_another_order: true,
        id_characters: "@",
        longest_id: 3,
        ..ListReadings::default()
    })
    .await;
    let (_, answered) = client.post(&[("b", both("")), ("a", both(""))]).await;
    assert_eq!(answered, ["a", "b"]);
    for (id, status) in [("a@b", 200), ("a@bc", 400), ("a-b", 400), ("", 400)] {
        assert_eq!(client.post(&[(id, both(""))]).await.0, status, "{id}");
    }
}
