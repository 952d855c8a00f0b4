//! Puts all services together, as the functions and the operator's commands see them: one Genesys
//! Cloud, the queues with their dead-letter queues, and the secrets.
//!
//! [`World::shared`] gives a function what it needs to run here, and [`World::answer`] serves all
//! services over HTTP.

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

/// The prefix of the names of all secrets.
pub const SECRET_PREFIX: &str = "campaign-sync";
/// The column that stores the rank, unless the secret of an org names another.
pub const VERSION_FIELD: &str = "crmVersion";
/// The account in the URLs of the queues.
const ACCOUNT: &str = "000000000000";
/// A timeout longer than any wait of Genesys Cloud here.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Everything outside of the functions.
pub struct World {
    pub clock: Clock,
    pub genesys: Arc<Genesys>,
    pub queue: Arc<Fifo>,
    pub dead_letters: Arc<Fifo>,
    /// The queue of reconcile runs.
    pub runs: Arc<Fifo>,
    /// The schedules of EventBridge. They enqueue runs while [`Schedules::run`] is polled.
    pub schedules: Arc<Schedules>,
    /// The queue of failed runs. It is a standard queue.
    pub failed_runs: Arc<Fifo>,
    pub parameters: Arc<Parameters>,
    pub sqs: Arc<Sqs>,
    pub vault: Arc<Vault>,
    /// The log of apply. It holds what the caller puts there.
    pub logs: Arc<Logs>,
    base: String,
}

impl World {
    /// An empty world with the queues of template.yaml. The URLs of the queues begin with `base`.
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

    /// Adds an org: its OAuth client, and its secret with these members added to those that every
    /// org has (docs/contract.md "Secrets").
    pub fn put_org(&self, org: &str, members: &Value) {
        self.genesys
            .put_client(&client_id(org), &client_secret(org));
        self.put_secret(org, members);
    }

    /// Stores or replaces the secret of an org.
    pub fn put_secret(&self, org: &str, members: &Value) {
        self.vault.put(
            &format!("{SECRET_PREFIX}/org/{org}"),
            org_secret(org, members).to_string(),
        );
    }

    /// Stores or replaces the secret of a source of webhooks.
    pub fn put_source(&self, source: &str, secret: &Value) {
        self.vault.put(
            &format!("{SECRET_PREFIX}/source/{source}"),
            secret.to_string(),
        );
    }

    /// Stores or replaces the secret of an org's feed.
    pub fn put_feed(&self, org: &str, secret: &Value) {
        self.vault
            .put(&format!("{SECRET_PREFIX}/feed/{org}"), secret.to_string());
    }

    /// Adds a campaign of an org. `columns` are those of its contact list.
    pub fn put_campaign(&self, org: &str, campaign: &str, columns: Option<&[&str]>) {
        self.genesys
            .put_campaign(&client_id(org), campaign, columns);
    }

    /// Hands batches of the queue to a function.
    pub fn event_source(&self) -> EventSource {
        EventSource::new(&self.queue)
    }

    /// Hands over reconcile runs, one at a time.
    pub fn source_of_runs(&self) -> EventSource {
        EventSource::one_by_one(&self.runs)
    }

    /// A variable of a function's environment (docs/contract.md "Environment"). A variable that is
    /// absent here has its default.
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

    /// The state that the parts of a function share. `seed` seeds its chance.
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

    /// Answers an HTTP request. If it names a call of SQS, Secrets Manager, Parameter Store or the
    /// log, that service answers. EventBridge Scheduler answers the requests whose path is one of
    /// its own, and Genesys Cloud all others.
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

/// The answer of a service, or 504 if there is none.
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

/// The secret of an org's OAuth client.
pub fn client_secret(org: &str) -> String {
    format!("secret-of-{org}")
}

/// The secret of an org. These members are added to those that every org has, or replace them.
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
