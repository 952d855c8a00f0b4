//! What a run of reconcile did, why it did not come to its end, and what was wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::change::{CampaignId, OrgId};
use io::genesys::{Failure, Kind, UNKNOWN_CAMPAIGN};
use io::queue::QueueError;
use serde::Serialize;

use crate::feed::FaultOf;
use crate::input::{Input, InvalidInput};
use crate::scan::LeftOut;

/// What a run did (docs/contract.md "Reconcile").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Contacts of the feed that were looked at.
    pub checked: u64,
    /// Not in the campaign.
    pub missing: u64,
    /// In the campaign, and not as the CRM says. Where all that differs is that the CRM says
    /// `callable: true`, it is counted here and not enqueued.
    pub different: u64,
    /// In the campaign, not callable, and kept so by the org's wish though the CRM says otherwise. Those
    /// of them that differ beside that are counted as different too.
    pub kept: u64,
    /// In the campaign with something newer.
    pub stale: u64,
    /// Not compared, since there is no rank to compare.
    pub unranked: u64,
    /// In the campaign with a rank that is ahead, so that nothing that the CRM says is newer.
    pub ahead: u64,
    /// In the campaign, and not in the feed. Of campaigns alone of which the run was asked for that and read
    /// the whole feed; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_to_crm: Option<u64>,
    /// Those of them that the queue holds a change of, which makes them not callable; of a dry run those that
    /// it would. Absent where that was not asked for, or a feed was not read whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_unknown: Option<u64>,
    /// Changes that are in the queue.
    pub enqueued: u64,
    /// Opted-out contacts of which the org's DNC list holds what belongs there; absent where the org has
    /// no such list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_dnc_list: Option<u64>,
    /// Those of which the list did not take it. A later run over them tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_on_dnc_list: Option<u64>,
    /// Whether every page of every campaign was compared, and all that differs is in the queue.
    pub complete: bool,
    /// Where the next run goes on, where this one is not complete.
    pub cursor: Option<String>,
    /// Whether nothing was to be enqueued.
    pub dry_run: bool,
}

/// What a run did, and what its answer does not say.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The public answer.
    pub answer: Answer,
    /// Why it is not complete; of a dry run also why a real one would not be.
    pub why: Option<Why>,
    /// Contacts that were left out, whole or some columns of them, by the reason for which apply
    /// would park them.
    pub left_out: LeftOut,
}

impl Outcome {
    /// Nothing was done.
    pub(crate) fn at_start(input: &Input, why: Why) -> Outcome {
        let cursor = Some(input.start().to_string());
        let answer = Answer {
            cursor,
            dry_run: input.dry_run,
            ..Answer::default()
        };
        Outcome {
            answer,
            why: Some(why),
            left_out: BTreeMap::new(),
        }
    }
}

/// Why a run is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The invocation is nearly over.
    OutOfTime,
    /// Somebody wants it to end.
    Interrupted,
    /// Genesys Cloud wants no call for longer than is waited for.
    Throttled,
    /// The feed wants no request for so long.
    FeedThrottled(Duration),
    /// The queue holds as much as it should.
    QueueIsDeep,
    /// It stopped for another reason, before enough of a campaign was compared to know whether too
    /// much of it differs: of that campaign nothing was enqueued but opt-outs.
    Undecided {
        /// Why it stopped.
        why: Box<Why>,
        /// In which campaign.
        campaign: CampaignId,
        /// Contacts of it that were checked.
        checked: u64,
        /// Those of them that are to be changed.
        drifted: u64,
    },
    /// So many contacts of the feed break a rule. All others are compared.
    Faulty(u64),
    /// More of a campaign differs than can be right: nothing was enqueued but opt-outs of other campaigns.
    TooMuchDrift {
        /// Which campaign.
        campaign: CampaignId,
        /// Contacts of it that were checked.
        checked: u64,
        /// Those of them that would have been changed.
        drifted: u64,
    },
    /// More of a campaign is not in the feed than can be right, or all of it: nothing was enqueued.
    TooManyUnknown {
        /// Which campaign.
        campaign: CampaignId,
        /// Contacts of it, without those that the feed does not list and that are not callable already.
        contacts: u64,
        /// Those of them that would have been made not callable.
        unknown: u64,
    },
}

