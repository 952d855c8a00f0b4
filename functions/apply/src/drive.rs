//! Drives the attempts of one org's contacts: collects their steps, asks the budget once a round,
//! makes the calls and feeds the answers back.
//!
//! ```text
//! attempts ──steps──▶ begin: health and budget say how many ──▶ launch: one call a contact, or one
//!    ▲                                                           for many, as the API has it
//!    └──────────────── saw: each answer to its attempt ◀────────────────────┘
//! ```
//!
//! Where nothing fails a batch takes two round trips: all reads side by side, then all writes. The
//! creates of a campaign wait for its reads and go in one call; nothing else waits for a sibling.
//! An org that is not known to be well begins with one contact. What cannot be begun now is given
//! back, and holds nobody up.

mod begin;
mod calls;
mod dnc;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use dnc::Listing;
use domain::attempt::{Attempt, Seen, Step, Verdicts};
use domain::batch::Verdict;
use domain::change::CampaignId;
use domain::failure::{Failure, Kind};
use domain::health::May;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use io::genesys::{Campaign, Org, Run};
use io::secrets::OrgSecret;
use jiff::Timestamp;

use crate::{Context, Defect};

/// What came of a call, by the place of the contact.
type Answers = Vec<(usize, Answer)>;

enum Answer {
    /// About the contact.
    Of(Seen),
    /// About what of it belongs on the DNC list.
    Listed(Result<(), Failure>),
    /// The call's code panicked.
    Panicked,
}

/// The contacts of one org in one invocation.
pub(crate) struct Drive<'a> {
    pub(crate) context: &'a Context,
    pub(crate) run: Run,
    pub(crate) org: Arc<Org>,
    /// When it was begun.
    pub(crate) since: Timestamp,
    pub(crate) secret: Arc<OrgSecret>,
    /// Drawn once an invocation.
    pub(crate) luck: f64,
    pub(crate) campaigns: Vec<OfCampaign>,
    pub(crate) contacts: Vec<Contact>,
}

/// One campaign.
pub(crate) struct OfCampaign {
    pub(crate) id: CampaignId,
    pub(crate) campaign: Campaign,
    /// The places of its contacts.
    pub(crate) contacts: Range<usize>,
    /// What may be begun before anything of it is answered.
    pub(crate) may: May,
    /// The contact whose create probes for those that are held.
    pub(crate) probe: Option<usize>,
}

/// One contact.
pub(crate) struct Contact {
    /// The place of its campaign.
    pub(crate) campaign: usize,
    pub(crate) attempt: Attempt,
    /// Whether it may have been written by an invocation before.
    was_tried: bool,
    at: At,
    /// How many answers had been seen when it ended.
    ended: u64,
    /// What of it belongs on the DNC list.
    listing: Listing,
}

/// Where a contact is.
enum At {
    /// Its step needs calls that the budget did not promise yet.
    Waits(Step),
    /// Its step may be made.
    Ready(Step),
    /// A call is under way.
    Calls(Under),
    Ended,
}

/// What is under way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Under {
    Read,
    Write,
    /// With others, in one call.
    Create,
    /// What cannot be read is written, or read in another way and then written.
    Lower,
    Pause,
}

impl Contact {
    /// Whether it is created without a look.
    fn is_new(&self) -> bool {
        matches!(self.at, At::Waits(Step::Create { alone: false, .. }))
    }

    pub(crate) fn new(campaign: usize, attempt: Attempt, was_tried: bool) -> Contact {
        let (at, ended) = (At::Ended, 0);
        let listing = Listing::default();
        Contact {
            campaign,
            attempt,
            was_tried,
            at,
            ended,
            listing,
        }
    }
}

/// What is known while it goes on.
#[derive(Default)]
struct Progress {
    verdicts: BTreeMap<usize, Verdicts>,
    /// How many answers were seen.
    seen: u64,
    /// Campaigns that had one.
    answered: BTreeSet<usize>,
    /// When a write was answered, and of which contact.
    written: Vec<(u64, usize)>,
    /// When there are more calls, where there were too few; and when for opt-outs.
    more: Option<Timestamp>,
    opt_outs_at: Option<Timestamp>,
}

