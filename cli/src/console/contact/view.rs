//! Renders a contact's pages: the form, the answer, what waits, and the story.
//!
//! Nothing is looked up or decided here: `super` finds the contact and `crate::contact::why`
//! explains it.

use io::Clock;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{BACK, Lookup, Wrong};
use crate::console::App;
use crate::console::fields::Fields;
use crate::console::page::{self, ago, second};
use crate::contact::look::{NotSeen, ParkedOf};
use crate::contact::show::holds;
use crate::contact::story::{ContactHistory, Entry, LONGEST};
use crate::contact::why::{Finding, Says, answer, why};
use crate::table::{counted, number};

/// The number of entries on one page.
const PAGE: usize = 100;
/// How often a finished part asks for itself again, in milliseconds.
const SELDOM: u64 = 60_000;

/// The values that the form shows when it is rendered.
#[derive(Default)]
pub(crate) struct FormValues {
    org: String,
    campaign: String,
    key: String,
    hours: Option<i64>,
    wrong: Wrong,
}

impl FormValues {
    pub(crate) fn of(fields: &Fields, wrong: Wrong) -> FormValues {
        let text = |name| fields.text(name).unwrap_or_default().to_owned();
        FormValues {
            org: text("org"),
            campaign: text("campaign"),
            key: fields.whole("key").unwrap_or_default().to_owned(),
            hours: fields.text("hours").and_then(|hours| hours.parse().ok()),
            wrong,
        }
    }

    /// The message about a wrong field.
    fn wrong(&self, name: &str) -> Option<&str> {
        let found = self.wrong.iter().find(|(of, _)| *of == name);
        found.map(|(_, wrong)| wrong.as_str())
    }

    fn of_found(found: &Lookup) -> FormValues {
        let whom = &found.whom;
        FormValues {
            org: whom.org.as_str().to_owned(),
            campaign: whom.campaign.as_str().to_owned(),
            key: whom.key.as_str().to_owned(),
            hours: Some(found.hours),
            wrong: Wrong::new(),
        }
    }
}

/// The form that asks for a contact.
pub(crate) fn form(app: &App, asked: &FormValues) -> Markup {
    let mut orgs: Vec<_> = app.known.iter().map(|(org, _)| org).collect();
    orgs.dedup();
    let hours = asked.hours.unwrap_or(48);
    html! {
        form.ask method="post" action="/contact" autocomplete="off" {
            (page::token(app))
            (field(asked, "Org", "org", &asked.org, Some("orgs")))
            (field(asked, "Campaign", "campaign", &asked.campaign, Some("campaigns")))
            (field(asked, "Contact key", "key", &asked.key, None))
            label { "Log of the last"
                select name="hours" {
                    @for (of, name) in BACK { option value=(of) selected[of == hours] { (name) } }
                }
            }
            button { "Look" }
            datalist #orgs { @for org in orgs { option value=(org) {} } }
            datalist #campaigns { @for (_, campaign) in &app.known { option value=(campaign) {} } }
        }
        p.hint { "A look takes up to " (LONGEST.as_secs()) " seconds where the log is long, or does not answer." }
        p.hint { "The key stays in this page and in memory. The log knows the contact by a hash, and the \
            terminal records your lookup by the same hash." }
    }
}

/// One field, with its error beside it.
fn field(asked: &FormValues, label: &str, name: &str, value: &str, list: Option<&str>) -> Markup {
    let wrong = asked.wrong(name);
    let is_long = list == Some("campaigns");
    let told = wrong.map(|_| format!("{name}-wrong"));
    html! {
        label { (label)
            input.long[is_long] type="text" name=(name) value=(value) list=[list] required spellcheck="false" autocapitalize="none"
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[told.as_deref()];
            @if let Some(wrong) = wrong { span.tag.bad role="alert" id=[told.as_deref()] { (wrong) } }
        }
    }
}

/// The changes of the contact that wait, as far as is known now.
pub(crate) struct Waits {
    parked: ParkedOf,
    /// When the dead-letter queue was seen in this state.
    seen: Option<Timestamp>,
    /// How many messages the current look has seen. `None` means that no look is under way.
    looked_at: Option<u64>,
}

impl Waits {
    pub(crate) fn of(app: &App, found: &Lookup) -> Waits {
        let (parked, seen) = found.parked(app);
        let is_under_way = matches!(parked, Err(NotSeen::Yet));
        Waits {
            parked,
            seen,
            looked_at: is_under_way.then(|| app.desk.looked_at()),
        }
    }

    /// The address from which a part refreshes itself, while it is not known what is parked.
    fn part(&self, address: String) -> Option<String> {
        self.looked_at.map(|_| address)
    }
}

