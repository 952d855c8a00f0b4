//! Makes the attempt of a contact from its changes, or gives the changes back.

use std::sync::Arc;
use std::time::Duration;

use domain::attempt::{Absence, Attempt, PendingChange, READS_SETTLE_AFTER, Verdicts};
use domain::batch::{Evidence, Parking};
use domain::change::Change;
use domain::failure::Failure;
use domain::rules::{BrokenRule, Rules};
use io::genesys::Campaign;

use crate::gather::ContactChanges;
use crate::{Context, Defect};

/// Reads the list's columns again if a change would be parked because of a column. The known
/// columns may be ten minutes old, and parking is final.
pub(crate) async fn look_again(campaign: &Campaign, contacts: &[ContactChanges]) {
    let mut changes = contacts.iter().flat_map(|contact| &contact.changes);
    if let Campaign::ContactList(list) = campaign
        && changes.any(|(_, change)| campaign.broken(change).is_some())
    {
        list.look_again().await;
    }
}

/// The attempt of a contact. A change that breaks a rule is parked once its opt-out is applied.
pub(crate) fn attempt(
    context: &Context,
    rules: &Arc<Rules>,
    campaign: &Campaign,
    contact: ContactChanges,
) -> Attempt {
    let now = context.shared.clock.now();
    let broken = |change: &Change| {
        let broken = rules.broken(change, now);
        broken.or_else(|| campaign.broken(change))
    };
    let salvaged = |change: &Change| {
        if context.has(Defect::Unheard) {
            return None;
        }
        rules.opt_out(change, now, |switch| campaign.has_switch(switch))
    };
    let piece = |(index, change): (usize, Arc<Change>)| {
        let Some(broken) = broken(&change) else {
            return whole((index, change));
        };
        let salvaged = salvaged(&change).unwrap_or_else(|| change.silent());
        PendingChange {
            index,
            change: Arc::new(salvaged),
            parking: Some(parking(&broken)),
        }
    };
    let pieces = contact.changes.into_iter().map(piece).collect();
    let absence = match campaign {
        Campaign::Predictive(_) => Absence::ByProbe,
        Campaign::ContactList(_) => match READS_SETTLE_AFTER.saturating_sub(contact.known_for) {
            Duration::ZERO => Absence::Known,
            left => Absence::ByReadAfter(left),
        },
    };
    let attempt = Attempt::new(contact.key, pieces, Arc::clone(rules), context.planner());
    attempt.with_absence(absence)
}

pub(crate) fn whole((index, change): (usize, Arc<Change>)) -> PendingChange {
    PendingChange {
        index,
        change,
        parking: None,
    }
}

pub(crate) fn parking(broken: &BrokenRule) -> Parking {
    Parking {
        reason: broken.reason(),
        evidence: Evidence::from(broken.to_string()),
    }
}

/// Verdicts for contacts that cannot be worked on now.
pub(crate) fn give_back(
    contacts: impl IntoIterator<Item = ContactChanges>,
    failure: &Failure,
) -> Verdicts {
    let given_back = |contact: ContactChanges| {
        let pieces = contact.changes.into_iter().map(whole).collect();
        Attempt::new(contact.key, pieces, Arc::default(), domain::plan::plan).give_back(failure)
    };
    contacts.into_iter().flat_map(given_back).collect()
}
