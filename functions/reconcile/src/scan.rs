//! Compares the feed with the campaigns and collects what differs.
//!
//! A scan reads a campaign's feed page by page and compares up to fifty contacts at a time. It
//! holds the changes that repair what differs. It enqueues nothing: `settle` decides that once the
//! scan is over.
//!
//! - `pages` asks for the pages and notices a feed without an end. `faulty` counts contacts of the
//!   feed that break a rule.
//! - `compare` compares contacts one by one, and `adopt` decides who gets a mark.
//! - `whole` reads a whole contact list by an export, and `known` checks that the campaign exists.
//! - `stop` says when a scan stops early and where the next one continues.

mod adopt;
mod compare;
mod faulty;
mod known;
mod pages;
mod progress;
mod share;
mod stop;
mod whole;

pub(crate) use faulty::faulty;
use pages::{Pages, items};
pub use progress::{Found, Progress};
pub(crate) use share::DriftShare;
pub use stop::Until;
pub(crate) use stop::why_stopped;
pub(crate) use whole::LONGEST_PATIENCE;
use whole::Whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::batch::ParkReason;
use domain::change::{CampaignId, Change, Feed};
use io::genesys::{Campaign, Kind, Org, Run};
use io::secrets::{FeedSecret, OrgSecret};

use crate::dnc::DncComparison;
use crate::input::{Cursor, Input};
use crate::record::Due;
use crate::{Answer, Context, Error, Opened, Why};
use compare::begin_again_if_changed;

/// Contacts that cannot be repaired, counted by campaign and by the reason for which `apply` would
/// park their change.
pub type LeftOut = BTreeMap<(CampaignId, ParkReason), u64>;

/// A scan under way: what it needs, and what it has found so far.
pub(crate) struct Scan<'a> {
    pub(crate) context: &'a Context,
    pub(crate) input: &'a Input,
    pub(crate) until: &'a Until<'a>,
    pub(crate) org: Arc<Org>,
    pub(crate) org_secret: &'a OrgSecret,
    pub(crate) secret: &'a FeedSecret,
    pub(crate) run: Run,
    /// How many changes may be held at most.
    pub(crate) room: usize,
    /// The campaigns that are due, each with the time since which it is looked at. Any other
    /// campaign is looked at since the time of the input.
    pub(crate) due: &'a [Due],
    pub(crate) watch: &'a (dyn Fn(Progress) + Sync),
    pub(crate) answer: Answer,
    /// Contacts that are to be repaired.
    pub(crate) drifted: u64,
    /// The changes that repair what differs. They are not enqueued yet.
    pub(crate) held: Vec<Change>,
    /// The place at which the room ended, if the run looks on for opt-outs or still counts whether
    /// too much differs.
    pub(crate) full_at: Option<Cursor>,
    pub(crate) shares: BTreeMap<CampaignId, DriftShare>,
    pub(crate) left_out: LeftOut,
    /// Contacts that break a rule and whose opt-out is compared all the same.
    pub(crate) salvaged: u64,
    /// For each campaign, the place of the first contact that breaks a rule, and what was expected.
    pub(crate) first_faulty: BTreeMap<CampaignId, String>,
    pub(crate) listing: DncComparison,
    /// Campaigns that Genesys Cloud does not know. The others are compared all the same.
    pub(crate) unknown: Vec<(CampaignId, Error)>,
    pub(crate) whole: Whole,
    /// Whether an export was not ready in time, so that the run requests no other.
    pub(crate) has_no_exports: bool,
    /// Why campaigns could not be compared.
    pub(crate) faults: Vec<Error>,
    /// Campaigns with contacts that break a rule.
    pub(crate) faulty_in: BTreeMap<CampaignId, u64>,
    /// Campaigns whose feed is in doubt. None of their changes is enqueued.
    pub(crate) in_doubt: BTreeSet<CampaignId>,
}

/// The place at which the scan stopped or its room ended, and why.
pub(crate) type Stopped = (Cursor, Why);

impl<'a> Scan<'a> {
    /// A scan at the beginning of a run, with unlimited room.
    pub(crate) fn new(
        context: &'a Context,
        input: &'a Input,
        until: &'a Until<'a>,
        watch: &'a (dyn Fn(Progress) + Sync),
        opened: &'a Opened,
    ) -> Scan<'a> {
        let list = opened.org_secret.rules.dnc_list.clone();
        Scan {
            context,
            input,
            until,
            org: Arc::clone(&opened.org),
            org_secret: &opened.org_secret,
            secret: &opened.secret,
            run: opened.run,
            room: usize::MAX,
            due: &[],
            watch,
            answer: Answer {
                dry_run: input.dry_run,
                ..Answer::default()
            },
            drifted: 0,
            held: Vec::new(),
            full_at: None,
            shares: BTreeMap::new(),
            left_out: BTreeMap::new(),
            salvaged: 0,
            first_faulty: BTreeMap::new(),
            listing: DncComparison::new(list.filter(|_| !input.dry_run)),
            unknown: Vec::new(),
            whole: Whole::default(),
            has_no_exports: input.cursor.as_ref().is_some_and(|at| at.has_no_exports),
            faults: Vec::new(),
            faulty_in: BTreeMap::new(),
            in_doubt: BTreeSet::new(),
        }
    }
}

