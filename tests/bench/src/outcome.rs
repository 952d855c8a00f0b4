//! Checks whether a run left the contacts as its changes say.
//!
//! `crate::work` knows what must be there.

use emulator::world::VERSION_FIELD;

use crate::backend::Backend;
use crate::candidate::Candidate;
use crate::work::Work;

/// The first result that is wrong.
pub(crate) fn wrong(backend: &Backend, work: &Work, candidate: &Candidate) -> Option<String> {
    if !backend.world.dead_letters.messages().is_empty() {
        return Some(format!(
            "{} changes are parked",
            backend.world.dead_letters.messages().len()
        ));
    }
    let mut there = 0;
    for (_, campaign) in &work.campaigns {
        let contacts = backend.world.genesys.contacts(campaign);
        there += contacts.len();
        for ((_, key), expected) in work.after.iter().filter(|((of, _), _)| of == campaign) {
            let Some(actual) = contacts.get(key) else {
                return Some(format!("{key} is missing"));
            };
            // The peers store no rank.
            let is_checked = |name: &&String| candidate.is_ours || *name != VERSION_FIELD;
            let unlike = expected
                .data
                .iter()
                .find(|(name, value)| is_checked(name) && actual.data.get(*name) != Some(*value));
            if let Some((name, _)) = unlike {
                return Some(format!("{name} of {key} is wrong"));
            }
            let columns = expected.data.keys().filter(is_checked).count();
            if actual.data.keys().filter(is_checked).count() != columns {
                return Some(format!("{key} has a column too many"));
            }
            if actual.callable != expected.callable {
                return Some(format!("callable of {key} is wrong"));
            }
        }
    }
    (there != work.after.len())
        .then(|| format!("{there} contacts in place of {}", work.after.len()))
}
