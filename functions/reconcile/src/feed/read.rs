//! Turns an answer into a page, as pure functions. The clock is an argument.
//!
//! A page whose form is wrong is an error as a whole. If an item breaks a rule, only that item is
//! left out, and its opt-out is kept if it can be read. `next` finds the cursor of the next page,
//! and the crate `mapping` turns items of a CRM's own form into changes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use domain::change::{Change, ContactKey, Feed, IfAbsent, Invalid, MessageGroup};
use domain::json::Members;
use http::{Response, StatusCode};
use io::http::Url;
use io::secrets::{FeedSecret, Next, Pages};
use jiff::Timestamp;
use mapping::{About, Mapped, Mapping};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::next::{MAX_CURSOR, Place};
use super::written::is_empty;
use super::{Faulty, NoPage, Page, Query};

/// How many changes one item may become.
const MOST_OF_ITEM: usize = 100;

/// A page in campaign-sync's own form.
#[derive(Deserialize)]
struct Own<'a> {
    #[serde(borrow)]
    contacts: Vec<&'a RawValue>,
    // `next` must be there. A feed that misspells it would seem to end with its first page.
    #[serde(deserialize_with = "Option::deserialize")]
    next: Option<String>,
}

fn fault(what: impl Into<String>) -> NoPage {
    NoPage::of_page(what)
}

/// Reads the page in an answer. If the secret says that the answer's status means that there are no
/// items, the page is empty. `at` is the address that was asked, without credentials.
///
/// # Errors
/// The page as a whole is not as the secret says.
pub fn read(
    secret: &FeedSecret,
    query: &Query<'_>,
    at: &Url,
    answer: &Response<Bytes>,
    now: Timestamp,
) -> Result<Page, NoPage> {
    if answer.status() != StatusCode::OK && is_empty(secret, query, answer.status()) {
        return Ok(Items::default().page(None));
    }
    let (items, next, mapping) = match &secret.pages {
        Pages::Own => return own(query.feed, answer, now),
        Pages::Configured {
            items,
            next,
            mapping,
        } => (items.as_deref(), next.as_ref(), mapping.as_ref()),
    };
    let text = std::str::from_utf8(answer.body());
    let text = text.map_err(|_| fault("the page is not JSON, or it is cut short"))?;
    let listed = mapping::items(text, items).map_err(|unread| match unread.code() {
        "noItems" => fault("items: expected a pointer to a list"),
        "notJson" => fault("the page is not JSON, or it is cut short"),
        _ => fault(unread.to_string()),
    })?;
    if listed
        .iter()
        .any(|item| item.pointer == items.unwrap_or_default())
    {
        return Err(fault("items: expected a pointer to a list"));
    }
    let place = Place {
        secret,
        at,
        headers: answer.headers(),
        text,
        items: &listed,
        cursor: query.cursor,
    };
    let next = next.map(|next: &Next| place.next(next)).transpose();
    let next = next.map_err(fault)?.flatten();
    let mut read = Items::default();
    for item in &listed {
        let reader = Reader {
            feed: query.feed,
            now,
            is_mapped: mapping.is_some(),
        };
        match mapping {
            Some(mapping) => read.mapped(&reader, mapping, &item.pointer, item.text),
            None => read.said(&reader, &item.pointer, item.text),
        }
    }
    Ok(read.page(next))
}

fn own(feed: &Feed, answer: &Response<Bytes>, now: Timestamp) -> Result<Page, NoPage> {
    const EXPECTED: &str =
        r#"expected {"contacts": [ … ], "next": a cursor or null} and nothing of another type"#;
    let page = serde_json::from_slice(answer.body());
    let page: Own<'_> = page.map_err(|error| match error.classify() {
        serde_json::error::Category::Data => fault(EXPECTED),
        _ => fault("the page is not JSON, or it is cut short"),
    })?;
    let is_cursor = |next: &String| (1..=MAX_CURSOR).contains(&next.len());
    if page.next.as_ref().is_some_and(|next| !is_cursor(next)) {
        let next = page.next.map_or(0, |next| next.len());
        return Err(fault(format!(
            "next: expected a cursor of 1 to {MAX_CURSOR} bytes, or null, and it has {next}"
        )));
    }
    let mut read = Items::default();
    for (place, text) in page.contacts.into_iter().enumerate() {
        let reader = Reader {
            feed,
            now,
            is_mapped: false,
        };
        read.said(&reader, &format!("contacts[{place}]"), text.get());
    }
    Ok(read.page(page.next))
}

/// Reads the text of a change.
struct Reader<'a> {
    feed: &'a Feed,
    now: Timestamp,
    /// Whether a mapping made the text.
    is_mapped: bool,
}