/// The whole page of a result. `page` is the page of its story, from 1; `None` means the last one.
pub(crate) fn found(app: &App, id: u64, found: &Lookup, page: Option<usize>) -> Markup {
    let waits = Waits::of(app, found);
    let again = |part: &str| waits.part(format!("/contact/{id}/{part}"));
    html! {
        (form(app, &FormValues::of_found(found)))
        p.hint { "Looked at " (ago(Some(found.at), Clock::system().now())) ", message group " code { (found.looked.group) } }
        section aria-labelledby="why" {
            h2 #why { "Why is this contact not called?" }
            div aria-live="polite" data-refresh=[again("why")] data-every=(SELDOM) { (why_part(found, &waits)) }
        }
        div.columns {
            section aria-labelledby="now" { h2 #now { "What Genesys Cloud has now" } (now(found)) }
            section aria-labelledby="waits" {
                h2 #waits { "What waits of it" }
                div data-refresh=[again("waits")] data-every=(SELDOM) { (waits_part(found, &waits)) }
            }
        }
        h2 #story { "Its story" }
        (story(id, found, page))
    }
}

/// The answer, and the findings that it rests on.
pub(crate) fn why_part(found: &Lookup, waits: &Waits) -> Markup {
    let all = why(&found.looked, &waits.parked);
    let is_there = |says| all.iter().any(|one: &Finding| one.says == says);
    let kind = if is_there(Says::Stops) {
        "note bad"
    } else if is_there(Says::May) || is_there(Says::Unknown) {
        "note wait"
    } else {
        "note good"
    };
    html! {
        div class=(kind) data-busy=[waits.looked_at] { p { strong { (answer(&all)) } } }
        (reasons(&all))
    }
}

fn reasons(all: &[Finding]) -> Markup {
    let tag = |says: Says| match says {
        Says::Stops => "tag bad",
        Says::May | Says::Unknown => "tag wait",
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

fn now(found: &Lookup) -> Markup {
    let contact = match &found.looked.genesys {
        Ok(now) => &now.contact,
        Err(error) => return page::trouble(error),
    };
    match contact {
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

/// The changes in the queue, by the log, and the parked changes.
pub(crate) fn waits_part(found: &Lookup, waits: &Waits) -> Markup {
    let last = found.looked.story.as_ref().map_err(String::as_str);
    let now = Clock::system().now();
    html! {
        @match last.and_then(ContactHistory::last) {
            Err(why) => p.note.wait { "In the queue: not known: " (why) "." },
            Ok(Some(last)) if !last.is_end() => p.note.wait { "In the queue: at " (second(last.at)) " it " (last.words()) "." },
            Ok(_) => p { "In the queue: nothing, by the log. Nobody can look into an SQS queue without \
                receiving from it." },
        }
        @match &waits.parked {
            Err(NotSeen::Failed(error)) => (page::trouble(&format!("Parked: not known: {error}."))),
            Err(NotSeen::Yet) => p.note data-busy="1" {
                span.spin aria-hidden="true" {}
                "Parked: not known yet. The dead-letter queue is being looked at: " (number(waits.looked_at.unwrap_or_default())) " so far."
            },
            Ok(parked) if parked.is_empty() => p { "Parked: nothing, as seen " (ago(waits.seen, now)) "." },
            Ok(parked) => {
                ul.said {
                    @for one in parked {
                        li { a href={ "/parked/item/" (one.id) } { "Parked as " code { (one.reason) } } " " (ago(one.at, now)) ": " (one.detail) }
                    }
                }
                p.hint { "As seen " (ago(waits.seen, now)) "." }
            },
        }
    }
}

fn story(id: u64, found: &Lookup, page: Option<usize>) -> Markup {
    let story = match &found.looked.story {
        Ok(story) => story,
        Err(error) => {
            return page::trouble(&format!("What became of its changes is not known: {error}"));
        }
    };
    if story.entries.is_empty() {
        return html! {
            p.empty { "The log has no change of it since " (second(found.looked.since)) "." }
            @if let Some(cut) = &story.cut { p.note.wait { "Not all: " (cut.why()) "." } }
        };
    }
    entries(id, story, page)
}

fn entries(id: u64, story: &ContactHistory, page: Option<usize>) -> Markup {
    let pages = story.entries.len().div_ceil(PAGE);
    let page = page.unwrap_or(pages).clamp(1, pages);
    let shown = story.entries.iter().skip((page - 1) * PAGE).take(PAGE);
    html! {
        @if let Some(cut) = &story.cut { p.note.wait { "Not all: " (cut.why()) "." } }
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
