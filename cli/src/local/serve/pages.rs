//! The console of the embedded parts. Its calls of AWS and Genesys Cloud go to the served address
//! itself.

use std::sync::Arc;

use aws_sdk_sqs::config::{Credentials, Region};
use emulator::World;
use emulator::world::SECRET_PREFIX;
use io::config::DlqConfig;
use io::{Config, Https};

use super::actions::Actions;
use super::metrics::Recorder;
use crate::console::{App, Setup};
use crate::made_up;

/// The console of the parts that are served at `base`.
pub(super) async fn console(
    outside: &World,
    (recorder, actions): (Arc<Recorder>, Arc<Actions>),
    port: u16,
    base: &str,
) -> Result<Arc<App>, String> {
    let variable = |name: &str| match name {
        "GENESYS_BASE_URL" => Some(base.to_owned()),
        name => outside.variable(name),
    };
    let config = Config::read(variable).map_err(|error| error.to_string())?;
    let sdk = io::aws::loader()
        .endpoint_url(base)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .load()
        .await;
    let known = made_up::CAMPAIGNS.map(|(org, campaign)| (org.to_owned(), campaign.to_owned()));
    App::new(Setup {
        port,
        is_read_only: false,
        stack: "local".to_owned(),
        dlq: DlqConfig {
            dead_letter_queue_url: outside
                .variable("DEAD_LETTER_QUEUE_URL")
                .unwrap_or_default(),
            queue_url: Some(config.queue_url.clone()),
            secret_prefix: SECRET_PREFIX.to_owned(),
        },
        config,
        sdk,
        https: Https::new().map_err(|error| error.to_string())?,
        known: known.to_vec(),
        webhooks: Some(format!("{base}/webhooks/")),
        metrics: Some(recorder),
        local: Some(actions),
    })
}
