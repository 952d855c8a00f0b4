//! How far an attempt came, and what a write leaves.

use crate::Version;
use crate::contact::Contact;
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
    Pausing(Failure),
    /// What it says of opting out is written; then it is parked for this reason.
    Lowering {
        version: Option<Version>,
        why: Failure,
    },
    LoweringBlind {
        why: Failure,
    },
    Ended,
}

impl State {
    /// Whether the contact that a write was answered with can be what it left. One that may still be
    /// called after an opt-out, or that holds the version of before where another was written, is the
    /// contact as it was. Columns are not compared: the service writes some of them itself.
    pub(super) fn was_taken(&self, before: Option<&Contact>, shown: &Contact) -> bool {
        let (callable, version) = match self {
            State::Creating { plan, .. } | State::Updating { plan } => match &plan.action {
                Action::Create {
                    callable, version, ..
                } => (*callable, Some(*version)),
                Action::Update {
                    callable, version, ..
                } => (*callable, *version),
                Action::Skip(_) => return true,
            },
            State::Lowering { version, .. } => (Some(false), *version),
            State::LoweringBlind { .. } => (Some(false), None),
            _ => return true,
        };
        let is_callable = shown.callable && callable == Some(false);
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
pub(super) fn lowered(actual: Option<&Contact>, version: Option<Version>) -> Contact {
    Contact {
        data: actual.map(|actual| actual.data.clone()).unwrap_or_default(),
        callable: false,
        version: version.unwrap_or(actual.map(|actual| actual.version).unwrap_or_default()),
    }
}

/// The contact that an action leaves, where it was so before.
pub(super) fn left_by(action: &Action, before: Option<&Contact>) -> Option<Contact> {
    match action {
        Action::Create {
            data,
            callable,
            version,
        } => Some(Contact {
            data: data.clone(),
            callable: callable.unwrap_or(true),
            version: *version,
        }),
        Action::Update {
            data,
            callable,
            version,
        } => before.map(|before| {
            let mut left = before.clone();
            for (name, value) in data.iter() {
                match value {
                    Some(value) => left.data.insert(name.clone(), value.clone()),
                    None => left.data.remove(name),
                };
            }
            left.callable = callable.unwrap_or(before.callable);
            left.version = version.unwrap_or(before.version);
            left
        }),
        Action::Skip(_) => before.cloned(),
    }
}
