//! The errors with which a run can fail.
//!
//! A run that merely stops early is no error: [`Why`](super::Why) says why it did. The texts are
//! read by operators in the log and in the queue of failed runs, and say what to do.

use domain::change::{CampaignId, OrgId};
use io::genesys::{Failure, Kind, UNKNOWN_CAMPAIGN};
use io::queue::QueueError;

use crate::feed::FaultOf;
use crate::input::InvalidInput;

/// Why a run failed. It enqueued only opt-outs, unless the queue itself failed or Genesys Cloud
/// does not know one of the campaigns.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input cannot be understood.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// The feed's secret is missing or malformed, or reconcile may not read it.
    #[error("secret {name}: {why}")]
    Secret {
        /// The name.
        name: String,
        /// The fault.
        why: String,
    },
    /// The feed did not answer as docs/contract.md "CRM feed" says.
    #[error("the feed of org {org} for campaign {campaign}: {what}")]
    Feed {
        /// The org whose feed it is.
        org: OrgId,
        /// The campaign for which it was asked.
        campaign: CampaignId,
        /// The part that is at fault.
        of: FaultOf,
        /// The failure, in words.
        what: String,
    },
    /// A call to Genesys Cloud failed.
    #[error("org {org}{}: {failure}{}", .campaign.as_ref().map(|id| format!(", campaign {id}")).unwrap_or_default(), to_do(.failure))]
    Genesys {
        /// The org.
        org: OrgId,
        /// The campaign that the call was about. `None` means the whole org.
        campaign: Option<CampaignId>,
        /// The failed call.
        failure: Box<Failure>,
    },
    /// Other campaigns draw on the same contact list, and the feed was asked for this campaign
    /// alone.
    #[error(
        "org {org}, campaign {campaign}: {others} more {} on its contact list, whose contacts this campaign's feed need not list: \
         nobody is removed; give each campaign a list of its own, or opt them out in the CRM",
        if *.others == 1 { "campaign draws" } else { "campaigns draw" }
    )]
    SharedList {
        /// The org.
        org: OrgId,
        /// The campaign.
        campaign: CampaignId,
        /// How many other campaigns draw on the list.
        others: usize,
    },
    /// The org stores no versions, so its contacts have no marks.
    #[error("org {0}: its secret has no versionField, so that there are no marks")]
    NoVersions(OrgId),
    /// The org's API has no exports.
    #[error("org {0}: read by export: expected \"api\": \"contactLists\" in its secret")]
    NoExports(OrgId),
    /// An export was not ready in time, or is malformed.
    #[error("org {org}, campaign {campaign}: {what}")]
    Export {
        /// The org.
        org: OrgId,
        /// The campaign whose list was to be exported.
        campaign: CampaignId,
        /// The failure, in words.
        what: String,
    },
    /// A call to the queue of changes or the queue of runs failed.
    #[error("the queue: {0}")]
    Queue(#[from] QueueError),
    /// The record of the org's runs could not be read or written.
    #[error("record {name}: {why}")]
    Record {
        /// The name.
        name: String,
        /// Whether Parameter Store does not answer. The record itself may be sound.
        is_away: bool,
        /// The fault.
        why: String,
    },
    /// The run was begun this many times and killed each time.
    #[error(
        "it was begun {0} times and killed each time, by Lambda's timeout or for lack of memory"
    )]
    Killed(u32),
    /// The run continued this many times and did not end.
    #[error("it was continued {0} times and did not finish")]
    Endless(u32),
    /// The function has no queue of runs.
    #[error("there is no queue of runs: RUNS_QUEUE_URL is missing")]
    NoRuns,
    /// The queue did not accept every change. Those that it has are applied, and the next run finds
    /// the rest.
    #[error("the queue accepted {enqueued} of {found} {}: {why}", if *.found == 1 { "change" } else { "changes" })]
    NotEnqueued {
        /// How many changes it accepted.
        enqueued: u64,
        /// How many changes were found.
        found: usize,
        /// SQS's error code.
        why: String,
    },
}

impl Error {
    /// Whether the error concerns this campaign alone: what the secret or Genesys Cloud says about
    /// it. (If Genesys Cloud refuses the whole org, the next campaign finds the org closed.)
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
