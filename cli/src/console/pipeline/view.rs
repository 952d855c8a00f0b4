//! Renders the pipeline page: five stages, each with its numbers and their recent course.
//!
//! The values come from `super`, what is measured is listed in `measures`, and single numbers are
//! written in `numbers`.

mod numbers;

use std::collections::BTreeSet;

use domain::change::OrgId;
use io::Clock;
use maud::{Markup, html};

use super::measures::{MEASURES, Measure, MeasureScope, PERIODS, Stage};
use super::{Alarm, Numbers, QueueStatus, ReportedBudget};
use crate::console::App;
use crate::console::page::{self, ago};
use crate::table::{counted, number};
use numbers::{NO_ANSWER, shown, spark, together, told, total};

const STAGES: [(Stage, &str); 5] = [
    (Stage::Webhooks, "Webhooks"),
    (Stage::Queue, "Queue"),
    (Stage::Apply, "apply"),
    (Stage::Genesys, "Genesys Cloud"),
    (Stage::End, "Parked and drift"),
];

/// The whole page.
pub(super) fn whole(app: &App, now: &Numbers) -> Markup {
    let org = now.org.as_ref().map(OrgId::as_str);
    let part = match org {
        Some(org) => format!("/pipeline?org={org}"),
        None => "/pipeline".to_owned(),
    };
    html! {
        (picker(app, now, org))
        section data-refresh=(part) data-every="5000" aria-label="The way of a change" { (inner(app, now)) }
    }
}

/// The part of the page that refreshes itself.
pub(super) fn inner(app: &App, now: &Numbers) -> Markup {
    let minutes = app.metrics.period().as_secs() * PERIODS as u64 / 60;
    let span = match minutes {
        0..120 => format!("{minutes} minutes"),
        _ => format!("{} hours", minutes / 60),
    };
    html! {
        (alarms(app, now))
        @if let Err(error) = &now.series { (page::trouble(error)) }
        ol.way {
            @for (stage, name) in STAGES {
                li.stage {
                    h2 { (name) }
                    (head(stage, now))
                    dl.measures {
                        @for measure in MEASURES.iter().filter(|measure| measure.stage == stage) { (one(measure, now)) }
                    }
                    @if stage == Stage::Apply { (causes(now)) }
                }
            }
        }
        p.hint { "Lines: the last " (span) ". Numbers beside them: of that time together, or the highest or mean where it says so." }
    }
}

fn picker(app: &App, now: &Numbers, chosen: Option<&str>) -> Markup {
    let mut orgs: BTreeSet<&str> = app.known.iter().map(|(org, _)| org.as_str()).collect();
    orgs.extend(
        now.series
            .iter()
            .flat_map(|series| series.orgs.iter().map(String::as_str)),
    );
    orgs.extend(chosen);
    html! {
        form.choices method="get" action="/" {
            label { "Org"
                select name="org" {
                    option value="" { "all" }
                    @for org in orgs { option value=(org) selected[chosen == Some(org)] { (org) } }
                }
            }
            button.quiet { "Show" }
            @if chosen.is_some() { p.hint { "What is left of its calls is asked for by one call each half minute." } }
        }
    }
}

/// Alarms that are on, with what to do, and the state of every other alarm.
fn alarms(app: &App, now: &Numbers) -> Markup {
    let all = match &now.alarms {
        Ok(all) => all,
        Err(error) => return page::trouble(error),
    };
    let on = |alarm: &&Alarm| alarm.state == "ALARM";
    let calm = all.iter().filter(|alarm| alarm.state == "OK").count();
    let others = all.iter().filter(|alarm| !on(alarm)).count();
    html! {
        @for alarm in all.iter().filter(on) {
            div.note.bad role="alert" {
                p { strong { "Alarm " (alarm.name) } @if alarm.since.is_some() { ", since " (ago(alarm.since, Clock::system().now())) } }
                p { (alarm.words) }
            }
        }
        @if all.is_empty() && app.local.is_none() {
            p.note.wait { "No alarm of a stack " code { (app.stack) } " was found: is --stack its name, and is this its region?" }
        }
        @if others > 0 {
            details {
                summary {
                    (counted(others as u64, "alarm")) " not on: " (calm) " calm"
                    @if others > calm { ", " (others - calm) " without data" } "."
                }
                dl.facts {
                    @for alarm in all.iter().filter(|alarm| !on(alarm)) {
                        div { dt { (alarm.name) } dd { @if alarm.state == "OK" { "calm. " } @else { "no data. " } (alarm.words) } }
                    }
                }
            }
        }
    }
}

