//! The text in the version column (docs/contract.md "Version column"). It holds two registers that
//! move independently: the rank of the columns, and the last decision about `callable`, with its
//! own rank and author.
//!
//! ```text
//! 10         the columns are at rank 10, and nothing was decided about callable
//! 10:10+     the change of rank 10 says that the contact may be called
//! 10:5-      the change of rank 5 says that it may not, and campaign-sync made it so
//! 10:5!      the same, but somebody else had made it so before: the dialler, or a person
//! 10:5~      the change of rank 5 says that the person left the campaign, and campaign-sync made it so
//! 10:5=      the person opted out and left
//! ```
//!
//! For example, an opt-out of rank 5 reaches a contact that stores `10`. Its columns are stale, but
//! nothing newer says that the contact may be called. So the contact becomes not callable and
//! stores `10:5-`. An opt-in of rank 4 is older than that decision and stays out; one of rank 6
//! makes the contact callable and leaves `10:6+`.
//!
//! [`Version`] reads and writes the text, and `CallableState` applies changes to it.

mod callable_state;

pub(crate) use callable_state::{CallableEffect, CallableState};

use std::fmt;

use crate::Rank;

/// The version that a contact stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The rank of the newest change whose columns were applied.
    pub rank: Option<Rank>,
    /// The last decision about `callable`. `None` means that none is known.
    pub decision: Option<Decision>,
}

/// A decision about `callable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rank of the change.
    pub rank: Option<Rank>,
    /// The decision, and its author.
    pub mark: Mark,
}

/// A decision about `callable`, with its author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `+`: the contact may be called. If it is not callable, somebody else made it so later.
    Raised,
    /// `-`: the contact may not be called, and only campaign-sync made it so.
    Lowered,
    /// `!`: the contact may not be called, and somebody else made it so, or may have.
    Found,
    /// `~`: the person left the campaign, and only campaign-sync made the contact not callable.
    /// Nobody opted out.
    Left,
    /// `=`: the person opted out and left the campaign.
    Gone,
}

/// The consent to calls that a change expresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// The contact may be called if the person is in the campaign. It does not bring back a person
    /// who left.
    MayIfThere,
    /// The person is in the campaign and may be called.
    May,
    MayNot,
    /// The person left the campaign.
    Left,
}

impl From<bool> for Consent {
    fn from(callable: bool) -> Consent {
        if callable {
            Consent::May
        } else {
            Consent::MayNot
        }
    }
}

/// Which contacts that are not callable an opt-in makes callable: `raise` of the org's secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Raise {
    /// Those that only campaign-sync made not callable.
    #[default]
    Own,
    /// Every contact.
    Always,
    /// No contact.
    Never,
}

impl Mark {
    const ALL: [(char, Mark); 5] = [
        ('+', Mark::Raised),
        ('-', Mark::Lowered),
        ('!', Mark::Found),
        ('~', Mark::Left),
        ('=', Mark::Gone),
    ];

    /// Whether only campaign-sync made the contact not callable.
    fn is_own(self) -> bool {
        matches!(self, Mark::Lowered | Mark::Left | Mark::Gone)
    }

    fn as_char(self) -> char {
        match self {
            Mark::Raised => '+',
            Mark::Lowered => '-',
            Mark::Found => '!',
            Mark::Left => '~',
            Mark::Gone => '=',
        }
    }
}

impl Version {
    /// The most characters of the text.
    pub const LONGEST: usize = 2 * 16 + 2;

    /// Reads the column. A text that [`Version`] would not write counts as empty, so nothing is
    /// known.
    pub fn from_text(text: &str) -> Version {
        Version::read(text).unwrap_or_default()
    }

    fn read(text: &str) -> Option<Version> {
        let rank = |text: &str| match text {
            "" => Some(None),
            text => Rank::from_text(text).map(Some),
        };
        let Some((columns, decision)) = text.split_once(':') else {
            return Some(Version::from(rank(text)?));
        };
        let (_, mark) = *Mark::ALL.iter().find(|(c, _)| decision.ends_with(*c))?;
        let decision = Decision {
            rank: rank(&decision[..decision.len() - 1])?,
            mark,
        };
        Some(Version {
            rank: rank(columns)?,
            decision: Some(decision.known()?),
        })
    }

    /// The version with the rank of the columns set back, and also that of a decision that is ahead
    /// of it.
    #[must_use]
    pub(crate) fn set_back(self, to: Option<Rank>) -> Version {
        let decision = self.decision.and_then(|decision| {
            let rank = decision.rank.min(to);
            Decision { rank, ..decision }.known()
        });
        Version { rank: to, decision }
    }
}

impl Decision {
    /// The decision, unless it is an opt-in without a rank, which cannot be compared with anything.
    fn known(self) -> Option<Decision> {
        (self.rank.is_some() || self.mark != Mark::Raised).then_some(self)
    }
}

impl From<Option<Rank>> for Version {
    fn from(rank: Option<Rank>) -> Version {
        Version {
            rank,
            decision: None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rank) = self.rank {
            write!(f, "{rank}")?;
        }
        let Some(decision) = self.decision else {
            return Ok(());
        };
        f.write_str(":")?;
        if let Some(rank) = decision.rank {
            write!(f, "{rank}")?;
        }
        write!(f, "{}", decision.mark.as_char())
    }
}

#[cfg(test)]
mod tests;
