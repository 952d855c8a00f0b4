//! The types that an attempt and its driver exchange. They decide nothing: [`super`] makes the
//! steps, and `functions/apply` carries them out.

use std::sync::Arc;

use crate::Version;
use crate::batch::{Parking, Verdict};
use crate::change::Change;
use crate::channel::Lowered;
use crate::contact::{Columns, Contact};
use crate::failure::Failure;
use crate::plan::Action;

/// Each verdict with the index of its record.
pub type Verdicts = Vec<(usize, Verdict)>;

/// The next step for the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read the contact.
    Read,
    /// Create the contact. The call may hold other contacts, unless the create is `alone`.
    Create {
        /// The content of the contact.
        write: Write,
        /// It needs a call of its own, because a call with others was refused.
        alone: bool,
    },
    /// Update the contact, which is now as [`Attempt::actual`](super::Attempt::actual) says.
    Update(Write),
    /// Send an update that names nothing. Its answer shows a contact that exists but cannot be read
    /// yet.
    Probe,
    /// Make the contact not callable without a read, since it cannot be read. A driver may read it
    /// in another way instead and answer with [`StepResult::Contact`].
    Lower,
    /// Wait as long as is due after this many tries.
    Pause(u32),
    /// The attempt is over, with these verdicts.
    Done(Verdicts),
}

/// The content of a write. What it does not name stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Columns to set, or to clear if the value is `None`.
    pub data: Columns<Option<String>>,
    /// Whether the contact may be called.
    pub callable: Option<bool>,
    /// The version to store.
    pub version: Option<Version>,
    /// Channels and numbers to lower.
    pub lowers: Lowered,
}

/// The result of the last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepResult {
    /// There was no step yet.
    Nothing,
    /// The contact that a read or a probe shows. `None` means that there is none, or that it cannot
    /// be read yet.
    Contact(Option<Contact>),
    /// A write was answered. The answer to an update shows the contact.
    Written(Option<Contact>),
    /// The step failed, for this contact alone or for every contact of the call.
    Failed(Failure),
    /// A call with several contacts was refused (400, 409, 413). Nothing was stored, and any of the
    /// contacts may be the reason.
    RejectedTogether(Failure),
    /// The pause is over.
    Paused,
    /// There is no time left for the pause.
    NoTime,
}

/// One change of the contact.
#[derive(Clone, Debug)]
pub struct PendingChange {
    /// The index of its record.
    pub index: usize,
    /// The change. If a rule refuses it, this is only its opt-out
    /// ([`Rules::opt_out`](crate::rules::Rules::opt_out)).
    pub change: Arc<Change>,
    /// The reason to park the change, if a rule of the org or of the list refuses it.
    pub parking: Option<Parking>,
}

impl PendingChange {
    pub(super) fn opts_out(&self) -> bool {
        self.change.operation.opts_out()
    }
}

/// The write that carries out the plan's action. It takes the columns of an update out of the
/// action, which is not used again.
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
