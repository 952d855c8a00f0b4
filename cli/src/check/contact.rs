//! Checks single contacts: whether the stored rank lets later changes count, and whether an entry
//! on the DNC list would keep the contact from being called.

use std::sync::Arc;

use domain::change::{CampaignId, ContactKey, OrgId};
use domain::contact::Contact;
use domain::version::Mark;
use io::Clock;
use io::genesys::{Campaign, Org, Run};
use io::secrets::OrgSecret;

use super::Findings;
use super::dnc::Dnc;
use crate::one_contact;

/// Checks each of these contacts. A finding names a contact by the hash of its key.
pub(super) async fn check(
    id: &CampaignId,
    keys: &[ContactKey],
    secret: &OrgSecret,
    dnc: Option<&Dnc<'_>>,
    org: Arc<Org>,
    findings: &mut Findings,
) {
    if keys.is_empty() {
        return;
    }
    let opened = Campaign::open(Arc::clone(&org), id, secret, Run::patient(None)).await;
    for key in keys {
        let found = match &opened {
            Ok(campaign) => read(campaign, key).await,
            Err(failure) => Err(failure.to_string()),
        };
        let hash = key.hash();
        let ranked = found.as_ref().map_err(String::clone);
        let ranked = ranked.and_then(|contact| stored_rank(contact, secret, org.id(), id));
        findings.add(format!("campaign {id}: rank of contact {hash}"), ranked);
        if let (Some(dnc), Ok(contact)) = (dnc, &found) {
            let what = format!("campaign {id}: DNC list knows contact {hash}");
            dnc.of_contact(&what, key, contact, findings);
        }
    }
}

async fn read(campaign: &Campaign, key: &ContactKey) -> Result<Contact, String> {
    let contact = campaign.read(key).await;
    let contact = contact.map_err(|failure| failure.to_string())?;
    contact.ok_or_else(|| "there is no such contact, or it cannot be read yet".to_owned())
}

/// The stored rank, in words; an error if it makes every later change stale.
fn stored_rank(
    contact: &Contact,
    secret: &OrgSecret,
    org: &OrgId,
    id: &CampaignId,
) -> Result<String, String> {
    let now = Clock::system().now();
    let stored = contact.version.rank;
    let ahead = stored.and_then(|stored| one_contact::ahead(&secret.rules, stored, now));
    let Some((stored, ahead)) = stored.zip(ahead) else {
        let stored = match contact.version.to_string() {
            stored if stored.is_empty() => "none".to_owned(),
            stored => stored,
        };
        return Ok(format!("it stores {stored}: {}", called(contact)));
    };
    Err(format!(
        "it stores the rank {stored}, {ahead}, so every later change is stale: campaign-sync contact reset-rank \
         KEY --org {org} \
         --campaign {id} --reason TEXT --to RANK, with the version that the CRM has of it"
    ))
}

/// Whether the contact may be called. If not, the reason, as far as the version column says it.
fn called(contact: &Contact) -> &'static str {
    if contact.callable {
        return "it may be called";
    }
    match contact.version.decision.map(|decision| decision.mark) {
        Some(Mark::Lowered) => {
            "it may not be called: the CRM opted it out, or a change closed a channel or a number"
        }
        Some(Mark::Left) => "it may not be called: the person left the campaign",
        Some(Mark::Gone) => "it may not be called: the person opted out and left the campaign",
        Some(Mark::Found) => {
            "it may not be called: somebody other than campaign-sync made it not callable, and the CRM opted it out too"
        }
        Some(Mark::Raised) | None => {
            "it may not be called: somebody else than campaign-sync made it so"
        }
    }
}