impl Why {
    /// Why it stopped, whatever that left undecided.
    pub fn cause(&self) -> &Why {
        match self {
            Why::Undecided { why, .. } => why.cause(),
            why => why,
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::OutOfTime => f.write_str("out of time"),
            Why::Interrupted => f.write_str("interrupted"),
            Why::Throttled => f.write_str("Genesys Cloud wants no call for a while"),
            Why::FeedThrottled(wait) => {
                write!(f, "the feed wants no request for {} s", wait.as_secs())
            }
            Why::Faulty(contacts) => write!(
                f,
                "{contacts} of the feed's contacts break a rule and are left out: mend them in the CRM, or in the feed"
            ),
            Why::QueueIsDeep => f.write_str("the queue is deep"),
            Why::Undecided {
                why,
                campaign,
                checked,
                drifted,
            } => write!(
                f,
                "{why}, when {drifted} of {checked} contacts that were compared in campaign {campaign} were to be changed, \
                 more than maxDriftPercent, and too few to know whether the feed is right: none of them is enqueued but \
                 opt-outs; let a run compare more (a smaller window, more time), or, if the feed is right, force (--force)"
            ),
            Why::TooMuchDrift {
                campaign,
                checked,
                drifted,
            } => write!(
                f,
                "{drifted} of {checked} contacts that were compared in campaign {campaign} are to be changed, more than \
                 maxDriftPercent: none of them is enqueued; look whether the feed is right; if it is, force (--force) or a \
                 higher maxDriftPercent (--max-drift-percent)"
            ),
            Why::TooManyUnknown {
                campaign,
                contacts,
                unknown,
            } => write!(
                f,
                "{unknown} of {contacts} contacts of campaign {campaign} may be called and are not in the feed, more than \
                 maxDriftPercent or all of them: none of them is made not callable; look whether the feed is right and lists \
                 all; if it does, force (--force) or a higher maxDriftPercent (--max-drift-percent)"
            ),
        }
    }
}

/// Why a run failed. Nothing of it was enqueued but opt-outs, unless the queue itself failed, or one campaign is not
/// known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be understood.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// The feed's secret is missing, malformed or may not be read.
    #[error("secret {name}: {why}")]
    Secret {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The feed did not answer as docs/contract.md "CRM feed" says.
    #[error("the feed of org {org} for campaign {campaign}: {what}")]
    Feed {
        /// Whose feed.
        org: OrgId,
        /// What it was asked for.
        campaign: CampaignId,
        /// What is at fault.
        of: FaultOf,
        /// What was seen.
        what: String,
    },
    /// Genesys Cloud could not be asked.
    #[error("org {org}{}: {failure}{}", .campaign.as_ref().map(|id| format!(", campaign {id}")).unwrap_or_default(), to_do(.failure))]
    Genesys {
        /// Whose.
        org: OrgId,
        /// About which campaign.
        campaign: Option<CampaignId>,
        /// What was seen.
        failure: Box<Failure>,
    },
    /// Other campaigns draw on the campaign's contact list, and the feed was asked for this one alone.
    #[error(
        "org {org}, campaign {campaign}: {others} more {} on its contact list, whose contacts this campaign's feed need not list: \
         nobody is removed; give each campaign a list of its own, or opt them out in the CRM",
        if *.others == 1 { "campaign draws" } else { "campaigns draw" }
    )]
    SharedList {
        /// Whose.
        org: OrgId,
        /// Which campaign.
        campaign: CampaignId,
        /// How many others.
        others: usize,
    },
    /// The org stores no versions, and so has no marks.
    #[error("org {0}: its secret has no versionField, so that there are no marks")]
    NoVersions(OrgId),
    /// The org's API has no exports.
    #[error("org {0}: read by export: expected \"api\": \"contactLists\" in its secret")]
    NoExports(OrgId),
    /// An export did not come, or is not as it should be.
    #[error("org {org}, campaign {campaign}: {what}")]
    Export {
        /// Whose.
        org: OrgId,
        /// Of which campaign's list.
        campaign: CampaignId,
        /// What was seen.
        what: String,
    },
    /// The queue could not be looked at.
    #[error("the queue: {0}")]
    Queue(#[from] QueueError),
    /// The record of the org's runs could not be read or written.
    #[error("record {name}: {why}")]
    Record {
        /// Its name.
        name: String,
        /// Parameter Store does not answer: the record itself may be well.
        is_away: bool,
        /// What is wrong.
        why: String,
    },
    /// The run was begun so often, and never came to an end of its own: it was killed each time.
    #[error(
        "it was begun {0} times and each time ended by force: by Lambda's timeout, or for want of memory"
    )]
    Killed(u32),
    /// The run went on so often, and did not come to its end.
    #[error("it went on {0} times and did not come to its end")]
    Endless(u32),
    /// The function has no queue of runs.
    #[error("there is no queue of runs: RUNS_QUEUE_URL is missing")]
    NoRuns,
    /// The queue did not take everything; what it has is applied, and the next run finds the rest.
    #[error("the queue took {enqueued} of {found} {}: {why}", if *.found == 1 { "change" } else { "changes" })]
    NotEnqueued {
        /// How many it has.
        enqueued: u64,
        /// Of how many.
        found: usize,
        /// SQS's error code.
        why: String,
    },
}

impl Error {
    /// Whether nothing follows of it for other campaigns: what the secret or Genesys Cloud says of this one. (Where the
    /// whole org is refused, the next campaign finds it closed.)
    pub(crate) fn is_of_campaign(&self) -> bool {
        match self {
            Error::Feed { of, .. } => *of == FaultOf::Campaign,
            Error::Genesys {
                campaign: Some(_),
                failure,
                ..
            } => matches!(failure.kind, Kind::Refused | Kind::NotFound),
            _ => false,
        }
    }
}

fn to_do(failure: &Failure) -> String {
    if failure.kind == Kind::UnknownCampaign {
        format!(": {UNKNOWN_CAMPAIGN}")
    } else {
        String::new()
    }
}