impl Reader<'_> {
    fn change(&self, text: &str) -> Result<Change, Invalid> {
        let change = Change::parse_from_feed(self.feed, text, self.now)?;
        Ok(self.kept_out(text, change))
    }

    /// The opt-out of a text that breaks a rule. An opt-out without a rank cannot be compared, so
    /// it counts as none.
    fn salvaged_opt_out(&self, text: &str) -> Option<Change> {
        let parse = |text: &str| Change::parse_from_feed(self.feed, text, self.now);
        let has_rank =
            |salvaged: &Change| salvaged.version.is_some() || salvaged.occurred_at.is_some();
        let salvaged = Change::salvaged_opt_out(text, parse).filter(has_rank);
        salvaged.map(|salvaged| self.kept_out(text, salvaged))
    }

    /// The message group of the contact, if its key can be read.
    fn group(&self, text: &str) -> Option<MessageGroup> {
        let members: Members<'_> = serde_json::from_str(text).ok()?;
        let mut keys = members.0.iter().filter(|(name, _)| name == "contactKey");
        let key: String = serde_json::from_str(keys.next()?.1.get()).ok()?;
        let key = ContactKey::parse(&key)
            .ok()
            .filter(|_| keys.next().is_none())?;
        Some(MessageGroup::of(&self.feed.org, &self.feed.campaign, &key))
    }

    /// Makes sure that a contact which the CRM deleted is not created only to be opted out. A feed
    /// may list every contact that was ever deleted.
    fn kept_out(&self, text: &str, change: Change) -> Change {
        if !self.is_mapped {
            return change;
        }
        let members: Result<Members<'_>, _> = serde_json::from_str(text);
        let says = |name: &str, value: Option<&str>| {
            let mut members = members.iter().flat_map(|members| &members.0);
            members.any(|(said, raw)| {
                said == name && value.is_none_or(|value| raw.get().trim() == value)
            })
        };
        let is_removed = says("operation", Some("\"remove\"")) && !says("ifAbsent", None);
        let if_absent = match is_removed {
            true => IfAbsent::SkipOptOut,
            false => change.if_absent,
        };
        Change {
            if_absent,
            ..change
        }
    }
}

/// The changes that the items of a page became, and the items that became none.
#[derive(Default)]
struct Items {
    changes: Vec<Change>,
    faulty: Vec<Faulty>,
    unchanged: Vec<u64>,
}

impl Items {
    fn page(self, next: Option<String>) -> Page {
        Page {
            changes: self.changes,
            faulty: self.faulty,
            unchanged: self.unchanged,
            next,
        }
    }

    /// Reads an item that is itself a change.
    fn said(&mut self, reader: &Reader<'_>, place: &str, text: &str) {
        match reader.change(text) {
            Ok(change) => self.changes.push(change),
            Err(invalid) => {
                let salvaged = reader.salvaged_opt_out(text).into_iter().collect();
                self.faulty(format!("{place}: {invalid}"), reader.group(text), salvaged);
            }
        }
    }

    /// Reads an item of which the mapping makes changes.
    fn mapped(&mut self, reader: &Reader<'_>, mapping: &Mapping, place: &str, text: &str) {
        let about = About {
            headers: &BTreeMap::new(),
            cloud_event: None,
        };
        let salvaged = |all: &[Mapped]| {
            let all = all.iter();
            all.filter_map(|mapped| reader.salvaged_opt_out(&mapped.text))
                .collect()
        };
        let mapped = match mapping.changes(text, &about, MOST_OF_ITEM) {
            Ok(mapped) => mapped,
            Err(unmapped) => {
                let salvaged = salvaged(&unmapped.sound);
                return self.faulty(format!("{place}: {unmapped}"), None, salvaged);
            }
        };
        if mapped.iter().any(|mapped| mapped.campaigns.is_some()) {
            let what = "the mapping yields campaigns, but a feed is read for one campaign: expected no campaignField";
            return self.faulty(format!("{place}: {what}"), None, salvaged(&mapped));
        }
        let changes = mapped.iter().map(|mapped| reader.change(&mapped.text));
        match changes.collect::<Result<Vec<_>, _>>() {
            Ok(changes) if changes.is_empty() => {
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                self.unchanged.push(hasher.finish());
            }
            Ok(changes) => self.changes.extend(changes),
            Err(invalid) => {
                let what = format!("{place}: in a change that the mapping makes, {invalid}");
                let group = mapped.iter().find_map(|mapped| reader.group(&mapped.text));
                self.faulty(what, group, salvaged(&mapped));
            }
        }
    }

    fn faulty(&mut self, what: String, group: Option<MessageGroup>, salvaged: Vec<Change>) {
        let groups: Vec<_> = salvaged.iter().map(Change::message_group).collect();
        let group = groups.first().cloned().or(group);
        self.faulty.push(Faulty {
            what,
            group,
            groups,
        });
        self.changes.extend(salvaged);
    }
}
