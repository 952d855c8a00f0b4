//! Asks for the pages of one campaign's feed, one after the other, and notices if they lead to no
//! end.
//!
//! `feed` sends the request and reads the page. What is seen here lasts for one invocation only;
//! `input/brought.rs` detects a feed that repeats itself more slowly.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::change::{CampaignId, Change, Feed};

use super::Scan;
use crate::feed::{FaultOf, NoPage, Page, Query};
use crate::input::Cursor;
use crate::{Error, Why};

/// A feed has no end if this many pages in a row bring nothing new.
const MOST_IDLE: usize = 50;

/// The items and cursors of the pages since the run began or continued with the campaign.
#[derive(Default)]
pub(super) struct Pages {
    pub(super) count: usize,
    cursors: BTreeSet<String>,
    seen: HashSet<u64>,
    skipped: HashSet<u64>,
    /// How many pages in a row brought nothing new.
    idle: usize,
}

impl Pages {
    /// Notes a page. A page brings nothing new if it is empty, or if all of it was there before. A
    /// page of faulty contacts alone brings something new, until there may be too many of them.
    pub(super) fn look(&mut self, page: &Page, may_have_more_faulty: bool) {
        self.count += 1;
        let contacts = page.changes.iter().map(said);
        let news = contacts.filter(|contact| self.seen.insert(*contact));
        let news = news.count();
        // An item that the mapping turns into no change counts as new once.
        let items = page.unchanged.iter();
        let items = items.filter(|item| self.skipped.insert(**item)).count();
        let is_faulty = page.changes.is_empty() && !page.faulty.is_empty();
        let is_going = news + items > 0 || is_faulty && may_have_more_faulty;
        self.idle = if is_going { 0 } else { self.idle + 1 };
    }

    /// Whether this cursor may lead to a new page, and the feed may have an end.
    pub(super) fn lead_to(&mut self, next: &str) -> bool {
        self.cursors.insert(next.to_owned()) && self.idle < MOST_IDLE
    }
}

impl Scan<'_> {
    /// Asks for the page at which the scan is. The inner `Err` says why there is none now.
    pub(super) async fn ask(&self, feed: &Feed, at: &Cursor) -> Result<Result<Page, Why>, Error> {
        let query = Query {
            feed,
            since: at.since,
            cursor: at.page.as_deref(),
        };
        match self.context.page(self.secret, &query, self.until.end).await {
            Ok(page) => Ok(Ok(page)),
            Err(NoPage::OutOfTime) => Ok(Err(Why::OutOfTime)),
            Err(NoPage::Throttled(wait)) => {
                tracing::warn!(
                    org = self.input.org.as_str(),
                    campaignId = feed.campaign.as_str(),
                    waitSeconds = wait.as_secs(),
                    "the feed throttles the run"
                );
                Ok(Err(Why::FeedThrottled(wait)))
            }
            Err(NoPage::Fault(of, what)) => Err(self.fault(&feed.campaign, of, what)),
        }
    }

    pub(super) fn endless(&self, id: &CampaignId) -> Error {
        let what = "it has no end: expected a new cursor with each page, and null after the last";
        self.fault(id, FaultOf::Page, what.to_owned())
    }

    fn fault(&self, id: &CampaignId, of: FaultOf, what: String) -> Error {
        Error::Feed {
            org: self.input.org.clone(),
            campaign: id.clone(),
            of,
            what,
        }
    }
}

/// A hash of each item of a page.
pub(super) fn items(page: &Page) -> impl Iterator<Item = u64> {
    let changes = page.changes.iter().map(said);
    changes.chain(page.unchanged.iter().copied())
}

/// A hash of a contact and of the version and time that the feed gives it. A hash takes little
/// memory, however long the feed is.
fn said(change: &Change) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&change.key, change.version, change.occurred_at).hash(&mut hasher);
    hasher.finish()
}
