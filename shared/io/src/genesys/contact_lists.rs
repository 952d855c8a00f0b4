//! The contact list API that Genesys Cloud publishes: a campaign draws on a contact list
//! (docs/genesys-cloud.md "Contacts of a contact list").
//!
//! A POST with an id that exists updates the contact. Whether it replaces or merges the columns is
//! not documented, so every write holds every column of the list; what the dialler owns is never
//! named.

mod export;
mod list;
mod write;

pub use export::{NoExport, Patience, Shown, Snapshot, Unlisted};
pub(super) use list::{List, ask};
pub use write::{ListWrite, MOST_WRITTEN};

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::change::{CampaignId, ContactKey};
use domain::channel::Statuses;
use domain::contact::Contact;
use domain::failure::{Failure, Kind};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use http::Method;
use percent_encoding::utf8_percent_encode;

use super::call::{Call, Effect};
use super::predictive::SEGMENT;
use super::run::Run;
use super::{Org, wire};
use list::find;

/// The most contacts of a bulk read (docs/genesys-cloud.md "Limits").
pub const MOST_READ: usize = 50;
/// Enough to find three of a thousand, or each of ten.
const MOST_HALVINGS: usize = 40;
const READ: &str = "POST contacts/bulk";
const READ_ONE: &str = "GET contact";
/// A call on a list.
struct OnList<'a> {
    method: Method,
    /// After the list's own path.
    path: &'a str,
    effect: Effect,
    /// The call as errors name it.
    what: &'static str,
}

impl OnList<'_> {
    const BULK_READ: OnList<'static> = OnList {
        method: Method::POST,
        path: "contacts/bulk",
        effect: Effect::Read,
        what: READ,
    };
}

/// The contacts of one campaign's list, within one invocation.
pub struct ContactList {
    org: Arc<Org>,
    campaign: CampaignId,
    version_field: Option<String>,
    run: Run,
    list: Mutex<Arc<List>>,
    /// Whether the list was found by this invocation, and not by one before.
    is_new: bool,
    /// How many refused calls this invocation may still halve.
    halvings: AtomicUsize,
}

impl ContactList {
    /// Finds the list that the campaign draws on.
    ///
    /// # Errors
    /// [`Kind::UnknownCampaign`]; [`Kind::Refused`] where the list has no column for versions,
    /// which closes the campaign, as a 403 does.
    pub async fn open(
        org: Arc<Org>,
        campaign: &CampaignId,
        version_field: Option<&str>,
        run: Run,
    ) -> Result<ContactList, Failure> {
        let (campaign, version_field) = (campaign.clone(), version_field.map(str::to_owned));
        let known = org.campaigns.list(&campaign, org.shared.clock.now());
        let known = known.filter(|list| {
            version_field
                .as_ref()
                .is_none_or(|column| list.holds_versions(column))
        });
        let is_new = known.is_none();
        let list = match known {
            Some(list) => list,
            None => find(&org, &campaign, version_field.as_deref(), &run).await?,
        };
        Ok(ContactList {
            org,
            campaign,
            version_field,
            run,
            list: Mutex::new(list),
            is_new,
            halvings: AtomicUsize::new(MOST_HALVINGS),
        })
    }

