//! Makes contacts of a campaign not callable if the CRM does not list them (docs/reconciliation.md
//! "Remove whom the CRM does not list"). Only an operator asks for it.
//!
//! Two whole runs must both find a contact unlisted. `scan` reads the feed, and `scan/whole.rs`
//! takes the export that shows the campaign. Nothing else is compared here.

mod look;

use std::time::Duration;

use domain::batch::ParkReason;
use domain::change::{CampaignId, Change, ContactKey, Feed};
use io::genesys::Unlisted;
use io::queue::room;
use look::Look;

use crate::input::InvalidInput;
use crate::scan::{DriftShare, LeftOut};
use crate::{Answer, Context, Error, Input, Progress, RunOutcome, Until, Why, send};

/// How many changes are made before they are sent.
const AT_ONCE: usize = 1_000;
/// How long to wait before a queue without room is asked again.
const WAIT: Duration = Duration::from_secs(15);

/// Reads the whole feed of the input's campaign twice, each time together with an export of its
/// own. For each callable contact that both runs found unlisted, it enqueues a `leave`. It enqueues
/// nothing if one of the two runs is not whole, or if too many contacts are to be lowered. It
/// compares nothing else, and takes no cursor.
///
/// # Errors
/// Fails as [`run`](crate::run) does.
pub async fn remove_unknown(
    context: &Context,
    input: &Input,
    until: &Until<'_>,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<RunOutcome, Error> {
    let [campaign] = input.campaigns.as_slice() else {
        return Err(InvalidInput::of("campaignIds: expected one campaign").into());
    };
    // The second run alone reports what both find.
    let first_watch = |progress: Progress| {
        if matches!(progress, Progress::Faulty { .. }) {
            watch(progress);
        }
    };
    let first = match Look::take(context, input, until, &first_watch).await? {
        Ok(look) => look.hashes(campaign)?,
        Err(outcome) => return Ok(outcome),
    };
    let again = Input {
        run: context.shared.clock.now(),
        ..input.clone()
    };
    let look = match Look::take(context, &again, until, watch).await? {
        Ok(look) => look,
        Err(outcome) => return Ok(outcome),
    };
    let removal = Removal {
        context,
        input: &again,
        until,
        watch,
        campaign,
        look: &look,
        first: &first,
    };
    removal.go().await
}

/// The outcome of a run that ended. It has no cursor.
fn ended(answer: Answer, why: Option<Why>, left_out: LeftOut) -> RunOutcome {
    let answer = Answer {
        complete: why.is_none() && answer.complete,
        cursor: None,
        ..answer
    };
    RunOutcome {
        answer,
        why,
        left_out,
    }
}

struct Removal<'a> {
    context: &'a Context,
    /// The input of the second look.
    input: &'a Input,
    until: &'a Until<'a>,
    watch: &'a (dyn Fn(Progress) + Sync),
    campaign: &'a CampaignId,
    look: &'a Look,
    /// The hashes of the contacts that the first look found unlisted.
    first: &'a [u64],
}

/// How many contacts are to be lowered.
#[derive(Default)]
struct Counts {
    /// Contacts that are not listed and are callable.
    callable: u64,
    /// Contacts among them that the first look found unlisted too, and for which a change can be
    /// made.
    to_lower: u64,
    left_out: LeftOut,
}

