//! The feed beside the campaigns: what differs.

mod adopt;
mod compare;
mod faulty;
mod known;
mod pages;
mod stop;
mod whole;

pub(crate) use faulty::faulty;
use pages::{Pages, items};
pub use stop::Until;
pub(crate) use stop::why_stopped;
use whole::Whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::batch::ParkReason;
use domain::change::{CampaignId, Change, Feed, MessageGroup, OptedOut};
use domain::drift::Drift;
use io::genesys::{Campaign, Kind, Org, Run};
use io::secrets::{FeedSecret, OrgSecret};

use crate::dnc::Listing;
use crate::input::{Cursor, Input};
use crate::record::Due;
use crate::{Answer, Context, Error, Opened, Why};

/// Contacts that are compared at once: one call of the contact list API reads as many.
const AT_ONCE: usize = 50;
/// Fewer differing contacts than this stop no run, whatever their share.
const MOST_DRIFT: u64 = 100;

/// A contact that is not as the CRM says: for a list, without any value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In which campaign.
    pub campaign: CampaignId,
    /// The contact's message group, which says nothing of its key.
    pub group: MessageGroup,
    /// What differs.
    pub drift: Drift,
}

/// Something that who waits for a run may want to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many contacts more were compared.
    Checked(u64),
    /// One of them differs.
    Found(Found),
    /// One of them stores a rank that is ahead: what the CRM says of it is stale.
    Ahead {
        /// In which campaign.
        campaign: CampaignId,
        /// The contact's message group, which says nothing of its key.
        group: MessageGroup,
    },
    /// One of them breaks a rule, and is left out.
    Faulty {
        /// In which campaign.
        campaign: CampaignId,
        /// Where it stands on its page and what was expected, without any value.
        what: String,
        /// The contact's message group, if its key can be read.
        group: Option<MessageGroup>,
        /// Whether an opt-out is heard of it all the same.
        is_heard: bool,
    },
    /// One of the campaign is not in the feed.
    Unknown {
        /// In which campaign.
        campaign: CampaignId,
        /// The contact's message group, which says nothing of its key.
        group: MessageGroup,
    },
    /// One that the feed opts out was looked at, to be adopted.
    OptedOut(OptedOut),
    /// So many changes more are in the queue.
    Enqueued(u64),
}

/// Contacts of one campaign, over all runs that its cursor links.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) checked: u64,
    pub(crate) drifted: u64,
}

impl Share {
    fn of(at: &Cursor) -> Share {
        Share {
            checked: at.checked,
            drifted: at.drifted,
        }
    }

    fn is_over(self, percent: u64) -> bool {
        self.drifted * 100 > self.checked * percent
    }

    /// Whether more of the campaign differs than can be right.
    pub(crate) fn is_too_much(self, input: &Input) -> bool {
        self.drifted > MOST_DRIFT && self.is_over(input.max_drift_percent) && !input.force
    }
}

/// Contacts that cannot be repaired, by campaign and by the reason for which apply would park their change.
pub type LeftOut = BTreeMap<(CampaignId, ParkReason), u64>;

pub(crate) struct Scan<'a> {
    pub(crate) context: &'a Context,
    pub(crate) input: &'a Input,
    pub(crate) until: &'a Until<'a>,
    pub(crate) org: Arc<Org>,
    pub(crate) org_secret: &'a OrgSecret,
    pub(crate) secret: &'a FeedSecret,
    pub(crate) run: Run,
    /// The most changes that are held.
    pub(crate) room: usize,
    /// Since when a campaign is looked at, where that is not as with the first.
    pub(crate) due: &'a [Due],
    pub(crate) watch: &'a (dyn Fn(Progress) + Sync),
    pub(crate) answer: Answer,
    /// Contacts that are to be repaired.
    pub(crate) drifted: u64,
    /// What differs, not enqueued yet.
    pub(crate) held: Vec<Change>,
    /// Where there was no more room, while the run looks on for opt-outs or counts whether too much
    /// differs.
    pub(crate) full_at: Option<Cursor>,
    pub(crate) shares: BTreeMap<CampaignId, Share>,
    pub(crate) left_out: LeftOut,
    /// Contacts that break a rule, and of which an opt-out is compared.
    pub(crate) heard: u64,
    /// Of the contacts that break a rule the first: where, and what was expected.
    pub(crate) first_faulty: Option<(CampaignId, String)>,
    pub(crate) listing: Listing,
    /// Campaigns that Genesys Cloud does not know: the others are compared all the same.
    pub(crate) unknown: Vec<(CampaignId, Error)>,
    pub(crate) whole: Whole,
    /// An export did not come in time: the run asks for no other.
    pub(crate) has_no_exports: bool,
    /// Why campaigns could not be compared.
    pub(crate) faults: Vec<Error>,
    /// Campaigns with contacts that break a rule.
    pub(crate) faulty_in: BTreeSet<CampaignId>,
    /// Campaigns of which nothing that the feed says is to be enqueued.
    pub(crate) in_doubt: BTreeSet<CampaignId>,
}

