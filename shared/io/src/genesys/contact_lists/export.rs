//! Reads a whole contact list by one download (docs/genesys-cloud.md "Export of a contact list").
//! It takes a handful of calls, however many contacts the list has, and memory for an index only.
//!
//! This module asks for an export and waits for it. `download` fetches its file, `rows` reads the
//! rows as they arrive, and `layout` says which cell of a row holds what. A [`Snapshot`] then finds
//! contacts. It writes no contact. Reconcile decides when an export is worth its calls.

mod download;
mod layout;
mod rows;
mod snapshot;

pub use snapshot::{Shown, Snapshot, Unlisted};

use std::time::Duration;

use bytes::Bytes;
use domain::failure::{Failure, Kind};
use http::{HeaderMap, Method, header};
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;

use super::{ContactList, List, parse};
use crate::genesys::call::{Call, Effect};
use crate::genesys::predictive::SEGMENT;
use crate::genesys::wire;

const EXPORT: &str = "POST contact list export";
const GET_EXPORT: &str = "GET contact list export";
const NOT_YET: &str = "no.available.list.export.uri";
const NO_LIST: &str = "contact.list.not.found";
/// The first wait before asking whether an export is ready. Each further wait is twice as long, up
/// to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How much older than the answer to its POST an export may seem, in addition to the time that the
/// POST took. The `Date` of the answer is in whole seconds.
const SLACK: Duration = Duration::from_secs(2);

/// Why there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoExport {
    /// The export was not ready in time.
    #[error("the export was not ready in time")]
    Late,
    /// A call failed.
    #[error("{0}")]
    Failed(Failure),
    /// The export is malformed, or there is no room for it. The text holds nothing of its content.
    #[error("the export of the contact list: {0}")]
    Malformed(String),
}

impl From<Failure> for NoExport {
    fn from(failure: Failure) -> NoExport {
        NoExport::Failed(failure)
    }
}

/// How long to wait for an export.
pub struct Patience<'a> {
    /// The latest time at which it may be ready.
    pub end: Option<Timestamp>,
    /// Whether the wait is asked to end now.
    pub is_asked_to_stop: &'a (dyn Fn() -> bool + Sync),
}

/// An export that is ready.
struct Ready {
    uri: String,
    at: Timestamp,
}

impl ContactList {
    /// The list as an export shows it. An export that is ready and no older than `due` is used.
    /// Otherwise a new one is asked for and waited for.
    ///
    /// # Errors
    /// [`NoExport`].
    pub async fn export(
        &self,
        due: Timestamp,
        patience: &Patience<'_>,
    ) -> Result<Snapshot, NoExport> {
        let mut list = self.list();
        let there = match self.exported(&list).await {
            Err(NoExport::Failed(failure)) if failure.code.as_deref() == Some(NO_LIST) => {
                self.look_again().await;
                list = self.list();
                self.exported(&list).await
            }
            there => there,
        }?;
        let ready = match there {
            Some(ready) if ready.at >= due => ready,
            there => {
                let before = there.map(|there| there.at);
                self.new_export(&list, before, patience).await?
            }
        };
        self.download(&list, &ready, patience).await
    }

    /// Asks for an export that is newer than the one that was there `before`, and waits for it.
    async fn new_export(
        &self,
        list: &List,
        before: Option<Timestamp>,
        patience: &Patience<'_>,
    ) -> Result<Ready, NoExport> {
        let clock = &self.org.shared.clock;
        let began = clock.now();
        let call = self.export_call(list, Method::POST, EXPORT);
        let answer = self.org.answer(&self.run, &call.as_call()).await?;
        let took = Duration::try_from(clock.now().duration_since(began)).unwrap_or_default();
        let asked_at = date(answer.headers()).map(|date| date - took - SLACK);
        // Both times are of the service's own clock. Until the new export is ready, the service may
        // answer with an older one.
        let is_asked_for = |ready: &Ready| {
            before.is_none_or(|before| ready.at > before)
                && asked_at.is_none_or(|asked_at| ready.at >= asked_at)
        };
        let mut wait = FIRST_WAIT;
        loop {
            let is_late = patience.end.is_some_and(|end| clock.now() + wait >= end);
            if is_late || (patience.is_asked_to_stop)() {
                return Err(NoExport::Late);
            }
            tokio::time::sleep(wait).await;
            if let Some(ready) = self.exported(list).await?.filter(is_asked_for) {
                return Ok(ready);
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// The newest export that is ready, if any.
    async fn exported(&self, list: &List) -> Result<Option<Ready>, NoExport> {
        let call = self.export_call(list, Method::GET, GET_EXPORT);
        let body = match self.org.call(&self.run, &call.as_call()).await {
            Err(failure) if failure.code.as_deref() == Some(NOT_YET) => return Ok(None),
            // A 400 is reported to mean the same at times.
            Err(failure) if failure.kind == Kind::Rejected => return Ok(None),
            body => body?,
        };
        let uri = parse::<wire::ExportUri>(&body, GET_EXPORT)?;
        let at = uri.export_timestamp.and_then(|at| at.parse().ok());
        match (uri.uri, at) {
            (Some(uri), Some(at)) => Ok(Some(Ready { uri, at })),
            _ => Err(NoExport::Malformed(
                "expected its address and its time".to_owned(),
            )),
        }
    }

    fn export_call(&self, list: &List, method: Method, what: &'static str) -> OwnedCall {
        OwnedCall {
            method,
            path: format!(
                "/api/v2/outbound/contactlists/{}/export",
                utf8_percent_encode(&list.id, SEGMENT)
            ),
            what,
        }
    }
}

/// A call that writes no contact and is about no single campaign. If it is refused, all other calls
/// may still be allowed.
struct OwnedCall {
    method: Method,
    path: String,
    what: &'static str,
}

impl OwnedCall {
    fn as_call(&self) -> Call<'_> {
        Call {
            method: self.method.clone(),
            path: &self.path,
            body: Bytes::new(),
            effect: Effect::Read,
            campaign: None,
            what: self.what,
        }
    }
}

/// The time of the service's clock, from the header `Date`.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp())
}
