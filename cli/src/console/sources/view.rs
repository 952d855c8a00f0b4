//! Renders the sources page: secret and payload on one side, what they become on the other.
//!
//! Nothing is tested or sent here: see `super` and `send`.

use maud::{Markup, html};
use serde_json::Value;

use super::Draft;
use super::send::Answer;
use crate::console::App;
use crate::console::page;
use crate::local::samples;
use crate::table::{are, counted};

/// How many characters of an item are shown at most.
const SHOWN: usize = 600;

/// The whole page.
pub(super) fn whole(app: &App, draft: &Draft, tried: Option<&Result<Value, String>>) -> Markup {
    html! {
        p.hint { "To try sends and stores nothing: secret and payload stay in this page and in memory." }
        form.choices method="get" action="/sources" {
            label { "Preset"
                select name="preset" {
                    option value="" { "choose, with a sample" }
                    @for sample in samples() {
                        option value=(sample.source) selected[draft.preset == sample.source] { (sample.source) ": " (sample.what) }
                    }
                }
            }
            button.quiet { "Show its sample" }
            @if !draft.secret.is_empty() { p.hint { "It takes the place of what stands below." } }
        }
        div.columns.wide {
            form method="post" action="/sources" data-live="result" {
                (page::token(app))
                input type="hidden" name="preset" value=(draft.preset);
                p.label { label for="secret" { "The source's secret" } button.quiet type="button" data-copy="secret" hidden { "Copy" } }
                textarea #secret name="secret" rows="16" spellcheck="false" autocapitalize="none" autocomplete="off" required { (draft.secret) }
                p.label { label for="body" { "Payload" } }
                textarea #body name="body" rows="16" spellcheck="false" autocapitalize="none" autocomplete="off" required { (draft.body) }
                p.label { label for="headers" { "Headers, one a line, where the mapping or a signature needs them" } }
                textarea #headers name="headers" rows="2" spellcheck="false" autocomplete="off" { (draft.headers) }
                p { button { "Try" } }
                @if !app.is_read_only {
                    p.label { label for="endpoint" { span { "Endpoint, to send it to: the stack's " code { "WebhookUrl" } " with the source's name" } } }
                    p { input.long #endpoint name="endpoint" type="url" autocomplete="off" spellcheck="false" value=(draft.endpoint); }
                    p { button.quiet formaction="/sources/send" { "Sign and send" } }
                }
            }
            section #result aria-label="What becomes of it" aria-live="polite" { (result(draft, tried)) }
        }
    }
}

/// The whole page, after the payload was sent.
pub(super) fn sent(
    app: &App,
    draft: &Draft,
    tried: &Result<Value, String>,
    sent: &Result<Answer, String>,
) -> Markup {
    html! {
        @match sent {
            Err(why) => (page::trouble(why)),
            Ok(answer) => {
                p.note.good[answer.status.is_success()].bad[!answer.status.is_success()] role="status" {
                    "It was sent, and answered " (answer.status.as_u16()) "."
                }
                @if !answer.body.is_empty() { pre tabindex="0" { (answer.body) } }
            }
        }
        (whole(app, draft, Some(tried)))
    }
}

/// The part that shows what the payload becomes.
pub(super) fn result(draft: &Draft, tried: Option<&Result<Value, String>>) -> Markup {
    match tried {
        None => html! { p.empty { "Choose a preset, or paste a secret and a payload." } },
        Some(Err(why)) => html! { p.note.bad { (why) } },
        Some(Ok(found)) => of(draft, found),
    }
}

fn of(draft: &Draft, found: &Value) -> Markup {
    let body: Value = serde_json::from_str(&draft.body).unwrap_or_default();
    let [changes, ignored, faults] = ["changes", "ignored", "faults"].map(|name| {
        found[name]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    });
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    html! {
        @if let Some(why) = found["refused"]["message"].as_str() {
            p.note.bad { "The request would be answered " (found["refused"]["status"]) ": " (why) }
        } @else {
            p.note.bad[!faults.is_empty()].good[faults.is_empty()] {
                (counted(changes.len() as u64, "change")) ", " (counted(faults.len() as u64, "fault")) "; "
                (counted(ignored.len() as u64, "item")) " " (are(ignored.len() as u64)) " ignored."
            }
        }
        p.hint { "Let in by " (text(&found["letInBy"])) ": " (text(&found["why"])) "." }
        @for fault in faults {
            section.result.bad {
                h2 { span.tag.bad { "fault" } " " (place(&text(&fault["pointer"]))) }
                p { code { (text(&fault["code"])) } ": " (text(&fault["message"])) }
                (item(&body, &text(&fault["pointer"])))
            }
        }
        @for change in changes {
            section.result {
                h2 { span.tag.good { "change" } " of " (place(&text(&change["pointer"]))) }
                (says(&change["change"]))
                details { summary { "The item" } (item(&body, &text(&change["pointer"]))) }
            }
        }
        @for pointer in ignored {
            section.result {
                h2 { span.tag { "ignored" } " " (place(&text(pointer))) }
                details { summary { "The item" } (item(&body, &text(pointer))) }
            }
        }
    }
}

fn place(pointer: &str) -> String {
    match pointer {
        "" => "the body".to_owned(),
        pointer => pointer.to_owned(),
    }
}

/// Each member of a change that is set.
fn says(change: &Value) -> Markup {
    const OF_COURSE: [&str; 2] = ["schema", "data"];
    let members = change.as_object().into_iter().flatten();
    let members = members.filter(|(name, _)| !OF_COURSE.contains(&name.as_str()));
    let columns = change["data"].as_object().into_iter().flatten();
    html! {
        dl.facts {
            @for (name, value) in members { div { dt { (name) } dd { (plain(value)) } } }
            @for (name, value) in columns { div { dt { "column " (name) } dd { (plain(value)) } } }
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "is cleared".to_owned(),
        other => other.to_string(),
    }
}

/// The value at this place of the payload, or at the nearest place that exists.
fn item(body: &Value, pointer: &str) -> Markup {
    let mut place = pointer;
    let found = loop {
        if let Some(found) = body.pointer(place) {
            break found;
        }
        let Some(end) = place.rfind('/') else {
            return html! {};
        };
        place = &place[..end];
    };
    let text = serde_json::to_string_pretty(found).unwrap_or_default();
    let cut: String = text.chars().take(SHOWN).collect();
    html! { pre tabindex="0" { (cut) @if cut.len() < text.len() { "…" } } }
}
