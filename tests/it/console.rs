//! `campaign-sync console` as a browser sees it, on emulated services over HTTP. This file has what
//! every page shares: who may see it, and its headers. Each page has a module of its own.

mod contact;
mod parked;
mod pipeline;
mod sources;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use io::Https;
use io::http::Transport;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::Mutex;

use crate::support::served::Served;

/// A running console, and a browser with a valid session.
pub(crate) struct Console {
    pub(crate) base: String,
    address: String,
    cookie: String,
    form: String,
    https: Https,
    printed: Arc<Mutex<String>>,
    _process: Child,
}

impl Console {
    pub(crate) async fn of(served: &Served, arguments: &[&str]) -> Console {
        let arguments: Vec<_> = ["console", "--port", "0"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let mut process = served.prepared(&arguments).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut address = String::new();
        while !address.starts_with("http://") {
            address = lines.next_line().await.unwrap().unwrap();
        }
        let printed = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&printed);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut heard = heard.lock().await;
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        let base = address.split("/?").next().unwrap().to_owned();
        let mut console = Console {
            base,
            address,
            cookie: String::new(),
            form: String::new(),
            https: Https::new().unwrap(),
            printed,
            _process: process,
        };
        console.enter().await;
        console
    }

    async fn enter(&mut self) {
        let path = self.address[self.base.len()..].to_owned();
        let answer = self.ask(Method::GET, &path, &[], "").await;
        assert_eq!(answer.status(), 303);
        assert_eq!(
            answer.headers()["location"],
            "/",
            "no address keeps the token"
        );
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
            "{cookie}"
        );
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        let page = self.get("/parked").await;
        let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
        self.form = token.split('"').next().unwrap().to_owned();
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Bytes> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        self.https
            .send(request, Duration::from_secs(20))
            .await
            .unwrap()
    }

    /// A page, as its operator gets it.
    pub(crate) async fn get(&self, path: &str) -> String {
        let answer = self
            .ask(Method::GET, path, &[("cookie", &self.cookie)], "")
            .await;
        assert!(answer.status() == 200, "{path}: {}", answer.status());
        text(&answer)
    }

    /// Posts a form, and returns the status and the page that the redirect leads to.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let csrf = [("csrf", self.form.as_str())];
        let body = form(csrf.iter().chain(fields));
        let answer = self.ask(Method::POST, path, &self.own(), &body).await;
        let status = answer.status().as_u16();
        match answer.headers().get("location") {
            Some(to) => (status, self.get(to.to_str().unwrap()).await),
            None => (status, text(&answer)),
        }
    }

    fn own(&self) -> [(&str, &str); 3] {
        [
            ("cookie", &self.cookie),
            ("origin", &self.base),
            ("content-type", "application/x-www-form-urlencoded"),
        ]
    }

    /// Polls a page until it contains this text.
    pub(crate) async fn until(&self, path: &str, what: &str) -> String {
        for _ in 0..200 {
            let page = self.get(path).await;
            if page.contains(what) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} never holds {what}: {}", self.get(path).await);
    }

    /// Everything that the terminal shows.
    pub(crate) async fn printed(&self) -> String {
        self.printed.lock().await.clone()
    }
}

fn form<'a>(fields: impl Iterator<Item = &'a (&'a str, &'a str)>) -> String {
    let escaped = |text: &str| {
        let bytes = text.bytes();
        bytes.map(|byte| format!("%{byte:02X}")).collect::<String>()
    };
    let fields = fields.map(|(name, value)| format!("{name}={}", escaped(value)));
    fields.collect::<Vec<_>>().join("&")
}

fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8(answer.body().to_vec()).unwrap()
}

#[tokio::test]
async fn no_page_opens_without_the_printed_address() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let cookie = ("cookie", console.cookie.as_str());
    let refused: [&[(&str, &str)]; 4] = [
        &[],
        &[("cookie", "campaign-sync-console-1=0")],
        &[cookie, ("host", "evil.test")],
        &[cookie, ("sec-fetch-site", "same-site")],
    ];
    for path in [
        "/",
        "/parked",
        "/parked/work",
        "/console/console.js",
        "/nothing",
    ] {
        for headers in refused {
            let answer = console.ask(Method::GET, path, headers, "").await;
            assert_eq!(answer.status(), 403, "{path} {headers:?}");
        }
    }
    assert_eq!(
        console
            .ask(Method::GET, "/nothing", &[cookie], "")
            .await
            .status(),
        404
    );
    let token = console.address.split('=').next_back().unwrap();
    for path in ["/?token=", "/?token=00", &format!("/parked?token={token}")] {
        assert_eq!(
            console.ask(Method::GET, path, &[], "").await.status(),
            403,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_form_that_no_page_of_this_console_sent_does_nothing() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let with = format!("csrf={}", console.form);
    let other = [
        console.own()[0],
        ("origin", "http://127.0.0.1:1"),
        console.own()[2],
    ];
    let without_origin = [console.own()[0], console.own()[2]];
    for (headers, body) in [
        (&console.own()[..], ""),
        (&console.own()[..], "csrf=0"),
        (&other[..], with.as_str()),
        (&without_origin[..], with.as_str()),
    ] {
        let answer = console
            .ask(Method::POST, "/parked/look", headers, body)
            .await;
        assert_eq!(answer.status(), 403, "{body}");
    }
    let answer = console
        .ask(Method::POST, "/parked/look", &console.own(), &with)
        .await;
    assert_eq!(answer.status(), 303);
}

#[tokio::test]
async fn every_answer_forbids_the_browser_what_no_page_needs() {
    let served = Served::new().await;
    let console = Console::of(&served, &[]).await;
    let own = [("cookie", console.cookie.as_str())];
    for (path, headers) in [
        ("/parked", &own[..]),
        ("/console/console.css", &own[..]),
        ("/parked", &[]),
    ] {
        let answer = console.ask(Method::GET, path, headers, "").await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{part} of {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
    }
    let page = console.get("/parked").await;
    assert!(!page.contains("style=") && !page.contains("<style") && !page.contains("onclick"));
    assert_eq!(
        page.matches("<script").count(),
        page.matches("<script src=").count()
    );
}
