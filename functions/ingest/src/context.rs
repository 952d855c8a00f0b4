//! The state of one running copy of ingest, built once at its cold start.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use io::config::IngestConfig;
use io::queue::{Queue, Sqs};
use io::secrets::{Secrets, SecretsManager};
use io::telemetry::Telemetry;
use io::{Clock, Https};
use lambda_http::Error;

use crate::defect::Defect;
use crate::sent::RecentlySent;
use crate::sources::Sources;

/// The clients, the clock and the cache of secrets.
pub struct Context {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) queue_url: String,
    pub(crate) dead_letter_queue_url: String,
    pub(crate) sources: Sources,
    pub(crate) sent: RecentlySent,
    /// Whether it was reported already that a base path precedes `/webhooks/`.
    pub(crate) has_told_base_path: AtomicBool,
    pub(crate) clock: Clock,
    pub(crate) telemetry: Telemetry,
    defect: Option<Defect>,
}

impl Context {
    /// A copy with these clients.
    pub fn new(
        config: IngestConfig,
        secrets: Arc<dyn Secrets>,
        queue: Arc<dyn Queue>,
        clock: Clock,
        telemetry: Telemetry,
    ) -> Context {
        let sources = Sources::new(secrets, config.secret_prefix, config.secret_ttl);
        Context {
            queue,
            queue_url: config.queue_url,
            dead_letter_queue_url: config.dead_letter_queue_url,
            sources,
            sent: RecentlySent::default(),
            has_told_base_path: AtomicBool::new(false),
            clock,
            telemetry,
            defect: None,
        }
    }

    /// The same copy with a deliberate defect. A release build ignores it.
    #[must_use]
    pub fn with_defect(self, defect: Option<Defect>) -> Context {
        Context { defect, ..self }
    }

    pub(crate) fn has(&self, defect: Defect) -> bool {
        cfg!(debug_assertions) && self.defect == Some(defect)
    }

    /// A copy as it is deployed.
    ///
    /// # Errors
    /// An environment variable is missing or wrong (the message names each of them), or the machine
    /// has no TLS roots.
    pub async fn from_env() -> Result<Context, Error> {
        let config = IngestConfig::from_env()?;
        // Without TLS roots the SDK would start, and fail at each call.
        let has_roots = tokio::task::spawn_blocking(Https::new);
        let sdk = io::aws::sdk_config().await;
        let secrets = Arc::new(SecretsManager::new(&sdk));
        has_roots.await??;
        Ok(Context::new(
            config,
            secrets,
            Arc::new(Sqs::new(&sdk)),
            Clock::system(),
            Telemetry::log(),
        ))
    }
}
