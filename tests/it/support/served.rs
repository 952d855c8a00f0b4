//! SQS, Secrets Manager and Genesys Cloud over HTTP on loopback, and the real command with them.
//! Tests that need no HTTP use [`World`](super::World).

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use emulator::World;
use emulator::fifo::Attributes;
use emulator::genesys::Options;
use emulator::world::org_secret;
use io::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::CAMPAIGN;

pub(crate) struct Served {
    pub(crate) base: String,
    world: Arc<World>,
    denied: Denied,
}

/// Calls of AWS that are refused, by their target.
type Denied = Arc<Mutex<BTreeSet<&'static str>>>;

impl Deref for Served {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Served {
    /// The org `ranked` by `predictive` and the org `lists` by `contactLists`, each with one
    /// campaign.
    pub(crate) async fn new() -> Served {
        Served::with(Attributes::default()).await
    }

    pub(crate) async fn with(attributes: Attributes) -> Served {
        Served::playing(Options::default(), attributes).await
    }

    /// As [`Served::new`], with a Genesys Cloud that behaves like this.
    pub(crate) async fn playing(options: Options, attributes: Attributes) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let options = Options {
            latency: Duration::ZERO,
            ..options
        };
        let world = World::with_queues(Clock::system(), options, &base, attributes);
        for (org, api, campaign) in [
            ("ranked", "predictive", CAMPAIGN),
            ("lists", "contactLists", "campaign-of-lists"),
        ] {
            world.put_org(org, &json!({ "api": api }));
            world.put_campaign(org, campaign, Some(&["phone", "firstName", "crmVersion"]));
        }
        let world = Arc::new(world);
        let denied = Denied::default();
        let app = axum::Router::new()
            .fallback(answer)
            .with_state((Arc::clone(&world), Arc::clone(&denied)));
        tokio::spawn(axum::serve(listener, app).into_future());
        Served {
            base,
            world,
            denied,
        }
    }

    /// Refuses these calls of AWS from now on, by their target, as if a permission were missing.
    pub(crate) fn deny(&self, target: &'static str) {
        self.denied.lock().unwrap().insert(target);
    }

    /// Accepts these calls again.
    pub(crate) fn allow(&self, target: &str) {
        self.denied.lock().unwrap().remove(target);
    }

    /// The exit status, standard output as JSON, and all output as text.
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
            .env_remove("COLUMNS")
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in ["QUEUE_URL", "DEAD_LETTER_QUEUE_URL"] {
            command.env(name, self.variable(name).unwrap());
        }
        command
    }
}

pub(crate) fn secret(org: &str, api: &str) -> Value {
    org_secret(org, &json!({ "api": api }))
}

async fn answer(State((world, denied)): State<(Arc<World>, Denied)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    if target.is_some_and(|target| denied.lock().unwrap().contains(target)) {
        let body = json!({ "__type": "AccessDeniedException", "message": "no" }).to_string();
        let answer = Response::builder().status(403);
        let answer = answer.header("content-type", "application/x-amz-json-1.0");
        return answer.body(body.into()).unwrap();
    }
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let request = http::Request::from_parts(parts, body);
    world.answer(request).await.map(Into::into)
}
