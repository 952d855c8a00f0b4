//! The events that the functions report.
//!
//! The log line and the counting of each event are side by side in the module of its subject:
//! `changes`, `orgs`, `webhooks` and `reconcile`. An event holds no personal data.

use std::time::Duration;

use domain::batch::{Evidence, Outcome};
use domain::change::RankReset;
use domain::retry::Cause;
use jiff::Timestamp;

/// The change that an event is about.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The org, if the change could be read.
    pub org: Option<&'a str>,
    /// The campaign, if the change could be read.
    pub campaign: Option<&'a str>,
    /// The event id, if the change could be read.
    pub event_id: Option<&'a str>,
    /// The message group id of its record.
    pub group: &'a str,
    /// The time since the message was sent to the queue.
    pub age: Option<Duration>,
    /// Whether the change makes a callable contact not callable. A contact that cannot be created
    /// is not callable either, so it does not count. A change that cannot be read counts if it may
    /// be an opt-out.
    pub is_opt_out: bool,
}

/// Something that an operator may want to know.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A change is done.
    Done {
        /// The change.
        about: About<'a>,
        /// The outcome.
        outcome: Outcome,
        /// Whether the org's `raise` kept the contact not callable.
        is_kept: bool,
    },
    /// The stored rank of a contact was set back, as an operator asked.
    RankReset {
        /// The change that asked for it.
        about: About<'a>,
        /// The old and the new rank, and the reason.
        reset: &'a RankReset,
    },
    /// A change is in the dead-letter queue.
    Parked {
        /// The change.
        about: About<'a>,
        /// The public name of the reason.
        reason: &'static str,
        /// The observation that led to it.
        evidence: &'a Evidence,
    },
    /// A change is tried again.
    Retried {
        /// The change.
        about: About<'a>,
        /// The visibility timeout of its message.
        delay: Duration,
        /// The reason. A change that waits behind another of its group has none.
        why: Option<&'a (Cause, Evidence)>,
    },
    /// An invocation begins.
    TookIn {
        /// The number of its messages.
        messages: usize,
        /// How many of them it received itself.
        topped_up: usize,
    },
    /// A change was written. Because reads lag, it returns to be read before it is done.
    Written {
        /// The change.
        about: About<'a>,
        /// The effect of the write.
        outcome: Outcome,
        /// The visibility timeout of its message.
        delay: Duration,
    },
    /// The service refuses the org's OAuth client, or the org's secret cannot be used. A person
    /// must act.
    OrgRefused {
        /// The org.
        org: &'a str,
        /// The observation.
        evidence: &'a Evidence,
    },
    /// The service refuses one campaign of the org, or the campaign's list lacks the version
    /// column. A person must act. It is reported once.
    CampaignRefused {
        /// The org.
        org: &'a str,
        /// The campaign.
        campaign: &'a str,
        /// The observation.
        evidence: &'a Evidence,
    },
    /// The org's DNC list refuses entries, is full or does not answer. No call is made about it for
    /// a minute or longer.
    DncListFailed {
        /// The org.
        org: &'a str,
        /// The observation.
        evidence: &'a Evidence,
    },
    /// Calls for the org get no answer. It is reported once in a quarter of an hour.
    OrgIll {
        /// The org.
        org: &'a str,
        /// The campaign, if only its calls get no answer.
        campaign: Option<&'a str>,
        /// The observation.
        detail: &'a str,
    },
    /// A create met a key that exists already. The contact is read again, which resolves it.
    Conflict {
        /// The org.
        org: &'a str,
        /// The campaign.
        campaign: &'a str,
    },
    /// The service refused a call because the budget is spent.
    Throttled {
        /// The org.
        org: &'a str,
    },
    /// A call to the contact API has ended, with or without an answer.
    Called {
        /// The org whose budget the call took.
        org: &'a str,
        /// The time from the request to the whole answer, or until the call was given up.
        latency: Duration,
    },
    /// Every change of a webhook is in the queue. It is reported for each org.
    Accepted {
        /// The source.
        source: &'a str,
        /// The org.
        org: &'a str,
        /// The number of changes.
        changes: usize,
    },
    /// A webhook was let in, but not all of its changes are in the queue.
    Refused {
        /// The source.
        source: &'a str,
        /// The org to which the source is bound, if any.
        org: Option<&'a str>,
        /// The status of the answer.
        status: u16,
        /// The reason, without anything of the body.
        detail: &'a str,
    },
    /// Items of a webhook became no change, and are in the dead-letter queue.
    Unmapped {
        /// The source.
        source: &'a str,
        /// The org to which the source is bound, if any.
        org: Option<&'a str>,
        /// The number of items.
        items: usize,
        /// The place of the first item and the reason, without anything of the body.
        detail: &'a str,
    },
    /// A webhook was not let in.
    Unauthorized {
        /// The source that the path names. It is empty if no source can have that name.
        source: &'a str,
        /// The reason, without anything of the body. It is not for the sender.
        detail: &'a str,
    },
    /// A run of reconcile has ended.
    Reconciled {
        /// The org.
        org: &'a str,
        /// How many contacts of the feed were compared.
        checked: u64,
        /// How many of them are missing or different in the campaign.
        drifted: u64,
        /// How many of them the CRM opts in and the org's `raise` keeps out.
        kept: u64,
        /// How many changes are in the queue.
        enqueued: u64,
    },
    /// An invocation that handled a run from the queue has ended.
    LookedAt {
        /// The org whose contacts were compared.
        org: &'a str,
        /// The run's campaign that is furthest behind.
        campaign: &'a str,
        /// Everything that changed there before this time was compared. If nothing was ever
        /// compared there, this is the time at which the run was due.
        until: Timestamp,
        /// The time since then.
        age: Duration,
    },
    /// A run of reconcile did not reach its end.
    Incomplete {
        /// The org.
        org: &'a str,
        /// The reason.
        detail: &'a str,
        /// How many contacts of the feed were compared.
        checked: u64,
        /// How many changes are in the queue.
        enqueued: u64,
    },
    /// More of a campaign differs than can be right. So reconcile enqueued nothing of it, and only
    /// opt-outs of the other campaigns.
    Stopped {
        /// The org.
        org: &'a str,
        /// The campaign.
        campaign: &'a str,
        /// How many of its contacts were compared.
        checked: u64,
        /// How many of them would have been changed.
        drifted: u64,
    },
}
