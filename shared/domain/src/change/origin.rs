//! The origins of a change: the queue, a webhook, a file, or a CRM feed. Each of them, except the
//! queue, fixes something that its changes may then leave out.

use jiff::Timestamp;

use super::{CampaignId, EventId, OrgId, Rank, SourceName};

/// The origin of a change. It decides what the change may leave out.
pub(super) enum Origin<'a> {
    Queue,
    Webhook(&'a Sender),
    File(&'a Row<'a>),
    Feed(&'a Feed),
}

/// The values that an origin fixes. A change may leave them out, and is refused if it names others.
pub(super) struct Fixed {
    pub(super) org: Option<OrgId>,
    pub(super) campaign: Option<CampaignId>,
    pub(super) source: Option<SourceName>,
    /// The message of a fault about another value.
    pub(super) expected: &'static str,
}

impl Origin<'_> {
    pub(super) fn fixed(&self) -> Fixed {
        let (org, campaign, source) = match self {
            Origin::Queue => (None, None, None),
            Origin::Webhook(sender) | Origin::File(Row { sender, .. }) => (
                sender.org.clone(),
                sender.campaign.clone(),
                Some(sender.source.clone()),
            ),
            Origin::Feed(feed) => (Some(feed.org.clone()), Some(feed.campaign.clone()), None),
        };
        let expected = match self {
            Origin::Feed(_) => "expected the org and campaign of the feed, or no such field",
            _ => "expected the value that the source's secret or path fixes, or no such field",
        };
        Fixed {
            org,
            campaign,
            source,
            expected,
        }
    }
}

/// The sender of a webhook. Its source's secret may bind it to an org or a campaign, which its
/// changes may then leave out (docs/contract.md "Contact change").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The name in the path of the webhook.
    pub source: SourceName,
    /// The only org that this sender may change. A change may leave it out, and is refused if it
    /// names another.
    pub org: Option<OrgId>,
    /// The only campaign that this sender may change. A change may leave it out, and is refused if
    /// it names another.
    pub campaign: Option<CampaignId>,
}

/// A row of a file that a person sends, with the values that it may leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The sender, with the org and campaign that the file goes to.
    pub sender: &'a Sender,
    /// The id of the event. The same row always gets the same id.
    pub event_id: EventId,
    /// The time of every change of the file. If it is `None`, a row without a time has none.
    pub occurred_at: Option<Timestamp>,
}

/// The run in which a CRM feed is read (docs/contract.md "CRM feed"). Its changes need no
/// `eventId`, and their `source` is always `reconcile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The org that is compared. A change that names another is refused.
    pub org: OrgId,
    /// The campaign that is compared. A change that names another is refused.
    pub campaign: CampaignId,
    /// The time at which the run was due. A repeated run gives the same event ids, so the queue
    /// drops the changes that it has already.
    pub run: Timestamp,
}

impl Feed {
    /// Each run and rank gets its own event id. So the queue does not drop a change as a duplicate
    /// of one from an earlier run.
    pub(super) fn event_id(
        &self,
        version: Option<Rank>,
        occurred_at: Option<Timestamp>,
    ) -> EventId {
        // The org's secret says which of the two is the rank. It is not known here.
        let numbers = [
            version.map(|rank| rank.0.cast_signed()),
            occurred_at.map(|at| at.as_millisecond()),
        ];
        let numbers: String = numbers
            .into_iter()
            .flatten()
            .map(|number| format!("-{number}"))
            .collect();
        EventId::of_run(&format!("{}{numbers}", self.run))
    }
}
