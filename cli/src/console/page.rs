//! The frame of every page, and the small parts that pages share.
//!
//! Pages themselves are in the modules beside this one.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::App;
use super::gate::FORM_TOKEN;
use crate::table;

/// A page of the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Pipeline,
    Contact,
    Parked,
    Sources,
    Local,
}

impl Place {
    const ALL: [Place; 5] = [
        Place::Pipeline,
        Place::Contact,
        Place::Parked,
        Place::Sources,
        Place::Local,
    ];

    fn name(self) -> &'static str {
        match self {
            Place::Pipeline => "Pipeline",
            Place::Contact => "A contact",
            Place::Parked => "Parked",
            Place::Sources => "Sources",
            Place::Local => "Try it",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Place::Pipeline => "/",
            Place::Contact => "/contact",
            Place::Parked => "/parked",
            Place::Sources => "/sources",
            Place::Local => "/local",
        }
    }
}

/// A whole page.
pub(crate) fn page(app: &App, place: Place, content: &Markup) -> Response {
    let whole = html! {
        (head(place.name()))
        body {
            a.skip href="#content" { "To the content" }
            header.top {
                p.product { "campaign-sync" span.stack { (app.stack) } }
                nav aria-label="Pages" {
                    ul {
                        @for one in Place::ALL.into_iter().filter(|one| *one != Place::Local || app.local.is_some()) {
                            li { a href=(one.path()) aria-current=[(one == place).then_some("page")] { (one.name()) } }
                        }
                    }
                }
                @if app.is_read_only { p.tag { "read only" } }
            }
            main #content tabindex="-1" { h1 { (place.name()) } (content) }
        }
    };
    html(html! { (DOCTYPE) html lang="en" { (whole) } })
}

/// A page without the navigation, for a request that may see no other page.
pub(crate) fn alone(title: &str, text: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body { main #content { h1 { (title) } p { (text) } } }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) " · campaign-sync" }
            link rel="icon" href="data:,";
            link rel="stylesheet" href="/console/console.css";
            script src="/console/console.js" defer {}
        }
    }
}

/// An answer that is HTML.
pub(crate) fn html(markup: Markup) -> Response {
    let mut response = markup.into_string().into_response();
    let of_html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, of_html);
    response
}

/// The hidden field that proves that a form belongs to this console.
pub(crate) fn token(app: &App) -> Markup {
    html! { input type="hidden" name=(FORM_TOKEN) value=(app.guard.form()); }
}

/// How long ago a time was, with the time to the second as its title.
pub(crate) fn ago(at: Option<Timestamp>, now: Timestamp) -> Markup {
    html! {
        @match at {
            Some(at) => time datetime=(second(at)) title=(second(at)) { (table::span(at, now)) " ago" },
            None => span { "not known" },
        }
    }
}

/// The time without fractions of a second.
pub(crate) fn second(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// An error, which a screen reader reads out at once.
pub(crate) fn trouble(text: &str) -> Markup {
    html! { p.note.bad role="alert" { (text) } }
}
