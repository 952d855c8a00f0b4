//! What may be told.

use std::time::Duration;

use domain::batch::{Evidence, Outcome};
use domain::change::RankReset;
use domain::retry::Cause;
use jiff::Timestamp;

/// Which change an event is about.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// Of a change that could be read.
    pub org: Option<&'a str>,
    /// Of a change that could be read.
    pub campaign: Option<&'a str>,
    /// Of a change that could be read.
    pub event_id: Option<&'a str>,
    /// The message group id of its record.
    pub group: &'a str,
    /// How long ago its message was sent to the queue.
    pub age: Option<Duration>,
    /// Whether it says that nobody may call a contact that could be called. One that cannot be created
    /// is called by nobody.
    pub is_opt_out: bool,
}

/// Something that an operator may want to know.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A change is done.
    Done {
        /// Which one.
        about: About<'a>,
        /// How it ended.
        outcome: Outcome,
        /// Whether the org's wish kept out that the contact may be called.
        is_kept: bool,
    },
    /// A contact's stored rank was set back, at an operator's wish.
    RankReset {
        /// Which change asked for it.
        about: About<'a>,
        /// From which rank, to which, and why.
        reset: &'a RankReset,
    },
    /// A change is in the dead-letter queue.
    Parked {
        /// Which one.
        about: About<'a>,
        /// The reason's public name.
        reason: &'static str,
        /// What led to it.
        evidence: &'a Evidence,
    },
    /// A change is tried again.
    Retried {
        /// Which one.
        about: About<'a>,
        /// Until it may be received again.
        delay: Duration,
        /// None for what waits behind another one of its group.
        why: Option<&'a (Cause, Evidence)>,
    },
    /// An invocation begins with its messages.
    TookIn {
        /// How many.
        messages: usize,
        /// Those of them that it received by itself.
        topped_up: usize,
    },
    /// A change was written. Since reads lag it comes back to be read, before it is done.
    Written {
        /// Which one.
        about: About<'a>,
        /// What the write did.
        outcome: Outcome,
        /// Until it may be received again.
        delay: Duration,
    },
    /// The service refuses the org's OAuth client, or its secret cannot be used: a person must act.
    OrgRefused {
        /// Whose.
        org: &'a str,
        /// What was seen.
        evidence: &'a Evidence,
    },
    /// The service refuses the org one campaign, or the campaign's list lacks the version column: a
    /// person must act. Told at the first time.
    CampaignRefused {
        /// Whose.
        org: &'a str,
        /// Which one.
        campaign: &'a str,
        /// What was seen.
        evidence: &'a Evidence,
    },
    /// The org's DNC list refuses what is put on it, is full or does not answer: it is left alone for a
    /// minute or longer.
    DncListFailed {
        /// Whose.
        org: &'a str,
        /// What was seen.
        evidence: &'a Evidence,
    },
    /// Calls for the org get no answer. Told once in a quarter of an hour.
    OrgIll {
        /// Whose.
        org: &'a str,
        /// The campaign, where none of its calls is answered and others may be.
        campaign: Option<&'a str>,
        /// What was seen.
        detail: &'a str,
    },
    /// A create met a key that exists already; it is resolved by reading again.
    Conflict {
        /// Whose.
        org: &'a str,
        /// In which campaign.
        campaign: &'a str,
    },
    /// The service refused a call because the budget is spent.
    Throttled {
        /// Whose.
        org: &'a str,
    },
    /// A call of the contact API is over, with an answer or without.
    Called {
        /// Whose budget it took.
        org: &'a str,
        /// From the request to the whole answer, or to its being given up.
        latency: Duration,
    },
    /// A webhook's changes are all in the queue; told for each of their orgs.
    Accepted {
        /// Who sent it.
        source: &'a str,
        /// Whose contacts they change.
        org: &'a str,
        /// How many.
        changes: usize,
    },
    /// A webhook was let in, but not all of its changes are in the queue.
    Refused {
        /// Who sent it.
        source: &'a str,
        /// To whose contacts the source is bound, where it is.
        org: Option<&'a str>,
        /// Why, without anything of its body.
        detail: &'a str,
    },
    /// Items of a webhook became no change, and are in the dead-letter queue.
    Unmapped {
        /// Who sent it.
        source: &'a str,
        /// To whose contacts the source is bound, where it is.
        org: Option<&'a str>,
        /// How many.
        items: usize,
        /// The place of the first, and why, without anything of its body.
        detail: &'a str,
    },
    /// A webhook was not let in.
    Unauthorized {
        /// Whom it names as its sender; nothing, where that can be nobody's name.
        source: &'a str,
        /// Why, without anything of its body. Not for the sender.
        detail: &'a str,
    },
    /// A run of reconcile is over.
    Reconciled {
        /// Whose contacts were compared.
        org: &'a str,
        /// Contacts of the feed that were looked at.
        checked: u64,
        /// Those of them that are missing or different in their campaign.
        drifted: u64,
        /// Those that the CRM says may be called, which the org's wish keeps out.
        kept: u64,
        /// Changes that are in the queue.
        enqueued: u64,
    },
    /// An invocation with a run of the queue is over.
    LookedAt {
        /// Whose contacts were compared.
        org: &'a str,
        /// The run's campaign of which least was looked at.
        campaign: &'a str,
        /// Until when all that changed there was; of one that never was, when the run was due.
        until: Timestamp,
        /// How long ago that is.
        age: Duration,
    },
    /// A run of reconcile did not come to its end.
    Incomplete {
        /// Whose contacts were compared.
        org: &'a str,
        /// Why.
        detail: &'a str,
        /// Contacts of the feed that were looked at.
        checked: u64,
        /// Changes that are in the queue.
        enqueued: u64,
    },
    /// Reconcile enqueued nothing, since more of a campaign differs than can be right.
    Stopped {
        /// Whose.
        org: &'a str,
        /// Which campaign.
        campaign: &'a str,
        /// Contacts of it that were looked at.
        checked: u64,
        /// Those of them that would have been changed.
        drifted: u64,
    },
}
