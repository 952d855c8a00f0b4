//! The state of one running copy of apply, built once at its cold start.

use std::sync::{Arc, Mutex};

use domain::attempt::Planner;
use domain::health::DeadLetterHealth;
use domain::plan::plan;
use io::config::ApplyConfig;
use io::genesys::{BudgetPart, Genesys, Shared};
use io::queue::{Queue, Sqs};
use io::secrets::SecretsManager;
use io::telemetry::Telemetry;
use io::{Chance, Clock, Config, Https};
use jiff::Timestamp;
use lambda_runtime::Error;

use crate::defect::{self, Defect};

/// The clients, the clock and the caches. Nothing else is kept between invocations.
pub struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) genesys: Genesys,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) own: ApplyConfig,
    /// The health of the dead-letter queue.
    pub(crate) parks: Mutex<DeadLetterHealth>,
    /// Until this time the copy receives nothing more, because the queue was empty, slow or silent.
    pub(crate) tops_up_after: Mutex<Option<Timestamp>>,
    defect: Option<Defect>,
}

impl Context {
    /// A copy with these clients.
    pub fn new(shared: Shared, own: ApplyConfig, queue: Arc<dyn Queue>) -> Context {
        let shared = Arc::new(shared);
        let genesys = Genesys::new(Arc::clone(&shared), BudgetPart::Whole);
        Context {
            shared,
            genesys,
            queue,
            own,
            parks: Mutex::default(),
            tops_up_after: Mutex::default(),
            defect: None,
        }
    }

    /// A copy as it is deployed.
    ///
    /// # Errors
    /// An environment variable is missing or wrong (the message names each of them), or the machine
    /// has no TLS roots.
    pub async fn from_env() -> Result<Context, Error> {
        let (config, own) = Config::from_env_for_apply()?;
        // Both clients read the TLS roots. It is done early, while Lambda gives more than one CPU.
        let https = tokio::task::spawn_blocking(Https::new);
        let sdk = io::aws::sdk_config().await;
        let secrets = Arc::new(SecretsManager::new(&sdk));
        let shared = Shared {
            transport: Arc::new(https.await??),
            secrets,
            clock: Clock::system(),
            chance: Chance::of_process(),
            telemetry: Telemetry::log(),
            config,
        };
        Ok(Context::new(shared, own, Arc::new(Sqs::new(&sdk))))
    }

    /// The same copy with a deliberate defect. A release build ignores it.
    #[must_use]
    pub fn with_defect(self, defect: Option<Defect>) -> Context {
        Context { defect, ..self }
    }

    /// The function that plans the changes of a contact.
    pub(crate) fn planner(&self) -> Planner {
        match self.defect.filter(|_| cfg!(debug_assertions)) {
            Some(Defect::Rank) => defect::plan_without_ranks,
            Some(Defect::Callable) => defect::plan_without_callable,
            Some(Defect::FoldOrder) => defect::plan_in_the_wrong_order,
            Some(Defect::RaisesAll) => defect::plan_raising_all,
            Some(Defect::DropsChannels) => defect::plan_dropping_channels,
            Some(Defect::CreatesPartial) => defect::plan_creating_all,
            Some(Defect::FoundIsOwn) => defect::plan_taking_found_for_own,
            _ => plan,
        }
    }

    pub(crate) fn has(&self, defect: Defect) -> bool {
        cfg!(debug_assertions) && self.defect == Some(defect)
    }
}
