//! All of it put together, as the functions and the operator's commands see it: one Genesys Cloud,
//! the queue with its dead-letter queue, and the secrets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use io::genesys::Shared;
use io::http::Transport;
use io::telemetry::Telemetry;
use io::{Chance, Clock, Config};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::fifo::Attributes;
use crate::genesys::Options;
use crate::{EventSource, Fifo, Genesys, Logs, Parameters, Schedules, Sqs, Vault, schedules};

/// What the names of all secrets begin with.
pub const SECRET_PREFIX: &str = "campaign-sync";
/// The column that stores the rank, where an org's secret names no other.
pub const VERSION_FIELD: &str = "crmVersion";
/// Part of the queues' URLs.
const ACCOUNT: &str = "000000000000";
/// Longer than any wait of Genesys Cloud here.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Everything outside of the functions.
pub struct World {
    pub clock: Clock,
    pub genesys: Arc<Genesys>,
    pub queue: Arc<Fifo>,
    pub dead_letters: Arc<Fifo>,
    /// Of runs of reconcile.
    pub runs: Arc<Fifo>,
    /// What brings runs by itself, where [`Schedules::run`] goes on.
    pub schedules: Arc<Schedules>,
    /// A standard queue.
    pub failed_runs: Arc<Fifo>,
    pub parameters: Arc<Parameters>,
    pub sqs: Arc<Sqs>,
    pub vault: Arc<Vault>,
    /// What apply logged, as far as somebody puts it there.
    pub logs: Arc<Logs>,
    base: String,
}

impl World {
    /// Empty, with queues as template.yaml makes them. `base`: what the URLs of the queues begin
    /// with.
    pub fn new(clock: Clock, options: Options, base: &str) -> World {
        World::with_queues(clock, options, base, Attributes::default())
    }

    /// As [`World::new`], with other queues.
    pub fn with_queues(
        clock: Clock,
        options: Options,
        base: &str,
        attributes: Attributes,
    ) -> World {
        let (queue, dead_letters) = Fifo::pair(&clock, attributes);
        let (runs, failed_runs) = Fifo::of_runs(&clock);
        let queues = [
            ("changes", &queue),
            ("dead", &dead_letters),
            ("runs", &runs),
        ];
        let queues = queues.map(|(name, queue)| (queue_url(base, name), Arc::clone(queue)));
        let failed = (failed_runs_url(base), Arc::clone(&failed_runs));
        World {
            genesys: Arc::new(Genesys::new(clock.clone(), options)),
            sqs: Arc::new(Sqs::new(queues.into_iter().chain([failed]))),
            vault: Arc::default(),
            parameters: Arc::default(),
            logs: Arc::default(),
            base: base.to_owned(),
            schedules: Arc::new(Schedules::new(clock.clone(), Arc::clone(&runs))),
            clock,
            queue,
            dead_letters,
            runs,
            failed_runs,
        }
    }

    /// Adds an org: its OAuth client, and its secret with these members beside those that each has
    /// (docs/contract.md "Secrets").
    pub fn put_org(&self, org: &str, members: &Value) {
        self.genesys
            .put_client(&client_id(org), &client_secret(org));
        self.put_secret(org, members);
    }

    /// Puts, or replaces, the secret of an org.
    pub fn put_secret(&self, org: &str, members: &Value) {
        self.vault.put(
            &format!("{SECRET_PREFIX}/org/{org}"),
            org_secret(org, members).to_string(),
        );
    }

    /// Puts, or replaces, the secret of a source of webhooks.
    pub fn put_source(&self, source: &str, secret: &Value) {
        self.vault.put(
            &format!("{SECRET_PREFIX}/source/{source}"),
            secret.to_string(),
        );
    }

    /// Puts, or replaces, the secret of an org's feed.
    pub fn put_feed(&self, org: &str, secret: &Value) {
        self.vault
            .put(&format!("{SECRET_PREFIX}/feed/{org}"), secret.to_string());
    }