impl Removal<'_> {
    async fn go(&self) -> Result<RunOutcome, Error> {
        let Counts {
            callable,
            to_lower,
            left_out,
        } = self.count()?;
        let listed = self.look.snapshot.listed();
        // Contacts that are not callable already do not count. Otherwise those that were lowered
        // before would count against the feed for good.
        let share = DriftShare {
            checked: listed + callable,
            drifted: callable,
        };
        let is_nobody_listed = listed == 0 && callable > 0 && !self.input.force;
        let is_too_much = share.is_too_much(self.input) || is_nobody_listed;
        let too_much = is_too_much.then(|| Why::TooManyUnknown {
            campaign: self.campaign.clone(),
            contacts: share.checked,
            unknown: callable,
        });
        let mut answer = Answer {
            removed_unknown: Some(0),
            complete: true,
            ..self.look.answer.clone()
        };
        if self.input.dry_run {
            answer.removed_unknown = Some(to_lower);
            // A dry run is complete, and says why a real one would not be.
            return Ok(RunOutcome {
                answer,
                why: too_much,
                left_out,
            });
        }
        let why = match too_much {
            Some(why) => Some(why),
            None => self.enqueue(&mut answer).await?,
        };
        Ok(ended(answer, why, left_out))
    }

    fn count(&self) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        for found in self.look.unlisted(self.campaign) {
            let found = found?;
            counts.callable += u64::from(found.contact.callable);
            match self.leave(&found) {
                Some(Ok(_)) => counts.to_lower += 1,
                Some(Err(reason)) => {
                    let of = (self.campaign.clone(), reason);
                    *counts.left_out.entry(of).or_default() += 1;
                }
                None => {}
            }
        }
        Ok(counts)
    }

    /// The change that lowers the contact, or the reason for which `apply` would park it. `None`
    /// means that the contact is not to be lowered.
    fn leave(&self, found: &Unlisted) -> Option<Result<Change, ParkReason>> {
        let is_in_first = self.first.binary_search(&found.hash).is_ok();
        if !found.contact.callable || !is_in_first {
            return None;
        }
        let Ok(key) = ContactKey::parse(&found.id) else {
            return Some(Err(ParkReason::KeyPattern));
        };
        let feed = Feed {
            org: self.input.org.clone(),
            campaign: self.campaign.clone(),
            run: self.input.run,
        };
        let rules = &self.look.opened.org_secret.rules;
        let change = Change::of_unlisted(&feed, key, found.contact.version, rules.version_from);
        let broken = rules.broken(&change, self.context.shared.clock.now());
        Some(broken.map_or(Ok(change), |broken| Err(broken.reason())))
    }

    /// Sends as many changes as there is room for, and waits for more room. Returns why it ended
    /// early, if it did.
    async fn enqueue(&self, answer: &mut Answer) -> Result<Option<Why>, Error> {
        let found = self.look.unlisted(self.campaign);
        let leaves = found.filter_map(|found| match found.map(|found| self.leave(&found)) {
            Ok(Some(Ok(change))) => Some(Ok(change)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        });
        let mut leaves = leaves.peekable();
        let mut left = 0;
        while leaves.peek().is_some() {
            if left == 0 {
                left = match self.room().await? {
                    Ok(room) => room,
                    Err(why) => return Ok(Some(why)),
                };
            }
            let some = leaves.by_ref().take(left.min(AT_ONCE));
            let some = some.collect::<Result<Vec<_>, _>>()?;
            left -= some.len();
            let sent = send(self.context, &some, self.until, self.watch).await?;
            answer.enqueued += sent;
            *answer.removed_unknown.get_or_insert_default() += sent;
            if sent < some.len() as u64 {
                return Ok(Some(Why::OutOfTime));
            }
            if left == 0 && leaves.peek().is_some() {
                tokio::time::sleep(WAIT).await;
            }
        }
        Ok(None)
    }

    /// Waits until there is room in the queue. The inner `Err` says why it stopped waiting.
    async fn room(&self) -> Result<Result<usize, Why>, Error> {
        let config = &self.context.shared.config;
        let deepest = self.look.opened.org_secret.deepest(config.apply_top_up);
        loop {
            let now = self.context.shared.clock.now();
            if (self.until.is_asked_to_stop)() {
                return Ok(Err(Why::Interrupted));
            }
            if self.until.end.is_some_and(|end| now >= end) {
                return Ok(Err(Why::OutOfTime));
            }
            let room = room(self.context.queue.as_ref(), &config.queue_url, deepest).await?;
            if room > 0 {
                return Ok(Ok(room));
            }
            tokio::time::sleep(WAIT).await;
        }
    }
}
