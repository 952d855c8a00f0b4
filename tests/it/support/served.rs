//! SQS, Secrets Manager and Genesys Cloud over HTTP on loopback, and the real command beside them.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use emulator::aws::Aws;
use emulator::{Fifo, Genesys, Sqs, Vault, fifo};
use io::Clock;
use io::http::Transport;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::CAMPAIGN;

pub(crate) struct Served {
    pub(crate) base: String,
    pub(crate) queue: Arc<Fifo>,
    pub(crate) dead_letters: Arc<Fifo>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) genesys: Arc<Genesys>,
    pub(crate) sqs: Arc<Sqs>,
}

impl Served {
    /// The org `ranked` by `predictive` and the org `lists` by `contactLists`, each with one
    /// campaign.
    pub(crate) async fn new() -> Served {
        Served::with(fifo::Attributes {
            visibility_timeout: Duration::from_secs(180),
            max_receives: 1_000,
        })
        .await
    }

    pub(crate) async fn with(attributes: fifo::Attributes) -> Served {
        let clock = Clock::system();
        let dead_letters = Arc::new(Fifo::new(clock.clone(), attributes, None));
        let queue = Arc::new(Fifo::new(
            clock.clone(),
            attributes,
            Some(Arc::clone(&dead_letters)),
        ));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let options = emulator::genesys::Options {
            latency: Duration::ZERO,
            ..emulator::genesys::Options::default()
        };
        let genesys = Arc::new(Genesys::new(clock, options));
        let vault = Arc::new(Vault::default());
        for (org, api, campaign) in [
            ("ranked", "predictive", CAMPAIGN),
            ("lists", "contactLists", "campaign-of-lists"),
        ] {
            genesys.put_client(org, "hush");
            genesys.put_campaign(org, campaign, Some(&["phone", "firstName", "crmVersion"]));
            let secret = secret(org, api);
            vault.put(&format!("campaign-sync/org/{org}"), secret.to_string());
        }
        let queues = [
            (url(&base, "changes"), Arc::clone(&queue)),
            (url(&base, "dead"), Arc::clone(&dead_letters)),
        ];
        let sqs = Arc::new(Sqs::new(queues));
        let aws = Aws {
            sqs: Arc::clone(&sqs),
            vault: Arc::clone(&vault),
        };
        let app = axum::Router::new()
            .fallback(answer)
            .with_state(Arc::new((aws, Arc::clone(&genesys))));
        tokio::spawn(axum::serve(listener, app).into_future());
        Served {
            base,
            queue,
            dead_letters,
            vault,
            genesys,
            sqs,
        }
    }

    /// Exit status, standard output as JSON, all output as text.
    pub(crate) async fn command(&self, arguments: &[&str]) -> (i32, Value, String) {
        let output = self.prepared(arguments).output().await.unwrap();
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (
            output.status.code().unwrap(),
            serde_json::from_slice(&output.stdout).unwrap_or_default(),
            text,
        )
    }

    pub(crate) fn prepared(&self, arguments: &[&str]) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_campaign-sync"));
        command
            .args(arguments)
            .current_dir(root)
            .env("AWS_ENDPOINT_URL", &self.base)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("GENESYS_BASE_URL", &self.base)
            .env("DEAD_LETTER_QUEUE_URL", url(&self.base, "dead"))
            .env("QUEUE_URL", url(&self.base, "changes"))
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

pub(crate) fn secret(org: &str, api: &str) -> Value {
    json!({
        "clientId": org, "clientSecret": "hush", "region": "us-east-1", "api": api, "versionField": "crmVersion",
    })
}

fn url(base: &str, name: &str) -> String {
    format!("{base}/000000000000/{name}.fifo")
}

async fn answer(State(served): State<Arc<(Aws, Arc<Genesys>)>>, request: Request) -> Response {
    let (aws, genesys) = &*served;
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    if let Some(target) = parts.headers.get("x-amz-target") {
        return aws
            .respond(target.to_str().unwrap(), &body)
            .await
            .map(Into::into);
    }
    let answer = genesys
        .send(
            http::Request::from_parts(parts, body),
            Duration::from_secs(5),
        )
        .await
        .unwrap();
    answer.map(Into::into)
}
