//! Prints, for a person or a program, what a test of a source found.
//!
//! `super` runs the test.

use http::HeaderName;
use ingest::auth::Authenticity;
use ingest::webhook::Reading;
use io::secrets::OnFault;
use serde_json::{Value, json};

use super::refused::Refused;
use crate::describe;
use crate::table::{counted, left, table};

/// The result for a body, and whether its request is let in.
pub(crate) struct SourceTest<'a> {
    /// How the source's requests are authenticated.
    pub(crate) way: String,
    /// `None` means that the request held no credentials.
    pub(crate) verdict: Option<Authenticity>,
    /// Headers that were given and that nothing reads.
    pub(crate) unread: &'a [&'a HeaderName],
    /// Why the whole request is refused, if it is.
    pub(crate) refused: Option<&'a Refused>,
    pub(crate) on_fault: OnFault,
    /// The place of each item in the body.
    pub(crate) items: &'a [String],
    pub(crate) reading: &'a Reading,
}

impl SourceTest<'_> {
    /// Whether the request is let in, or held no credentials at all. A header that nothing
    /// reads was probably meant as a credential; then the answer is `false`.
    pub(crate) fn is_let_in(&self) -> bool {
        match &self.verdict {
            None => self.unread.is_empty(),
            Some(verdict) => *verdict == Authenticity::Authentic,
        }
    }

    /// The places of items that the mapping ignores on purpose.
    fn ignored(&self) -> Vec<&str> {
        let mut is_ignored = vec![true; self.items.len()];
        let made = self.reading.changes.iter().map(|made| made.item);
        let faulty = self.reading.faulty.iter().map(|(place, _)| *place);
        made.chain(faulty)
            .for_each(|place| is_ignored[place] = false);
        let items = self.items.iter().zip(is_ignored);
        let ignored = items.filter(|(_, is_ignored)| *is_ignored);
        ignored.map(|(item, _)| item.as_str()).collect()
    }

    fn let_in(&self) -> String {
        match &self.verdict {
            None if self.unread.is_empty() => {
                "not checked: the request holds no credentials".to_owned()
            }
            None => {
                let unread = self.unread.iter().map(|name| name.as_str());
                let unread = unread.collect::<Vec<_>>().join(", ");
                format!(
                    "no: nothing that is given shows who sends it; neither auth nor mapping reads {unread}"
                )
            }
            Some(Authenticity::Authentic) => "yes".to_owned(),
            Some(Authenticity::SignedShort) => {
                "no: its signing secret is shorter than 24 bytes".to_owned()
            }
            Some(Authenticity::Stranger(why)) => format!("no: {why}"),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let changes = self.reading.changes.iter();
        let change = |made: &ingest::webhook::Placed| {
            let change: Value = serde_json::from_str(&made.change.body()).unwrap_or_default();
            json!({ "pointer": made.pointer, "change": change })
        };
        let faults = self.reading.faulty.iter().flat_map(|(_, faults)| faults);
        let fault = |fault: &domain::change::Fault| json!({ "pointer": fault.pointer, "code": fault.code.as_str(), "message": fault.message });
        json!({
            "letIn": (self.verdict.is_some() || !self.unread.is_empty()).then(|| self.is_let_in()),
            "letInBy": self.way,
            "why": self.let_in(),
            "refused": self.refused.map(|refused| json!({ "status": refused.status, "message": refused.why })),
            "changes": changes.map(change).collect::<Vec<_>>(),
            "ignored": self.ignored(),
            "faults": faults.map(fault).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn text(&self) -> String {
        let mut lines = vec![format!("let in by {}: {}", self.way, self.let_in())];
        if let Some(refused) = self.refused {
            lines.push(refused.to_string());
            return lines.join("\n");
        }
        if !self.reading.changes.is_empty() {
            lines.push(changes(self.reading));
        }
        let made = counted(self.reading.changes.len() as u64, "change");
        lines.push(format!(
            "{} of the body: {made}",
            counted(self.items.len() as u64, "item")
        ));
        let ignored = self.ignored();
        if !ignored.is_empty() {
            let places = ignored.iter().map(|place| shown(place)).collect::<Vec<_>>();
            lines.push(format!("ignored: {}", places.join(", ")));
        }
        for (_, faults) in &self.reading.faulty {
            for fault in faults {
                lines.push(format!(
                    "fault at {}: {}: {}",
                    shown(&fault.pointer),
                    fault.code.as_str(),
                    fault.message
                ));
            }
        }
        if !self.reading.faulty.is_empty() {
            lines.push(match self.on_fault {
                OnFault::Park => "Items with faults would be parked as unmapped, and the changes above queued \
                    (onFault park).",
                OnFault::Refuse => "The request would be answered 400, and nothing queued (onFault refuse).",
            }.to_owned());
        }
        lines.join("\n")
    }
}

fn shown(pointer: &str) -> &str {
    if pointer.is_empty() {
        "the body"
    } else {
        pointer
    }
}

fn changes(reading: &Reading) -> String {
    let mut shown = table(
        [
            "item",
            "contact",
            "campaign",
            "version",
            "says",
            "if absent",
        ]
        .map(str::to_owned),
    );
    for made in &reading.changes {
        let change = &made.change;
        shown.add_row([
            self::shown(&made.pointer).to_owned(),
            change.key.as_str().to_owned(),
            change.campaign.as_str().to_owned(),
            describe::rank(change),
            describe::change(&change.operation),
            change.if_absent.as_str().to_owned(),
        ]);
    }
    left(shown)
}
