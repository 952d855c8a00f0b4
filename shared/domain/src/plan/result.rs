//! The contact that a plan leaves.

use super::Action;
use crate::channel::Statuses;
use crate::contact::Contact;

impl Action {
    /// The contact after the action, given the contact before it.
    pub(crate) fn result(&self, before: Option<&Contact>) -> Option<Contact> {
        match self {
            Action::Create {
                data,
                callable,
                version,
                lowers,
            } => Some(Contact {
                data: data.clone(),
                callable: callable.unwrap_or(true),
                version: *version,
                statuses: Statuses::default().lowered(lowers),
            }),
            Action::Update {
                data,
                callable,
                version,
                lowers,
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
                left.statuses = left.statuses.lowered(lowers);
                left
            }),
            Action::Skip(_) => before.cloned(),
        }
    }
}
