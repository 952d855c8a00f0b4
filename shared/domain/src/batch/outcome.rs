//! The public names of what can become of a change: the outcomes of a change that is done, and the
//! reasons for which a change is parked.

/// The result of a change that is done (docs/contract.md "Outcomes"). For a parked change, see
/// [`Parking`](super::Parking).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A POST created the contact.
    Created,
    /// A write changed the contact.
    Updated,
    /// The contact held everything already.
    Unchanged,
    /// The change is older than what the contact stores.
    Stale,
    /// The change was folded into a later one of the batch.
    Superseded,
    /// There is no such contact, and the change creates none.
    Skipped,
}

impl Outcome {
    /// The public name.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
            Outcome::Stale => "stale",
            Outcome::Superseded => "superseded",
            Outcome::Skipped => "skipped",
        }
    }
}

/// The reason for which a change is in the dead-letter queue (docs/contract.md "Parked messages").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParkReason {
    /// The body breaks a rule of docs/contract.md "Contact change".
    InvalidChange,
    /// The body has another schema.
    UnsupportedSchema,
    /// The message group is not the one that follows from the body.
    GroupMismatch,
    /// The change names the column that stores the rank.
    ReservedColumn,
    /// The change names a column that the campaign's contact list does not have.
    UnknownColumn,
    /// The change lowers a channel or number, and the org's API does not support that.
    Channel,
    /// The contact key does not match the org's pattern.
    KeyPattern,
    /// The rank is a time too far in the future.
    RankAhead,
    /// Genesys Cloud refuses the change whenever it is sent (400, 413).
    Rejected,
    /// Genesys Cloud knows no such campaign (404 to a POST).
    UnknownCampaign,
    /// The change itself failed for longer than the retry horizon, while its campaign was healthy.
    RetryHorizon,
    /// The contact is not callable, but its entry is missing on the org's DNC list. The list
    /// refused the entry, or it accepted nothing for longer than the retry horizon.
    NotOnDncList,
    /// The change could not be applied in 13 days or 950 receives. Soon after that SQS would delete
    /// or move it without a reason.
    Expired,
}

impl ParkReason {
    /// Every reason.
    pub const ALL: [ParkReason; 13] = [
        ParkReason::InvalidChange,
        ParkReason::UnsupportedSchema,
        ParkReason::GroupMismatch,
        ParkReason::ReservedColumn,
        ParkReason::UnknownColumn,
        ParkReason::Channel,
        ParkReason::KeyPattern,
        ParkReason::RankAhead,
        ParkReason::Rejected,
        ParkReason::UnknownCampaign,
        ParkReason::RetryHorizon,
        ParkReason::NotOnDncList,
        ParkReason::Expired,
    ];

    /// The public name.
    pub fn as_str(self) -> &'static str {
        match self {
            ParkReason::InvalidChange => "invalidChange",
            ParkReason::UnsupportedSchema => "unsupportedSchema",
            ParkReason::GroupMismatch => "groupMismatch",
            ParkReason::ReservedColumn => "reservedColumn",
            ParkReason::UnknownColumn => "unknownColumn",
            ParkReason::Channel => "channel",
            ParkReason::KeyPattern => "keyPattern",
            ParkReason::RankAhead => "rankAhead",
            ParkReason::Rejected => "rejected",
            ParkReason::UnknownCampaign => "unknownCampaign",
            ParkReason::RetryHorizon => "retryHorizon",
            ParkReason::NotOnDncList => "notOnDncList",
            ParkReason::Expired => "expired",
        }
    }
}
