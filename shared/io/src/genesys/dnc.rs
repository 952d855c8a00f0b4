//! Adds entries to a DNC list, and removes those that an operator removes (docs/genesys-cloud.md
//! "DNC lists").
//!
//! This module makes the calls. `search` divides a call that is refused, until the faulty entries
//! are alone, and `failing` leaves a failing list alone. Trouble with a list does not affect the
//! health of the org, its campaigns or its host.
//!
//! Which entries a contact needs is decided in [`domain::dnc`].

mod body;
mod failing;
mod search;

pub(super) use failing::DncLists;

use domain::dnc::{DncBy, DncList};
use domain::failure::{Failure, Kind};
use domain::retry::CLOSED;
use http::Method;

use super::Org;
use super::call::{Call, Effect};
use super::run::Run;
use body::{DncEdit, body};
use search::Search;

/// The most entries of a call (docs/genesys-cloud.md "Limits").
pub const MOST_ENTRIES: usize = 1_000;
const NUMBERS: &str = "PATCH dnclist phonenumbers";
const VALUES: &str = "PATCH dnclist customexclusioncolumns";

impl Org {
    /// Adds entries to a DNC list, without an end date. Entries that it has already stay. Returns
    /// for each entry whether it is on the list now.
    ///
    /// - [`Kind::Rejected`]: this entry is refused whenever it is tried.
    /// - [`Kind::Refused`]: there is no such list, it has another type, or the client lacks a
    ///   permission.
    /// - [`Kind::Full`]: the list or the organisation accepts no more entries.
    /// - [`Kind::Closed`]: no call was made, because the list failed a moment ago.
    /// - [`Kind::OutOfTime`]: there was no time to add it, or to separate it from others with which
    ///   it was refused.
    /// - Any other kind has the usual meaning: the entry may have been added, and can be tried
    ///   again at once.
    pub async fn add_to_dnc(
        &self,
        run: &Run,
        list: &DncList,
        entries: &[&str],
    ) -> Vec<Result<(), Failure>> {
        self.patch_dnc(run, list, DncEdit::Add, entries).await
    }

    /// Removes entries from a DNC list. An entry that is not on it counts as removed. Returns
    /// results as [`Org::add_to_dnc`].
    pub async fn remove_from_dnc(
        &self,
        run: &Run,
        list: &DncList,
        entries: &[&str],
    ) -> Vec<Result<(), Failure>> {
        self.patch_dnc(run, list, DncEdit::Remove, entries).await
    }

    async fn patch_dnc(
        &self,
        run: &Run,
        list: &DncList,
        action: DncEdit,
        entries: &[&str],
    ) -> Vec<Result<(), Failure>> {
        let mut distinct = entries.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut search = Search::of(&distinct);
        while let Some(part) = search.next_part() {
            match self.patch_part(run, list, action, part).await {
                Ok(()) => search.notes_accepted(),
                Err(failure) => search.notes_refused(part, failure),
            }
        }
        let blamed = search.blames_list(self.takes_entries(&list.id));
        let mut failed = search.failed();
        if blamed {
            if let Some(first) = failed.values().next() {
                self.suspend_dnc_list(&list.id, first);
            }
            for failure in failed.values_mut() {
                failure.code = None;
            }
        }
        let of = |entry: &&str| failed.get(*entry).cloned().map_or(Ok(()), Err);
        entries.iter().map(of).collect()
    }

    async fn patch_part(
        &self,
        run: &Run,
        list: &DncList,
        action: DncEdit,
        entries: &[&str],
    ) -> Result<(), Failure> {
        self.is_dnc_open(&list.id)?;
        let (end, what) = match list.by {
            DncBy::Phone { .. } => ("phonenumbers", NUMBERS),
            DncBy::ContactKey => ("customexclusioncolumns", VALUES),
        };
        let path = format!("/api/v2/outbound/dnclists/{}/{end}", list.id.as_str());
        let call = Call {
            method: Method::PATCH,
            path: &path,
            body: body(list, action, entries, what)?,
            effect: Effect::Aside(entries.len()),
            campaign: None,
            what,
        };
        let answer = self.call(run, &call).await;
        if answer.is_ok() {
            self.notes_taken(&list.id);
        }
        answer.map(drop).map_err(|failure| {
            let is_of_list = failure.detail.starts_with(what) && failure.http_status != Some(401);
            if !is_of_list {
                return failure;
            }
            let failure = of_list(failure);
            let may_pass = matches!(
                failure.kind,
                Kind::Rejected | Kind::Throttled { .. } | Kind::OutOfTime
            );
            if !may_pass {
                self.suspend_dnc_list(&list.id, &failure);
            }
            failure
        })
    }
}

/// The meaning of a failed call about a DNC list.
fn of_list(failure: Failure) -> Failure {
    let code = failure.code.as_deref().unwrap_or_default();
    let kind = match failure.kind {
        // A person must correct the secret, the list or the role of the OAuth client.
        Kind::NotFound | Kind::UnknownCampaign => Kind::Refused,
        Kind::Rejected if code == "dnc.source.operation.not.supported" => Kind::Refused,
        Kind::Rejected if code.starts_with("dnc.") && code.ends_with(".limit.exceeded") => {
            Kind::Full { after: CLOSED }
        }
        // This says nothing about an entry (docs/genesys-cloud.md "Answers and errors").
        Kind::Conflict => Kind::Unavailable,
        kind => kind,
    };
    Failure { kind, ..failure }
}
