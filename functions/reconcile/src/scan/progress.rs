//! The events of a run for those who watch it, contact by contact. None of them holds a value.

use domain::change::{CampaignId, MessageGroup, OptedOut};
use domain::drift::Drift;

/// A contact that is not as the CRM says, to be listed. It holds no value of the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The campaign.
    pub campaign: CampaignId,
    /// The contact's message group, which says nothing of its key.
    pub group: MessageGroup,
    /// How it differs.
    pub drift: Drift,
}

/// Something that happened in a run, for those who watch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// This many more contacts were compared.
    Checked(u64),
    /// A contact differs.
    Found(Found),
    /// A contact stores a rank that is ahead, so the CRM's record of it is stale.
    Ahead {
        /// The campaign.
        campaign: CampaignId,
        /// The contact's message group, which says nothing of its key.
        group: MessageGroup,
    },
    /// A contact of the feed breaks a rule and is left out.
    Faulty {
        /// The campaign.
        campaign: CampaignId,
        /// Its place on the page and what was expected, without any value.
        what: String,
        /// The contact's message group, if its key can be read.
        group: Option<MessageGroup>,
        /// Whether its opt-out is compared all the same.
        has_opt_out: bool,
    },
    /// A contact of the campaign is not in the feed.
    Unknown {
        /// The campaign.
        campaign: CampaignId,
        /// The contact's message group, which says nothing of its key.
        group: MessageGroup,
    },
    /// A contact that the feed opts out was looked at, to be adopted.
    OptedOut(OptedOut),
    /// This many more changes are in the queue.
    Enqueued(u64),
}
