//! The page that only the embedded parts have: it makes them fail, and shows what happens.
//!
//! The page deals with the trait `Local`. `crate::local::serve` implements it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use maud::{Markup, html};

use super::App;
use super::fields::Fields;
use super::page::{self, Place};

/// An action on the embedded parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The made-up CRM changes a contact, updates its feed, and sends a webhook in the form of
    /// this vendor's preset.
    Change(Option<String>),
    /// This many of the next calls of Genesys Cloud fail in this way.
    Fail(Failing, u64),
    /// Calls fail no more.
    Heal,
    /// From now on webhooks are lost on their way (`true`) or arrive (`false`).
    Drop(bool),
    /// Reconcile compares all campaigns with the CRM's feed.
    Reconcile,
}

/// The way in which calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    Unavailable,
    Throttled,
    Slow,
    Lost,
}

impl Failing {
    const ALL: [(Failing, &str, &str); 4] = [
        (Failing::Unavailable, "503", "answer 503"),
        (Failing::Throttled, "429", "answer 429, retry after 5 s"),
        (Failing::Slow, "slow", "come 3 s late"),
        (Failing::Lost, "lost", "are done, and the answer is lost"),
    ];
}

/// The embedded parts, as the page sees them.
pub(crate) trait Local: Send + Sync {
    /// Does the action and returns a sentence about its result.
    fn act(&self, deed: Action) -> BoxFuture<'_, Result<String, String>>;
    /// The presets that have a sender, each with the sender's name.
    fn senders(&self) -> Vec<(&'static str, &'static str)>;
    /// Whether webhooks are lost now.
    fn drops(&self) -> bool;
    /// The events so far, the newest first, without personal data.
    fn lines(&self) -> Vec<String>;
}

/// The page.
pub(crate) async fn show(State(app): State<Arc<App>>) -> Response {
    std::future::ready(page::page(&app, Place::Local, &whole(&app, None))).await
}

/// The part of the page that refreshes itself.
pub(crate) async fn part(State(app): State<Arc<App>>) -> Response {
    std::future::ready(page::html(lines(&app))).await
}

/// Does the action of a button.
pub(crate) async fn act(
    State(app): State<Arc<App>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let Some(local) = &app.local else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let said = match deed(&fields) {
        Some(deed) => local.act(deed).await,
        None => Err("The request names no action of this page.".to_owned()),
    };
    page::page(&app, Place::Local, &whole(&app, Some(&said)))
}

fn deed(fields: &Fields) -> Option<Action> {
    Some(match fields.text("deed")? {
        "change" => Action::Change(fields.text("sender").map(str::to_owned)),
        "fail" => {
            let how = fields.text("how")?;
            let (failing, ..) = Failing::ALL.into_iter().find(|(_, name, _)| *name == how)?;
            let times = fields.text("times")?.parse().ok()?;
            Action::Fail(failing, (1..=1_000).contains(&times).then_some(times)?)
        }
        "heal" => Action::Heal,
        "drop" => Action::Drop(true),
        "deliver" => Action::Drop(false),
        "reconcile" => Action::Reconcile,
        _ => return None,
    })
}

fn whole(app: &App, said: Option<&Result<String, String>>) -> Markup {
    html! {
        @match said {
            None => {},
            Some(Ok(said)) => p.note.good role="status" { (said) },
            Some(Err(why)) => (page::trouble(why)),
        }
        @if let Some(local) = &app.local { (buttons(app, &**local)) }
        h2 #lines { "What happens" }
        section #happens data-refresh="/local/lines" data-every="1000" aria-labelledby="lines" { (lines(app)) }
    }
}

fn buttons(app: &App, local: &dyn Local) -> Markup {
    let form = |inner: &Markup| html! { form method="post" action="/local" { (page::token(app)) (inner) } };
    let deed = |name: &str, label: &str| {
        form(&html! { button.quiet name="deed" value=(name) { (label) } })
    };
    html! {
        div.columns {
            fieldset {
                legend { "The CRM" }
                (form(&html! { button name="deed" value="change" { "Change a contact" } }))
                (form(&html! {
                    label { "as"
                        select name="sender" { @for (name, what) in local.senders() { option value=(name) { (what) } } }
                    }
                    " " button.quiet name="deed" value="change" { "Send" }
                }))
                @if local.drops() {
                    p.note.wait { "Webhooks get lost on their way." }
                    (deed("deliver", "Let them through again"))
                } @else { (deed("drop", "Let webhooks get lost")) }
            }
            fieldset {
                legend { "Genesys Cloud" }
                (form(&html! {
                    label { "The next" input type="number" name="times" min="1" max="1000" value="20" required; "calls" }
                    " " label { span.hidden { "How they fail" }
                        select name="how" { @for (_, name, what) in Failing::ALL { option value=(name) { (what) } } }
                    }
                    " " button name="deed" value="fail" { "Make them fail" }
                }))
                (deed("heal", "Let all be well"))
            }
            fieldset {
                legend { "Reconcile" }
                p.hint { "Compares every campaign with what the CRM says now, and enqueues what differs." }
                (deed("reconcile", "Run it"))
            }
        }
    }
}

fn lines(app: &App) -> Markup {
    let lines = app
        .local
        .as_ref()
        .map(|local| local.lines())
        .unwrap_or_default();
    html! {
        @if lines.is_empty() { p.empty { "Nothing yet: let the CRM change a contact." } }
        @else { pre tabindex="0" { @for line in lines { (line) "\n" } } }
    }
}
