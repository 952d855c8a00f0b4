//! The table of parked changes, one page at a time, with its buttons and filters.
//!
//! One message is shown by `item`.

use std::collections::BTreeMap;

use io::Clock;
use jiff::Timestamp;
use maud::{Markup, html};

use super::UNRANKED_BOX;
use super::desk::Look;
use super::filter::{Filter, PAGE};
use super::reasons::meaning;
use crate::console::App;
use crate::console::page::{self, ago};
use crate::dlq::parked::{self, Parked};
use crate::table::number;

/// The table, with the actions on its rows.
pub(crate) fn table(app: &App, filter: &Filter) -> Markup {
    let Some(seen) = app.desk.seen() else {
        return html! { @if app.desk.is_busy() { p.empty { "The dead-letter queue is being looked at." } } };
    };
    let choice = filter.which.choice();
    let all = seen.all.iter();
    let meant: Vec<_> = all.filter(|parked| choice.is_meant(parked)).collect();
    let pages = meant.len().div_ceil(PAGE).max(1);
    let page = filter.page.min(pages - 1);
    let rows = meant.iter().skip(page * PAGE).take(PAGE);
    html! {
        (choices(&seen, filter))
        @if meant.is_empty() {
            p.empty { @if filter.is_some() { "No parked change matches the filter." } @else { "Nothing is \
                parked. Every change was applied, or waits in the queue." } }
        } @else {
            form method="post" action="/parked/try" {
                (page::token(app))
                @for (name, value) in filter.pairs() { input type="hidden" name=(name) value=(value); }
                (deeds(meant.len(), filter))
                div.scroll tabindex="0" role="region" aria-label="Parked changes" {
                    table.parked {
                        thead { tr {
                            th scope="col" { label { input type="checkbox" data-all="id" aria-label="All of this page"; } }
                            th scope="col" { "Parked" } th scope="col" { "Reason" } th scope="col" { "Says" } th scope="col" { "Org" }
                            th scope="col" { "Campaign or source" } th scope="col" { "Event" } th scope="col" { "Detail" }
                        } }
                        tbody { @for parked in rows { (row(parked, Clock::system().now())) } }
                    }
                }
            }
            (pager(filter, page, pages))
        }
    }
}

fn row(parked: &Parked, now: Timestamp) -> Markup {
    let text = |member: &str| {
        parked::plain(&parked.body[member])
            .as_str()
            .unwrap_or("-")
            .to_owned()
    };
    let place = if parked.is_unmapped() {
        text("source")
    } else {
        text("campaignId")
    };
    html! {
        tr {
            td { input type="checkbox" name="id" value=(parked.id) aria-label={ "Choose " (parked.id) }; }
            td.when { a href={ "/parked/item/" (parked.id) } { (ago(parked.parked_at, now)) } }
            td { code title=[meaning(&parked.reason)] { (parked.reason) } }
            td { @if let Some(word) = parked.opt_out() { span.tag.bad { (word) } } @else { span.dim { "change" } } }
            td { (parked.org().unwrap_or("-")) }
            td.id { (place) }
            td.id { (text("eventId")) }
            td.detail { (parked.detail) }
        }
    }
}

/// Reasons and orgs to choose from, each with its count.
fn choices(seen: &Look, filter: &Filter) -> Markup {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    let mut orgs: BTreeMap<&str, u64> = BTreeMap::new();
    for parked in &seen.all {
        *reasons.entry(&parked.reason).or_default() += 1;
        *orgs.entry(parked.org().unwrap_or_default()).or_default() += 1;
    }
    let chosen = filter.which.reasons.first().map(String::as_str);
    let org = filter.which.org.as_ref().map(|org| org.as_str());
    let chooser = |name: &str, label: &str, all: &BTreeMap<&str, u64>, chosen: Option<&str>| {
        html! {
            label { (label)
                select name=(name) {
                    option value="" { "all" }
                    @for (one, count) in all.iter().filter(|(one, _)| !one.is_empty() && Filter::may_be(name, one)) {
                        option value=(one) selected[chosen == Some(*one)] { (one) " (" (number(*count)) ")" }
                    }
                }
            }
        }
    };
    html! {
        @if !seen.all.is_empty() {
            form.choices method="get" action="/parked" {
                (chooser("reason", "Reason", &reasons, chosen))
                (chooser("org", "Org", &orgs, org))
                button.quiet { "Show" }
                @if filter.is_some() { a href="/parked" { "Show all" } }
            }
            @if let Some(meaning) = chosen.and_then(meaning) { p.note { (meaning) } }
        }
    }
}

fn deeds(count: usize, filter: &Filter) -> Markup {
    let all = match filter.is_some() {
        true => format!("Dry run of all {} of these", number(count as u64)),
        false => format!("Dry run of all {}", number(count as u64)),
    };
    html! {
        fieldset.deeds {
            legend { "Send again" }
            button name="of" value="chosen" { "Dry run of what is ticked here" }
            button.quiet name="of" value="all" { (all) }
            label { "at most" input type="number" name="rate" min="1" max="100" value="2" required; "a second" }
            label { input type="checkbox" name="unranked" value="1"; (UNRANKED_BOX) ": it may overwrite what is newer" }
            p.hint { "A dry run tells what would be sent, and sends nothing. Boxes of other pages are not ticked." }
        }
    }
}

fn pager(filter: &Filter, page: usize, pages: usize) -> Markup {
    html! {
        @if pages > 1 {
            nav.pager aria-label="Pages of the table" {
                @if page > 0 { a href=(filter.address(page - 1)) rel="prev" { "← older" } }
                span { "page " (number(page as u64 + 1)) " of " (number(pages as u64)) }
                @if page + 1 < pages { a href=(filter.address(page + 1)) rel="next" { "newer →" } }
            }
        }
    }
}
