//! What the version column holds: the rank of the columns, and what was decided of `callable` and by
//! whom (docs/contract.md "Version column"). Two registers, which move apart.
//!
//! ```text
//! 10         the columns stand at 10, and nothing was decided of callable
//! 10:10+     the change of rank 10 says that the contact may be called
//! 10:5-      the change of rank 5 says that it may not, and campaign-sync made it so
//! 10:5!      the same, but somebody else had made it so before: the dialler, or a person
//! 10:5~      the change of rank 5 says that the person left the campaign, and campaign-sync made it so
//! 10:5=      the person opted out and left
//! ```

use std::fmt;

use crate::Rank;
use crate::contact::Contact;

/// The text of the version column, read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Of the newest change whose columns were applied.
    pub rank: Option<Rank>,
    /// What was last decided of `callable`; `None`: nothing that is known.
    pub decision: Option<Decision>,
}

/// What a change said of `callable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Of the change.
    pub rank: Option<Rank>,
    /// What it said, and who did it.
    pub mark: Mark,
}

/// What was decided, and who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `+`: the contact may be called. If it may not, somebody else made it so later.
    Raised,
    /// `-`: it may not, and campaign-sync alone made it so.
    Lowered,
    /// `!`: it may not, and it was somebody else who made it so, or who will have.
    Found,
    /// `~`: it may not, since the person left the campaign: campaign-sync alone made it so, and nobody
    /// opted out.
    Left,
    /// `=`: both: the person opted out and left.
    Gone,
}

/// What a change says of being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Of whoever is in the campaign: it brings nobody back who left.
    MayIfThere,
    /// The person is in the campaign, and may be called.
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

/// Whom an opt-in makes callable that is there and is not: `raise` of the org's secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Raise {
    /// Whom campaign-sync alone made not callable.
    #[default]
    Own,
    /// Everybody.
    Always,
    /// Nobody.
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

    /// Whether campaign-sync alone made the contact not callable.
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
    /// The most characters of a text.
    pub const LONGEST: usize = 2 * 16 + 2;

    /// The column's text. Any that [`Version`] does not write counts as empty: then nothing is known.
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

    /// The same with the columns' rank set back to this, and with it a decision that is ahead of it.
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
    /// That somebody may be called, at no rank, is nothing that anybody could go by.
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

/// What became of what a change says of being callable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// An opt-out counts: nobody may call, and by what is known nothing newer says otherwise.
    OptOut,
    /// An opt-in is kept out, by the org's wish.
    Kept,
    /// Nothing was said, an opt-in counts, or what was said is stale.
    Else,
}

/// Whether a contact may be called, and what is known of why, while changes are applied to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `None`: there is no contact yet.
    pub(crate) callable: Option<bool>,
    pub(crate) version: Version,
}

impl Standing {
    /// Of a contact as it was read. Whom campaign-sync had made not callable and who is callable was
    /// made so by a person: from then on it is not campaign-sync's.
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

    /// Applies one change. `raise`: `None` where the org stores no versions.
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

    /// An opt-out, or that the person left; whether it counts. It is stale only below an opt-in; else nobody
    /// may call, whatever the columns' rank. `own`: the mark where campaign-sync makes it so.
    fn lower(&mut self, rank: Option<Rank>, own: Mark) -> bool {
        let stands = self.version.decision;
        // One without a rank comes after all that is known.
        let place = rank.or(self.version.rank.max(stands.and_then(|stands| stands.rank)));
        let mark = match (self.callable, stands) {
            (_, Some(stands)) if stands.mark == Mark::Raised && place < stands.rank => {
                return false;
            }
            // What is known of it is as new, or newer, and no opt-in is.
            (Some(false), None) if rank.is_some() && place <= self.version.rank => return true,
            (Some(false), Some(stands)) if stands.mark == own => own,
            // Of the two one was said before.
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

    /// An opt-in of somebody who left: they have opted out no more, where it is newer.
    fn forget_opt_out(&mut self, rank: Option<Rank>) {
        if let Some(stands) = &mut self.version.decision
            && stands.mark == Mark::Gone
            && (rank.is_none() || rank > stands.rank)
        {
            stands.mark = Mark::Left;
            stands.rank = rank.or(stands.rank);
        }
    }

    /// An opt-in; whether it counts, and is kept out.
    fn raise(&mut self, rank: Option<Rank>, raise: Raise) -> bool {
        let stands = self.version.decision;
        let is_lowered = self.callable == Some(false);
        if let Some(rank) = rank {
            let known = match stands {
                Some(stands) => stands.rank,
                // Whatever made it not callable is no newer than its columns.
                None if is_lowered => self.version.rank,
                None => None,
            };
            // A tie is the opt-out's, or nobody knows whose.
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
            // It stays campaign-sync's, and may be raised once the org wishes so.
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
            // Without a rank it makes nothing stale: what comes after it in the queue decides.
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
