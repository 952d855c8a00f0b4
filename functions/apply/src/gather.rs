//! Groups the changes of an invocation by org, campaign and contact.
//!
//! The changes of a contact stay in queue order. What is done with the contacts of an org is in
//! [`crate::org`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::change::{CampaignId, Change, ContactKey, OrgId};
use jiff::Timestamp;

use crate::intake::Intake;

/// The changes of one contact in queue order, each with the index of its record.
pub(crate) struct ContactChanges {
    pub(crate) key: ContactKey,
    pub(crate) changes: Vec<(usize, Arc<Change>)>,
    /// Whether one of them was received before, so that it may have been written.
    pub(crate) was_tried: bool,
    /// The shortest time since the first receive of one of them.
    pub(crate) known_for: Duration,
}

/// The contacts of one org, by campaign.
pub(crate) type ContactsByCampaign = BTreeMap<CampaignId, Vec<ContactChanges>>;

/// The contacts of each org. A record whose body cannot be read is left out.
pub(crate) fn by_org(intake: &Intake, now: Timestamp) -> BTreeMap<OrgId, ContactsByCampaign> {
    let mut orgs: BTreeMap<OrgId, ContactsByCampaign> = BTreeMap::new();
    // The place of each contact among those of its campaign, by its message group.
    let mut places = BTreeMap::new();
    for (index, change) in intake.changes.iter().enumerate() {
        let Ok(change) = change else { continue };
        let campaigns = orgs.entry(change.org.clone()).or_default();
        let contacts = campaigns.entry(change.campaign.clone()).or_default();
        let numbered = (index, Arc::clone(change));
        let place = places
            .entry(intake.records[index].group.as_str())
            .or_insert(contacts.len());
        let was_tried = intake.records[index].receives > 1;
        let known_for = intake.records[index].known_for(now);
        match contacts.get_mut(*place) {
            Some(contact) => {
                contact.changes.push(numbered);
                contact.was_tried |= was_tried;
                contact.known_for = contact.known_for.min(known_for);
            }
            None => contacts.push(ContactChanges {
                key: change.key.clone(),
                changes: vec![numbered],
                was_tried,
                known_for,
            }),
        }
    }
    orgs
}
