//! The pages of the parked changes: list, show, redrive and drop, by the code of `campaign-sync
//! dlq`.
//!
//! This file takes the requests. The work on the queue is done by `desk`, one piece at a time.
//! `rows` and `item` render what was seen, and `work` renders how far the work is.

mod desk;
mod filter;
mod item;
mod reasons;
mod rows;
mod work;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use io::Clock;
use jiff::SignedDuration;
use maud::html;

use super::fields::Fields;
use super::page::{self, Place};
use super::{App, note};
pub(crate) use desk::{Again, Desk, WorkKind};
use filter::Filter;

/// The label of the box that also sends changes without a rank.
const UNRANKED_BOX: &str = "also without a rank";

/// How long a page waits for its content before it shows that it waits.
const MOMENT: Duration = Duration::from_millis(200);
/// How long a page waits for the look at a few parked changes.
const LOOK_PATIENCE: Duration = Duration::from_millis(800);

/// A page that is opened looks anew if the last look is older than this.
const STALE: SignedDuration = SignedDuration::from_mins(1);

/// The table.
pub(crate) async fn table(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let now = Clock::system().now();
    let seen = app.desk.seen();
    let is_old = seen.is_none_or(|seen| now.duration_since(seen.at) > STALE);
    if is_old && app.desk.begin(WorkKind::Look) {
        app.desk.settle(LOOK_PATIENCE).await;
    }
    let filter = Filter::of_address(&uri);
    if let Some(why) = filter.why_not() {
        return refused(&app, &why);
    }
    let content = html! {
        (work::panel(&app))
        (rows::table(&app, &filter))
    };
    page::page(&app, Place::Parked, &content)
}

/// The state of the current work. The page asks for it again and again.
pub(crate) async fn work(State(app): State<Arc<App>>) -> Response {
    std::future::ready(page::html(work::inner(&app))).await
}

/// Begins a new look at the queue.
pub(crate) async fn look(State(app): State<Arc<App>>) -> Response {
    begin(&app, WorkKind::Look).await
}

/// Begins a dry run, which says what a redrive would send.
pub(crate) async fn try_out(
    State(app): State<Arc<App>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    match again(&fields) {
        Ok(again) => begin(&app, WorkKind::Try(again)).await,
        Err(why) => refused(&app, &why),
    }
}

/// Sends what the dry run named. A change that was parked after the dry run is not sent.
pub(crate) async fn redrive(
    State(app): State<Arc<App>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let number = fields.text("tried").and_then(|number| number.parse().ok());
    if app.desk.is_busy() {
        return to("/parked");
    }
    match number.and_then(|number| app.desk.take_tried(number)) {
        Some(again) => begin(&app, WorkKind::Redrive(again)).await,
        None => refused(
            &app,
            "This dry run was sent already, or is not the last one: make another. Nothing was sent.",
        ),
    }
}

/// Deletes one parked change for good.
pub(crate) async fn drop(
    State(app): State<Arc<App>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let Some(id) = fields.text("id") else {
        return refused(&app, "Nothing was chosen.");
    };
    if fields.text("typed") != Some(item::to_type(id)) {
        return refused(
            &app,
            "What was typed is not the beginning of its id: nothing was deleted.",
        );
    }
    begin(&app, WorkKind::Drop(id.to_owned())).await
}

/// One parked change, without personal data.
pub(crate) async fn item(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    std::future::ready(one(&app, &id, false)).await
}

/// One parked change, unchanged. The terminal records that the operator saw it.
pub(crate) async fn reveal(
    State(app): State<Arc<App>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let id = fields.text("id").unwrap_or_default();
    std::future::ready(one(&app, id, true)).await
}

fn one(app: &App, id: &str, reveal: bool) -> Response {
    let (status, content) = match item::shown(app, id, reveal) {
        Some(content) => (StatusCode::OK, content),
        None => (StatusCode::NOT_FOUND, item::gone()),
    };
    (status, page::page(app, Place::Parked, &content)).into_response()
}

/// Reads which changes to redrive, how fast, and whether to include those without a rank.
fn again(fields: &Fields) -> Result<Again, String> {
    let mut filter = Filter::of_form(fields);
    if let Some(why) = filter.why_not() {
        return Err(why);
    }
    match fields.text("of") {
        Some("chosen") if filter.which.ids.is_empty() => {
            return Err("Nothing was chosen: tick what is to be sent again.".to_owned());
        }
        Some("chosen") => {}
        Some("all") => filter.which.ids.clear(),
        _ => return Err("Which changes: expected the chosen ones, or all.".to_owned()),
    }
    let rate = fields.text("rate").and_then(|rate| rate.parse().ok());
    let rate = rate.filter(|rate| (1..=100).contains(rate));
    Ok(Again {
        which: filter.which,
        rate: rate.ok_or("How fast: expected changes a second, from 1 to 100.")?,
        unranked: fields.has("unranked"),
    })
}

async fn begin(app: &App, what: WorkKind) -> Response {
    let told = match &what {
        WorkKind::Look | WorkKind::Try(_) => None,
        WorkKind::Redrive(again) => Some(format!("sends again {}", work::meant(again))),
        WorkKind::Drop(id) => Some(format!("deletes parked {}", work::plain(id))),
    };
    let location = match &what {
        WorkKind::Try(again) | WorkKind::Redrive(again) => Filter::of(&again.which).address(0),
        WorkKind::Look | WorkKind::Drop(_) => Filter::default().address(0),
    };
    if !app.desk.begin(what) {
        return refused(
            app,
            "Other work on the dead-letter queue is under way: wait until it ends.",
        );
    }
    told.iter().for_each(|told| note(told));
    app.desk.settle(MOMENT).await;
    to(&location)
}

fn to(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refused(app: &App, why: &str) -> Response {
    let content = html! {
        (page::trouble(why))
        p { a href="/parked" { "Back to what is parked" } }
    };
    (
        StatusCode::BAD_REQUEST,
        page::page(app, Place::Parked, &content),
    )
        .into_response()
}