/// Where the scan stopped, or had no more room, and why.
pub(crate) type Stopped = (Cursor, Why);

impl<'a> Scan<'a> {
    /// Of a run that begins, with as much room as it may want.
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
            heard: 0,
            first_faulty: None,
            listing: Listing::new(list.filter(|_| !input.dry_run)),
            unknown: Vec::new(),
            whole: Whole::default(),
            has_no_exports: input.cursor.as_ref().is_some_and(|at| at.has_no_exports),
            faults: Vec::new(),
            faulty_in: BTreeSet::new(),
            in_doubt: BTreeSet::new(),
        }
    }
}

impl Scan<'_> {
    /// Compares until all is done, or until it must stop.
    pub(crate) async fn all(&mut self) -> Result<Option<Stopped>, Error> {
        let start = self.input.start();
        let mut faults = 0;
        for (place, id) in start.campaigns.iter().enumerate() {
            let Ok(id) = CampaignId::parse(id) else {
                continue;
            };
            let campaigns = start.campaigns[place..].to_vec();
            // Only in the first it goes on in the middle.
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
                    // The feed may be at fault with one campaign. With two it is with all.
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
        let feed = Feed {
            org: self.input.org.clone(),
            campaign: id.clone(),
            run: self.input.run,
        };
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
            // To compare a contact twice does no harm, to leave one out does.
            if !is_as_it_was(&page.changes, &at) {
                at.done = 0;
            }
            // A run that goes on in the middle of a page told them before.
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

    /// The contacts of a page that are not done yet, some at once.
    async fn page(
        &mut self,
        campaign: &Campaign,
        id: &CampaignId,
        changes: Vec<Change>,
        at: &mut Cursor,
    ) -> Result<Option<Stopped>, Error> {
        let mut waiting = changes.into_iter().skip(at.done).peekable();
        while waiting.peek().is_some() {
            if let Some(why) = self.must_stop(at) {
                return Ok(Some((at.clone(), why)));
            }
            if let Some(stopped) = self.take_export(campaign, id, at).await? {
                return Ok(Some(stopped));
            }
            let some: Vec<_> = waiting.by_ref().take(AT_ONCE).collect();
            let failed = self.compare(campaign, id, some, at).await;
            // Also of those before the first that could not be read.
            self.shares.insert(id.clone(), Share::of(at));
            if self.is_too_much() {
                self.listing.forget();
            } else if self.listing.is_due(self.context.shared.clock.now()) {
                self.listing.flush(&self.org, &self.run).await;
            }
            if let Some(failure) = failed {
                return self.stop_or_fail(id, at.clone(), failure).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether more of any campaign differs than can be right.
    pub(crate) fn is_too_much(&self) -> bool {
        let mut shares = self.shares.values();
        shares.any(|share| share.is_too_much(self.input))
    }
}

/// Whether the contact up to which a page was done still stands in its place.
fn is_as_it_was(changes: &[Change], at: &Cursor) -> bool {
    let last = at.done.checked_sub(1).and_then(|last| changes.get(last));
    last.map(hash) == at.last
}

/// What of a contact's message group says which contact it is.
fn hash(change: &Change) -> String {
    change
        .message_group()
        .as_str()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned()
}