impl Drive<'_> {
    /// Until every contact has its verdicts, or waits for what this invocation cannot give.
    pub(crate) async fn finish(mut self) -> Verdicts {
        let mut progress = Progress::default();
        for place in 0..self.contacts.len() {
            self.saw(&mut progress, place, Seen::Nothing);
            self.take_for_new(place);
            self.leave_waiting(&mut progress, place);
        }
        let mut calls: FuturesUnordered<BoxFuture<'static, Answers>> = FuturesUnordered::new();
        loop {
            self.begin(&mut progress);
            calls.extend(self.launch());
            let Some(answers) = calls.next().await else {
                break;
            };
            for (place, answer) in answers {
                match answer {
                    Answer::Of(seen) => self.saw(&mut progress, place, seen),
                    Answer::Listed(listed) => self.contacts[place].listing.ends(listed),
                    Answer::Panicked => self.panicked(place),
                }
            }
        }
        self.give_back(&mut progress);
        if !self.context.has(Defect::NeverRests) {
            self.org.was_driven(self.since);
        }
        self.judge(progress)
    }

    /// What is seen of a create: one that is refused alone, and not for what was sent, may be refused
    /// to the whole campaign.
    fn seen_of_create(&self, place: usize, seen: Seen) -> Seen {
        let contact = &self.contacts[place];
        if !contact.attempt.is_creating() {
            return seen;
        }
        let (campaign, key) = (&self.campaigns[contact.campaign].id, contact.attempt.key());
        match seen {
            Seen::Written(_) => {
                self.org.created(campaign, key);
                seen
            }
            Seen::Failed(failure) if failure.may_be_of_every_create() => {
                let is_own = self.org.is_refused_for_itself(campaign, key, &failure);
                // Of several changes one may be refused: they are tried one by one.
                let is_apart = contact.attempt.is_folded() && !self.org.holds_creates(campaign);
                let after = Duration::ZERO;
                let kind = if is_own || is_apart {
                    failure.kind
                } else {
                    Kind::Full { after }
                };
                Seen::Failed(Failure { kind, ..failure })
            }
            seen => seen,
        }
    }

    /// What is seen of the question whether there is a contact: that there is none, where the answer's
    /// code does not say the campaign. An answer without a code says it only of a campaign that is known.
    fn seen_of_search(&self, place: usize, seen: Seen) -> Seen {
        let contact = &self.contacts[place];
        match seen {
            Seen::Failed(failure)
                if failure.kind == Kind::NotFound && contact.attempt.is_seeking() =>
            {
                let campaign = &self.campaigns[contact.campaign].id;
                if failure.code.is_some() || self.org.knows(campaign) {
                    Seen::Contact(None)
                } else {
                    Seen::Failed(failure)
                }
            }
            seen => seen,
        }
    }

    fn saw(&mut self, progress: &mut Progress, place: usize, seen: Seen) {
        let seen = self.contacts[place].attempt.judged(seen);
        let seen = self.seen_of_create(place, seen);
        let seen = self.seen_of_search(place, seen);
        let contact = &mut self.contacts[place];
        if seen != Seen::Nothing {
            progress.seen += 1;
            progress.answered.insert(contact.campaign);
        }
        if matches!(seen, Seen::Written(_) | Seen::Contact(Some(_))) {
            self.org.is_found(&self.campaigns[contact.campaign].id);
        }
        let is_found = match &seen {
            // Who is not to be created says nothing of a first load.
            Seen::Contact(None) if !contact.attempt.may_create() => None,
            Seen::Contact(found) => Some(found.is_some()),
            Seen::RefusedTogether(failure) | Seen::Failed(failure)
                if failure.kind == Kind::Conflict =>
            {
                Some(true)
            }
            _ => None,
        };
        if let Some(is_found) = is_found {
            let campaign = &self.campaigns[contact.campaign].id;
            self.org.looked_for(campaign, is_found);
        }
        if matches!(seen, Seen::Written(_)) {
            progress.written.push((progress.seen, place));
        }
        if matches!(&seen, Seen::Failed(failure) if failure.leaves_unknown()) {
            self.org.doubts(&self.campaigns[contact.campaign].id);
        }
        // What was refused begins anew, with calls of its own.
        let begins_anew = match &seen {
            Seen::Nothing | Seen::RefusedTogether(_) => true,
            Seen::Failed(failure) => matches!(failure.kind, Kind::Conflict | Kind::Rejected),
            _ => false,
        };
        let next = catch_unwind(AssertUnwindSafe(|| contact.attempt.next(seen)));
        let (entries, by) = contact.attempt.take_owed();
        contact.listing.owes(entries, by);
        contact.at = match next {
            Ok(Step::Done(verdicts)) => {
                contact.ended = progress.seen;
                progress.verdicts.insert(place, verdicts);
                At::Ended
            }
            Ok(step) if begins_anew => At::Waits(step),
            Ok(step) => At::Ready(step),
            Err(_) => return self.panicked(place),
        };
    }

    /// It has no verdicts: its changes are retried.
    fn panicked(&mut self, place: usize) {
        let contact = &mut self.contacts[place];
        contact.at = At::Ended;
        let (org, campaign) = (self.org.id(), &self.campaigns[contact.campaign].id);
        tracing::error!(%org, campaignId = %campaign, "panicked: the changes of this contact are retried");
    }

    fn give_back_all(
        &mut self,
        progress: &mut Progress,
        failure: &Failure,
        is_meant: impl Fn(&Contact) -> bool,
    ) {
        for (place, contact) in self.contacts.iter_mut().enumerate() {
            if matches!(contact.at, At::Waits(_)) && is_meant(contact) {
                contact.at = At::Ended;
                contact.ended = progress.seen;
                let verdicts = contact.attempt.give_back(failure);
                // What was written of it before may owe an entry.
                let (entries, by) = contact.attempt.take_owed();
                contact.listing.owes(entries, by);
                progress.verdicts.insert(place, verdicts);
            }
        }
    }

    /// What could not be begun waits in the queue until there are calls again.
    fn give_back(&mut self, progress: &mut Progress) {
        let now = self.context.shared.clock.now();
        let spent = |more: Option<Timestamp>| {
            let after = more.unwrap_or(now).duration_since(now);
            Failure::budget_spent(Duration::try_from(after).unwrap_or_default())
        };
        let opt_outs = spent(progress.opt_outs_at.or(progress.more));
        self.give_back_all(progress, &opt_outs, |of| of.attempt.is_opt_out());
        let others = spent(progress.more);
        self.give_back_all(progress, &others, |_| true);
    }

    /// A failure may be the change's own only where another contact of its campaign was written
    /// after it.
    fn judge(&self, progress: Progress) -> Verdicts {
        let list = self.secret.rules.dnc_list.as_ref();
        let fails_for = list.map(|list| self.org.dnc_fails_for(list));
        let fails_for = fails_for.unwrap_or_default();
        let mut all = Verdicts::new();
        for (place, verdicts) in progress.verdicts {
            let contact = &self.contacts[place];
            contact.listing.may_wait(&verdicts, &self.org);
            let mut verdicts = contact
                .listing
                .judged(verdicts, &contact.attempt, fails_for);
            let campaign = &self.campaigns[contact.campaign].id;
            crate::tell_since_when(&self.org, campaign, &mut verdicts);
            let rest = self.org.rests(campaign);
            let is_well = progress.written.iter().any(|(seen, other)| {
                *seen > contact.ended && self.contacts[*other].campaign == contact.campaign
            });
            for (_, verdict) in &mut verdicts {
                if let Verdict::Retry(retry) = verdict {
                    retry.cause = retry.cause.no_sooner_than(rest);
                    retry.is_campaign_well = is_well || self.context.has(Defect::Unshown);
                }
            }
            all.extend(verdicts);
        }
        all
    }
}
