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
//! [`Version`] reads and writes the text, and `Standing` applies changes to it.

use std::fmt;

use crate::Rank;
use crate::contact::Contact;

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

/// What a change says about calling the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The contact may be called if the person is in the campaign. It brings nobody back who left.
    MayIfThere,
    /// The person is in the campaign and may be called.
    May,
    MayNot,
    /// The person left the campaign.
    Left,
}

impl From<bool> for Word {
    fn from(callable: bool) -> Word {
        if callable { Word::May } else { Word::MayNot }
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

/// The effect of a change on `callable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is an opt-out, and it counts: nothing newer is known to say otherwise.
    OptOut,
    /// It is an opt-in that the org's `raise` keeps out.
    Kept,
    /// It says nothing, is an opt-in that counts, or is stale.
    Else,
}

/// Whether a contact may be called, and why, while changes are applied to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `None` means that there is no contact yet.
    pub(crate) callable: Option<bool>,
    pub(crate) version: Version,
}

impl Standing {
    /// The state of a contact as it was read. If campaign-sync made it not callable and it is
    /// callable now, a person made it so, and from then on campaign-sync does not own that
    /// decision.
    pub(crate) fn of(actual: Option<&Contact>) -> Standing {
        let mut version = actual.map_or_else(Version::default, |actual| actual.version);
        let callable = actual.map(|actual| actual.callable);
        if let Some(decision) = &mut version.decision
            && callable == Some(true)
            && decision.mark.is_own()
        {
            decision.mark = Mark::Found;
        }
        Standing { callable, version }
    }

    /// Applies one change. `raise` is `None` if the org stores no versions.
    pub(crate) fn apply(
        &mut self,
        rank: Option<Rank>,
        says: Option<Word>,
        raise: Option<Raise>,
    ) -> Heard {
        let heard = match (says, raise) {
            (Some(word), None) => {
                self.callable = Some(matches!(word, Word::May | Word::MayIfThere));
                match word {
                    Word::MayNot => Heard::OptOut,
                    _ => Heard::Else,
                }
            }
            (Some(Word::MayNot), Some(_)) if self.lower(rank, Mark::Lowered) => Heard::OptOut,
            (Some(Word::Left), Some(_)) => {
                self.lower(rank, Mark::Left);
                Heard::Else
            }
            (Some(Word::MayIfThere), Some(_)) if self.has_left() => {
                self.forget_opt_out(rank);
                Heard::Else
            }
            (Some(Word::May | Word::MayIfThere), Some(raise)) if self.raise(rank, raise) => {
                Heard::Kept
            }
            _ => Heard::Else,
        };
        self.callable.get_or_insert(true);
        if raise.is_some() {
            self.version.rank = self.version.rank.max(rank);
        }
        heard
    }

    /// Applies an opt-out or a leave, and returns whether it counts. It is stale only if an opt-in
    /// is newer, whatever the rank of the columns. `own`: the mark to leave if campaign-sync makes
    /// the contact not callable.
    fn lower(&mut self, rank: Option<Rank>, own: Mark) -> bool {
        let stands = self.version.decision;
        // A change without a rank is newer than everything that is known.
        let place = rank.or(self.version.rank.max(stands.and_then(|stands| stands.rank)));
        let mark = match (self.callable, stands) {
            (_, Some(stands)) if stands.mark == Mark::Raised && place < stands.rank => {
                return false;
            }
            // What is known about the contact is as new or newer, and none of it is an opt-in.
            (Some(false), None) if rank.is_some() && place <= self.version.rank => return true,
            (Some(false), Some(stands)) if stands.mark == own => own,
            // One of opt-out and leave was said before, so now both are.
            (Some(false), Some(stands)) if stands.mark.is_own() => Mark::Gone,
            (Some(false), _) => Mark::Found,
            (Some(true) | None, _) => own,
        };
        self.callable = Some(false);
        self.version.decision = Some(Decision {
            rank: place.max(stands.and_then(|stands| stands.rank)),
            mark,
        });
        true
    }

    fn has_left(&self) -> bool {
        let decision = self.version.decision;
        decision.is_some_and(|stands| matches!(stands.mark, Mark::Left | Mark::Gone))
            && self.callable == Some(false)
    }

    /// Applies an opt-in of a person who left: if it is newer than the opt-out, only the leave
    /// remains.
    fn forget_opt_out(&mut self, rank: Option<Rank>) {
        if let Some(stands) = &mut self.version.decision
            && stands.mark == Mark::Gone
            && (rank.is_none() || rank > stands.rank)
        {
            stands.mark = Mark::Left;
            stands.rank = rank.or(stands.rank);
        }
    }

    /// Applies an opt-in, and returns whether the org's `raise` kept it out although it counts.
    fn raise(&mut self, rank: Option<Rank>, raise: Raise) -> bool {
        let stands = self.version.decision;
        let is_lowered = self.callable == Some(false);
        if let Some(rank) = rank {
            let known = match stands {
                Some(stands) => stands.rank,
                // The unknown decision that made it not callable is no newer than its columns.
                None if is_lowered => self.version.rank,
                None => None,
            };
            // At equal ranks the opt-out wins, and so does a decision of unknown origin.
            let is_out = stands.is_some_and(|stands| stands.mark != Mark::Raised);
            if Some(rank) < known || Some(rank) == known && is_out {
                return false;
            }
            if Some(rank) == known {
                return is_lowered && raise != Raise::Always;
            }
        }
        let is_own = stands.is_some_and(|stands| stands.mark.is_own());
        let may = match raise {
            Raise::Own => is_own,
            Raise::Always => true,
            Raise::Never => false,
        };
        let is_kept = is_lowered && !may;
        if is_kept && is_own {
            // It stays campaign-sync's decision, and can be raised if the org changes `raise`.
            return true;
        }
        if !is_kept {
            self.callable = Some(true);
        }
        self.version.decision = match (rank, stands) {
            (Some(_), _) => Some(Decision {
                rank,
                mark: Mark::Raised,
            }),
            // Without a rank it makes nothing stale: the next change in the queue decides.
            (None, Some(stands)) if !is_kept && stands.mark.is_own() => Some(Decision {
                mark: Mark::Found,
                ..stands
            }),
            (None, stands) => stands,
        };
        is_kept
    }
}

#[cfg(test)]
mod tests;
