//! All that is known of one contact: what Genesys Cloud has now, what its campaign is like, what is
//! parked of it, and what the log tells.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_config::SdkConfig;
use domain::change::{CampaignId, ContactKey, MessageGroup, OrgId};
use domain::contact::Contact;
use domain::rules::{Rules, Switch};
use futures_util::future::join;
use io::genesys::{Campaign, CampaignFacts, Kind, Org, Run};
use io::secrets::{Api, OrgSecret};
use io::{Config, Https};
use jiff::Timestamp;

use super::story::{CloudWatchLogs, Story};
use crate::connect;

/// Whose contact, in which campaign.
#[derive(Clone)]
pub(crate) struct Whom {
    pub(crate) org: OrgId,
    pub(crate) campaign: CampaignId,
    pub(crate) key: ContactKey,
}

impl Whom {
    /// What stands for it where no personal data may.
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
}

/// What is known of a contact.
pub(crate) struct Looked {
    pub(crate) group: String,
    /// Of the org.
    pub(crate) rules: Arc<Rules>,
    pub(crate) api: Api,
    /// None: there is none, or it cannot be read yet.
    pub(crate) contact: Result<Option<Contact>, String>,
    pub(crate) campaign: Result<CampaignFacts, String>,
    /// Genesys Cloud knows no such campaign.
    pub(crate) is_unknown: bool,
    /// Columns of the contact that hold numbers, as far as is known.
    pub(crate) numbers: BTreeSet<String>,
    pub(crate) story: Result<Story, String>,
    /// From when on the log was searched.
    pub(crate) since: Timestamp,
    pub(crate) parked: Result<Vec<ParkedChange>, String>,
}

/// Looks at all of it but what is parked.
pub(crate) async fn look(
    (config, sdk, https): (&Config, &SdkConfig, &Https),
    logs: &CloudWatchLogs,
    whom: &Whom,
    (at, since): (Timestamp, Timestamp),
) -> Result<Looked, String> {
    let group = whom.group();
    let org = connect::org(config.clone(), sdk, Arc::new(https.clone()), &whom.org);
    let run = Run::new(at, None);
    let secret = org.open(&run).await;
    let secret = secret.map_err(|failure| format!("org {}: {failure}", whom.org))?;
    let genesys = now(&org, &secret, whom, run);
    let story = logs.story(group.as_str(), since);
    let (now, story) = join(genesys, story).await;
    Ok(Looked {
        group: group.as_str().to_owned(),
        rules: Arc::clone(&secret.rules),
        api: secret.api,
        contact: now.contact,
        campaign: now.campaign,
        is_unknown: now.is_unknown,
        numbers: now.numbers,
        story,
        since,
        parked: Ok(Vec::new()),
    })
}

struct Now {
    contact: Result<Option<Contact>, String>,
    campaign: Result<CampaignFacts, String>,
    is_unknown: bool,
    numbers: BTreeSet<String>,
}

async fn now(org: &Arc<Org>, secret: &OrgSecret, whom: &Whom, run: Run) -> Now {
    let told = |failure: io::genesys::Failure| failure.to_string();
    let opened = Campaign::open(Arc::clone(org), &whom.campaign, secret, run).await;
    let contact = match &opened {
        Ok(campaign) => campaign.read(&whom.key).await,
        Err(failure) => Err(failure.clone()),
    };
    let unknown = contact.as_ref().err();
    let is_unknown = unknown.is_some_and(|failure| failure.kind == Kind::UnknownCampaign);
    let contact = contact.map_err(told);
    let facts = org.campaign_facts(&run, &whom.campaign).await.map_err(told);
    let mut numbers = BTreeSet::new();
    if let (Ok(campaign), Ok(Some(contact))) = (&opened, &contact) {
        let columns = contact.data.keys().chain(contact.statuses.phones().keys());
        let of_numbers = columns.filter(|column| campaign.has_switch(Switch::Number(column)));
        numbers.extend(of_numbers.cloned());
    }
    if let Ok(facts) = &facts {
        numbers.extend(facts.phone_columns.iter().cloned());
    }
    Now {
        contact,
        campaign: facts,
        is_unknown,
        numbers,
    }
}
