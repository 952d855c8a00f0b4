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

use super::fields::Fields;
use super::page::{self, Place};
use super::parked::What;
use super::{App, note};
use crate::contact::look::{Looked, Whom, look};
use crate::contact::show::of_group;
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
    /// When the dead-letter queue was seen so.
    parked_at: Option<Timestamp>,
    at: Timestamp,
}

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
        Err(why) => {
            let content = maud::html! {
                (page::trouble(&why))
                (view::form(&app, &view::Asked::of(&fields)))
            };
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

/// From 1; none: the last.
fn page_of(uri: &Uri) -> Option<usize> {
    let query = uri.query()?;
    query.strip_prefix("page=")?.parse().ok()
}

async fn found_of(app: &App, fields: &Fields) -> Result<Found, String> {
    let text = |name| fields.text(name).unwrap_or_default();
    let whom = Whom {
        org: args::org(text("org")).map_err(|expected| format!("Org: {expected}."))?,
        campaign: args::campaign(text("campaign"))
            .map_err(|expected| format!("Campaign: {expected}."))?,
        // To the letter: white space may be part of it, and is then told to be wrong.
        key: one_contact::key(fields.whole("key").unwrap_or_default())?,
    };
    let hours = fields.text("hours").and_then(|hours| hours.parse().ok());
    let hours = hours
        .filter(|hours| BACK.iter().any(|(of, _)| of == hours))
        .unwrap_or(48);
    note(&format!("looks at contact {}", whom.group().as_str()));
    // What was seen before may be old. Where it takes long what was seen last is shown, with its age.
    app.desk.begin(What::Look);
    let now = Clock::system().now();
    let since = now - SignedDuration::from_hours(hours);
    let of = (&app.config, &app.sdk, &app.https);
    let mut looked = look(of, &app.logs, &whom, (now, since)).await?;
    app.desk.settle(A_WHILE).await;
    let seen = app.desk.seen();
    looked.parked = match &seen {
        Some(seen) => Ok(of_group(&seen.all, &looked.group)),
        None => Err(
            "The dead-letter queue is still being looked at: look again in a moment.".to_owned(),
        ),
    };
    Ok(Found {
        whom,
        hours,
        looked,
        parked_at: seen.map(|seen| seen.at),
        at: now,
    })
}
