//! Promise 12: the product does not alter what agents and rules write.
//!
//! One exception is allowed: a value that is written between the product's read and its write is
//! overwritten with what was read.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::genesys::{Alteration, Contact};
use jiff::Timestamp;

use crate::story::AGENT_COLUMN;

/// The timeout of an invocation. A contact is read and written in one invocation.
const WINDOW: Duration = Duration::from_secs(30);

/// Each value that a contact lost, with the time of the loss.
type Lost<'a> = BTreeMap<(&'a str, &'a str), Vec<(Timestamp, &'a str)>>;

/// Finds values that the product altered.
pub(super) fn altered(journal: &[Alteration]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut lost = Lost::new();
    for alteration in journal {
        let (Some(before), Some(after)) = (&alteration.before, &alteration.after) else {
            continue;
        };
        let (before, after) = (written_by_agents(before), written_by_agents(after));
        if before == after {
            continue;
        }
        let campaign = alteration.campaign.as_str();
        let of_contact = lost.entry((campaign, &alteration.key)).or_default();
        let since = alteration.at - WINDOW;
        let was_read = of_contact
            .iter()
            .any(|(at, value)| *value == after && *at >= since);
        if alteration.client_id.is_some() && !was_read {
            violations.push(format!(
                "12: what an agent wrote to a contact of {campaign} is altered"
            ));
        }
        of_contact.push((alteration.at, before));
    }
    violations
}

/// The value of the column that agents write. It is empty if none wrote to the contact.
pub(super) fn written_by_agents(contact: &Contact) -> &str {
    contact.data.get(AGENT_COLUMN).map_or("", String::as_str)
}
