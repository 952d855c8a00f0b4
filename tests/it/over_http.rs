//! The HTTP transport over real sockets on loopback: kept connections, timeouts, broken answers and
//! redirects. The AWS clients are in `over_aws`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use io::Https;
use io::http::{Transport, TransportError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use wiremock::matchers::{body_json, body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::scripted::Scripted;
use crate::support::{World, change};

const CONTACTS: &str = "/api/v2/predictivedialing/campaigns/campaign-a/contacts";

fn get(uri: String) -> Request<Bytes> {
    Request::get(uri).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_change_goes_over_the_wire_as_the_contract_says() {
    let server = MockServer::start().await;
    let token =
        serde_json::json!({"access_token": "tok", "token_type": "bearer", "expires_in": 86399});
    Mock::given(method("POST"))
        .and(path("/oauth/token"))
        .and(header(
            "authorization",
            "Basic Y2xpZW50LW9mLWFjbWU6c2VjcmV0LW9mLWFjbWU=",
        ))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string("grant_type=client_credentials"))
        .respond_with(ResponseTemplate::new(200).set_body_json(token))
        .expect(1)
        .mount(&server)
        .await;
    let segment = "a%20b%2Fc%23d%3Fe%252Ff%C3%A9";
    Mock::given(method("GET"))
        .and(header("authorization", "Bearer tok"))
        .and(header("user-agent", "campaign-sync/0.2.0"))
        .respond_with(ResponseTemplate::new(404).set_body_string("{}"))
        .expect(1)
        .mount(&server)
        .await;
    let created = serde_json::json!([
        {"id": "a b/c#d?e%2Ffé", "data": {"phone": "+1", "crmVersion": "7:7-"}, "callable": false}
    ]);
    Mock::given(method("POST"))
        .and(path(CONTACTS))
        .and(header("authorization", "Bearer tok"))
        .and(header("content-type", "application/json"))
        .and(body_json(&created))
        .respond_with(ResponseTemplate::new(200).set_body_json(&created))
        .expect(1)
        .mount(&server)
        .await;

    let world = World::new();
    let base = server.uri();
    let https = Arc::new(Https::new().unwrap());
    let copy = world.copy(Some(https), move |config| {
        config.genesys_base_url = Some(base.clone())
    });
    world.send([change("a b/c#d?e%2Ffé", 7).phone("+1").callable(false)]);
    let done = world
        .invoke_copy(&copy, Some(Duration::from_secs(30)))
        .await;
    assert_eq!(done.records, ["created"]);
    let requests = server.received_requests().await.unwrap();
    let read = requests
        .iter()
        .find(|request| request.method == "GET")
        .unwrap();
    assert_eq!(read.url.path(), format!("{CONTACTS}/{segment}"));
    assert_eq!(read.url.query(), None);
}

#[tokio::test]
async fn a_redirect_is_not_followed_so_a_token_goes_nowhere_else() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    Mock::given(method("GET"))
        .respond_with(redirect)
        .mount(&server)
        .await;
    let answer = Https::new()
        .unwrap()
        .send(get(server.uri()), Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(answer.status(), 307);
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_late_is_a_timeout() {
    let server = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(20));
    Mock::given(method("GET"))
        .respond_with(late)
        .mount(&server)
        .await;
    let answer = Https::new()
        .unwrap()
        .send(get(server.uri()), Duration::from_millis(200))
        .await;
    assert_eq!(answer.unwrap_err(), TransportError::TimedOut);
}

#[tokio::test]
async fn a_handshake_that_is_late_is_a_lost_connection_before_the_call_is_late() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let https = Https::new().unwrap();
    let sent = https.send(
        get(format!("https://{}", listener.local_addr().unwrap())),
        Duration::from_secs(30),
    );
    let answer = tokio::time::timeout(Duration::from_secs(4), sent)
        .await
        .unwrap();
    assert_eq!(answer.unwrap_err(), TransportError::Lost);
}

#[tokio::test]
async fn a_connection_is_kept_and_one_that_ended_meanwhile_costs_no_write() {
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let server = Scripted::start([vec![OK, OK], vec![OK]]).await;
    let https = Https::new().unwrap();
    for _ in 0..3 {
        let write = Request::post(&server.uri).body(Bytes::from("[]")).unwrap();
        let answer = https.send(write, Duration::from_secs(5)).await.unwrap();
        assert_eq!(answer.body(), "{}");
        // The end of the connection takes a moment to arrive.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.requests(), [0, 0, 1], "by connection");
}

#[tokio::test]
async fn a_refused_connection_is_a_lost_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let answer = Https::new()
        .unwrap()
        .send(get(uri), Duration::from_secs(5))
        .await;
    assert_eq!(answer.unwrap_err(), TransportError::Lost);
}

#[tokio::test]
async fn a_certificate_that_no_root_vouches_for_is_a_lost_connection_and_nothing_is_sent() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let served = async {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(config))
            .accept(stream)
            .await
            .map(|_| ())
    };
    let https = Https::new().unwrap();
    let (answer, served) = tokio::join!(https.send(get(uri), Duration::from_secs(5)), served);
    assert_eq!(answer.unwrap_err(), TransportError::Lost);
    let refusal = served.unwrap_err().to_string();
    assert!(refusal.contains("UnknownCA"), "{refusal}");
}

/// A server that sends these bytes and closes the connection.
async fn cut_off(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    uri
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_a_lost_connection_and_nothing_is_sent_again() {
    let cuts: [&[u8]; 3] = [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"id\":",
    ];
    for bytes in cuts {
        let uri = cut_off(bytes).await;
        let answer = Https::new()
            .unwrap()
            .send(get(uri), Duration::from_secs(5))
            .await;
        assert_eq!(answer.unwrap_err(), TransportError::Lost, "{bytes:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    for (size, is_taken) in [(16 << 20, true), ((16 << 20) + 1, false)] {
        let server = MockServer::start().await;
        let large = ResponseTemplate::new(200).set_body_bytes(vec![b'x'; size]);
        Mock::given(method("GET"))
            .respond_with(large)
            .mount(&server)
            .await;
        let answer = Https::new()
            .unwrap()
            .send(get(server.uri()), Duration::from_secs(20))
            .await;
        match answer {
            Ok(answer) => assert!(is_taken && answer.body().len() == size),
            Err(error) => assert!(!is_taken && error == TransportError::TooLarge, "{error}"),
        }
    }
}
