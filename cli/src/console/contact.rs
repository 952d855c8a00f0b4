//! The pages of one contact: why it is not called, what Genesys Cloud holds of it, and its story.
//!
//! The contact key comes in the body of a POST and is kept in memory. The address of a result holds
//! only a number, so that no key is in a URL.
//!
//! This file takes requests and keeps results. It does not decide why a contact is not called
//! (`crate::contact::why`) and renders no HTML (`view`).

mod view;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use io::Clock;
use jiff::{SignedDuration, Timestamp};
use maud::Markup;

use super::fields::Fields;
use super::page::{self, Place};
use super::{App, note};
use crate::contact::look::{ContactId, Looked, NotSeen, ParkedOf, look};
use crate::contact::show::of_group;
use crate::contact::story::ContactHistory;
use crate::{args, one_contact};

/// How many results are kept.
const KEPT: usize = 20;
/// How long a request waits for the look at a short dead-letter queue.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);
/// How far back the log may be searched: hours, and the label in the form.
const BACK: [(i64, &str); 4] = [
    (3, "3 hours"),
    (48, "2 days"),
    (168, "a week"),
    (336, "2 weeks"),
];

/// The result of one lookup.
pub(crate) struct Lookup {
    whom: ContactId,
    hours: i64,
    looked: Looked,
    /// A look at the dead-letter queue counts for this result if it began at this time or
    /// later.
    parked_from: Timestamp,
    at: Timestamp,
}

impl Lookup {
    /// The parked changes of the contact, and when the queue was seen. It may be known later than
    /// the rest.
    fn parked(&self, app: &App) -> (ParkedOf, Option<Timestamp>) {
        match app.desk.seen_from(self.parked_from) {
            Ok(seen) => {
                let all = seen.all.iter().map(Arc::as_ref);
                (Ok(of_group(all, &self.looked.group)), Some(seen.began))
            }
            Err(why) => (Err(why), None),
        }
    }
}

/// The names of wrong fields, each with what is wrong with it.
pub(crate) type Wrong = Vec<(&'static str, String)>;

/// The newest results.
#[derive(Default)]
pub(crate) struct Lookups(Mutex<Lately>);

#[derive(Default)]
struct Lately {
    last: u64,
    /// The newest result is the last.
    found: VecDeque<(u64, Arc<Lookup>)>,
}

impl Lookups {
    fn keep(&self, found: Lookup) -> u64 {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lately.last += 1;
        let id = lately.last;
        if lately.found.len() >= KEPT {
            lately.found.pop_front();
        }
        lately.found.push_back((id, Arc::new(found)));
        id
    }

    fn find(&self, id: u64) -> Option<Arc<Lookup>> {
        let lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lately.found.iter().find(|(of, _)| *of == id);
        found.map(|(_, found)| Arc::clone(found))
    }
}

/// The form that asks for a contact.
pub(crate) async fn form(State(app): State<Arc<App>>) -> Response {
    let content = view::form(&app, &view::FormValues::default());
    std::future::ready(page::page(&app, Place::Contact, &content)).await
}

/// Looks up the contact that the form names.
pub(crate) async fn look_up(
    State(app): State<Arc<App>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    match found_of(&app, &fields).await {
        Ok(found) => {
            let location = format!("/contact/{}", app.lookups.keep(found));
            match HeaderValue::from_str(&location) {
                Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
        Err(wrong) => {
            let content = view::form(&app, &view::FormValues::of(&fields, wrong));
            let page = page::page(&app, Place::Contact, &content);
            (StatusCode::BAD_REQUEST, page).into_response()
        }
    }
}

/// The page of one result.
pub(crate) async fn found(State(app): State<Arc<App>>, Path(id): Path<u64>, uri: Uri) -> Response {
    let content = match app.lookups.find(id) {
        Some(found) => view::found(&app, id, &found, page_of(&uri)),
        None => maud::html! {
            (page::trouble("This result is no longer kept: look the contact up again."))
            (view::form(&app, &view::FormValues::default()))
        },
    };
    std::future::ready(page::page(&app, Place::Contact, &content)).await
}

/// The part that says why the contact is not called, once it is known what is parked.
pub(crate) async fn why_part(State(app): State<Arc<App>>, Path(id): Path<u64>) -> Response {
    part(&app, id, view::why_part)
}

/// The part that says which of its changes wait, once it is known what is parked.
pub(crate) async fn waits_part(State(app): State<Arc<App>>, Path(id): Path<u64>) -> Response {
    part(&app, id, view::waits_part)
}

fn part(app: &App, id: u64, shown: impl Fn(&Lookup, &view::Waits) -> Markup) -> Response {
    match app.lookups.find(id) {
        Some(found) => page::html(shown(&found, &view::Waits::of(app, &found))),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The page of the story, from 1. `None` means the last page.
fn page_of(uri: &Uri) -> Option<usize> {
    let query = uri.query()?;
    query.strip_prefix("page=")?.parse().ok()
}

/// The contact that the form names.
fn whom(fields: &Fields) -> Result<ContactId, Wrong> {
    let text = |name| fields.text(name).unwrap_or_default();
    let org = args::org(text("org")).map_err(|expected| format!("Org: {expected}."));
    let campaign =
        args::campaign(text("campaign")).map_err(|expected| format!("Campaign: {expected}."));
    // The key is taken unchanged. White space may be part of it, and the message about it says
    // so.
    let key = one_contact::key(fields.whole("key").unwrap_or_default());
    match (org, campaign, key) {
        (Ok(org), Ok(campaign), Ok(key)) => Ok(ContactId { org, campaign, key }),
        (org, campaign, key) => {
            let key = key.map_err(|why| format!("The {why}."));
            let all = [
                ("org", org.err()),
                ("campaign", campaign.err()),
                ("key", key.err()),
            ];
            let wrong = all.into_iter();
            Err(wrong
                .filter_map(|(name, wrong)| Some((name, wrong?)))
                .collect())
        }
    }
}

async fn found_of(app: &App, fields: &Fields) -> Result<Lookup, Wrong> {
    let whom = whom(fields)?;
    let hours = fields.text("hours").and_then(|hours| hours.parse().ok());
    let hours = hours
        .filter(|hours| BACK.iter().any(|(of, _)| of == hours))
        .unwrap_or(48);
    note(&format!("looks at contact {}", whom.group().as_str()));
    // A look at a long queue takes long, so a recent one is not repeated for each contact.
    let mut parked_from = app.desk.good_from();
    // If a look is needed, it begins at once, beside the other lookups.
    let _ = app.desk.seen_from(parked_from);
    let now = Clock::system().now();
    let since = now - SignedDuration::from_hours(hours);
    let of = (&app.config, &app.sdk, &app.https);
    let looked = look(of, &app.logs, &whom, (now, since)).await;
    // The log says when a change was parked. Only a look that began after that can see it.
    let parked_at = looked
        .story
        .as_ref()
        .ok()
        .and_then(ContactHistory::parked_at);
    if let Some(parked_at) = parked_at.filter(|at| *at > parked_from) {
        parked_from = parked_at.min(Clock::system().now());
    }
    if matches!(app.desk.seen_from(parked_from), Err(NotSeen::Yet)) {
        app.desk.settle(LOOK_PATIENCE).await;
    }
    Ok(Lookup {
        whom,
        hours,
        looked,
        parked_from,
        at: now,
    })
}
