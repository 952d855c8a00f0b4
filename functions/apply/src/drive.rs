//! Drives the attempts of one org: it collects their steps, asks budget and health which of them
//! may go, makes the calls, and hands the answers to the attempts.
//!
//! ```text
//! attempts ──steps──▶ begin: health and budget say how many ──▶ launch: one call a contact, or one
//!    ▲                                                           for many, as the API has it
//!    └──────────────── saw: each answer to its attempt ◀────────────────────┘
//! ```
//!
//! If nothing fails, a batch takes two round trips: all reads side by side, then all writes. The
//! creates of a campaign wait for its reads and go in one call; nothing else waits for another
//! contact. An org that is not known to be healthy begins with one contact. A contact that cannot
//! begin is given back to the queue and holds nobody up.
//!
//! `begin` chooses the contacts that begin, `calls` turns steps into calls, and `dnc` puts entries
//! on the DNC list. `doubt` keeps apart contacts that may make calls fail. What a step means for a
//! contact is decided in [`domain::attempt`].

mod begin;
mod calls;
mod dnc;
mod doubt;
mod saw;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use dnc::DncEntries;
use domain::attempt::{Attempt, Step, StepResult, Verdicts};
use domain::batch::Verdict;
use domain::change::CampaignId;
use domain::failure::Failure;
use domain::health::May;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use io::genesys::{Campaign, Org, Run};
use io::secrets::OrgSecret;
use jiff::Timestamp;

use crate::attempts::attempt;
use crate::gather::ContactChanges;
use crate::org::set_missing_for;
use crate::{Context, Defect};

/// The results of a call, by the place of each contact.
type Answers = Vec<(usize, Answer)>;

enum Answer {
    /// A result for the contact.
    Step(StepResult),
    /// A result for the contact's entries on the DNC list.
    Listed(Result<(), Failure>),
    /// The code of the call panicked.
    Panicked,
}

/// The contacts of one org in one invocation.
pub(crate) struct Drive<'a> {
    pub(crate) context: &'a Context,
    pub(crate) run: Run,
    pub(crate) org: Arc<Org>,
    /// The time at which it began.
    pub(crate) since: Timestamp,
    pub(crate) secret: Arc<OrgSecret>,
    /// A random number, drawn once per invocation.
    pub(crate) draw: f64,
    pub(crate) campaigns: Vec<DrivenCampaign>,
    pub(crate) contacts: Vec<DrivenContact>,
}

/// One campaign.
pub(crate) struct DrivenCampaign {
    pub(crate) id: CampaignId,
    pub(crate) campaign: Campaign,
    /// The places of its contacts.
    pub(crate) contacts: Range<usize>,
    /// The calls that may begin before the campaign has answered.
    pub(crate) may: May,
    /// The contact whose create shows whether the campaign takes new contacts again.
    pub(crate) probe: Option<usize>,
}

/// One contact.
pub(crate) struct DrivenContact {
    /// The place of its campaign.
    pub(crate) campaign: usize,
    pub(crate) attempt: Attempt,
    /// Whether an earlier invocation may have written it.
    was_tried: bool,
    at: At,
    /// How many answers had been seen when it ended.
    ended: u64,
    /// Its entries on the DNC list.
    dnc_entries: DncEntries,
}

/// Something at the place of a contact.
trait Placed {
    fn place(&self) -> usize;
}

impl Placed for usize {
    fn place(&self) -> usize {
        *self
    }
}

/// The progress of a contact.
enum At {
    /// Its step needs calls that the budget has not promised yet.
    Waits(Step),
    /// Its step may go.
    Ready(Step),
    /// A call is under way.
    Calls(Under),
    Ended,
}

/// The kind of call under way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Under {
    Read,
    Write,
    /// A create, with others in one call.
    Create,
    /// [`Step::Lower`]: a write without a read, or a read of this contact alone.
    Lower,
    Pause,
}

impl DrivenContact {
    /// Whether the contact is created without a read.
    fn is_new(&self) -> bool {
        matches!(self.at, At::Waits(Step::Create { alone: false, .. }))
    }

