//! What a test of a feed found, for a person or a program.

use domain::Change;
use io::secrets::Plain;
use reconcile::feed::{NoPage, Page};
use serde_json::{Value, json};

use super::{Tried, request};
use crate::says::{rank, said};
use crate::table::{counted, table};

/// What became of a page.
pub(super) struct Found<'a> {
    pub(super) tried: &'a Tried<'a>,
    /// From 1.
    pub(super) number: u32,
    /// By which it was asked for.
    pub(super) cursor: Option<&'a str>,
    pub(super) page: &'a Result<Page, NoPage>,
}

impl Found<'_> {
    fn plain(&self, cursor: Option<&str>) -> Result<Plain, String> {
        let plain = self.tried.query(cursor).plain(self.tried.secret);
        plain.map_err(|unfit| why(&unfit))
    }

    pub(super) fn json(&self) -> Value {
        let shown = |cursor| match self.plain(cursor) {
            Ok(plain) => request::json(self.tried.secret, &plain),
            Err(why) => json!({ "error": why }),
        };
        let mut found = json!({
            "campaignId": self.tried.feed.campaign.as_str(),
            "page": self.number,
            "request": shown(self.cursor),
        });
        let page = match self.page {
            Ok(page) => page,
            Err(no_page) => {
                found["error"] = why(no_page).into();
                return found;
            }
        };
        let changes = page.changes.iter().map(change);
        let faults = page.faulty.iter().map(|faulty| {
            let heard: Vec<_> = faulty.groups.iter().map(|group| group.as_str()).collect();
            json!({ "what": faulty.what, "optOutsHeard": heard })
        });
        found["changes"] = changes.collect();
        found["ignored"] = page.unchanged().into();
        found["faults"] = faults.collect();
        found["next"] = page.next.as_deref().into();
        found["nextRequest"] = match &page.next {
            Some(next) => shown(Some(next)),
            None => Value::Null,
        };
        found
    }

    pub(super) fn text(&self) -> String {
        let asks = |cursor| match self.plain(cursor) {
            Ok(plain) => request::lines(self.tried.secret, &plain),
            Err(why) => vec![format!("cannot be asked for: {why}")],
        };
        let campaign = &self.tried.feed.campaign;
        let mut lines = vec![format!("page {} of campaign {campaign}:", self.number)];
        lines.extend(asks(self.cursor));
        let page = match self.page {
            Ok(page) => page,
            Err(no_page) => {
                lines.push(format!("There is no page: {}", why(no_page)));
                return lines.join("\n");
            }
        };
        if !page.changes.is_empty() {
            lines.push(changes(&page.changes));
        }
        let made = counted(page.changes.len() as u64, "change");
        lines.push(format!(
            "{made}, and {} ignored",
            counted(page.unchanged() as u64, "item")
        ));
        for faulty in &page.faulty {
            lines.push(format!("fault at {}", faulty.what));
            let heard = faulty.groups.iter();
            lines.extend(heard.map(|group| format!("  its opt-out is heard: {}", group.as_str())));
        }
        if !page.faulty.is_empty() {
            lines.push(
                "What has a fault is left out by a run; more than 100 of them, and more than 1 %, stop it."
                    .to_owned(),
            );
        }
        match &page.next {
            None => lines.push("This is the last page.".to_owned()),
            Some(next) => {
                lines.push(format!("The next page, by the cursor {next}:"));
                lines.extend(asks(Some(next)));
            }
        }
        lines.join("\n")
    }
}

fn why(no_page: &NoPage) -> String {
    match no_page {
        NoPage::OutOfTime => "it was not there in time".to_owned(),
        NoPage::Throttled(wait) => format!(
            "it answered 429, and wants no request for {} s",
            wait.as_secs()
        ),
        NoPage::Fault(_, what) => what.clone(),
    }
}

/// A change without what a run adds to it.
fn change(change: &Change) -> Value {
    let mut shown: Value = serde_json::from_str(&change.body()).unwrap_or_default();
    if let Some(members) = shown.as_object_mut() {
        let added = ["schema", "eventId", "org", "campaignId", "source"];
        members.retain(|name, _| !added.contains(&name.as_str()));
    }
    shown
}

fn changes(changes: &[Change]) -> String {
    let mut shown = table(["contact", "version", "says", "if absent"].map(str::to_owned));
    for change in changes {
        shown.add_row([
            change.key.as_str().to_owned(),
            rank(change),
            said(&change.operation),
            change.if_absent.as_str().to_owned(),
        ]);
    }
    for column in shown.column_iter_mut() {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    shown.to_string()
}
