//! What was found out, for a person and for a program.

use std::collections::BTreeMap;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::{Value, json};

use super::questions::{Question, Row, Seen, TABLE};
use crate::table::counted;

/// Of a page.
const WIDTH: u16 = 100;
/// Of the table's columns, the lines between them aside.
const WIDTHS: [u16; 3] = [35, 23, 38];

pub(super) struct Report {
    pub(super) found: BTreeMap<Question, Seen>,
    pub(super) calls: u64,
    /// Ids of contacts that could not be deleted, or of which that is not known.
    pub(super) left: Vec<String>,
}

impl Report {
    /// Whether all is as campaign-sync assumes, and nothing is left.
    pub(super) fn is_right(&self) -> bool {
        let is_as_assumed = |row: &Row| matches!(self.seen(row), Seen::AsAssumed(_));
        self.left.is_empty() && TABLE.iter().all(is_as_assumed)
    }

    fn seen(&self, row: &Row) -> Seen {
        let found = self.found.get(&row.question).cloned();
        found.unwrap_or_else(|| Seen::not_found_out("the probe ended before"))
    }

    pub(super) fn text(&self, list: &str) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(["question", "seen", "beside what campaign-sync assumes"])
            .set_constraints(WIDTHS.map(|width| ColumnConstraint::Absolute(Width::Fixed(width))));
        for row in &TABLE {
            let (seen, verdict) = match self.seen(row) {
                Seen::AsAssumed(seen) => (seen, "as assumed".to_owned()),
                Seen::Differs(seen) => (seen, format!("differs: {}", row.meaning)),
                Seen::NotFoundOut(why) => (
                    format!("not found out: {why}"),
                    format!("assumed: {}", row.assumed),
                ),
            };
            table.add_row([row.asks, &seen, &verdict]);
        }
        let calls = counted(self.calls, "call");
        format!("{table}\n{calls}. {}", self.end(list))
    }

    /// What became of the contacts.
    pub(super) fn end(&self, list: &str) -> String {
        if self.left.is_empty() {
            return "Every contact that was made is deleted.".to_owned();
        }
        format!(
            "NOT DELETED, as far as is known: {}. Delete the list if it is for nothing else, or these contacts: DELETE \
             /api/v2/outbound/contactlists/{list}/contacts?contactIds=ID",
            self.left.join(", ")
        )
    }

    /// Names neither org nor list.
    pub(super) fn json(&self) -> Value {
        let fact = |row: &Row| {
            let (seen, is_as_assumed) = match self.seen(row) {
                Seen::AsAssumed(seen) => (seen, Some(true)),
                Seen::Differs(seen) => (seen, Some(false)),
                Seen::NotFoundOut(why) => (format!("not found out: {why}"), None),
            };
            let meaning = (is_as_assumed == Some(false)).then_some(row.meaning);
            json!({ "question": row.id, "seen": seen, "assumed": row.assumed,
                    "asAssumed": is_as_assumed, "meaning": meaning })
        };
        json!({ "ok": self.is_right(), "facts": TABLE.iter().map(fact).collect::<Vec<_>>(),
                "calls": self.calls, "leftOver": self.left })
    }
}
