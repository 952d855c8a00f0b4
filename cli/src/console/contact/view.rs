//! What was found of a contact, as a page.

use io::Clock;
use maud::{Markup, html};

use super::{BACK, Found};
use crate::console::App;
use crate::console::fields::Fields;
use crate::console::page::{self, ago, second};
use crate::contact::show::holds;
use crate::contact::story::{Entry, Story};
use crate::contact::why::{Finding, Says, answer, why};
use crate::table::{counted, number};

/// Entries of a page.
const PAGE: usize = 100;

/// What the form holds already.
#[derive(Default)]
pub(crate) struct Asked {
    org: String,
    campaign: String,
    key: String,
    hours: Option<i64>,
}

impl Asked {
    pub(crate) fn of(fields: &Fields) -> Asked {
        let text = |name| fields.text(name).unwrap_or_default().to_owned();
        Asked {
            org: text("org"),
            campaign: text("campaign"),
            key: fields.whole("key").unwrap_or_default().to_owned(),
            hours: fields.text("hours").and_then(|hours| hours.parse().ok()),
        }
    }

    fn of_found(found: &Found) -> Asked {
        let whom = &found.whom;
        Asked {
            org: whom.org.as_str().to_owned(),
            campaign: whom.campaign.as_str().to_owned(),
            key: whom.key.as_str().to_owned(),
            hours: Some(found.hours),
        }
    }
}

/// Whom to look for.
pub(crate) fn form(app: &App, asked: &Asked) -> Markup {
    let mut orgs: Vec<_> = app.known.iter().map(|(org, _)| org).collect();
    orgs.dedup();
    let hours = asked.hours.unwrap_or(48);
    html! {
        form.ask method="post" action="/contact" autocomplete="off" {
            (page::token(app))
            label { "Org" input type="text" name="org" value=(asked.org) list="orgs" required spellcheck="false" autocapitalize="none"; }
            label { "Campaign" input.long type="text" name="campaign" value=(asked.campaign) list="campaigns" required spellcheck="false" autocapitalize="none"; }
            label { "Contact key" input type="text" name="key" value=(asked.key) required spellcheck="false" autocapitalize="none"; }
            label { "Log of the last"
                select name="hours" {
                    @for (of, name) in BACK { option value=(of) selected[of == hours] { (name) } }
                }
            }
            button { "Look" }
            datalist #orgs { @for org in orgs { option value=(org) {} } }
            datalist #campaigns { @for (_, campaign) in &app.known { option value=(campaign) {} } }
        }
        p.hint { "The key stays in this page and in memory: the log knows the contact by a hash. That you look is told in the terminal, by that hash." }
    }
}

