//! The status of a contact's channels and numbers: what a write does to it, and which calls and
//! messages it keeps from the contact.

use emulator::genesys::KeptBy;

use super::*;

async fn client(statuses_merge: bool) -> Client {
    let client = Client::new(ListReadings {
        statuses_merge,
        ..ListReadings::default()
    });
    client.await
}

fn contact(more: Value) -> Value {
    let mut contact = json!({ "id": "c-1", "contactListId": "l", "data": { "a": "1", "b": "2" } });
    contact
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!([contact])
}

#[tokio::test(start_paused = true)]
async fn a_write_that_names_statuses_replaces_or_merges_them_and_one_that_names_none_keeps_them() {
    for (merges, left) in [
        (false, json!({ "Sms": { "contactable": false } })),
        (
            true,
            json!({ "Voice": { "contactable": false }, "Sms": { "contactable": false } }),
        ),
    ] {
        let client = client(merges).await;
        let write = async |more| client.call("POST", "/l/contacts", contact(more)).await;
        let voice = json!({ "Voice": { "contactable": false } });
        let number = json!({ "a": { "callable": false } });
        let first = write(json!({ "contactableStatus": voice, "phoneNumberStatus": number })).await;
        assert_eq!(first.0, 200);
        assert_eq!(first.1[0]["contactableStatus"], voice);
        assert_eq!(write(json!({})).await.1[0]["contactableStatus"], voice);
        let sms = json!({ "contactableStatus": { "Sms": { "contactable": false } } });
        assert_eq!(write(sms).await.1[0]["contactableStatus"], left);
        let (status, read) = client.call("GET", "/l/contacts/c-1", Value::Null).await;
        assert_eq!((status, &read["contactableStatus"]), (200, &left));
        assert_eq!(read["phoneNumberStatus"], number, "the other is left alone");
        assert_eq!(read["callable"], true);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_channels_columns_and_statuses_are_refused_and_nothing_is_stored() {
    let client = client(false).await;
    for wrong in [
        json!({ "contactableStatus": { "sms": { "contactable": false } } }),
        json!({ "contactableStatus": { "Fax": { "contactable": false } } }),
        json!({ "contactableStatus": { "Sms": false } }),
        json!({ "contactableStatus": { "Sms": { "contactable": "no" } } }),
        json!({ "contactableStatus": ["Sms"] }),
        json!({ "phoneNumberStatus": { "c": { "callable": false } } }),
        json!({ "phoneNumberStatus": { "a": { "callable": 0 } } }),
    ] {
        let (status, answer) = client
            .call("POST", "/l/contacts", contact(wrong.clone()))
            .await;
        assert_eq!(
            (status, answer["code"].as_str()),
            (400, Some("bad.request")),
            "{wrong}"
        );
    }
    assert!(client.genesys.contacts_of_list("l").is_empty());
}

#[tokio::test(start_paused = true)]
async fn calls_and_messages_are_kept_from_a_contact_separately() {
    let client = client(false).await;
    let genesys = &client.genesys;
    genesys.put_campaign("id", "c", Some(&["phone", "home"]));
    genesys.number_columns("c", &["phone", "home"]);
    let data = [("phone", "+1"), ("home", "+2")];
    genesys.put_contact("c", "a", &data, false);
    let calls = || genesys.kept_from_dialling("c", "a");
    let messages = |channel| genesys.kept_from_messages("c", "a", channel);
    assert_eq!(calls(), [KeptBy::NotCallable]);
    assert_eq!(messages("Sms"), [], "callable stops calls, and no messages");
    genesys.put_contact("c", "a", &data, true);
    let note = |member, value| genesys.note("c", "a", member, value);
    note(
        "contactableStatus",
        json!({ "Sms": { "contactable": false } }),
    );
    note(
        "phoneNumberStatus",
        json!({ "phone": { "callable": false } }),
    );
    assert_eq!(calls(), [], "by the other number");
    assert_eq!(messages("Sms"), [KeptBy::Channel("Sms".to_owned())]);
    assert_eq!(messages("Email"), []);
    let both = json!({ "phone": { "callable": false }, "home": { "callable": false } });
    note("phoneNumberStatus", both);
    note(
        "contactableStatus",
        json!({ "Voice": { "contactable": false } }),
    );
    let numbers = KeptBy::Numbers(vec!["phone".to_owned(), "home".to_owned()]);
    assert_eq!(calls(), [KeptBy::Channel("Voice".to_owned()), numbers]);
    assert_eq!(messages("Sms"), []);
    assert_eq!(
        genesys.kept_from_messages("c", "b", "Sms"),
        [KeptBy::Absence]
    );
}
