//! A campaign, by either contact API. Calls about one contact look the same for both. `predictive`
//! and `contact_lists` make the calls; calls about many contacts are made there directly.

use std::sync::Arc;

use domain::change::{CampaignId, Change, ContactKey};
use domain::contact::Contact;
use domain::failure::{Failure, Kind};
use domain::rules::{BrokenRule, Switch, unknown_columns, unsupported_channels};
use futures_util::future::join_all;

use super::Org;
use super::contact_lists::ContactList;
use super::predictive::Predictive;
use super::run::Run;
use crate::secrets::{Api, OrgSecret};

/// A contact key that nobody has.
const NOBODY: &str = "campaign-sync-check";

/// The contacts of one campaign, in one invocation. Clones share their state.
#[derive(Clone)]
pub enum Campaign {
    /// The API of docs/contract.md "Predictive API".
    Predictive(Arc<Predictive>),
    /// The API of docs/genesys-cloud.md "Contacts of a contact list".
    ContactList(Arc<ContactList>),
}

impl Campaign {
    /// Opens the campaign by the org's API.
    ///
    /// # Errors
    /// [`Kind::Closed`] if the campaign was refused a moment ago. With `contactLists`, also the
    /// errors of [`ContactList::open`].
    pub async fn open(
        org: Arc<Org>,
        id: &CampaignId,
        secret: &OrgSecret,
        run: Run,
    ) -> Result<Campaign, Failure> {
        org.is_open(id)?;
        let version_field = secret.rules.version_field.as_deref();
        Ok(match secret.api {
            Api::Predictive => {
                let predictive = Predictive::new(org, id, version_field, run);
                Campaign::Predictive(Arc::new(predictive))
            }
            Api::ContactLists => {
                let list = ContactList::open(org, id, version_field, run).await?;
                Campaign::ContactList(Arc::new(list))
            }
        })
    }

    /// Reads a contact. `None` means that there is none, or that it cannot be read yet.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says for a GET.
    pub async fn read(&self, key: &ContactKey) -> Result<Option<Contact>, Failure> {
        match self {
            Campaign::Predictive(predictive) => predictive.read(key).await,
            Campaign::ContactList(list) => the_one(list.read(&[key]).await),
        }
    }

    /// Reads a contact that nobody has. It shows whether there is such a campaign, and whether its
    /// contacts may be read.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn try_read(&self) -> Result<(), Failure> {
        match ContactKey::parse(NOBODY) {
            Ok(nobody) => self.read(&nobody).await.map(drop),
            Err(_) => Ok(()),
        }
    }

    /// Reads contacts, in the order of their keys. They are read side by side, or many in a call.
    pub async fn read_all(&self, keys: &[&ContactKey]) -> Vec<Result<Option<Contact>, Failure>> {
        match self {
            Campaign::Predictive(predictive) => {
                join_all(keys.iter().map(|key| predictive.read(key))).await
            }
            Campaign::ContactList(list) => list.read(keys).await,
        }
    }

    /// Reads one contact whose key was refused in [`Campaign::read_all`], by the only other call.
    /// `None` means that there is no such contact, or no other way to read it.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says for a GET. A refusal of the key is no error.
    pub async fn read_alone(&self, key: &ContactKey) -> Result<Option<Contact>, Failure> {
        match self {
            // It reads each contact by itself already.
            Campaign::Predictive(_) => Ok(None),
            Campaign::ContactList(list) => match list.read_one(key).await {
                Err(failure) if failure.kind == Kind::Rejected => Ok(None),
                read => read,
            },
        }
    }

    /// The part of a change that the campaign cannot hold, as far as is known. Apply parks the
    /// change for it.
    pub fn broken(&self, change: &Change) -> Option<BrokenRule> {
        match self {
            Campaign::Predictive(_) => unsupported_channels(change),
            Campaign::ContactList(list) => unknown_columns(
                change,
                |name| list.has_column(name),
                |name| list.has_number(name),
            ),
        }
    }

    /// Whether contacts of the campaign have this switch.
    pub fn has_switch(&self, switch: Switch<'_>) -> bool {
        match (self, switch) {
            (Campaign::Predictive(_), _) => false,
            (Campaign::ContactList(_), Switch::Channel(_)) => true,
            (Campaign::ContactList(list), Switch::Number(column)) => list.has_number(column),
        }
    }
}

fn the_one<T>(mut results: Vec<Result<T, Failure>>) -> Result<T, Failure> {
    // One contact was asked for, so there is one result.
    results.pop().unwrap_or_else(|| Err(Failure::lagging()))
}
