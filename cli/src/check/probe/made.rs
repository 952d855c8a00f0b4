//! Keeps the ids of all contacts that the probe made or may have made, and deletes them.
//!
//! A write whose answer was lost may have been carried out, so its contacts are kept too.
//! [`Made::delete`] reads the contacts back until none is found. What the contacts are for is
//! decided in [`asking`](super::asking).

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use io::genesys::{Failure, Kind, ScratchContact, ScratchList, scratch_permission};

use super::{MOST_READ, judge};

/// The waits between the reads that look for a deletion, in seconds. It takes up to a minute to
/// show (docs/genesys-cloud.md "One contact").
const WAITS: [u64; 6] = [1, 2, 4, 8, 15, 30];
/// How much later the service may still carry out a write whose answer was lost.
const LATE: Duration = Duration::from_secs(3);
/// How many failures in a row end the deletion.
const MOST_FAILURES: u32 = 3;

/// The contacts that are not deleted, as far as is known.
#[derive(Default)]
pub(super) struct Left {
    pub(super) ids: Vec<String>,
    /// Why the last deletion, or the read that looked for it, failed.
    pub(super) why: Option<String>,
}

/// The ids of the contacts that exist, or may exist.
#[derive(Default)]
pub(super) struct Made {
    ids: RefCell<BTreeSet<String>>,
    /// Whether a write is under way, or its answer was lost.
    is_in_doubt: Cell<bool>,
    was_any_taken: Cell<bool>,
}

impl Made {
    pub(super) fn all(&self) -> Vec<String> {
        self.ids.borrow().iter().cloned().collect()
    }

    /// Whether any POST was accepted.
    pub(super) fn was_any_taken(&self) -> bool {
        self.was_any_taken.get()
    }

    /// Writes the contacts. Whatever the answer, each contact that may exist afterwards is known.
    pub(super) async fn post(
        &self,
        list: &ScratchList,
        contacts: &[ScratchContact],
    ) -> Result<Vec<ScratchContact>, Failure> {
        let ids = contacts.iter().map(|contact| contact.id.clone());
        let new: Vec<_> = ids.filter(|id| !self.ids.borrow().contains(id)).collect();
        self.ids.borrow_mut().extend(new.iter().cloned());
        let was_in_doubt = self.is_in_doubt.replace(true);
        let answer = list.post(contacts).await;
        match &answer {
            Ok(shown) => {
                self.was_any_taken.set(true);
                // The service may have altered the id that was sent.
                let shown = shown.iter().map(|contact| contact.id.clone());
                self.ids.borrow_mut().extend(shown.filter(|id| is_ours(id)));
                self.is_in_doubt.replace(was_in_doubt);
            }
            Err(failure) if !failure.leaves_unknown() => {
                self.ids.borrow_mut().retain(|id| !new.contains(id));
                self.is_in_doubt.replace(was_in_doubt);
            }
            Err(_) => {}
        }
        answer
    }

    /// Updates a contact that was made.
    pub(super) async fn put(
        &self,
        list: &ScratchList,
        contact: &ScratchContact,
    ) -> Result<(), Failure> {
        let was_in_doubt = self.is_in_doubt.replace(true);
        let answer = list.put(contact).await;
        let is_in_doubt = answer.as_ref().is_err_and(Failure::leaves_unknown);
        self.is_in_doubt.replace(is_in_doubt || was_in_doubt);
        answer
    }

    /// Deletes all contacts, and reads until none is found. Returns those that are left.
    pub(super) async fn delete(&self, list: &ScratchList) -> Left {
        let all = self.all();
        let mut left = Left {
            ids: all.clone(),
            why: None,
        };
        if all.is_empty() {
            return left;
        }
        let mut failures = 0;
        if self.is_in_doubt.get() {
            let _ = delete_round(list, &all).await;
            tokio::time::sleep(LATE).await;
        }
        for wait in WAITS.map(Some).into_iter().chain([None]) {
            match delete_round(list, &left.ids).await {
                Ok(ids) => (left, failures) = (Left { ids, why: None }, 0),
                Err(failure) => {
                    failures += 1;
                    left.why = Some(judge::why(&failure));
                }
            }
            if left.ids.is_empty() || failures == MOST_FAILURES {
                break;
            }
            if let Some(wait) = wait {
                tokio::time::sleep(Duration::from_secs(wait)).await;
            }
        }
        left
    }
}

/// Tries a deletion with an id that nobody has. The error says why contacts may not be deleted.
pub(super) async fn may_be_deleted(list: &ScratchList, nobody: String) -> Result<(), String> {
    let Err(failure) = list.delete(&[nobody]).await else {
        return Ok(());
    };
    if is_about_an_id(&failure) {
        return Ok(());
    }
    let to_do = match scratch_permission(&failure) {
        Some(permission) => format!("{failure}: the client needs {permission}"),
        None => judge::why(&failure),
    };
    Err(format!("{to_do}. Nothing was written."))
}

/// Deletes these contacts. Returns those that can still be read.
async fn delete_round(list: &ScratchList, ids: &[String]) -> Result<Vec<String>, Failure> {
    match list.delete(ids).await {
        // An id that the service refuses must not keep the others from being deleted.
        Err(failure) if is_about_an_id(&failure) => {
            for id in ids {
                match list.delete(std::slice::from_ref(id)).await {
                    Err(failure) if !is_about_an_id(&failure) => return Err(failure),
                    _ => {}
                }
            }
        }
        deleted => deleted?,
    }
    let mut there = Vec::new();
    for part in ids.chunks(MOST_READ) {
        let found = list.bulk(part).await?;
        there.extend(
            found
                .into_iter()
                .map(|contact| contact.id)
                .filter(|id| is_ours(id)),
        );
    }
    Ok(there)
}

/// Whether a probe made the contact, even if the service changed the case of its id.
fn is_ours(id: &str) -> bool {
    id.to_lowercase().starts_with(super::PREFIX)
}

/// Whether the failure is about one id, so that another id may still be accepted.
fn is_about_an_id(failure: &Failure) -> bool {
    judge::is_refusal(failure) || failure.kind == Kind::NotFound
}