/// All that was found. `page`: of its story, from 1; none: the last.
pub(crate) fn found(app: &App, id: u64, found: &Found, page: Option<usize>) -> Markup {
    let all = why(&found.looked);
    let is_stopped = all.iter().any(|one| one.says == Says::Stops);
    let kind = match (is_stopped, all.iter().any(|one| one.says == Says::May)) {
        (true, _) => "note bad",
        (false, true) => "note wait",
        (false, false) => "note good",
    };
    html! {
        (form(app, &Asked::of_found(found)))
        p.hint { "Looked at " (ago(Some(found.at), Clock::system().now())) ", message group " code { (found.looked.group) } }
        h2 #why { "Why is this contact not called?" }
        div class=(kind) { p { strong { (answer(&all)) } } }
        (reasons(&all))
        div.columns {
            section aria-labelledby="now" { h2 #now { "What Genesys Cloud has now" } (now(found)) }
            section aria-labelledby="waits" { h2 #waits { "What waits of it" } (waits(found)) }
        }
        h2 #story { "Its story" }
        (story(id, found, page))
    }
}

fn reasons(all: &[Finding]) -> Markup {
    let tag = |says: Says| match says {
        Says::Stops => "tag bad",
        Says::May => "tag wait",
        Says::Passes => "tag good",
    };
    html! {
        dl.facts.why {
            @for one in all {
                div {
                    dt { span class=(tag(one.says)) { (one.says.as_str()) } " " (one.what) }
                    dd { (one.words) }
                }
            }
        }
    }
}

fn now(found: &Found) -> Markup {
    match &found.looked.contact {
        Err(error) => page::trouble(error),
        Ok(None) => html! { p.empty { "There is no such contact, or it cannot be read yet." } },
        Ok(Some(contact)) => html! {
            dl.facts {
                @for (name, value) in holds(&found.looked) { div { dt { (name) } dd { (value) } } }
                @let rank = contact.version.rank.map_or_else(|| "none".to_owned(), |rank| rank.to_string());
                div { dt { "rank of the columns" } dd { (rank) } }
            }
        },
    }
}

fn waits(found: &Found) -> Markup {
    let last = found
        .looked
        .story
        .as_ref()
        .ok()
        .and_then(|story| story.entries.last());
    html! {
        @match last.filter(|last| !last.is_end()) {
            Some(last) => p.note.wait { "In the queue: at " (second(last.at)) " it " (last.words()) "." },
            None => p { "In the queue: nothing that the log tells of. SQS lets nobody look into a queue without taking from it." },
        }
        @match &found.looked.parked {
            Err(error) => (page::trouble(error)),
            Ok(parked) if parked.is_empty() => p { "Parked: nothing, as seen " (ago(found.parked_at, Clock::system().now())) "." },
            Ok(parked) => ul.said {
                @for one in parked {
                    li { a href={ "/parked/item/" (one.id) } { "Parked as " code { (one.reason) } } " " (ago(one.at, found.at)) " before: " (one.detail) }
                }
            },
        }
    }
}

fn story(id: u64, found: &Found, page: Option<usize>) -> Markup {
    let story = match &found.looked.story {
        Ok(story) => story,
        Err(error) => {
            return page::trouble(&format!("What became of its changes is not known: {error}"));
        }
    };
    if story.entries.is_empty() {
        return html! { p.empty { "The log tells of no change of it since " (second(found.looked.since)) "." } };
    }
    entries(id, story, page)
}

fn entries(id: u64, story: &Story, page: Option<usize>) -> Markup {
    let pages = story.entries.len().div_ceil(PAGE);
    let page = page.unwrap_or(pages).clamp(1, pages);
    let shown = story.entries.iter().skip((page - 1) * PAGE).take(PAGE);
    html! {
        @if let Some(why) = story.cut { p.note.wait { "Not all: " (why) "." } }
        p { (counted(story.entries.len() as u64, "entry").replace("entrys", "entries")) ", the oldest first, by the log of apply." }
        div.scroll tabindex="0" role="region" aria-labelledby="story" {
            table.story {
                thead { tr { th scope="col" { "At" } th scope="col" { "Event" } th scope="col" { "What became of it" } th scope="col" { "Correlation id" } } }
                tbody { @for entry in shown { (row(entry)) } }
            }
        }
        @if pages > 1 {
            nav.pager aria-label="Pages of the story" {
                @if page > 1 { a href={ "/contact/" (id) "?page=" (page - 1) } rel="prev" { "← older" } }
                span { "page " (number(page as u64)) " of " (number(pages as u64)) }
                @if page < pages { a href={ "/contact/" (id) "?page=" (page + 1) } rel="next" { "newer →" } }
            }
        }
    }
}

fn row(entry: &Entry) -> Markup {
    let tag = match (entry.what, entry.how.as_str()) {
        ("parked", _) => "tag bad",
        ("retried", _) => "tag wait",
        ("done", "created" | "updated") => "tag good",
        _ => "tag",
    };
    html! {
        tr {
            td.when { time datetime=(entry.at) { (second(entry.at)) } }
            td.id { (entry.event_id.as_deref().unwrap_or("-")) }
            td.detail { span class=(tag) { (entry.what) } " " (entry.words()) }
            td.id { (entry.correlation_id.as_deref().unwrap_or("-")) }
        }
    }
}
