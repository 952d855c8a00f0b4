//! The contacts that the probe made, or may have made, and their deletion.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use io::genesys::{Failure, Kind, ScratchContact, ScratchList};

use super::judge;

/// Waits for a deletion to show: a service needs up to a minute (docs/genesys-cloud.md "One
/// contact").
const WAITS: [u64; 6] = [1, 2, 4, 8, 15, 30];
/// A write whose end is not known may be carried out this much later.
const LATE: Duration = Duration::from_secs(3);
/// A deletion, or the look at it, that fails so often in a row is given up.
const MOST_FAILURES: u32 = 3;
/// docs/genesys-cloud.md "Limits".
const MOST_READ: usize = 50;

/// Ids of contacts that are there, or may be.
#[derive(Default)]
pub(super) struct Made {
    ids: RefCell<BTreeSet<String>>,
    /// Of the write that is under way, or whose end is not known.
    is_in_doubt: Cell<bool>,
    was_any_taken: Cell<bool>,
}

impl Made {
    pub(super) fn all(&self) -> Vec<String> {
        self.ids.borrow().iter().cloned().collect()
    }

    /// Whether a POST was taken.
    pub(super) fn was_any_taken(&self) -> bool {
        self.was_any_taken.get()
    }

    /// Writes the contacts; whatever becomes of it, each that may be there is known.
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
                // It may have made another id of the one that was sent.
                let shown = shown.iter().map(|contact| contact.id.clone());
                self.ids.borrow_mut().extend(shown);
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

    /// Deletes them all and looks whether they are gone. Answers those that are there still, or may
    /// be.
    pub(super) async fn delete(&self, list: &ScratchList) -> Vec<String> {
        let all = self.all();
        if all.is_empty() {
            return all;
        }
        let mut left = all.clone();
        let mut failures = 0;
        if self.is_in_doubt.get() {
            left = round(list, &all).await.unwrap_or(left);
            tokio::time::sleep(LATE).await;
            left.clone_from(&all);
        }
        for wait in WAITS.map(Some).into_iter().chain([None]) {
            match round(list, &left).await {
                Ok(there) => (left, failures) = (there, 0),
                Err(_) => failures += 1,
            }
            if left.is_empty() || failures == MOST_FAILURES {
                break;
            }
            if let Some(wait) = wait {
                tokio::time::sleep(Duration::from_secs(wait)).await;
            }
        }
        left
    }
}

/// Deletes these contacts, and answers those that can be read still.
async fn round(list: &ScratchList, ids: &[String]) -> Result<Vec<String>, Failure> {
    match list.delete(ids).await {
        // One id that is not taken must not keep the others.
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
        there.extend(found.into_iter().map(|contact| contact.id));
    }
    Ok(there)
}

/// Whether the next id may be taken all the same.
fn is_about_an_id(failure: &Failure) -> bool {
    judge::is_refusal(failure) || failure.kind == Kind::NotFound
}