impl Scan<'_> {
    /// Compares all campaigns of the run, or stops early and returns where and why.
    pub(crate) async fn all(&mut self) -> Result<Option<Stopped>, Error> {
        let start = self.input.start();
        let mut faults = 0;
        for (place, id) in start.campaigns.iter().enumerate() {
            let Ok(id) = CampaignId::parse(id) else {
                continue;
            };
            let campaigns = start.campaigns[place..].to_vec();
            // Only the first campaign may continue in the middle.
            let at = if place == 0 {
                start.clone()
            } else {
                Cursor {
                    campaigns,
                    ..self.beginning(&id)
                }
            };
            match self.campaign(&id, at.clone()).await {
                Ok(None) if self.full_at.is_none() || self.until.looks_on_for_opt_outs => {}
                Ok(stopped) => return Ok(self.ends(&id, at, stopped)),
                Err(Error::Genesys {
                    failure,
                    campaign,
                    org,
                }) if failure.kind == Kind::UnknownCampaign => {
                    let error = Error::Genesys {
                        org,
                        campaign,
                        failure,
                    };
                    self.unknown.push((id, error));
                }
                Err(error) => {
                    faults += u32::from(!error.is_of_campaign());
                    self.faults.push(error);
                    // One fault may be the campaign's own. Two mean that the whole feed is at
                    // fault.
                    if faults > 1 {
                        break;
                    }
                }
            }
        }
        Ok(self.full())
    }

    fn beginning(&self, id: &CampaignId) -> Cursor {
        let due = self.due.iter().find(|due| due.campaign == *id);
        let since = due.map_or_else(|| self.input.start().since, |due| due.since);
        Cursor::start(&self.input.org, &self.input.campaigns, since)
    }

    fn feed(&self, id: &CampaignId) -> Feed {
        Feed {
            org: self.input.org.clone(),
            campaign: id.clone(),
            run: self.input.run,
        }
    }

    async fn campaign(&mut self, id: &CampaignId, at: Cursor) -> Result<Option<Stopped>, Error> {
        let mut at = at.for_feed(&self.secret.print);
        if let Some(why) = self.must_stop(&at) {
            return Ok(Some((at, why)));
        }
        let campaign =
            match Campaign::open(Arc::clone(&self.org), id, self.org_secret, self.run).await {
                Ok(campaign) => campaign,
                Err(failure) => return self.stop_or_fail(id, at, failure).map(Some),
            };
        let feed = self.feed(id);
        self.whole = Whole::default();
        if self.input.full
            && let Some(stopped) = self.take_export(&campaign, id, &at).await?
        {
            return Ok(Some(stopped));
        }
        let (is_from_start, faulty) = (at.page.is_none() && at.done == 0, self.faulty());
        let mut pages = Pages::default();
        loop {
            let page = match self.ask(&feed, &at).await? {
                Ok(page) => page,
                Err(why) => return Ok(Some((at, why))),
            };
            pages.look(&page, self.may_have_more_faulty());
            let brought = at.brought.clone().and(items(&page));
            begin_again_if_changed(&page.changes, &mut at);
            // A run that continues in the middle of a page has reported the page's faulty contacts
            // before.
            if at.done == 0 {
                self.leave_out_faulty(id, &mut at, pages.count, page.faulty);
            }
            if let Some(stopped) = self.page(&campaign, id, page.changes, &mut at).await? {
                return Ok(Some(stopped));
            }
            at = Cursor {
                page: page.next,
                done: 0,
                last: None,
                brought,
                ..at
            };
            let Some(next) = &at.page else {
                if self.input.full && is_from_start && self.faulty() == faulty {
                    self.count_unknown(id)?;
                }
                return self.look_for(&campaign, id).await.map(|()| None);
            };
            if !pages.lead_to(next) || at.brought.goes_round() {
                return Err(self.too_faulty().unwrap_or_else(|| self.endless(id)));
            }
            if let Some(why) = self.must_stop(&at) {
                return Ok(Some((at, why)));
            }
        }
    }

    /// Whether more of any campaign differs than can be right.
    pub(crate) fn is_too_much(&self) -> bool {
        let mut shares = self.shares.values();
        shares.any(|share| share.is_too_much(self.input))
    }
}

/// The part of the contact's message group that identifies the contact.
fn hash(change: &Change) -> String {
    change
        .message_group()
        .as_str()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned()
}
