//! The pages of one campaign's feed: asked for one after the other, and whether they lead to an end.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::change::{CampaignId, Change, Feed};

use super::Scan;
use crate::feed::{FaultOf, NoPage, Page, Query};
use crate::input::Cursor;
use crate::{Error, Why};

/// A feed that brings nothing new with so many pages in a row has no end.
const MOST_IDLE: usize = 50;

/// What was seen of them since the run began with the campaign, or went on in it.
#[derive(Default)]
pub(super) struct Pages {
    pub(super) count: usize,
    cursors: BTreeSet<String>,
    seen: HashSet<u64>,
    skipped: HashSet<u64>,
    /// Pages in a row that brought nothing new.
    idle: usize,
}

impl Pages {
    /// A page brings nothing new that is empty, or all of which was there before. One of faulty contacts
    /// alone does, until they may be too many.
    pub(super) fn look(&mut self, page: &Page, may_have_more_faulty: bool) {
        self.count += 1;
        let contacts = page.changes.iter().map(said);
        let news = contacts.filter(|contact| self.seen.insert(*contact));
        let news = news.count();
        // Nor does one whose items became no change before.
        let items = page.unchanged.iter();
        let items = items.filter(|item| self.skipped.insert(**item)).count();
        let is_faulty = page.changes.is_empty() && !page.faulty.is_empty();
        let is_going = news + items > 0 || is_faulty && may_have_more_faulty;
        self.idle = if is_going { 0 } else { self.idle + 1 };
    }

    /// Whether the page of this cursor may be another one, and the feed have an end.
    pub(super) fn lead_to(&mut self, next: &str) -> bool {
        self.cursors.insert(next.to_owned()) && self.idle < MOST_IDLE
    }
}

impl Scan<'_> {
    /// Asks for the page at which the scan is. `Err` within: why not now.
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
                    "the feed wants no request for a while"
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

/// A number for each item of a page.
pub(super) fn items(page: &Page) -> impl Iterator<Item = u64> {
    let changes = page.changes.iter().map(said);
    changes.chain(page.unchanged.iter().copied())
}

/// Which contact is said to be how old: a number, so that a feed of any length takes little memory.
fn said(change: &Change) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&change.key, change.version, change.occurred_at).hash(&mut hasher);
    hasher.finish()
}
