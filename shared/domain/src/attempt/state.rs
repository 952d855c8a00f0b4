//! How far an attempt came, and what a write leaves.

use crate::Rank;
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
        rank: Option<Rank>,
        why: Failure,
    },
    LoweringBlind {
        why: Failure,
    },
    Ended,
}

impl State {
    /// Whether the contact that a write was answered with can be what it left. One that may still be
    /// called after an opt-out, or that holds the rank of before where a newer one was written, is the
    /// contact as it was. Columns are not compared: the service writes some of them itself.
    pub(super) fn was_taken(&self, before: Option<&Contact>, shown: &Contact) -> bool {
        let (callable, rank) = match self {
            State::Creating { plan, .. } | State::Updating { plan } => match &plan.action {
                Action::Create { callable, rank, .. } | Action::Update { callable, rank, .. } => {
                    (*callable, *rank)
                }
                Action::Skip(_) => return true,
            },
            State::Lowering { rank, .. } => (Some(false), *rank),
            State::LoweringBlind { .. } => (Some(false), None),
            _ => return true,
        };
        let is_callable = shown.callable && callable == Some(false);
        let is_as_before = before.is_some_and(|before| before.rank == shown.rank);
        let is_older = rank
            .zip(shown.rank)
            .is_some_and(|(rank, shown)| shown < rank);
        !(is_callable || is_as_before && is_older)
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
pub(super) fn lowered(actual: Option<&Contact>, rank: Option<Rank>) -> Contact {
    Contact {
        data: actual.map(|actual| actual.data.clone()).unwrap_or_default(),
        callable: false,
        rank: rank.or(actual.and_then(|actual| actual.rank)),
    }
}

/// The contact that a create leaves.
pub(super) fn created(action: &Action) -> Option<Contact> {
    match action {
        Action::Create {
            data,
            callable,
            rank,
        } => Some(Contact {
            data: data.clone(),
            callable: callable.unwrap_or(true),
            rank: *rank,
        }),
        _ => None,
    }
}
