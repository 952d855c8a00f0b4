//! Deliberate defects: they prove that a check which finds nothing wrong could have found it.

use std::collections::BTreeSet;

use crate::Context;
use crate::webhook::Reading;

/// One defect. [`crate::Context::with_defect`] puts it in, in debug builds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Of a webhook with a faulty item the good ones are not queued.
    LosesNeighbours,
    /// Faulty items are not parked.
    ParksNothing,
    /// Of a faulty item nothing is heard.
    Unheard,
}

/// Takes away what a defect loses of a webhook's changes.
pub(crate) fn spoil(context: &Context, reading: &mut Reading) {
    let faulty: BTreeSet<_> = reading.faulty.iter().map(|(item, _)| *item).collect();
    if context.has(Defect::LosesNeighbours) && !faulty.is_empty() {
        reading
            .changes
            .retain(|placed| faulty.contains(&placed.item));
    }
    if context.has(Defect::Unheard) {
        reading
            .changes
            .retain(|placed| !faulty.contains(&placed.item));
    }
}