/// The numbers of this moment.
fn head(stage: Stage, now: &Numbers) -> Markup {
    match stage {
        Stage::Queue => match &now.queue {
            Err(error) => page::trouble(error),
            Ok(queue) => html! {
                p.big { (number(queue.waiting)) span { " waiting" (of_all(now)) } }
                p.small {
                    @if queue.waiting + queue.in_flight == 0 { "Nothing is under way." }
                    @else { (number(queue.in_flight)) " in flight or retried; oldest " (oldest(queue)) }
                }
            },
        },
        Stage::End => html! {
            @match &now.dead_letters {
                Err(error) => (page::trouble(error)),
                Ok(queue) => (parked(queue.waiting + queue.in_flight, now)),
            }
            (runs(now))
        },
        Stage::Genesys => budget(now),
        Stage::Webhooks => big(now, "Accepted", "accepted"),
        Stage::Apply => {
            let done = [
                "Created",
                "Updated",
                "Unchanged",
                "Stale",
                "Superseded",
                "Skipped",
            ];
            let sum = done
                .iter()
                .try_fold(0.0, |sum, name| Some(sum + total(now, name)?));
            html! { p.big { (told(sum)) span { " done" } } p.small { (told(total(now, "Retried"))) " retried" } }
        }
    }
}

fn parked(parked: u64, now: &Numbers) -> Markup {
    let org = now.org.as_ref().map(OrgId::as_str);
    let place = org.map_or_else(|| "/parked".to_owned(), |org| format!("/parked?org={org}"));
    html! {
        p.big.bad[parked > 0] { (number(parked)) span { " parked" (of_all(now)) } }
        p.small { @if parked > 0 { a href=(place) { "Look at them" } } @else { "Nothing is parked." } }
    }
}

/// A note beside a number that counts all orgs, if one org is chosen.
fn of_all(now: &Numbers) -> &'static str {
    if now.org.is_some() { " (all orgs)" } else { "" }
}

/// The runs of reconcile that are due.
fn runs(now: &Numbers) -> Markup {
    match &now.runs {
        None => html! { p.small { "Runs of reconcile: not known, set RUNS_QUEUE_URL." } },
        Some(Err(error)) => {
            html! { p.small { "Runs of reconcile: " (NO_ANSWER) " (" (error) ")." } }
        }
        Some(Ok(queue)) if queue.waiting + queue.in_flight == 0 => {
            html! { p.small { "No run of reconcile is due." } }
        }
        Some(Ok(queue)) => html! {
            p.small { "Runs of reconcile: " (number(queue.waiting)) " waiting, " (number(queue.in_flight)) " in flight; oldest " (oldest(queue)) "." }
        },
    }
}

/// The causes of retries, the most frequent first.
fn causes(now: &Numbers) -> Markup {
    let causes = now.series.iter().flat_map(|series| &series.causes);
    let mut causes: Vec<_> = causes.filter(|(_, count)| **count > 0.0).collect();
    causes.sort_by(|one, other| other.1.total_cmp(one.1));
    html! {
        @if !causes.is_empty() {
            h3 { "Retried, by cause" span.dim { (of_all(now)) } }
            dl.measures { @for (cause, count) in causes { div { dt { (cause) } dd { strong { (shown(*count)) } } } } }
        }
    }
}

fn big(now: &Numbers, name: &str, what: &str) -> Markup {
    html! {
        p.big { (told(total(now, name))) span { " " (what) } }
        p.small { (told(total(now, "Refused"))) " refused" }
    }
}

fn oldest(queue: &QueueStatus) -> String {
    match queue.oldest {
        Some(seconds) if seconds >= 120 => format!("{} min", number(seconds / 60)),
        Some(seconds) => format!("{seconds} s"),
        None => "not known".to_owned(),
    }
}

fn budget(now: &Numbers) -> Markup {
    match &now.budget {
        None => html! {
            p.big { (told(total(now, "ApiCalls"))) span { " calls" } }
            p.small { "Choose an org to see what is left." }
        },
        Some(Err(why)) => page::trouble(why),
        Some(Ok(None)) => html! { p.small { "It does not tell what is left." } },
        Some(Ok(Some(ReportedBudget {
            allowed,
            count,
            reset,
        }))) => html! {
            p.big { (number(allowed.saturating_sub(*count))) span { " calls left" } }
            p.small { "of " (number(*allowed)) "; all again in " (reset) "\u{a0}s" }
            meter min="0" max=(allowed) value=(allowed.saturating_sub(*count)) low=(allowed / 5) aria-label="Calls left in this minute" {}
        },
    }
}

fn one(measure: &Measure, now: &Numbers) -> Markup {
    let series = now.series.as_ref().ok();
    let nothing = [0.0; PERIODS];
    let values = series.map(|series| series.of.get(measure.name).unwrap_or(&nothing));
    let value = values.map(|values| together(measure, values));
    let is_bad = measure.is_bad && value.flatten().is_some_and(|value| value > 0.0);
    html! {
        div.bad[is_bad] {
            dt { (measure.label) @if measure.of != MeasureScope::Org { span.dim { (of_all(now)) } } }
            dd {
                @if let Some(values) = values { (spark(values)) }
                strong {
                    @match value {
                        None => (NO_ANSWER),
                        Some(value) => (value.map_or_else(|| "–".to_owned(), shown)),
                    }
                }
            }
        }
    }
}
