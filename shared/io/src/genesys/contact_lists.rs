//! The contact list API that Genesys Cloud publishes: a campaign draws on a contact list
//! (docs/genesys-cloud.md "Contacts of a contact list").
//!
//! A POST with an id that exists updates the contact. Whether it replaces or merges the columns is
//! not documented, so every write holds every column of the list. A write never names what the
//! dialler owns.
//!
//! [`ContactList`] makes calls on the list of one campaign. `list` finds that list, `read` and
//! `write` read and write contacts, and `matched` says which key each contact of an answer belongs
//! to. `export` reads whole lists for reconcile. Lists without a campaign are in `scratch`.

mod export;
mod list;
mod matched;
mod read;
mod write;

pub use export::{NoExport, Patience, Shown, Snapshot, Unlisted};
pub(super) use list::{List, ask};
pub use read::MOST_READ;
pub use write::{ListWrite, MOST_WRITTEN};

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::change::CampaignId;
use domain::failure::{Failure, Kind};
use http::Method;
use percent_encoding::utf8_percent_encode;

use super::Org;
use super::call::{Call, Effect};
use super::predictive::SEGMENT;
use super::run::Run;
use list::find;

/// The most refused calls of an invocation that are halved. It is enough to find three contacts of
/// a thousand, or each of ten.
const MOST_HALVINGS: usize = 40;

/// A call on a list.
struct OnList<'a> {
    method: Method,
    /// The path after that of the list.
    path: &'a str,
    effect: Effect,
    /// A name for error texts.
    what: &'static str,
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
    /// Whether the columns were read by this invocation, at the latest after a write that was
    /// refused for them.
    are_columns_new: futures_util::lock::Mutex<bool>,
    /// How many refused calls this invocation may still halve.
    halvings: AtomicUsize,
}

impl ContactList {
    /// Finds the list that the campaign draws on.
    ///
    /// # Errors
    /// [`Kind::UnknownCampaign`] if there is no such campaign. [`Kind::Refused`] if the list has no
    /// column for versions, which closes the campaign, as a 403 does.
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
            are_columns_new: is_new.into(),
            halvings: AtomicUsize::new(MOST_HALVINGS),
        })
    }

    /// Decides whether a call that was refused for some of its contacts is made again in two
    /// halves. If many contacts are at fault, that takes two calls for each of them. So the halving
    /// ends at some point, and the contacts that are left are retried, when chance groups them in
    /// another way.
    fn may_halve(&self, failure: &Failure) -> Result<(), Failure> {
        self.org.record_bulk_failure(&self.campaign);
        let less = |left: usize| left.checked_sub(1);
        let halvings = &self.halvings;
        match halvings.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Ok(()),
            Err(_) => {
                self.org.record_doubt(&self.campaign);
                Err(Failure {
                    kind: Kind::OutOfTime,
                    detail: format!(
                        "refused together with others, and not tried alone yet: {}",
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

    /// Looks up again which list the campaign has, and which columns the list has. What is kept
    /// from earlier invocations is not used.
    pub async fn look_again(&self) {
        if self.is_new {
            return;
        }
        // If that fails, what is known stays in use, and the calls that follow show whether it is
        // right.
        if let Ok(list) = self.find().await {
            self.keep(&list);
        }
    }

    /// Whether a contact of the list may hold this column.
    pub fn has_column(&self, name: &str) -> bool {
        self.list().columns.contains(name)
    }

    /// Whether a column holds phone numbers, as far as the list says.
    pub fn has_number(&self, name: &str) -> bool {
        let list = self.list();
        let numbers = list.numbers.as_ref();
        list.columns.contains(name) && numbers.is_none_or(|numbers| numbers.contains(name))
    }

    /// Makes a call on the list. After a 404, and once after a write that may have been refused for
    /// its columns, it looks up the campaign's list again.
    async fn call(
        &self,
        call: &OnList<'_>,
        body: &(dyn Fn(&List) -> Result<Bytes, Failure> + Sync),
    ) -> Result<Bytes, Failure> {
        let list = self.list();
        let is_write = call.effect != Effect::Read;
        let (failure, again) = match self.call_on(&list, call, body).await {
            Err(failure) if failure.kind == Kind::NotFound => {
                let again = self.find().await?;
                self.keep(&again);
                (failure, (again.id != list.id).then_some(again))
            }
            Err(failure) if is_write && failure.may_be_of_columns() => {
                let again = self.other_columns(&list).await?;
                (failure, again)
            }
            answer => return answer,
        };
        match again {
            None => Err(failure),
            // A write was planned on what the other list held, so this list is read first.
            Some(again) if is_write && again.id != list.id => Err(Failure {
                kind: Kind::Unavailable,
                ..failure
            }),
            Some(again) => self.call_on(&again, call, body).await,
        }
    }

    async fn find(&self) -> Result<Arc<List>, Failure> {
        let version_field = self.version_field.as_deref();
        find(&self.org, &self.campaign, version_field, &self.run).await
    }

    fn keep(&self, list: &Arc<List>) {
        *self.list.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(list);
    }

    /// The list, if it has other columns by now than it had when it was `used`. It is read again
    /// only once in an invocation, because a change may name a column that the list never had.
    async fn other_columns(&self, used: &Arc<List>) -> Result<Option<Arc<List>>, Failure> {
        let mut is_known = self.are_columns_new.lock().await;
        let known = self.list();
        if !Arc::ptr_eq(&known, used) {
            return Ok(Some(known));
        }
        if *is_known {
            return Ok(None);
        }
        let again = self.find().await?;
        *is_known = true;
        let is_other = again.id != used.id || again.columns != used.columns;
        if is_other {
            self.keep(&again);
        }
        Ok(is_other.then_some(again))
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
                // Here a conflict does not mean that the key exists, and may pass
                // (docs/genesys-cloud.md "Answers and errors").
                Kind::Conflict => Failure {
                    kind: Kind::Unavailable,
                    ..failure
                },
                _ => failure,
            })
    }
}

pub(super) fn parse<'a, T: serde::Deserialize<'a>>(
    body: &'a [u8],
    what: &str,
) -> Result<T, Failure> {
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
