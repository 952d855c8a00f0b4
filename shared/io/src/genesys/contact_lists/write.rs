//! Writes contacts of a list: creates those that do not exist and updates the others, in as few
//! calls as the limits allow.
//!
//! What is written to a contact is decided in [`domain::attempt`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use domain::Version;
use domain::change::ContactKey;
use domain::channel::{Lowered, Statuses};
use domain::contact::{Columns, Contact};
use domain::failure::{Failure, Kind};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use http::Method;

use super::list::List;
use super::matched::contacts;
use super::{ContactList, OnList};
use crate::genesys::call::Effect;
use crate::genesys::wire;

/// The most contacts of a write (docs/genesys-cloud.md "Limits").
pub const MOST_WRITTEN: usize = 1_000;
const MOST_BYTES: usize = 512_000;
const WRITE: &str = "POST contacts";

/// The JSON of each contact to write.
struct Bodies {
    of: Vec<String>,
    /// The list whose id and columns they hold.
    list: Arc<List>,
}

/// A contact to write.
pub struct ListWrite<'a> {
    /// Its key, the `id` of the contact.
    pub key: &'a ContactKey,
    /// The contact as it was read. `None` means that there is none.
    pub actual: Option<&'a Contact>,
    /// Columns to set or clear. The others stay.
    pub data: &'a Columns<Option<String>>,
    /// The value of `callable`. `None` leaves it as it is, and makes a new contact callable.
    pub callable: Option<bool>,
    /// The value of the version column.
    pub version: Option<Version>,
    /// Channels and numbers to lower.
    pub lowers: &'a Lowered,
}

