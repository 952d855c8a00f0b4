//! A campaign by whichever API its org has. What concerns one contact is alike in both.

use std::sync::Arc;

use domain::Rank;
use domain::change::{CampaignId, ContactKey};
use domain::contact::{Columns, Contact};
use futures_util::future::join_all;

use super::Org;
use super::contact_lists::{ContactList, Write};
use super::failure::Failure;
use super::predictive::{NewContact, Predictive};
use super::run::Run;
use crate::secrets::{Api, OrgSecret};

/// The contacts of one campaign, within one invocation.
pub enum Campaign {
    /// docs/contract.md "Predictive API".
    Predictive(Predictive),
    /// docs/genesys-cloud.md "Contacts of a contact list".
    ContactList(ContactList),
}

impl Campaign {
    /// The campaign by the org's API.
    ///
    /// # Errors
    /// As [`ContactList::open`]; of the predictive API none.
    pub async fn open(
        org: Arc<Org>,
        id: &CampaignId,
        secret: &OrgSecret,
        run: Run,
    ) -> Result<Campaign, Failure> {
        let version_field = secret.rules.version_field.as_deref();
        Ok(match secret.api {
            Api::Predictive => Campaign::Predictive(Predictive::new(org, id, version_field, run)),
            Api::ContactLists => {
                Campaign::ContactList(ContactList::open(org, id, version_field, run).await?)
            }
        })
    }

    /// The contact now; `None`: there is none, or it cannot be read yet.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says of a GET.
    pub async fn read(&self, key: &ContactKey) -> Result<Option<Contact>, Failure> {
        match self {
            Campaign::Predictive(predictive) => predictive.read(key).await,
            Campaign::ContactList(list) => the_one(list.read(&[key]).await),
        }
    }

    /// The contacts now, in the order of their keys: side by side, or many a call.
    pub async fn read_all(&self, keys: &[&ContactKey]) -> Vec<Result<Option<Contact>, Failure>> {
        match self {
            Campaign::Predictive(predictive) => {
                join_all(keys.iter().map(|key| predictive.read(key))).await
            }
            Campaign::ContactList(list) => list.read(keys).await,
        }
    }

    /// Whether a contact may hold this column, as far as is known.
    pub fn has_column(&self, name: &str) -> bool {
        match self {
            Campaign::Predictive(_) => true,
            Campaign::ContactList(list) => list.has_column(name),
        }
    }

    /// Creates one contact.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says of a POST. After
    /// [`Kind::Unavailable`](super::Kind::Unavailable) and
    /// [`Kind::Unanswered`](super::Kind::Unanswered) it may be done.
    pub async fn create(&self, contact: NewContact<'_>) -> Result<(), Failure> {
        match self {
            Campaign::Predictive(predictive) => predictive.create(&[contact]).await,
            Campaign::ContactList(list) => {
                let NewContact {
                    key,
                    data,
                    callable,
                    rank,
                } = contact;
                let data = Columns(
                    data.iter()
                        .map(|(name, value)| (name.clone(), Some(value.clone())))
                        .collect(),
                );
                the_one(
                    list.write(&[Write {
                        key,
                        actual: None,
                        data,
                        callable,
                        rank,
                    }])
                    .await,
                )
                .map(drop)
            }
        }
    }

    /// Changes what is named of a contact, which was read as `actual`, and answers the contact as
    /// it is then.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says of a PATCH. After
    /// [`Kind::Unavailable`](super::Kind::Unavailable) and
    /// [`Kind::Unanswered`](super::Kind::Unanswered) it may be done, or be done yet.
    pub async fn update(
        &self,
        key: &ContactKey,
        actual: Option<&Contact>,
        data: Columns<Option<String>>,
        callable: Option<bool>,
        rank: Option<Rank>,
    ) -> Result<Contact, Failure> {
        match self {
            Campaign::Predictive(predictive) => predictive.update(key, data, callable, rank).await,
            Campaign::ContactList(list) => the_one(
                list.write(&[Write {
                    key,
                    actual,
                    data,
                    callable,
                    rank,
                }])
                .await,
            ),
        }
    }

    /// Waits before try `tries` + 1 of what has to be read again first; `false`: there is no time
    /// for another.
    pub async fn pause(&self, tries: u32) -> bool {
        match self {
            Campaign::Predictive(predictive) => predictive.pause(tries).await,
            Campaign::ContactList(list) => list.pause(tries).await,
        }
    }
}

fn the_one<T>(mut results: Vec<Result<T, Failure>>) -> Result<T, Failure> {
    // One was asked for.
    results.pop().unwrap_or_else(|| Err(Failure::lagging()))
}
