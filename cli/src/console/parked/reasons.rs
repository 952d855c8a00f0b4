//! For each reason of parking, one line that says what it means and one that says what to do.
//!
//! docs/runbook.md has a section for each reason.

use domain::batch::ParkReason;

use crate::dlq::parked::NO_REASON;

/// Each reason with what it means and what to do.
const REASONS: [(&str, &str); 15] = [
    (
        "invalidChange",
        "The body breaks a rule of a change. Repair it at the sender, which sends a new one; then drop this.",
    ),
    (
        "unsupportedSchema",
        "The body has a schema other than 1. Find its sender.",
    ),
    (
        "groupMismatch",
        "The message group is not that of org, campaign and contact: somebody wrote to the queue by hand. Drop it.",
    ),
    (
        "reservedColumn",
        "The change writes the column that stores the rank. Repair the sender's mapping.",
    ),
    (
        "unknownColumn",
        "The contact list has no such column. Repair the mapping or the list, then send it again.",
    ),
    (
        "channel",
        "The change names channels or numbers, which this org's API does not have. Repair the mapping.",
    ),
    (
        "keyPattern",
        "The contact key is not of the form that the org's secret asks for. Repair the sender, or the pattern.",
    ),
    (
        "rankAhead",
        "The version is a time far ahead of now. Repair the sender's clock or unit.",
    ),
    (
        "rejected",
        "Genesys Cloud refuses this very contact: the detail says why. Repair the data at the sender.",
    ),
    (
        "unknownCampaign",
        "Genesys Cloud knows no such campaign. Repair the id in the sender or the secret, then send it again.",
    ),
    (
        "retryHorizon",
        "It failed by itself for hours while others were written. Look at the detail; once repaired, send it again.",
    ),
    (
        "notOnDncList",
        "The contact may not be called, but the org's DNC list does not accept its entry. Look at the list, then send it again.",
    ),
    (
        "expired",
        "It failed for 13 days. Look at the detail and at the alarms of that time, then send it again.",
    ),
    (
        ingest::webhook::REASON,
        "An item of a webhook that could not become a change. It may be an opt-out. Repair the mapping, then send it again.",
    ),
    (
        NO_REASON,
        "SQS moved it after 1,000 receives: the function died each time. Look at the log of apply.",
    ),
];

/// The meaning of a reason, and what to do about it.
pub(crate) fn meaning(reason: &str) -> Option<&'static str> {
    let found = REASONS.iter().find(|(name, _)| *name == reason);
    found.map(|(_, meaning)| *meaning)
}

/// Every reason that a parked message may have.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    REASONS.iter().map(|(name, _)| *name)
}

/// The table has every reason of apply, and two more.
const _: () = assert!(REASONS.len() == ParkReason::ALL.len() + 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_meaning() {
        for reason in ParkReason::ALL {
            assert!(meaning(reason.as_str()).is_some(), "{}", reason.as_str());
        }
        assert_eq!(meaning("other"), None);
    }
}
