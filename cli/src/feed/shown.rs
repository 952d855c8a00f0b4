//! Prints, for a person or a program, what a test of a feed found.
//!
//! `super` runs the test.

use domain::Change;
use io::secrets::Plain;
use reconcile::feed::{NoPage, Page};
use serde_json::{Value, json};

use super::refusals::Refusal;
use super::{TestedFeed, request};
use crate::describe;
use crate::table::{counted, left, table};

/// Describes a feed whose request names no campaign.
pub(crate) const FOR_ALL: &str = "request names no campaign ({campaignId} or {campaign.NAME}), so that each campaign of a run gets the same \
                                  contacts: right only where one campaign is compared";

/// Describes a campaign that stands for the one that nobody named.
const MADE_UP: &str = "the campaign id is made up, since neither --campaign nor the secret names one: what a run would ask for is not \
                       shown as it is";

/// The result for a page.
pub(super) struct FeedTest<'a> {
    pub(super) tried: &'a TestedFeed<'a>,
    /// The number of the page, from 1.
    pub(super) number: u32,
    /// The cursor with which the page was asked for.
    pub(super) cursor: Option<String>,
    pub(super) page: Result<Page, NoPage>,
    /// The answer of the CRM, if it is no page.
    pub(super) refusal: Option<Refusal>,
}

/// The request for a page, in words.
pub(super) fn asks(tried: &TestedFeed<'_>, number: u32, cursor: Option<&str>) -> String {
    let made_up = if tried.is_made_up { " (made up)" } else { "" };
    let campaign = &tried.feed.campaign;
    let mut lines = vec![format!("page {number} of campaign {campaign}{made_up}:")];
    lines.extend(lines_of(tried, cursor));
    lines.join("\n")
}

fn plain(tried: &TestedFeed<'_>, cursor: Option<&str>) -> Result<Plain, String> {
    let plain = tried.query(cursor).plain(tried.secret);
    plain.map_err(|unfit| why(&unfit))
}

fn lines_of(tried: &TestedFeed<'_>, cursor: Option<&str>) -> Vec<String> {
    match plain(tried, cursor) {
        Ok(plain) => request::lines(tried.secret, &plain),
        Err(why) => vec![format!("cannot be asked for: {why}")],
    }
}

impl FeedTest<'_> {
    pub(super) fn json(&self) -> Value {
        let shown = |cursor| match plain(self.tried, cursor) {
            Ok(plain) => request::json(self.tried.secret, &plain),
            Err(why) => json!({ "error": why }),
        };
        let mut found = json!({
            "campaignId": self.tried.feed.campaign.as_str(),
            "page": self.number,
            "request": shown(self.cursor.as_deref()),
            "notes": self.notes(),
        });
        let page = match &self.page {
            Ok(page) => page,
            Err(no_page) => {
                found["error"] = why(no_page).into();
                found["answer"] = match &self.refusal {
                    Some(refusal) => json!({ "status": refusal.status, "body": refusal.body }),
                    None => Value::Null,
                };
                return found;
            }
        };
        let changes = page.changes.iter().map(change);
        let faults = page.faulty.iter().map(|faulty| {
            let salvaged: Vec<_> = faulty.groups.iter().map(|group| group.as_str()).collect();
            json!({ "what": faulty.what, "optOutsHeard": salvaged })
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

    /// Notes on things that a run accepts, but that its operator may not want.
    fn notes(&self) -> Vec<&'static str> {
        let is_for_all = !self.tried.secret.asks_for_a_campaign();
        let notes = [(self.tried.is_made_up, MADE_UP), (is_for_all, FOR_ALL)];
        let notes = notes.into_iter().filter(|(is_so, _)| *is_so);
        notes.map(|(_, note)| note).collect()
    }

    /// The result of the request, in words. The request itself was printed before.
    pub(super) fn text(&self) -> String {
        let notes = self.notes().into_iter();
        let mut lines: Vec<_> = notes.map(|note| format!("note: {note}")).collect();
        let page = match &self.page {
            Ok(page) => page,
            Err(no_page) => {
                lines.push(format!("There is no page: {}", why(no_page)));
                lines.extend(self.refusal.as_ref().map(refused));
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
            let salvaged = faulty.groups.iter();
            lines.extend(
                salvaged.map(|group| format!("  its opt-out takes effect: {}", group.as_str())),
            );
        }
        if !page.faulty.is_empty() {
            lines.push(
                "A run leaves out items with faults; more than 100 of them, and more than 1 %, stop it."
                    .to_owned(),
            );
        }
        match &page.next {
            None => lines.push("This is the last page.".to_owned()),
            Some(next) => {
                lines.push(format!("The next page, by the cursor {next}:"));
                lines.extend(lines_of(self.tried, Some(next)));
            }
        }
        lines.join("\n")
    }
}

fn refused(refusal: &Refusal) -> String {
    let Refusal { status, body } = refusal;
    match body.is_empty() {
        true => format!("Its answer {status} says nothing more."),
        false => format!("Its answer {status} says: {body}"),
    }
}

fn why(no_page: &NoPage) -> String {
    match no_page {
        NoPage::OutOfTime => "it was not there in time".to_owned(),
        NoPage::Throttled(wait) => format!(
            "it answered 429 and asks for no request within {} s",
            wait.as_secs()
        ),
        NoPage::Fault(_, what) => what.clone(),
    }
}

/// A change without the members that a run adds to it.
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
            describe::rank(change),
            describe::change(&change.operation),
            change.if_absent.as_str().to_owned(),
        ]);
    }
    left(shown)
}
