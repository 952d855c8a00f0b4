//! Reads contacts of a list: many in one call, or one whose key the bulk read refuses.
//!
//! A bulk read that is refused for one of its keys is made again in two halves, and each of these
//! too, until the key is alone. A contact that the answer shows in a form that is not known fails
//! alone. Whole lists are read in `export`.

use bytes::Bytes;
use domain::change::ContactKey;
use domain::contact::Contact;
use domain::failure::{Failure, Kind};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use http::Method;
use percent_encoding::utf8_percent_encode;

use super::list::List;
use super::matched::{Found, Shown, are_asked_for, contacts};
use super::{ContactList, OnList, json, parse};
use crate::genesys::call::Effect;
use crate::genesys::predictive::SEGMENT;
use crate::genesys::wire;

/// The most contacts of a bulk read (docs/genesys-cloud.md "Limits").
pub const MOST_READ: usize = 50;
const READ: &str = "POST contacts/bulk";
const READ_ONE: &str = "GET contact";

impl ContactList {
    /// Reads contacts, fifty a call. Returns them in the order of their keys, and `None` for a key
    /// that has no contact.
    pub async fn read(&self, keys: &[&ContactKey]) -> Vec<Result<Option<Contact>, Failure>> {
        let parts = keys.chunks(MOST_READ).map(|part| self.read_part(part));
        join_all(parts).await.into_iter().flatten().collect()
    }

    fn read_part<'a>(
        &'a self,
        keys: &'a [&ContactKey],
    ) -> BoxFuture<'a, Vec<Result<Option<Contact>, Failure>>> {
        async move {
            let read = OnList {
                method: Method::POST,
                path: "contacts/bulk",
                effect: Effect::Read,
                what: READ,
            };
            let ids: Vec<_> = keys.iter().map(|key| key.as_str()).collect();
            let body = |_: &List| json(&ids, READ);
            let answer = self.call(&read, &body).await;
            let failure = match answer.and_then(|answer| contacts(&answer, READ)) {
                Ok(found) if are_asked_for(&found, keys) => {
                    let found = self.matched(keys, found).into_iter();
                    return found.map(|found| found.read_by(READ)).collect();
                }
                Ok(_) => {
                    let detail = format!("{READ}: the answer is about other contacts");
                    Failure::new(Kind::Unavailable, detail)
                }
                // One key that is refused must not hide the others.
                Err(failure) if failure.kind == Kind::Rejected && keys.len() > 1 => {
                    match self.may_halve(&failure) {
                        Ok(()) => {
                            let (left, right) = keys.split_at(keys.len() / 2);
                            let (left, right) = (self.read_part(left), self.read_part(right));
                            let (mut left, right) = join(left, right).await;
                            left.extend(right);
                            return left;
                        }
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            vec![Err(failure); keys.len()]
        }
        .boxed()
    }

    /// Reads one contact whose key the bulk read refuses. Returns `None` if there is no contact.
    ///
    /// # Errors
    /// Those of a GET in docs/design.md "Failure table".
    pub async fn read_one(&self, key: &ContactKey) -> Result<Option<Contact>, Failure> {
        let path = format!("contacts/{}", utf8_percent_encode(key.as_str(), SEGMENT));
        let read = OnList {
            method: Method::GET,
            path: &path,
            effect: Effect::Read,
            what: READ_ONE,
        };
        // If the list was not found, the write that follows looks for it again.
        let nothing = |_: &List| Ok(Bytes::new());
        let body = match self.call_on(&self.list(), &read, &nothing).await {
            Err(failure) if failure.kind == Kind::NotFound => return Ok(None),
            body => body?,
        };
        let found = Shown::Whole(parse::<wire::ListContact>(&body, READ_ONE)?);
        let unknown = || {
            let detail = format!("{READ_ONE}: the answer is about another contact");
            Failure::new(Kind::Unavailable, detail)
        };
        match self.matched(&[key], vec![found]).pop() {
            Some(Found::Contact(contact)) => Ok(Some(contact)),
            _ => Err(unknown()),
        }
    }
}