impl ContactList {
    /// Creates what does not exist and updates what does. A call that is refused is halved until
    /// the contacts at fault are alone. Returns each contact as it is after the write.
    ///
    /// After [`Kind::Unavailable`] and [`Kind::Unanswered`] the write may have been executed, or
    /// may still be.
    pub async fn write(&self, writes: &[ListWrite<'_>]) -> Vec<Result<Contact, Failure>> {
        let list = self.list();
        let bodies = Bodies {
            of: writes.iter().map(|write| self.body(&list, write)).collect(),
            list,
        };
        let sizes: Vec<_> = bodies.of.iter().map(String::len).collect();
        let parts = parts(&sizes)
            .into_iter()
            .map(|part| self.write_part(writes, &bodies, part));
        join_all(parts).await.into_iter().flatten().collect()
    }

    fn write_part<'a>(
        &'a self,
        all: &'a [ListWrite<'_>],
        bodies: &'a Bodies,
        part: Range<usize>,
    ) -> BoxFuture<'a, Vec<Result<Contact, Failure>>> {
        async move {
            let writes = &all[part.clone()];
            let write = OnList {
                method: Method::POST,
                path: "contacts?doNotQueue=true",
                effect: Effect::Write(writes.len()),
                what: WRITE,
            };
            let body = |list: &List| {
                // Another part may have found out meanwhile that the campaign draws on another
                // list, or that the list has other columns.
                let contacts = if std::ptr::eq(list, &raw const *bodies.list) {
                    bodies.of[part.clone()].join(",")
                } else {
                    let bodies = writes.iter().map(|write| self.body(list, write));
                    bodies.collect::<Vec<_>>().join(",")
                };
                Ok(Bytes::from(format!("[{contacts}]")))
            };
            let failure = match self.call(&write, &body).await {
                Ok(answer) => return self.written(writes, &answer),
                Err(failure) if failure.kind == Kind::Rejected && writes.len() > 1 => {
                    match self.may_halve(&failure) {
                        Ok(()) => {
                            let middle = part.start + writes.len() / 2;
                            let left = self.write_part(all, bodies, part.start..middle);
                            let right = self.write_part(all, bodies, middle..part.end);
                            let (mut left, right) = join(left, right).await;
                            left.extend(right);
                            return left;
                        }
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            vec![Err(failure); writes.len()]
        }
        .boxed()
    }

    /// The contacts that were written, as an answer shows them. It is not known whether a contact
    /// was written that the answer lacks, or shows in a form that is not known.
    fn written(&self, writes: &[ListWrite<'_>], answer: &[u8]) -> Vec<Result<Contact, Failure>> {
        let found = contacts(answer, WRITE).unwrap_or_default();
        let asked: Vec<_> = writes.iter().map(|write| write.key).collect();
        let lacking = || {
            Failure::new(
                Kind::Unavailable,
                format!("{WRITE}: the answer lacks the contact"),
            )
        };
        let shown = self.matched(&asked, found).into_iter();
        shown
            .map(|found| found.read_by(WRITE)?.ok_or_else(lacking))
            .collect()
    }

    /// Every column of the list, and those that the write names.
    fn columns<'a>(
        &'a self,
        list: &'a List,
        write: &'a ListWrite<'_>,
    ) -> BTreeMap<&'a str, Cow<'a, str>> {
        let held = |column| write.actual.and_then(|actual| actual.data.get(column));
        let text = |value: Option<&'a String>| Cow::Borrowed(value.map_or("", String::as_str));
        let columns = list.columns.iter();
        let mut columns: BTreeMap<_, _> = columns
            .map(|column| (column.as_str(), text(held(column))))
            .collect();
        for (column, value) in write.data.iter() {
            // A column that the list does not have is clear already.
            let value = text(value.as_ref());
            if !value.is_empty() || columns.contains_key(column.as_str()) {
                columns.insert(column, value);
            }
        }
        // The version that was read stays, because it alone tells what the last write left.
        let left = write.actual.map(|actual| actual.version);
        let version = write
            .version
            .or(left.filter(|left| *left != Version::default()));
        if let (Some(column), Some(version)) = (&self.version_field, version) {
            columns.insert(column, version.to_string().into());
        }
        columns
    }

    fn callable(write: &ListWrite<'_>) -> Option<bool> {
        let stays_lowered = write
            .actual
            .filter(|actual| !actual.callable)
            .map(|_| false);
        write.callable.or(stays_lowered)
    }

    fn body(&self, list: &List, write: &ListWrite<'_>) -> String {
        // It is not documented whether a POST merges statuses or replaces them. So all that were
        // read are sent with those that are lowered, or none are sent.
        let lowered = || {
            let read = write.actual.map(|actual| actual.statuses.clone());
            read.unwrap_or_default().lowered(write.lowers)
        };
        let statuses = (!write.lowers.is_empty()).then(lowered);
        let statuses = statuses.as_ref();
        let lowers = write.lowers;
        let contact = wire::WrittenListContact {
            id: write.key.as_str(),
            contact_list_id: &list.id,
            data: self.columns(list, write),
            callable: Self::callable(write),
            contactable_status: statuses
                .filter(|_| !lowers.channels.is_empty())
                .map(Statuses::contactable),
            phone_number_status: statuses
                .filter(|_| !lowers.phones.is_empty())
                .map(Statuses::phones),
        };
        // JSON can hold all of it: texts and a flag.
        serde_json::to_string(&contact).unwrap_or_default()
    }
}

/// Ranges of contacts that fit into one call each, given the size of each in bytes.
fn parts(sizes: &[usize]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    // Two bytes are for the array's brackets. Each contact adds a comma.
    let (mut from, mut bytes) = (0, 2);
    for (index, size) in sizes.iter().enumerate() {
        if index > from && (index - from == MOST_WRITTEN || bytes + size + 1 > MOST_BYTES) {
            parts.push(from..index);
            (from, bytes) = (index, 2);
        }
        bytes += size + 1;
    }
    if from < sizes.len() {
        parts.push(from..sizes.len());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_holds_a_thousand_contacts_and_half_a_megabyte_at_most() {
        assert!(parts(&[]).is_empty());
        assert_eq!(parts(&[10; 3]), vec![0..3; 1]);
        assert_eq!(parts(&[10; 2_001]), [0..1_000, 1_000..2_000, 2_000..2_001]);
        // 2 brackets, and each contact with its comma: 2 + 2 × 255,999 = 512,000.
        assert_eq!(parts(&[255_998, 255_998]), vec![0..2; 1]);
        assert_eq!(parts(&[255_998, 255_999]), [0..1, 1..2]);
        assert_eq!(
            parts(&[600_000, 1]),
            [0..1, 1..2],
            "what fits nowhere is sent alone, and refused alone"
        );
    }
}