    pub(crate) fn new(campaign: usize, attempt: Attempt, was_tried: bool) -> DrivenContact {
        let (at, ended) = (At::Ended, 0);
        let dnc_entries = DncEntries::default();
        DrivenContact {
            campaign,
            attempt,
            was_tried,
            at,
            ended,
            dnc_entries,
        }
    }
}

/// The results so far, while the contacts are driven.
#[derive(Default)]
struct Progress {
    verdicts: BTreeMap<usize, Verdicts>,
    /// How many answers were seen.
    seen: u64,
    /// The campaigns that have answered.
    answered: BTreeSet<usize>,
    /// Each write that was answered: the number of its answer, and the contact.
    written: Vec<(u64, usize)>,
    /// If there were too few calls, the time at which there are more.
    more: Option<Timestamp>,
    /// The same time for opt-outs.
    opt_outs_at: Option<Timestamp>,
}

impl Drive<'_> {
    /// Opens a campaign, if calls about it may begin.
    pub(crate) async fn open(&self, id: &CampaignId, may: May) -> Result<Campaign, Failure> {
        may.allowed(self.context.shared.clock.now())?;
        Campaign::open(Arc::clone(&self.org), id, &self.secret, self.run).await
    }

    /// Adds a campaign that is open, with its contacts.
    pub(crate) fn add(
        &mut self,
        id: CampaignId,
        campaign: Campaign,
        may: May,
        contacts: Vec<ContactChanges>,
    ) {
        let (place, first) = (self.campaigns.len(), self.contacts.len());
        let rules = &self.secret.rules;
        self.contacts.extend(contacts.into_iter().map(|contact| {
            let was_tried = contact.was_tried;
            let attempt = attempt(self.context, rules, &campaign, contact);
            DrivenContact::new(place, attempt, was_tried)
        }));
        self.campaigns.push(DrivenCampaign {
            id,
            campaign,
            contacts: first..self.contacts.len(),
            may,
            probe: None,
        });
    }

    /// Makes calls until each contact has its verdicts, or must wait for another invocation.
    pub(crate) async fn finish(mut self) -> Verdicts {
        let mut progress = Progress::default();
        for place in 0..self.contacts.len() {
            self.saw(&mut progress, place, StepResult::Nothing);
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
                    Answer::Step(seen) => self.saw(&mut progress, place, seen),
                    Answer::Listed(listed) => self.contacts[place].dnc_entries.ends(listed),
                    Answer::Panicked => self.panicked(place),
                }
            }
        }
        self.give_back(&mut progress);
        if !self.context.has(Defect::NeverRests) {
            self.org.record_driven(self.since);
        }
        self.judge(progress)
    }

    /// Ends a contact without verdicts. Its changes are retried.
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
        is_meant: impl Fn(&DrivenContact) -> bool,
    ) {
        for (place, contact) in self.contacts.iter_mut().enumerate() {
            if matches!(contact.at, At::Waits(_)) && is_meant(contact) {
                contact.at = At::Ended;
                contact.ended = progress.seen;
                let verdicts = contact.attempt.give_back(failure);
                // An earlier write of the contact may owe an entry.
                let (entries, by) = contact.attempt.take_owed();
                contact.dnc_entries.owes(entries, by);
                progress.verdicts.insert(place, verdicts);
            }
        }
    }

    /// Gives back the contacts that could not begin. They wait in the queue until there are calls
    /// again.
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

    /// The verdicts of all contacts. A failure may be the fault of a change if another contact of
    /// the campaign was written after it: then `is_campaign_well` is set.
    fn judge(&self, progress: Progress) -> Verdicts {
        let list = self.secret.rules.dnc_list.as_ref();
        let fails_for = list.map(|list| self.org.dnc_fails_for(list));
        let fails_for = fails_for.unwrap_or_default();
        let mut all = Verdicts::new();
        for (place, verdicts) in progress.verdicts {
            let contact = &self.contacts[place];
            contact.dnc_entries.note_waiting(&verdicts, &self.org);
            let mut verdicts = contact
                .dnc_entries
                .judged(verdicts, &contact.attempt, fails_for);
            let campaign = &self.campaigns[contact.campaign].id;
            set_missing_for(&self.org, campaign, &mut verdicts);
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
