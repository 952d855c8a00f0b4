//! The effect that a change asks for. How it is read is in `parse`, and what it does to a contact
//! in [`crate::plan`].

use super::{Adoption, RankReset};
use crate::channel::Lowered;
use crate::contact::Columns;
use crate::version::Consent;

/// The effect that a change asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Sets columns. A column that is not named stays as it is, and `None` clears one.
    Upsert {
        /// Columns by name.
        data: Columns<Option<String>>,
        /// Whether the contact may be called. `None` leaves that as it is.
        callable: Option<bool>,
        /// Channels and numbers that may no longer be used.
        lowers: Lowered,
    },
    /// The person opted out: the contact becomes not callable and stores the rank. Nothing is
    /// deleted.
    Remove,
    /// The person left the campaign and did not opt out: an existing contact becomes not callable.
    Leave,
    /// Sets the stored rank back, as an operator asked. It can come only from the queue.
    ResetRank(RankReset),
    /// Gives a contact that is not callable, and has no mark, the mark of a CRM opt-out, as an
    /// operator asked. It can come only from the queue.
    Adopt(Adoption),
}

impl Operation {
    /// The value of `callable` that the change asks for.
    pub fn callable(&self) -> Option<bool> {
        match self {
            Operation::Upsert { callable, .. } => *callable,
            Operation::Remove | Operation::Leave => Some(false),
            Operation::ResetRank(_) | Operation::Adopt(_) => None,
        }
    }

    /// The consent to calls that the change expresses, if any. Unlike [`Operation::callable`], it
    /// distinguishes an opt-out from having left the campaign.
    pub(crate) fn consent(&self) -> Option<Consent> {
        match self {
            Operation::Leave => Some(Consent::Left),
            operation => operation.callable().map(Consent::from),
        }
    }

    /// Whether the person asked not to be called. Having left the campaign is no opt-out.
    pub(crate) fn is_opt_out(&self) -> bool {
        self.consent() == Some(Consent::MayNot)
    }

    /// Channels and numbers that the change says may not be used.
    pub fn lowers(&self) -> Option<&Lowered> {
        match self {
            Operation::Upsert { lowers, .. } => Some(lowers).filter(|lowers| !lowers.is_empty()),
            Operation::Remove
            | Operation::Leave
            | Operation::ResetRank(_)
            | Operation::Adopt(_) => None,
        }
    }

    /// Whether the change forbids something: calls, for whatever reason, or the use of a channel or
    /// number. Unlike `is_opt_out`, this includes having left the campaign.
    pub fn opts_out(&self) -> bool {
        self.callable() == Some(false) || self.lowers().is_some()
    }

    /// The same change reduced to its opt-out.
    #[must_use]
    pub fn opt_out_alone(&self) -> Operation {
        if *self == Operation::Leave {
            return Operation::Leave;
        }
        Operation::Upsert {
            data: Columns::default(),
            callable: self.callable().filter(|callable| !callable),
            lowers: self.lowers().cloned().unwrap_or_default(),
        }
    }

    /// The columns that the change names.
    pub fn data(&self) -> Option<&Columns<Option<String>>> {
        match self {
            Operation::Upsert { data, .. } => Some(data),
            Operation::Remove
            | Operation::Leave
            | Operation::ResetRank(_)
            | Operation::Adopt(_) => None,
        }
    }

    /// Whether an operator asked for it. Such a change depends on the stored version and checks it
    /// itself, so it is never folded with other changes.
    pub fn is_of_operator(&self) -> bool {
        matches!(self, Operation::ResetRank(_) | Operation::Adopt(_))
    }
}
