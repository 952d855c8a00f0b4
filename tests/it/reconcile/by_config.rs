//! A feed by configuration: the requests to the CRM's own API, and what its pages become. `auth`
//! has the credentials, `pages` the pages, and `documented` the examples of the docs.

mod auth;
mod documented;
mod pages;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};
use io::telemetry::subscriber;
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use super::run::RunBeside;
use crate::support::{CAMPAIGN, Lines, World};

/// A request to the CRM, as it was sent.
#[derive(Clone)]
pub(crate) struct Asked {
    at: Timestamp,
    method: String,
    pub(crate) url: String,
    headers: http::HeaderMap,
    body: String,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// The status, the headers and the text of an answer.
pub(crate) type Told = (u16, Vec<(&'static str, String)>, String);
type Answers = dyn Fn(&Asked, usize) -> Told + Send + Sync;

/// A CRM that answers as the test says.
pub(crate) struct Crm {
    clock: io::Clock,
    answers: Box<Answers>,
    asked: Mutex<Vec<Asked>>,
}

impl Transport for Crm {
    fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let headers = format!("{:?}", request.headers());
            assert!(!headers.contains("hush"), "{headers}");
            let asked = Asked {
                at: self.clock.now(),
                method: request.method().to_string(),
                url: request.uri().to_string(),
                headers: request.headers().clone(),
                body: String::from_utf8(request.body().to_vec()).unwrap(),
            };
            let before = {
                let mut all = self.asked.lock().unwrap();
                all.push(asked.clone());
                all.len() - 1
            };
            tokio::time::sleep(Duration::from_millis(40)).await;
            let (status, headers, text) = (self.answers)(&asked, before);
            let mut response = Response::new(Bytes::from(text));
            *response.status_mut() = status.try_into().unwrap();
            for (name, value) in headers {
                response.headers_mut().append(name, value.parse().unwrap());
            }
            Ok(response)
        }
        .boxed()
    }
}

/// A copy of reconcile with such a CRM.
pub(crate) type Run = RunBeside<Crm>;

impl Run {
    /// `answers` gets each request with the number of requests before it.
    pub(crate) fn new(
        secret: &Value,
        answers: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static,
    ) -> Run {
        let world = World::new();
        world.put_feed("acme", secret);
        let crm = Arc::new(Crm {
            clock: world.clock.clone(),
            answers: Box::new(answers),
            asked: Mutex::default(),
        });
        RunBeside::beside(world, crm, |_| ())
    }

    /// Runs, and returns the error. Nothing may be enqueued, and no secret may be shown.
    async fn error(&self) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = subscriber(move || writer.clone(), LevelFilter::TRACE);
        let error = self.run(json!({})).with_subscriber(log).await.unwrap_err();
        let told = lines.take();
        assert!(
            told.contains("reconcile failed") && !told.contains("hush"),
            "{told}"
        );
        assert!(self.world.queue.is_empty(), "{error}");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
        error.to_string()
    }

    fn asked(&self) -> Vec<Asked> {
        self.feed.asked.lock().unwrap().clone()
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.url).collect()
    }
}

/// A secret for items of the form `{id, rank, phone, dnc, gone}`.
fn secret(more: &Value) -> Value {
    let jq = r#"if .gone then { contactKey: .id, version: .rank, operation: "remove" }
        elif .other then empty
        else { contactKey: .id, version: .rank, data: { phone: .phone },
               callable: (if (.dnc | type) == "boolean" then (.dnc | not) else "no opt-out field" end) } end"#;
    let mut secret = json!({
        "auth": { "kind": "bearer", "token": "hush-token" },
        "request": { "url": "https://crm.test/v1/contacts", "query": { "since": "{since}" } },
        "items": "/items", "mapping": { "jq": jq },
    });
    let members = secret.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    secret
}

fn item(id: &str) -> Value {
    json!({ "id": id, "rank": 5, "phone": "5", "dnc": false })
}

fn page(ids: &[&str], more: &Value) -> Told {
    let items: Vec<_> = ids.iter().map(|id| item(id)).collect();
    let mut page = json!({ "items": items });
    page.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    (200, Vec::new(), page.to_string())
}

fn status(status: u16) -> Told {
    (status, Vec::new(), String::new())
}
