//! The org and the campaign that rows are sent to, and what they ask of a change.
//!
//! The rules themselves are in `domain::rules` and `io::genesys::Campaign`: apply follows the same
//! ones. What is wrong with a row by itself is found before, in [`rows`](super::rows).

use std::sync::Arc;

use domain::Change;
use domain::change::VersionFrom;
use domain::rules::Rules;
use io::genesys::{Campaign, Failure, Kind, Run};
use io::secrets::OrgSecret;
use io::{Config, Https};
use jiff::Timestamp;

use super::Args;
use crate::connect;

/// Opens the org and the campaign. The campaign knows the columns of its list if its API names
/// them.
pub(super) async fn open(
    args: &Args,
    config: Config,
    sdk: &aws_config::SdkConfig,
    https: Https,
) -> Result<(Arc<OrgSecret>, Campaign), String> {
    let org = connect::org(config, sdk, Arc::new(https), &args.org);
    let run = Run::patient(None);
    let rules = org
        .open(&run)
        .await
        .map_err(|failure| format!("org {}: {}", args.org, connect::explained(&failure)))?;
    let failed = |failure: Failure| connect::failed(&args.org, &args.campaign, &failure);
    let campaign = Campaign::open(org, &args.campaign, &rules, run)
        .await
        .map_err(failed)?;
    if matches!(campaign, Campaign::Predictive(_)) {
        // Only a call about a contact shows whether there is such a campaign. Any other failure of
        // it is no reason not to send: apply retries.
        if let Err(failure) = campaign.try_read().await
            && failure.kind == Kind::UnknownCampaign
        {
            return Err(failed(failure));
        }
    }
    Ok((rules, campaign))
}

/// Why apply would park a change that is valid by itself, or could overwrite newer values with it.
/// `None` means that the change may be sent.
pub(super) fn fault(
    change: &Change,
    rules: &Rules,
    campaign: &Campaign,
    unranked: bool,
    now: Timestamp,
) -> Option<String> {
    let broken = rules.broken(change, now);
    if let Some(broken) = broken.or_else(|| campaign.broken(change)) {
        return Some(broken.to_string());
    }
    if unranked || rules.rank(change).is_some() {
        return None;
    }
    let member = match rules.ranking() {
        Some(VersionFrom::Version) => "version",
        Some(VersionFrom::OccurredAt) => "occurredAt",
        None => {
            let what = "the org has no versionField, so that nothing keeps a row from overwriting what is newer: pass --unranked";
            return Some(what.to_owned());
        }
    };
    Some(format!(
        "{member}: missing; the org ranks its changes by it. Add it, or pass --unranked"
    ))
}
