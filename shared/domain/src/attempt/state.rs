//! How far an attempt came, and what a write leaves.

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
    /// It is asked whether there is such a contact.
    Seeking,
    Pausing(Failure),
    /// What it says of opting out is written; then it is parked for this reason.
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
    /// Whether the contact that a write was answered with can be what it left. One that may still be
    /// called after an opt-out, or reached by what was lowered, or that holds the version of before where
    /// another was written, is the contact as it was. Columns are not compared: the service writes some of
    /// them itself.
    pub(super) fn was_taken(&self, before: Option<&Contact>, shown: &Contact) -> bool {
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
        let is_up = |lowers: &Lowered| !shown.statuses.lacks(lowers).is_empty();
        let is_callable = shown.callable && callable == Some(false) || lowers.is_some_and(is_up);
        let is_as_before = before.is_some_and(|before| before.version == shown.version);
        // Where none is shown nobody can tell.
        let is_shown = shown.version != Version::default();
        let is_other = version.is_some_and(|version| version != shown.version);
        !(is_callable || is_as_before && is_shown && is_other)
    }
}

#[derive(Debug)]
pub(super) enum ReadFor {
    /// To plan.
    Plan,
    /// To see what became of a POST.
    Posted(Failure),
    /// To see what became of an update.
    Updated,
    /// With others its POST met a key that exists.
    Conflict,
}

/// The contact that is left where what is heard of an opt-out was written, and not answered with it.
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
