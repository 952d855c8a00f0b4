//! 3: whom the dialler made not callable, as an agent said, stays so, whatever the CRM sends, a first
//! load, a redrive or a reconcile. Nothing that campaign-sync stores is believed here.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::genesys::Alteration;
use emulator::world::VERSION_FIELD;
use jiff::Timestamp;

use crate::story::{Org, Raise};

/// An invocation's: a contact is read and written in one.
const WINDOW: Duration = Duration::from_secs(30);

/// Contacts that were made callable again though the org wishes otherwise.
pub(super) fn raised(org: &Org, alterations: &[&Alteration]) -> Vec<String> {
    let mut violations = Vec::new();
    // Whom the dialler lowered, and when.
    let mut lowered: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
    for alteration in alterations {
        let of = (alteration.campaign.as_str(), alteration.key.as_str());
        let (Some(before), Some(after)) = (&alteration.before, &alteration.after) else {
            // It is another contact from then on.
            lowered.remove(&of);
            continue;
        };
        let is_raised = !before.callable && after.callable;
        if alteration.client_id.is_none() {
            match (before.callable, after.callable) {
                (true, false) => drop(lowered.insert(of, alteration.at)),
                (false, true) => drop(lowered.remove(&of)),
                _ => {}
            }
            continue;
        }
        let is_kept = match org.raise {
            Raise::Own => lowered.contains_key(&of),
            Raise::Never => true,
            Raise::Always => false,
        };
        if is_raised && is_kept {
            violations.push(format!(
                "3: a contact of {} is made callable, and the dialler had made it not callable",
                of.0
            ));
        }
        // What was read before the dialler came, and lowered after it: nobody can tell.
        let is_marked = |contact: &emulator::genesys::Contact| {
            let text = contact.data.get(VERSION_FIELD);
            text.is_some_and(|text| text.ends_with('-'))
        };
        let since = lowered.get(&of).copied();
        let is_at_once = since.is_some_and(|since| alteration.at <= since + WINDOW);
        if is_at_once && is_marked(after) && !is_marked(before) {
            lowered.remove(&of);
        }
    }
    violations
}
