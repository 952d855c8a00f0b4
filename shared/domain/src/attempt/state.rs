//! The states of an attempt, and the contact that a write leaves.

use super::Write;
use crate::Version;
use crate::channel::{Lowered, Statuses};
use crate::contact::{Columns, Contact};
use crate::failure::Failure;
use crate::plan::{Action, Plan};

#[derive(Debug)]
pub(super) enum State {
    Begin,
    Reading(ReadFor),
    Creating {
        plan: Plan,
        alone: bool,
    },
    Updating {
        plan: Plan,
    },
    Probing,
    /// The read asks only whether there is such a contact.
    Seeking,
    Pausing(Failure),
    /// The opt-out is being written. Then the change is parked for this reason.
    Lowering {
        write: Write,
        why: Failure,
    },
    LoweringBlind {
        why: Failure,
    },
    Ended,
}

impl State {
    /// Whether the write took effect, by the contact in its answer. It did not if the contact may
    /// still be called after an opt-out, has a channel or number that was lowered, or stores the
    /// old version. Columns are not compared, because the service writes some of them itself.
    pub(super) fn took_effect(&self, before: Option<&Contact>, shown: &Contact) -> bool {
        let (callable, version, lowers) = match self {
            State::Creating { plan, .. } | State::Updating { plan } => match &plan.action {
                Action::Create {
                    callable,
                    version,
                    lowers,
                    ..
                } => (*callable, Some(*version), Some(lowers)),
                Action::Update {
                    callable,
                    version,
                    lowers,
                    ..
                } => (*callable, *version, Some(lowers)),
                Action::Skip(_) => return true,
            },
            State::Lowering { write, .. } => (write.callable, write.version, Some(&write.lowers)),
            State::LoweringBlind { .. } => (Some(false), None, None),
            _ => return true,
        };
        let is_up = |lowers: &Lowered| !shown.statuses.not_yet_lowered(lowers).is_empty();
        let is_callable = shown.callable && callable == Some(false) || lowers.is_some_and(is_up);
        let is_as_before = before.is_some_and(|before| before.version == shown.version);
        // If the answer shows no version, the two cannot be compared.
        let is_shown = shown.version != Version::default();
        let is_other = version.is_some_and(|version| version != shown.version);
        !(is_callable || is_as_before && is_shown && is_other)
    }
}

#[derive(Debug)]
pub(super) enum ReadFor {
    /// To plan.
    Plan,
    /// To see the effect of a POST.
    Posted(Failure),
    /// To see the effect of an update.
    Updated,
    /// To find the contact after a POST of several was refused because one of their keys exists.
    Conflict,
}

/// The contact after an opt-out was written, if the answer does not show it.
pub(super) fn lowered(actual: Option<&Contact>, write: &Write) -> Contact {
    let before = actual.cloned().unwrap_or_else(|| Contact {
        data: Columns::default(),
        callable: true,
        version: Version::default(),
        statuses: Statuses::default(),
    });
    Contact {
        callable: write.callable.unwrap_or(before.callable),
        version: write.version.unwrap_or(before.version),
        statuses: before.statuses.lowered(&write.lowers),
        data: before.data,
    }
}
