//! The page of one parked change: without values, and with them on demand.
//!
//! The table of all of them is in `rows`.

use io::Clock;
use maud::{Markup, html};
use serde_json::Value;

use super::UNRANKED_BOX;
use super::reasons::meaning;
use super::work::plain;
use crate::console::App;
use crate::console::note;
use crate::console::page::{self, ago};
use crate::dlq::parked::Parked;

/// The text that the operator types to delete it: the beginning of its id, so that no other one is
/// deleted by mistake.
pub(crate) fn to_type(id: &str) -> &str {
    let end = id
        .char_indices()
        .nth(8)
        .map_or(id.len(), |(place, _)| place);
    &id[..end]
}

/// The text to show if no message of this id was seen.
pub(crate) fn gone() -> Markup {
    html! {
        (page::trouble("No parked change of this id was seen: it may have been sent again or deleted meanwhile."))
        p { a href="/parked" { "Back to what is parked" } }
    }
}

/// The page of the message with this id, if it was seen.
pub(crate) fn shown(app: &App, id: &str, reveal: bool) -> Option<Markup> {
    let seen = app.desk.seen();
    let mut all = seen.iter().flat_map(|seen| &seen.all);
    let parked = all.find(|parked| parked.id == id)?;
    if reveal {
        note(&format!("reveals parked {}", plain(id)));
    }
    Some(html! {
        p { a href="/parked" { "← All that is parked" } }
        (about(parked))
        h2 { "What was sent" }
        @if reveal {
            p.hint { "Exactly as it was sent. The terminal records that you looked at it." }
        } @else {
            p.hint { "Values are hidden." }
            form method="post" action="/parked/reveal" {
                (page::token(app))
                input type="hidden" name="id" value=(parked.id);
                button.quiet { "Reveal the contact key and values" }
            }
        }
        pre tabindex="0" { (text(parked, reveal)) }
        @if !app.is_read_only { (deeds(app, parked)) }
    })
}

fn about(parked: &Parked) -> Markup {
    let now = Clock::system().now();
    html! {
        @if let Some(word) = parked.opt_out() {
            p.note.bad {
                strong { (word) } ": until it is applied, a contact may be called that must not be. If that \
                    must stop at once, make the contact not callable by hand "
                "(docs/runbook.md, Not callable by hand)."
            }
        }
        dl.facts {
            div { dt { "Id" } dd { code { (parked.id) } } }
            div { dt { "Reason" } dd { code { (parked.reason) } " " (meaning(&parked.reason).unwrap_or_default()) } }
            div { dt { "Detail" } dd { (parked.detail) } }
            div { dt { "Parked" } dd { (ago(parked.parked_at, now)) } }
            @for (name, value) in parked.noted() { div { dt { (name) } dd { (value) } } }
            div { dt { "Message group" } dd { code { (parked.shown_group(false)) } } }
        }
    }
}

/// The message unchanged, or without values.
fn text(parked: &Parked, reveal: bool) -> String {
    if reveal {
        return parked.text.clone();
    }
    match parked.hidden() {
        Value::Null => "It cannot be read: reveal shows it.".to_owned(),
        hidden => serde_json::to_string_pretty(&hidden).unwrap_or_default(),
    }
}

fn deeds(app: &App, parked: &Parked) -> Markup {
    html! {
        div.columns {
            form method="post" action="/parked/try" {
                fieldset {
                    legend { "Send it again" }
                    (page::token(app))
                    input type="hidden" name="of" value="chosen";
                    input type="hidden" name="rate" value="2";
                    input type="hidden" name="id" value=(parked.id);
                    p.hint { "Send it again once its cause is repaired. A dry run comes first." }
                    label { input type="checkbox" name="unranked" value="1"; (UNRANKED_BOX) ": it may overwrite what is newer" }
                    p { button { "Dry run" } }
                }
            }
            form method="post" action="/parked/drop" {
                fieldset {
                    legend { "Delete it" }
                    (page::token(app))
                    input type="hidden" name="id" value=(parked.id);
                    p.hint { "For good: nothing else holds it." }
                    label for="typed" { span { "Type " code { (to_type(&parked.id)) } ", the beginning of its id" } }
                    p { input #typed type="text" name="typed" autocomplete="off" spellcheck="false" required; }
                    p { button.danger { "Delete for good" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_to_type_is_the_first_eight_characters_of_the_id() {
        assert_eq!(to_type("5f0c1e1a-6f0e-4d6e"), "5f0c1e1a");
        assert_eq!(to_type("short"), "short");
        assert_eq!(to_type("ääääääääö"), "ääääääää");
    }
}
