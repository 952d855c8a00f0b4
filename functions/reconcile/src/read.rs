//! How a run reads the contacts of a campaign.

/// By which calls a run reads what the campaign holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    /// Fifty a call, and by an export once that takes many calls.
    #[default]
    Automatic,
    /// Fifty a call.
    Bulk,
    /// By an export of the whole list: of `contactLists` alone.
    Export,
}

impl Read {
    /// The way of this name.
    pub fn of(name: &str) -> Option<Read> {
        match name {
            "bulk" => Some(Read::Bulk),
            "export" => Some(Read::Export),
            _ => None,
        }
    }
}
