//! The words between an attempt and whoever drives it.

use std::sync::Arc;

use crate::Version;
use crate::batch::{Parking, Verdict};
use crate::change::Change;
use crate::channel::Lowered;
use crate::contact::{Columns, Contact};
use crate::failure::Failure;
use crate::plan::Action;

/// Verdicts by the index of their record.
pub type Verdicts = Vec<(usize, Verdict)>;

/// What to do next for the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read it.
    Read,
    /// Create it. It may go in one call with others, unless it is `alone`.
    Create {
        /// What is written.
        write: Write,
        /// In a call of its own: with others it was refused.
        alone: bool,
    },
    /// Change it; [`Attempt::actual`](super::Attempt::actual) is what it is now.
    Update(Write),
    /// Let an update of nothing show it: it exists and cannot be read yet.
    Probe,
    /// Make it not callable without having read it, since it cannot be read. Or read it in another
    /// way: [`Seen::Contact`] is an answer too.
    Lower,
    /// Wait for the time between two tries, this many of which were made.
    Pause(u32),
    /// Nothing: this became of its changes.
    Done(Verdicts),
}

/// What a write says. What it does not name stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Columns to set, or (`None`) to clear.
    pub data: Columns<Option<String>>,
    /// Whether the contact may be called.
    pub callable: Option<bool>,
    /// To be stored.
    pub version: Option<Version>,
    /// Channels and numbers to lower.
    pub lowers: Lowered,
}

/// What came of the last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// There was none yet.
    Nothing,
    /// The contact as it is now, to a read or a probe; `None`: there is none, or it cannot be read
    /// yet.
    Contact(Option<Contact>),
    /// A write was answered, an update with the contact as it is then.
    Written(Option<Contact>),
    /// The step failed, for this contact alone or for whoever was in its call.
    Failed(Failure),
    /// A call with several contacts was refused (400, 409, 413): nothing of it was stored, and the
    /// reason may be another one of them.
    RefusedTogether(Failure),
    /// The pause is over.
    Paused,
    /// There is no time for the pause.
    NoTime,
}

/// One change of the contact.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Of its record.
    pub index: usize,
    /// What it says; where a rule refuses it, what is heard of it all the same
    /// ([`Rules::opt_out`](crate::rules::Rules::opt_out)).
    pub change: Arc<Change>,
    /// Why it is parked, where a rule of the org or of the list refuses it.
    pub parking: Option<Parking>,
}

impl Piece {
    pub(super) fn opts_out(&self) -> bool {
        self.change.operation.opts_out()
    }
}

/// What the plan's action writes. An update's columns go with it: the plan is not asked for them again.
pub(super) fn write(action: &mut Action) -> Write {
    match action {
        Action::Create {
            data,
            callable,
            version,
            lowers,
        } => {
            let data = data
                .iter()
                .map(|(name, value)| (name.clone(), Some(value.clone())));
            Write {
                data: Columns(data.collect()),
                callable: *callable,
                version: Some(*version),
                lowers: lowers.clone(),
            }
        }
        Action::Update {
            data,
            callable,
            version,
            lowers,
        } => Write {
            data: std::mem::take(data),
            callable: *callable,
            version: *version,
            lowers: lowers.clone(),
        },
        Action::Skip(_) => Write {
            data: Columns::default(),
            callable: None,
            version: None,
            lowers: Lowered::default(),
        },
    }
}