    /// Adds a campaign of an org; `columns`: of its contact list.
    pub fn put_campaign(&self, org: &str, campaign: &str, columns: Option<&[&str]>) {
        self.genesys
            .put_campaign(&client_id(org), campaign, columns);
    }

    /// Hands the queue's batches to a function.
    pub fn event_source(&self) -> EventSource {
        EventSource::new(&self.queue)
    }

    /// Hands over runs of reconcile, one by one.
    pub fn source_of_runs(&self) -> EventSource {
        EventSource::one_by_one(&self.runs)
    }

    /// What a function finds in its environment (docs/contract.md "Environment"); what is not here
    /// has its default.
    pub fn variable(&self, name: &str) -> Option<String> {
        match name {
            "QUEUE_URL" => Some(queue_url(&self.base, "changes")),
            "DEAD_LETTER_QUEUE_URL" => Some(queue_url(&self.base, "dead")),
            "RUNS_QUEUE_URL" => Some(queue_url(&self.base, "runs")),
            "FAILED_RUNS_QUEUE_URL" => Some(failed_runs_url(&self.base)),
            "RUNS_QUEUE_ARN" => Some(format!("arn:aws:sqs:us-east-1:{ACCOUNT}:runs.fifo")),
            "FAILED_RUNS_QUEUE_ARN" => Some(format!("arn:aws:sqs:us-east-1:{ACCOUNT}:failed-runs")),
            "SCHEDULE_ROLE_ARN" => Some(format!("arn:aws:iam::{ACCOUNT}:role/schedule")),
            _ => None,
        }
    }

    /// What the parts of a function share. `seed`: of its chance.
    pub fn shared(&self, seed: u64, telemetry: Telemetry, config: Config) -> Shared {
        Shared {
            transport: Arc::clone(&self.genesys) as _,
            secrets: Arc::clone(&self.vault) as _,
            clock: self.clock.clone(),
            chance: Chance::seeded(seed),
            telemetry,
            config,
        }
    }

    /// Answers a request over HTTP: SQS, Secrets Manager, Parameter Store and the log where it names a call of theirs,
    /// EventBridge Scheduler by its paths, Genesys Cloud otherwise.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let target = request.headers().get("x-amz-target");
        if let Some(target) = target.and_then(|target| target.to_str().ok()) {
            let aws = Aws {
                sqs: Arc::clone(&self.sqs),
                vault: Arc::clone(&self.vault),
                parameters: Arc::clone(&self.parameters),
                logs: Arc::clone(&self.logs),
            };
            return aws.respond(target, request.body()).await;
        }
        match request.uri().path().starts_with(schedules::PREFIX) {
            true => self.schedules.answer(&request),
            false => sent(&*self.genesys, request).await,
        }
    }
}

/// What a service answers; 504 where it says nothing.
pub async fn sent(service: &dyn Transport, request: Request<Bytes>) -> Response<Bytes> {
    service.send(request, TIMEOUT).await.unwrap_or_else(|_| {
        let mut silent = Response::new(Bytes::new());
        *silent.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        silent
    })
}

/// The OAuth client of an org.
pub fn client_id(org: &str) -> String {
    format!("client-of-{org}")
}

/// The secret of that client.
pub fn client_secret(org: &str) -> String {
    format!("secret-of-{org}")
}

/// The secret of an org with these members beside those that each has, or in their place.
pub fn org_secret(org: &str, members: &Value) -> Value {
    let mut secret = json!({
        "clientId": client_id(org),
        "clientSecret": client_secret(org),
        "region": "us-east-1",
        "api": "predictive",
        "versionField": VERSION_FIELD,
    });
    for (name, value) in members.as_object().into_iter().flatten() {
        secret[name] = value.clone();
    }
    secret
}

fn failed_runs_url(base: &str) -> String {
    format!("{base}/{ACCOUNT}/failed-runs")
}

fn queue_url(base: &str, name: &str) -> String {
    format!("{base}/{ACCOUNT}/{name}.fifo")
}
