//! The task of a run: to repair, to adopt, or to remove contacts.

/// The kind of changes that a run enqueues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// Enqueues what the CRM says about each contact that differs. Schedules ask for this.
    #[default]
    Repair,
    /// Enqueues an adoption for each contact that the CRM opted out, and that is not callable and
    /// has no mark (docs/contract.md "Adopt"). Only an operator asks for it.
    Adopt {
        /// Whether to adopt a contact even if the campaign holds something newer than the feed.
        also_newer: bool,
    },
    /// Enqueues, through [`remove_unknown`](crate::remove_unknown), that a contact left: the
    /// campaign has it and the CRM does not list it. Only an operator asks for it.
    RemoveUnknown,
}
