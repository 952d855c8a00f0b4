//! A contact: why it is not called, what Genesys Cloud has of it, and its story.
//!
//! Its key comes in the body of a POST and is kept in memory; the address of what was found has a number
//! alone.

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
use crate::contact::look::{Looked, NotSeen, ParkedOf, Whom, look};
use crate::contact::show::of_group;
use crate::contact::story::Story;
use crate::{args, one_contact};

/// How many of what was found are kept.
const KEPT: usize = 20;
/// In which a short dead-letter queue is looked at.
const A_WHILE: Duration = Duration::from_secs(2);
/// How far back the log may be searched, in hours, and how that is called.
const BACK: [(i64, &str); 4] = [
    (3, "3 hours"),
    (48, "2 days"),
    (168, "a week"),
    (336, "2 weeks"),
];

/// What was found of a contact.
pub(crate) struct Found {
    whom: Whom,
    hours: i64,
    looked: Looked,
    /// From when on a look at the dead-letter queue tells what is parked of it.
    parked_from: Timestamp,
    at: Timestamp,
}

impl Found {
    /// What is parked of it, and since when nobody looked again. It may be seen only later than the rest.
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

/// What is wrong with a field, by its name.
pub(crate) type Wrong = Vec<(&'static str, String)>;

/// What was found lately.
#[derive(Default)]
pub(crate) struct Lookups(Mutex<Lately>);

#[derive(Default)]
struct Lately {
    last: u64,
    /// The newest last.
    found: VecDeque<(u64, Arc<Found>)>,
}

impl Lookups {
    fn keep(&self, found: Found) -> u64 {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lately.last += 1;
        let id = lately.last;
        if lately.found.len() >= KEPT {
            lately.found.pop_front();
        }
        lately.found.push_back((id, Arc::new(found)));
        id
    }

    fn find(&self, id: u64) -> Option<Arc<Found>> {
        let lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lately.found.iter().find(|(of, _)| *of == id);
        found.map(|(_, found)| Arc::clone(found))
    }
}

/// Whom to look for.
pub(crate) async fn form(State(app): State<Arc<App>>) -> Response {
    let content = view::form(&app, &view::Asked::default());
    std::future::ready(page::page(&app, Place::Contact, &content)).await
}

/// Looks for whom the form names.
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
            let content = view::form(&app, &view::Asked::of(&fields, wrong));
            let page = page::page(&app, Place::Contact, &content);
            (StatusCode::BAD_REQUEST, page).into_response()
        }
    }
}

/// What was found.
pub(crate) async fn found(State(app): State<Arc<App>>, Path(id): Path<u64>, uri: Uri) -> Response {
    let content = match app.lookups.find(id) {
        Some(found) => view::found(&app, id, &found, page_of(&uri)),
        None => maud::html! {
            (page::trouble("This was found some time ago, and is forgotten: look again."))
            (view::form(&app, &view::Asked::default()))
        },
    };
    std::future::ready(page::page(&app, Place::Contact, &content)).await
}

/// Why it is not called, once it is known what is parked.
pub(crate) async fn why_part(State(app): State<Arc<App>>, Path(id): Path<u64>) -> Response {
    part(&app, id, view::why_part)
}

/// The same of what waits of it.
pub(crate) async fn waits_part(State(app): State<Arc<App>>, Path(id): Path<u64>) -> Response {
    part(&app, id, view::waits_part)
}

fn part(app: &App, id: u64, shown: impl Fn(&Found, &view::Waits) -> Markup) -> Response {
    match app.lookups.find(id) {
        Some(found) => page::html(shown(&found, &view::Waits::of(app, &found))),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// From 1; none: the last.
fn page_of(uri: &Uri) -> Option<usize> {
    let query = uri.query()?;
    query.strip_prefix("page=")?.parse().ok()
}

/// Whom the form names.
fn whom(fields: &Fields) -> Result<Whom, Wrong> {
    let text = |name| fields.text(name).unwrap_or_default();
    let org = args::org(text("org")).map_err(|expected| format!("Org: {expected}."));
    let campaign =
        args::campaign(text("campaign")).map_err(|expected| format!("Campaign: {expected}."));
    // To the letter: white space may be part of it, and is then told to be wrong.
    let key = one_contact::key(fields.whole("key").unwrap_or_default());
    match (org, campaign, key) {
        (Ok(org), Ok(campaign), Ok(key)) => Ok(Whom { org, campaign, key }),
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

async fn found_of(app: &App, fields: &Fields) -> Result<Found, Wrong> {
    let whom = whom(fields)?;
    let hours = fields.text("hours").and_then(|hours| hours.parse().ok());
    let hours = hours
        .filter(|hours| BACK.iter().any(|(of, _)| of == hours))
        .unwrap_or(48);
    note(&format!("looks at contact {}", whom.group().as_str()));
    // To look at a long queue takes long: it is not begun anew for each contact.
    let mut parked_from = app.desk.good_from();
    // A look that is needed begins at once, beside the others.
    let _ = app.desk.seen_from(parked_from);
    let now = Clock::system().now();
    let since = now - SignedDuration::from_hours(hours);
    let of = (&app.config, &app.sdk, &app.https);
    let looked = look(of, &app.logs, &whom, (now, since)).await;
    // What the log tells to be parked since is seen by a new look alone.
    let parked_at = looked.story.as_ref().ok().and_then(Story::parked_at);
    if let Some(parked_at) = parked_at.filter(|at| *at > parked_from) {
        parked_from = parked_at.min(Clock::system().now());
    }
    if matches!(app.desk.seen_from(parked_from), Err(NotSeen::Yet)) {
        app.desk.settle(A_WHILE).await;
    }
    Ok(Found {
        whom,
        hours,
        looked,
        parked_from,
        at: now,
    })
}
