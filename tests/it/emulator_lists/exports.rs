//! Exports of the emulator's contact lists. How reconcile uses exports is in `reconcile::export`.

use std::io::Read;

use emulator::genesys::Exports;
use flate2::read::GzDecoder;

use super::*;

async fn client(exports: Exports) -> Client {
    let options = Options {
        exports,
        ..Options::default()
    };
    let client = Client::with(options).await;
    let contact = json!([{ "id": "K-1", "data": { "a": "1, \"one\"\n", "b": "" }, "callable": false,
        "contactableStatus": { "Sms": { "contactable": false } } }]);
    assert_eq!(client.call("POST", "/l/contacts", contact).await.0, 200);
    client
}

async fn file(client: &Client, address: &Value, auth: Option<&str>) -> (u16, Vec<u8>) {
    let mut request = Request::get(address.as_str().unwrap());
    if let Some(auth) = auth {
        request = request.header("authorization", auth);
    }
    let request = request.body(Bytes::new()).unwrap();
    let answer = client.genesys.send(request, Duration::from_secs(60));
    let answer = answer.await.unwrap();
    (answer.status().as_u16(), answer.into_body().to_vec())
}

/// The address of the file, from the API.
async fn address(client: &Client) -> Value {
    let token = format!("Bearer {}", client.token);
    let export = format!("https://api.mypurecloud.com{LISTS}/l/export");
    let (_, ready) = client.send("GET", &export, &token, String::new()).await;
    let uri = ready["uri"].as_str().unwrap();
    let (status, _) = client.send("GET", uri, &token, String::new()).await;
    assert_eq!(status, 303, "a redirect");
    let direct = format!("{uri}?issueRedirect=false");
    let (_, found) = client.send("GET", &direct, &token, String::new()).await;
    found["url"].clone()
}

#[tokio::test(start_paused = true)]
async fn an_export_is_ready_a_while_later_and_an_older_one_is_answered_meanwhile() {
    let client = client(Exports::default()).await;
    let get = async || client.call("GET", "/l/export", Value::Null).await;
    let nothing = get().await;
    assert_eq!(
        (nothing.0, &nothing.1["code"]),
        (404, &json!("no.available.list.export.uri"))
    );
    let post = async || client.call("POST", "/l/export", Value::Null).await.0;
    assert_eq!(post().await, 200);
    assert_eq!(get().await.0, 404);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (status, first) = get().await;
    assert_eq!(status, 200);
    assert!(
        first["exportTimestamp"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-24T16:00:0")
    );
    assert_eq!(post().await, 200);
    assert_eq!(get().await.1, first);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_ne!(get().await.1, first);
}

#[tokio::test(start_paused = true)]
async fn the_file_is_on_a_host_that_takes_no_token() {
    for (gzip, bom) in [(true, false), (false, true)] {
        let client = client(Exports {
            gzip,
            bom,
            ..Exports::default()
        })
        .await;
        client.call("POST", "/l/export", Value::Null).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        let address = address(&client).await;
        assert!(
            address
                .as_str()
                .unwrap()
                .starts_with("https://exports.s3.test/")
        );
        assert_eq!(file(&client, &address, Some("Bearer x")).await.0, 400);
        assert_eq!(client.genesys.tokens_elsewhere(), 1);
        let (status, bytes) = file(&client, &address, None).await;
        assert_eq!((status, client.genesys.downloads()), (200, 1));
        let mut text = String::new();
        if gzip {
            GzDecoder::new(&bytes[..])
                .read_to_string(&mut text)
                .unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
            text = text.strip_prefix('\u{feff}').unwrap().to_owned();
        }
        let expected = "inin-outbound-id,a,b,ContactCallable,ContactableByVoice,ContactableBySms,ContactableByEmail,\
            ZipCodeAutomaticTimeZone,CallRecordLastAttempt-phone,CallRecordLastResult-phone,CallRecordLastAgentWrapup-phone,\
            Callable-phone\r\nK-1,\"1, \"\"one\"\"\n\",,0,1,0,1,,,,,1\r\n";
        assert_eq!(text, expected);
    }
}
