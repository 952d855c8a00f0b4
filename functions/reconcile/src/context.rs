//! The clients and caches of one running copy of reconcile. They are built once, at its cold start.

use std::sync::Arc;

use io::genesys::{BudgetPart, Genesys, Shared};
use io::http::Transport;
use io::queue::{Queue, Sqs};
use io::records::ParameterStore;
use io::secrets::SecretsManager;
use io::telemetry::Telemetry;
use io::{Chance, Clock, Config, Https};
use lambda_runtime::Error;

use crate::Runs;
use crate::feed::Feeds;

/// The clients, the clock and the caches. From one run to the next a copy keeps only what saves
/// calls and connections.
pub struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) genesys: Genesys,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) feed: Arc<dyn Transport>,
    pub(crate) feeds: Feeds,
    /// The queue of runs and the records. Only the deployed function has them.
    pub(crate) runs: Option<Runs>,
}

impl Context {
    /// A copy with these clients. `feed` is the transport to the CRMs' feeds.
    pub fn new(shared: Shared, queue: Arc<dyn Queue>, feed: Arc<dyn Transport>) -> Context {
        let shared = Arc::new(shared);
        Context {
            genesys: Genesys::new(Arc::clone(&shared), BudgetPart::Fifth),
            shared,
            queue,
            feed,
            feeds: Feeds::default(),
            runs: None,
        }
    }

    /// Lets the copy take runs from a queue.
    pub fn with_runs(self, runs: Runs) -> Context {
        Context {
            runs: Some(runs),
            ..self
        }
    }

    /// A copy as it is deployed, configured by the environment.
    ///
    /// # Errors
    /// A message that names every environment variable that is missing or wrong.
    pub async fn from_env() -> Result<Context, Error> {
        let (config, own) = Config::from_env_for_runs()?;
        let sdk = io::aws::sdk_config().await;
        let context = Context::connect(config, Telemetry::log()).await?;
        let records = Arc::new(ParameterStore::new(&sdk));
        Ok(context.with_runs(Runs::new(own, records)))
    }

    /// A copy that talks to AWS, Genesys Cloud and the feeds.
    ///
    /// # Errors
    /// The machine has no usable TLS roots.
    pub async fn connect(config: Config, telemetry: Telemetry) -> Result<Context, Error> {
        let https = Https::new()?;
        let sdk = io::aws::sdk_config().await;
        let shared = Shared {
            transport: Arc::new(https.clone()),
            secrets: Arc::new(SecretsManager::new(&sdk)),
            clock: Clock::system(),
            chance: Chance::of_process(),
            telemetry,
            config,
        };
        Ok(Context::new(
            shared,
            Arc::new(Sqs::new(&sdk)),
            Arc::new(https),
        ))
    }
}