    /// Whether a call that was refused for one of its contacts, or several, is made again in two
    /// halves. Where many are at fault that takes two calls for each of them: what is left is tried
    /// another time, parted by chance in another way.
    fn may_halve(&self, failure: &Failure) -> Result<(), Failure> {
        self.org.narrows(&self.campaign);
        let less = |left: usize| left.checked_sub(1);
        let halvings = &self.halvings;
        match halvings.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Ok(()),
            Err(_) => {
                self.org.doubts(&self.campaign);
                Err(Failure {
                    kind: Kind::OutOfTime,
                    detail: format!(
                        "refused with others, and not parted from them yet: {}",
                        failure.detail
                    ),
                    ..failure.clone()
                })
            }
        }
    }

    fn list(&self) -> Arc<List> {
        Arc::clone(&self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks again which list it is and which columns that has, past what is kept from earlier
    /// invocations.
    pub async fn look_again(&self) {
        if self.is_new {
            return;
        }
        let found = find(
            &self.org,
            &self.campaign,
            self.version_field.as_deref(),
            &self.run,
        )
        .await;
        // Where that fails, what is known stands; the calls that follow tell.
        if let Ok(list) = found {
            *self.list.lock().unwrap_or_else(PoisonError::into_inner) = list;
        }
    }

    /// Whether a contact of the list may hold this column.
    pub fn has_column(&self, name: &str) -> bool {
        self.list().columns.contains(name)
    }

    /// Whether a column holds numbers, as far as the list tells.
    pub fn has_number(&self, name: &str) -> bool {
        let list = self.list();
        let numbers = list.numbers.as_ref();
        list.columns.contains(name) && numbers.is_none_or(|numbers| numbers.contains(name))
    }

    /// The contacts now, in the order of their keys; `None`: there is none. Fifty a call.
    pub async fn read(&self, keys: &[&ContactKey]) -> Vec<Result<Option<Contact>, Failure>> {
        let parts = keys.chunks(MOST_READ).map(|part| self.read_part(part));
        join_all(parts).await.into_iter().flatten().collect()
    }

    fn read_part<'a>(
        &'a self,
        keys: &'a [&ContactKey],
    ) -> BoxFuture<'a, Vec<Result<Option<Contact>, Failure>>> {
        async move {
            let body = |_: &List| {
                json(
                    &keys.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
                    READ,
                )
            };
            match self
                .call(&OnList::BULK_READ, &body)
                .await
                .and_then(|body| contacts(&body, READ))
            {
                Ok(found) if answers(&found, keys) => {
                    self.matched(keys, found).into_iter().map(Ok).collect()
                }
                Ok(_) => {
                    let detail = format!("{READ}: the answer is about other contacts");
                    let failure = Failure::new(Kind::Unavailable, detail);
                    keys.iter().map(|_| Err(failure.clone())).collect()
                }
                // One key that is not taken must not hide the others.
                Err(failure) if failure.kind == Kind::Rejected && keys.len() > 1 => {
                    if let Err(failure) = self.may_halve(&failure) {
                        return keys.iter().map(|_| Err(failure.clone())).collect();
                    }
                    let (left, right) = keys.split_at(keys.len() / 2);
                    let (mut left, right) = join(self.read_part(left), self.read_part(right)).await;
                    left.extend(right);
                    left
                }
                Err(failure) => keys.iter().map(|_| Err(failure.clone())).collect(),
            }
        }
        .boxed()
    }

    /// One contact, where the bulk read refuses its key; `None`: there is none.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says of a GET.
    pub async fn read_one(&self, key: &ContactKey) -> Result<Option<Contact>, Failure> {
        let path = format!("contacts/{}", utf8_percent_encode(key.as_str(), SEGMENT));
        let read = OnList {
            method: Method::GET,
            path: &path,
            effect: Effect::Read,
            what: READ_ONE,
        };
        // Where it is the list that is not found, the write that follows looks for it again.
        let nothing = |_: &List| Ok(Bytes::new());
        let body = match self.call_on(&self.list(), &read, &nothing).await {
            Err(failure) if failure.kind == Kind::NotFound => return Ok(None),
            body => body?,
        };
        let found = parse::<wire::ListContact>(&body, READ_ONE)?;
        let unknown = || {
            let detail = format!("{READ_ONE}: the answer is about another contact");
            Failure::new(Kind::Unavailable, detail)
        };
        let contact = self.matched(&[key], vec![found]).pop().flatten();
        contact.map(Some).ok_or_else(unknown)
    }

    /// Makes a call on the list. After a 404 the campaign is asked again which list that is.
    async fn call(
        &self,
        call: &OnList<'_>,
        body: &(dyn Fn(&List) -> Result<Bytes, Failure> + Sync),
    ) -> Result<Bytes, Failure> {
        let list = self.list();
        match self.call_on(&list, call, body).await {
            Err(failure) if failure.kind == Kind::NotFound => {
                let again = find(
                    &self.org,
                    &self.campaign,
                    self.version_field.as_deref(),
                    &self.run,
                )
                .await?;
                let is_another = again.id != list.id;
                *self.list.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&again);
                if !is_another {
                    return Err(failure);
                }
                // A write was planned on what the other list held: read this one first.
                if call.effect != Effect::Read {
                    return Err(Failure {
                        kind: Kind::Unavailable,
                        ..failure
                    });
                }
                self.call_on(&again, call, body).await
            }
            answer => answer,
        }
    }

    async fn call_on(
        &self,
        list: &List,
        call: &OnList<'_>,
        body: &(dyn Fn(&List) -> Result<Bytes, Failure> + Sync),
    ) -> Result<Bytes, Failure> {
        let path = format!(
            "/api/v2/outbound/contactlists/{}/{}",
            utf8_percent_encode(&list.id, SEGMENT),
            call.path
        );
        let call = Call {
            method: call.method.clone(),
            path: &path,
            body: body(list)?,
            effect: call.effect,
            campaign: Some(&self.campaign),
            what: call.what,
        };
        self.org
            .call(&self.run, &call)
            .await
            .map_err(|failure| match failure.kind {
                // It says nothing of a key that exists here (docs/genesys-cloud.md "Answers and
                // errors"): it may pass.
                Kind::Conflict => Failure {
                    kind: Kind::Unavailable,
                    ..failure
                },
                _ => failure,
            })
    }

    /// What was found of each key that was asked for, in the order of the keys.
    fn matched(
        &self,
        asked: &[&ContactKey],
        found: Vec<wire::ListContact>,
    ) -> Vec<Option<Contact>> {
        let places = asked.iter().enumerate();
        let places: HashMap<&str, usize> = places.map(|(n, key)| (key.as_str(), n)).collect();
        let mut contacts: Vec<Option<Contact>> = asked.iter().map(|_| None).collect();
        // Only what was asked for is answered: an id in another case means that the service folds
        // case, and that it takes the two for one contact. To take it for none would write over it
        // without a look at its rank.
        let mut folded = HashMap::new();
        for contact in found {
            match places.get(contact.id.as_str()) {
                Some(place) if contacts[*place].is_none() => {
                    contacts[*place] = Some(self.contact(contact));
                }
                Some(_) => {}
                None => {
                    let first = folded.entry(contact.id.to_lowercase());
                    first.or_insert_with(|| self.contact(contact));
                }
            }
        }
        if !folded.is_empty() {
            for (slot, key) in contacts.iter_mut().zip(asked) {
                if slot.is_none() {
                    *slot = folded.get(&key.as_str().to_lowercase()).cloned();
                }
            }
        }
        contacts
    }

    fn contact(&self, mut found: wire::ListContact) -> Contact {
        found.data.retain(|_, value| !value.is_empty());
        // Where it does not say that it is not callable, it may be called.
        let callable = found.callable.unwrap_or(true);
        Contact {
            statuses: Statuses::new(found.contactable_status, found.phone_number_status),
            ..Contact::new(found.data, callable, self.version_field.as_deref())
        }
    }
}

/// Whether all that was found was asked for. An answer about others says nothing of those who were:
/// to take them for none would write over them without a look at their ranks.
fn answers(found: &[wire::ListContact], asked: &[&ContactKey]) -> bool {
    let asked = asked.iter().map(|key| key.as_str().to_lowercase());
    let asked: BTreeSet<_> = asked.collect();
    found
        .iter()
        .all(|contact| asked.contains(&contact.id.to_lowercase()))
}

fn contacts(body: &[u8], what: &str) -> Result<Vec<wire::ListContact>, Failure> {
    parse(body, what)
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Failure> {
    let wrong = |_| {
        Failure::new(
            Kind::Unavailable,
            format!("{what}: the answer is not what was asked for"),
        )
    };
    serde_json::from_slice(body).map_err(wrong)
}

pub(super) fn json(body: &impl serde::Serialize, what: &str) -> Result<Bytes, Failure> {
    let body = serde_json::to_vec(body);
    body.map(Bytes::from).map_err(|_| {
        Failure::new(
            Kind::Unavailable,
            format!("{what}: cannot be written as JSON"),
        )
    })
}
