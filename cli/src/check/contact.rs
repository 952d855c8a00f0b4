//! Whether the rank that a contact stores leaves room for what follows.

use std::sync::Arc;

use domain::change::{CampaignId, ContactKey, MessageGroup};
use io::Clock;
use io::genesys::{Campaign, Org, Run};
use io::secrets::OrgSecret;

use super::Findings;
use crate::one_contact;

/// Looks at each of these contacts, and names it by its message group.
pub(super) async fn check(
    id: &CampaignId,
    keys: &[ContactKey],
    secret: &OrgSecret,
    org: Arc<Org>,
    findings: &mut Findings,
) {
    if keys.is_empty() {
        return;
    }
    let opened = Campaign::open(Arc::clone(&org), id, secret, Run::patient(None)).await;
    for key in keys {
        let found = match &opened {
            Ok(campaign) => stored_rank(campaign, key, secret, &org, id).await,
            Err(failure) => Err(failure.to_string()),
        };
        let group = MessageGroup::of(org.id(), id, key);
        let hash = group.as_str().rsplit('/').next().unwrap_or_default();
        findings.add(format!("campaign {id}: rank of contact {hash}"), found);
    }
}

async fn stored_rank(
    campaign: &Campaign,
    key: &ContactKey,
    secret: &OrgSecret,
    org: &Org,
    id: &CampaignId,
) -> Result<String, String> {
    let contact = campaign
        .read(key)
        .await
        .map_err(|failure| failure.to_string())?;
    let contact = contact.ok_or("there is no such contact, or it cannot be read yet")?;
    let Some(stored) = contact.version.rank else {
        return Ok("it stores none".to_owned());
    };
    let Some(ahead) = one_contact::ahead(&secret.rules, stored, Clock::system().now()) else {
        return Ok(format!("it stores {}", contact.version));
    };
    let org = org.id();
    Err(format!(
        "it stores {stored}, {ahead}, so that every change of it is stale: campaign-sync contact reset-rank KEY --org {org} \
         --campaign {id} --reason TEXT --to RANK, with the version that the CRM has of it"
    ))
}
