//! The ways in which a run reads the contacts of a campaign.

/// The calls by which a run reads what the campaign holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    /// Reads fifty contacts a call, and takes an export once that has cost many calls.
    #[default]
    Automatic,
    /// Reads fifty contacts a call.
    Bulk,
    /// Reads an export of the whole list. Only `contactLists` has exports.
    Export,
}

impl Read {
    /// Reads the name as the input has it. `None` means that there is no such way.
    pub fn of(name: &str) -> Option<Read> {
        match name {
            "bulk" => Some(Read::Bulk),
            "export" => Some(Read::Export),
            _ => None,
        }
    }
}
