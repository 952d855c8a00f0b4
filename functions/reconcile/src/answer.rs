//! The result of a run: what it did, and why it is incomplete. `error` says how it can fail.
//!
//! [`Answer`] is public JSON (docs/contract.md "Reconcile"). `settle` fills it in from what `scan`
//! counted, and `tell` writes the rest of the [`RunOutcome`] to the log.

mod error;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::change::CampaignId;
use serde::Serialize;

pub use error::Error;

use crate::input::Input;
use crate::scan::LeftOut;

/// The public answer of a run (docs/contract.md "Reconcile").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Contacts of the feed that were looked at.
    pub checked: u64,
    /// Contacts that are not in the campaign.
    pub missing: u64,
    /// Contacts in the campaign that are not as the CRM says. If a contact only differs because the
    /// CRM says `callable: true`, it is counted here and not enqueued.
    pub different: u64,
    /// Contacts in the campaign that stay not callable because the org asked for that, though the
    /// CRM says otherwise. Those that also differ in another way are counted as different too.
    pub kept: u64,
    /// Contacts for which the campaign holds something newer.
    pub stale: u64,
    /// Contacts that were not compared, because the feed gives no rank for them.
    pub unranked: u64,
    /// Contacts in the campaign whose stored rank is ahead, so that nothing the CRM says is newer.
    pub ahead: u64,
    /// Contacts in the campaign that are not in the feed. Only campaigns are counted for which the
    /// run was asked for this and read the whole feed. It is absent if there is no such campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_to_crm: Option<u64>,
    /// Contacts of [`unknown_to_crm`](Self::unknown_to_crm) for which the queue accepted a change
    /// that makes them not callable. In a dry run it counts those for which it would. It is absent
    /// if the run was not asked for this, or if a feed was not read whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_unknown: Option<u64>,
    /// Changes that the queue accepted.
    pub enqueued: u64,
    /// Opted-out contacts whose entries were added to the org's DNC list. It is absent if the org
    /// has no such list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_dnc_list: Option<u64>,
    /// Opted-out contacts whose entries the list did not accept. A later run over them tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_on_dnc_list: Option<u64>,
    /// Whether every page of every campaign was compared, and all that differs is in the queue.
    pub complete: bool,
    /// The place at which the next run continues, if this one is not complete.
    pub cursor: Option<String>,
    /// Whether this was a dry run, which enqueues nothing.
    pub dry_run: bool,
}

/// The whole result of a run: its answer, and what the answer does not say.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The public answer.
    pub answer: Answer,
    /// Why the run is not complete. In a dry run it also says why a real run would not be.
    pub why: Option<Why>,
    /// Contacts that were left out, completely or in some columns. They are counted by the reason
    /// for which `apply` would park their change.
    pub left_out: LeftOut,
}

impl RunOutcome {
    /// The outcome of a run that could not begin.
    pub(crate) fn at_start(input: &Input, why: Why) -> RunOutcome {
        let cursor = Some(input.start().to_string());
        let answer = Answer {
            cursor,
            dry_run: input.dry_run,
            ..Answer::default()
        };
        RunOutcome {
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
    /// The invocation is nearly over, and the export of this campaign's contact list is not ready.
    NoExportYet(CampaignId),
    /// The run was asked to stop.
    Interrupted,
    /// Genesys Cloud throttled the org for longer than the run waits.
    Throttled,
    /// The feed throttled the run for this long.
    FeedThrottled(Duration),
    /// The queue already holds as many changes of the org as it may.
    QueueIsDeep,
    /// The run stopped for another reason before it had compared enough of a campaign to know
    /// whether too much of it differs. Only opt-outs of that campaign were enqueued.
    Undecided {
        /// The reason for which it stopped.
        why: Box<Why>,
        /// The campaign in which it stopped.
        campaign: CampaignId,
        /// How many of its contacts were checked.
        checked: u64,
        /// How many of them are to be changed.
        drifted: u64,
    },
    /// This many contacts of the feed break a rule. All others are compared.
    Faulty(u64),
    /// More of a campaign differs than can be right. The run enqueued only opt-outs of other
    /// campaigns.
    TooMuchDrift {
        /// The campaign.
        campaign: CampaignId,
        /// How many of its contacts were checked.
        checked: u64,
        /// How many of them would have been changed.
        drifted: u64,
    },
    /// More contacts of a campaign are missing in the feed than can be right, or the feed lists
    /// none of them. Nothing was enqueued.
    TooManyUnknown {
        /// The campaign.
        campaign: CampaignId,
        /// How many contacts count: those that the feed lists, and those that it does not list and
        /// that are callable.
        contacts: u64,
        /// How many of them would have been made not callable.
        unknown: u64,
    },
}

impl Why {
    /// The reason for which the run stopped, without what that left undecided.
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
            Why::NoExportYet(campaign) => write!(
                f,
                "the export of the contact list of campaign {campaign} is not ready"
            ),
            Why::Interrupted => f.write_str("interrupted"),
            Why::Throttled => f.write_str("the org may make no call for a while: its budget is spent, or Genesys Cloud refused one (429)"),
            Why::FeedThrottled(wait) => {
                write!(
                    f,
                    "the feed throttles the run (429) for {} s",
                    wait.as_secs()
                )
            }
            Why::Faulty(contacts) => write!(
                f,
                "{contacts} of the feed's contacts break a rule and are left out: correct them in the CRM, or \
                 in the feed"
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
                 more than maxDriftPercent, and too few to know whether the feed is right: none of them is \
                 enqueued except \
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
