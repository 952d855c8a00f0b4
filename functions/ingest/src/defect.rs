//! Deliberate defects. A check that finds one of them is known to work.

use std::collections::BTreeSet;

use crate::Context;
use crate::webhook::Reading;

/// A defect. [`crate::Context::with_defect`] installs it, in debug builds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// If an item of a webhook is faulty, its good items are not queued.
    LosesNeighbours,
    /// Faulty items are not parked.
    ParksNothing,
    /// The opt-out in a faulty item is ignored.
    Unheard,
}

/// Removes the changes that the defect loses.
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
