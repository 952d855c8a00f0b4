//! Renders the work on the dead-letter queue that is under way, or the last one.
//!
//! The work itself is done by `desk`.

use io::Clock;
use maud::{Markup, html};
use serde_json::Value;

use super::desk::{Again, DryRun, Work, WorkKind};
use crate::console::App;
use crate::console::page::{self, ago};
use crate::dlq::parked;
use crate::table::{counted, number};

/// The part of the page that asks for itself again while work is under way.
pub(crate) fn panel(app: &App) -> Markup {
    html! {
        section.work aria-label="Work on the dead-letter queue" aria-live="polite" data-refresh="/parked/work" {
            (inner(app))
        }
    }
}

/// The content of that part.
pub(crate) fn inner(app: &App) -> Markup {
    let now = Clock::system().now();
    let seen = app.desk.seen();
    html! {
        @if let Some(work) = app.desk.work() {
            @match &work.end {
                None => (under_way(&work)),
                Some(Err(why)) => (page::trouble(why)),
                Some(Ok(said)) => (over(app, &work, said)),
            }
        }
        div.asof {
            @if let Some(seen) = seen {
                p data-changes=(seen.at) {
                    "Seen " (ago(Some(seen.at), now)) ": " strong { (counted(seen.all.len() as u64, "parked change")) } "."
                    @if seen.hidden > 0 {
                        " About " (number(seen.hidden)) " more cannot be seen now: behind ten others of the same message group, or looked at by somebody."
                    }
                }
            } @else { p { "Not seen yet." } }
            @if !app.desk.is_busy() {
                form method="post" action="/parked/look" { (page::token(app)) button.quiet { "Look again" } }
            }
        }
    }
}

fn under_way(work: &Work) -> Markup {
    let what = match &work.what {
        WorkKind::Look => "Looking at the dead-letter queue".to_owned(),
        WorkKind::Try(again) => format!("Dry run of {}", meant(again)),
        WorkKind::Redrive(again) => format!(
            "Sending again {}, at most {} a second",
            meant(again),
            again.rate
        ),
        WorkKind::Drop(_) => "Deleting one".to_owned(),
    };
    html! {
        p.note data-busy="1" {
            span.spin aria-hidden="true" {}
            (what) ": " (number(work.looked_at())) " looked at in "
            (Clock::system().now().duration_since(work.began).as_secs()) " s. Others do not see these messages for two minutes at most."
        }
    }
}

fn over(app: &App, work: &Work, said: &str) -> Markup {
    html! {
        @match &work.what {
            WorkKind::Look => {},
            WorkKind::Drop(_) => p.note.good { (said) },
            WorkKind::Redrive(again) => div.note.good {
                p { strong { "Sent again: " (meant(again)) } }
                (lines(said))
            },
            WorkKind::Try(again) => div.note {
                p { strong { "A dry run of " (meant(again)) } ": nothing was sent." }
                (lines(said))
                @if let Some(tried) = app.desk.tried() { (go(app, &tried)) }
            },
        }
    }
}

fn lines(said: &str) -> Markup {
    html! { ul.said { @for line in said.lines() { li { (line) } } } }
}

/// The button that sends what the dry run named, and nothing that was parked later.
fn go(app: &App, tried: &DryRun) -> Markup {
    html! {
        @if app.is_read_only {
            p { "This console alters nothing: begin it without --read-only to send." }
        } @else {
            form method="post" action="/parked/redrive" {
                (page::token(app))
                input type="hidden" name="tried" value=(tried.number);
                button { "Send again for good" }
            }
        }
    }
}

/// The chosen changes, in words.
pub(crate) fn meant(again: &Again) -> String {
    let which = &again.which;
    let mut words = Vec::new();
    if !which.ids.is_empty() {
        words.push(counted(which.ids.len() as u64, "chosen change"));
    }
    if !which.reasons.is_empty() {
        words.push(format!("what is parked as {}", which.reasons.join(", ")));
    }
    words.extend(which.org.iter().map(|org| format!("of org {org}")));
    words.extend(
        which
            .source
            .iter()
            .map(|source| format!("of source {source}")),
    );
    let unranked = if again.unranked {
        ", those without a rank too"
    } else {
        ""
    };
    match words.is_empty() {
        true => format!("all that is parked{unranked}"),
        false => format!("{}{unranked}", words.join(" ")),
    }
}

/// An id that may be logged. It came from the page, so anything else is replaced.
pub(crate) fn plain(id: &str) -> String {
    let shown = parked::plain(&Value::from(id));
    shown.as_str().unwrap_or_default().to_owned()
}
