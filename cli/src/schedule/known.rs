//! Asks Genesys Cloud whether the campaigns of a new schedule exist. Every run would fail for one
//! that does not.

use std::sync::Arc;

use aws_config::SdkConfig;
use domain::change::{CampaignId, OrgId};
use io::genesys::{Campaign, Failure, Kind, Org, Run};
use io::secrets::{OrgSecret, Secrets, SecretsError, SecretsManager};
use io::{Clock, Config};

use crate::connect;

/// The answer of Genesys Cloud about campaigns.
#[derive(Default)]
pub(super) struct KnownCampaigns {
    /// The campaigns that do not exist.
    pub(super) unknown: Vec<CampaignId>,
    /// Why the org's secret cannot be used: it does not exist, or it is malformed. No run of the
    /// org could log in with it.
    pub(super) unusable_secret: Option<String>,
    /// Why it is not known whether some or all of them exist.
    pub(super) untold: Option<String>,
}

/// Asks about each campaign, with the org's own client.
pub(super) async fn ask(sdk: &SdkConfig, org: &OrgId, campaigns: &[CampaignId]) -> KnownCampaigns {
    let untold = |why: String| KnownCampaigns {
        untold: Some(why),
        ..KnownCampaigns::default()
    };
    let (config, https) = match (Config::from_env_without_queue(), connect::https()) {
        (Ok(config), Ok(https)) => (config, https),
        (Err(error), _) => return untold(error.to_string()),
        (_, Err(error)) => return untold(error),
    };
    let secret = format!("{}/org/{org}", config.secret_prefix);
    let unusable = match SecretsManager::new(sdk).read(&secret).await {
        Err(error) => (error == SecretsError::Missing).then(|| error.to_string()),
        Ok(text) => OrgSecret::parse(&text).err().map(|error| error.to_string()),
    };
    if let Some(why) = unusable {
        return KnownCampaigns {
            unusable_secret: Some(format!("secret {secret}: {why}")),
            ..KnownCampaigns::default()
        };
    }
    let org = connect::org(config, sdk, Arc::new(https), org);
    let secret = match org.open(&Run::new(Clock::system().now(), None)).await {
        Ok(secret) => secret,
        Err(failure) => {
            return untold(format!(
                "org {}: {}",
                org.id(),
                connect::explained(&failure)
            ));
        }
    };
    let mut asked = KnownCampaigns::default();
    for id in campaigns {
        match is_there(&org, &secret, id).await {
            Ok(()) => {}
            Err(failure) if failure.kind == Kind::UnknownCampaign => asked.unknown.push(id.clone()),
            Err(failure) => {
                let is_of_campaign = failure.kind == Kind::Refused;
                let why = || format!("campaign {id}: {}", connect::explained(&failure));
                asked.untold.get_or_insert_with(why);
                if !is_of_campaign {
                    break;
                }
            }
        }
    }
    asked
}

/// Reads the list of a campaign through `contactLists`, and through `predictive` a contact that
/// nobody has.
async fn is_there(org: &Arc<Org>, secret: &OrgSecret, id: &CampaignId) -> Result<(), Failure> {
    // For a hundred campaigns the calls may be more than the budget of a minute.
    let run = Run::patient(None);
    let campaign = Campaign::open(Arc::clone(org), id, secret, run).await?;
    match &campaign {
        Campaign::Predictive(_) => campaign.try_read().await,
        Campaign::ContactList(_) => Ok(()),
    }
}
