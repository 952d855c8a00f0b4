//! Gathers all that is known of one contact: what Genesys Cloud has now, how its campaign is set
//! up, and what the log says.
//!
//! Each source may fail without the others. What it all means is decided in `why`, and what is
//! parked is read by `crate::dlq`.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_config::SdkConfig;
use domain::change::{CampaignId, ContactKey, MessageGroup, OrgId};
use domain::contact::Contact;
use domain::failure::{Failure, Kind};
use domain::rules::{Rules, Switch};
use futures_util::future::join;
use io::genesys::{Campaign, CampaignFacts, Org, Run};
use io::secrets::Api;
use io::{Config, Https};
use jiff::Timestamp;

use super::story::{CloudWatchLogs, ContactHistory};
use crate::connect;

/// A contact, its org and its campaign.
#[derive(Clone)]
pub(crate) struct ContactId {
    pub(crate) org: OrgId,
    pub(crate) campaign: CampaignId,
    pub(crate) key: ContactKey,
}

impl ContactId {
    /// The message group, which identifies the contact where personal data is not allowed.
    pub(crate) fn group(&self) -> MessageGroup {
        MessageGroup::of(&self.org, &self.campaign, &self.key)
    }
}

/// A parked change of the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParkedChange {
    pub(crate) id: String,
    pub(crate) reason: String,
    pub(crate) detail: String,
    pub(crate) at: Option<Timestamp>,
    /// The part of it that keeps, or may keep, the contact from being called.
    pub(crate) opt_out: Option<&'static str>,
}

/// Why the parked changes are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotSeen {
    /// The dead-letter queue is being looked at.
    Yet,
    /// The look at the dead-letter queue failed.
    Failed(String),
}

/// The parked changes of a contact, the oldest first.
pub(crate) type ParkedOf = Result<Vec<ParkedChange>, NotSeen>;

/// All that is known of a contact, except its parked changes.
pub(crate) struct Looked {
    pub(crate) group: String,
    pub(crate) genesys: Result<InGenesys, String>,
    pub(crate) story: Result<ContactHistory, String>,
    /// The beginning of the time that was searched in the log.
    pub(crate) since: Timestamp,
}

/// The present state in Genesys Cloud.
pub(crate) struct InGenesys {
    /// The rules of the org.
    pub(crate) rules: Arc<Rules>,
    pub(crate) api: Api,
    /// `None` means that there is no contact, or that it cannot be read yet.
    pub(crate) contact: Result<Option<Contact>, String>,
    /// `None` means that there is no campaign.
    pub(crate) campaign: Result<Option<CampaignFacts>, String>,
    /// Columns of the contact that hold phone numbers, as far as is known.
    pub(crate) numbers: BTreeSet<String>,
}

impl Looked {
    /// The contact, if it was found.
    pub(crate) fn contact(&self) -> Option<&Contact> {
        self.genesys.as_ref().ok()?.contact.as_ref().ok()?.as_ref()
    }
}

impl InGenesys {
    /// The facts of the campaign, if it could be read.
    pub(crate) fn facts(&self) -> Option<&CampaignFacts> {
        self.campaign.as_ref().ok()?.as_ref()
    }
}

/// Looks at everything but the parked changes. If Genesys Cloud fails, the log is still read, and
/// the other way round.
pub(crate) async fn look(
    (config, sdk, https): (&Config, &SdkConfig, &Https),
    logs: &CloudWatchLogs,
    whom: &ContactId,
    (at, since): (Timestamp, Timestamp),
) -> Looked {
    let group = whom.group();
    let org = connect::org(config.clone(), sdk, Arc::new(https.clone()), &whom.org);
    let genesys = now(&org, whom, Run::new(at, None));
    let (genesys, story) = join(genesys, logs.story(group.as_str(), since)).await;
    Looked {
        group: group.as_str().to_owned(),
        genesys: genesys
            .map_err(|failure| format!("org {}: {}", whom.org, connect::explained(&failure))),
        story,
        since,
    }
}

async fn now(org: &Arc<Org>, whom: &ContactId, run: Run) -> Result<InGenesys, Failure> {
    let secret = org.open(&run).await?;
    let opened = Campaign::open(Arc::clone(org), &whom.campaign, &secret, run).await;
    let contact = match &opened {
        Ok(campaign) => campaign.read(&whom.key).await,
        Err(failure) => Err(failure.clone()),
    };
    let campaign = org.campaign_facts(&run, &whom.campaign).await;
    let mut numbers = BTreeSet::new();
    if let (Ok(campaign), Ok(Some(contact))) = (&opened, &contact) {
        let columns = contact.data.keys().chain(contact.statuses.phones().keys());
        let of_numbers = columns.filter(|column| campaign.has_switch(Switch::Number(column)));
        numbers.extend(of_numbers.cloned());
    }
    if let Ok(facts) = &campaign {
        numbers.extend(facts.phone_columns.iter().cloned());
    }
    let is_known = !matches!(&contact, Err(failure) if failure.kind == Kind::UnknownCampaign);
    Ok(InGenesys {
        rules: Arc::clone(&secret.rules),
        api: secret.api,
        contact: contact.map_err(|failure| connect::explained(&failure)),
        campaign: match campaign {
            Ok(facts) => Ok(Some(facts)),
            Err(failure) if !is_known || is_unknown(failure.kind) => Ok(None),
            Err(failure) => Err(connect::explained(&failure)),
        },
        numbers,
    })
}

/// Whether a call for a campaign failed because there is no such campaign.
fn is_unknown(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::NotFound | Kind::UnknownCampaign | Kind::Rejected
    )
}
