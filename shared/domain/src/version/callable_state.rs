//! Applies the opt-ins, opt-outs and leaves of changes, one after another, to the stored state of a
//! contact. The text of the version column is read in [`super`]; docs/design.md "Who may be called"
//! explains the rules.

use super::{Consent, Decision, Mark, Raise, Version};
use crate::Rank;
use crate::contact::Contact;

/// The effect of a change on `callable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallableEffect {
    /// It is an opt-out, and it counts: nothing newer is known to say otherwise.
    OptOut,
    /// It is an opt-in that the org's `raise` keeps out.
    Kept,
    /// It says nothing, is an opt-in that counts, or is stale.
    Else,
}

/// Whether a contact may be called, and why, while changes are applied to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallableState {
    /// `None` means that there is no contact yet.
    pub(crate) callable: Option<bool>,
    pub(crate) version: Version,
}

impl CallableState {
    /// The state of a contact as it was read. If campaign-sync made it not callable and it is
    /// callable now, a person made it so, and from then on campaign-sync does not own that
    /// decision.
    pub(crate) fn of(actual: Option<&Contact>) -> CallableState {
        let mut version = actual.map_or_else(Version::default, |actual| actual.version);
        let callable = actual.map(|actual| actual.callable);
        if let Some(decision) = &mut version.decision
            && callable == Some(true)
            && decision.mark.is_own()
        {
            decision.mark = Mark::Found;
        }
        CallableState { callable, version }
    }

    /// Applies one change. `raise` is `None` if the org stores no versions.
    pub(crate) fn apply(
        &mut self,
        rank: Option<Rank>,
        says: Option<Consent>,
        raise: Option<Raise>,
    ) -> CallableEffect {
        let effect = match (says, raise) {
            (Some(word), None) => {
                self.callable = Some(matches!(word, Consent::May | Consent::MayIfThere));
                match word {
                    Consent::MayNot => CallableEffect::OptOut,
                    _ => CallableEffect::Else,
                }
            }
            (Some(Consent::MayNot), Some(_)) if self.lower(rank, Mark::Lowered) => {
                CallableEffect::OptOut
            }
            (Some(Consent::Left), Some(_)) => {
                self.lower(rank, Mark::Left);
                CallableEffect::Else
            }
            (Some(Consent::MayIfThere), Some(_)) if self.has_left() => {
                self.forget_opt_out(rank);
                CallableEffect::Else
            }
            (Some(Consent::May | Consent::MayIfThere), Some(raise)) if self.raise(rank, raise) => {
                CallableEffect::Kept
            }
            _ => CallableEffect::Else,
        };
        self.callable.get_or_insert(true);
        if raise.is_some() {
            self.version.rank = self.version.rank.max(rank);
        }
        effect
    }

    /// Applies an opt-out or a leave, and returns whether it counts. It is stale only if an opt-in
    /// is newer, whatever the rank of the columns. `own` is the mark to leave if campaign-sync
    /// makes the contact not callable.
    fn lower(&mut self, rank: Option<Rank>, own: Mark) -> bool {
        let stands = self.version.decision;
        // A change without a rank is newer than everything that is known.
        let place = rank.or(self.version.rank.max(stands.and_then(|stands| stands.rank)));
        let mark = match (self.callable, stands) {
            (_, Some(stands)) if stands.mark == Mark::Raised && place < stands.rank => {
                return false;
            }
            // The columns are as new or newer, and no decision is known.
            (Some(false), None) if rank.is_some() && place <= self.version.rank => return true,
            (Some(false), Some(stands)) if stands.mark == own => own,
            // The contact had an opt-out or a leave before, and now it has both.
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
