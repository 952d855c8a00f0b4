//! The actions of a story, and how the trace shows them.
//!
//! `crate::player::actions` carries them out.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::vendor::Item;

/// Something that happens at one step of the story.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// The CRM changes contacts, and sends all changes in one webhook, once at each of these
    /// delays. Without delays the webhook is dropped.
    Change {
        org: usize,
        bodies: Vec<Value>,
        is_poison: bool,
        sent: Vec<Duration>,
    },
    /// The org's vendor sends items in one webhook, once at each of these delays.
    Deliver {
        org: usize,
        items: Vec<Item>,
        sent: Vec<Duration>,
    },
    /// Somebody puts an unreadable message into the queue, in the group of a contact. Ingest
    /// would refuse it.
    Poison {
        org: usize,
        like: Value,
        body: String,
    },
    /// Somebody other than the CRM does something to a contact.
    Interfere {
        campaign: String,
        key: String,
        how: Interference,
    },
    /// The dialler calls every contact that nothing keeps from being called.
    Dial,
    /// The OAuth client gets a new secret. Secrets Manager has it a while later.
    Rotate { org: usize, later: Duration },
    /// Every token becomes invalid.
    Revoke,
    /// A part of the org does not work for this time.
    Fail {
        org: usize,
        part: Part,
        time: Duration,
    },
    /// Reconcile compares everything of the org that ever changed.
    Reconcile { org: usize },
    /// A run of the org is due by its schedule.
    Run {
        org: usize,
        /// Whether the run compares everything that ever changed, and not only its window.
        is_wide: bool,
    },
    /// Somebody deletes the org's record, and then runs reconcile over everything, as the docs
    /// say.
    LoseRecord { org: usize },
    /// Parked changes that failed for too long are redriven.
    Redrive,
    /// The trouble of the run begins, and later ends.
    Trouble,
}

/// The ways in which somebody other than the CRM alters a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interference {
    /// A person alters a column.
    Alter,
    /// A person deletes the contact.
    Delete,
    /// The dialler makes the contact not callable.
    MakeNotCallable,
    /// The dialler makes a number of the contact not callable.
    CloseNumber,
    /// An operator sets back the rank that the contact stores at that time, by one or to none.
    ResetRank { to_none: bool },
}

/// A part of an org that may not work for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Secrets Manager lacks the org's secret.
    Secret,
    /// The OAuth client has no permissions.
    Permissions,
    /// The DNC list refuses new entries.
    DncList,
    /// The CRM's feed does not answer.
    Feed,
    /// Parameter Store does not answer for the org's record.
    Record,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |texts: Vec<String>| texts.join(", and ");
        match self {
            Action::Change {
                bodies,
                is_poison,
                sent,
                ..
            } => {
                let bodies = joined(bodies.iter().map(ToString::to_string).collect());
                let what = match is_poison {
                    true => "sends poison",
                    false => "changes a contact",
                };
                write!(f, "the CRM {what}: {bodies}")?;
                match sent[..] {
                    [] => write!(f, "; its webhook is dropped"),
                    _ => write!(f, ", sent after {sent:?}"),
                }
            }
            Action::Deliver { items, sent, .. } => {
                let items = joined(items.iter().map(|item| item.raw.to_string()).collect());
                write!(f, "the vendor sends {items}, sent after {sent:?}")
            }
            Action::Poison { body, .. } => write!(f, "somebody puts poison into the queue: {body}"),
            Action::Interfere { campaign, key, how } => how.describe(f, campaign, key),
            Action::Dial => write!(f, "the dialler calls whomever it may"),
            Action::Rotate { org, later } => write!(
                f,
                "the OAuth client of org-{org} gets a new secret; Secrets Manager has it {} s later",
                later.as_secs()
            ),
            Action::Revoke => write!(f, "Genesys Cloud ends every token"),
            Action::Fail { org, part, time } => {
                let minutes = time.as_secs() / 60;
                write!(f, "{} for {minutes} minutes", part.failure(*org))
            }
            Action::Reconcile { org } => write!(f, "org-{org} is reconciled"),
            Action::Run { org, is_wide } => {
                let of = match is_wide {
                    true => "all that changed",
                    false => "its window",
                };
                write!(f, "a run of org-{org} is due, of {of}")
            }
            Action::LoseRecord { org } => write!(f, "somebody deletes the record of org-{org}"),
            Action::Redrive => write!(f, "parked changes that failed for too long are sent again"),
            Action::Trouble => write!(f, "a trouble begins"),
        }
    }
}

impl Interference {
    fn describe(self, f: &mut fmt::Formatter<'_>, campaign: &str, key: &str) -> fmt::Result {
        match self {
            Interference::Alter => write!(
                f,
                "somebody else alters the column note of {key} in {campaign}"
            ),
            Interference::Delete => write!(f, "somebody else deletes {key} from {campaign}"),
            Interference::MakeNotCallable => {
                write!(f, "the dialler makes {key} in {campaign} not callable")
            }
            Interference::CloseNumber => {
                write!(f, "the dialler closes a number of {key} in {campaign}")
            }
            Interference::ResetRank { .. } => {
                write!(f, "an operator sets back the rank of {key} in {campaign}")
            }
        }
    }
}

impl Part {
    /// A sentence that says that the part does not work.
    fn failure(self, org: usize) -> String {
        match self {
            Part::Secret => format!("the secret of org-{org} is gone"),
            Part::Permissions => format!("org-{org} loses its permissions"),
            Part::DncList => format!("the DNC list of org-{org} is full"),
            Part::Feed => format!("the Feed of org-{org} does not answer"),
            Part::Record => format!("the Record of org-{org} does not answer"),
        }
    }
}
