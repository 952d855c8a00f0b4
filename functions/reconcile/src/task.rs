//! What a run is for.

/// What a run puts into the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// What differs, as the CRM says it. What a schedule asks for.
    #[default]
    Repair,
    /// An adoption of each contact that the CRM opted out, and that is not callable and has no mark
    /// (docs/contract.md "Adopt"). Of an operator only.
    Adopt {
        /// Also where the campaign holds something newer than the feed says.
        also_newer: bool,
    },
    /// That those left whom the campaign has and the CRM does not list, by
    /// [`remove_unknown`](crate::remove_unknown). Of an operator only.
    RemoveUnknown,
}
