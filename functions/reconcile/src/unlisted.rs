//! Whom a campaign has and the CRM does not list: who was found so by two whole runs is made not callable
//! (docs/reconciliation.md "Remove whom the CRM does not list"). Of an operator only.

use std::time::Duration;

use domain::batch::ParkReason;
use domain::change::{CampaignId, Change, ContactKey, Feed};
use io::genesys::{Snapshot, Unlisted};
use io::queue::room;

use crate::input::InvalidInput;
use crate::scan::{LeftOut, Scan, Share};
use crate::{Answer, Context, Error, Input, Opened, Outcome, Progress, Until, Why, open, send};

/// So many changes are made before they are sent.
const AT_ONCE: usize = 1_000;
/// Until a queue that has no room is asked again.
const WAIT: Duration = Duration::from_secs(15);

/// Reads the whole feed of the input's campaign twice, each time beside an export of its own, and enqueues that
/// those left whom both found unlisted and who may be called. Where one of the two is not whole, or too many
/// are to be lowered, it enqueues nothing. It compares nothing else, and goes on from no cursor.
///
/// # Errors
/// As [`run`](crate::run).
pub async fn remove_unknown(
    context: &Context,
    input: &Input,
    until: &Until<'_>,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, Error> {
    let [campaign] = input.campaigns.as_slice() else {
        return Err(InvalidInput::of("campaignIds: expected one campaign").into());
    };
    // What both find is told once, of the second.
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

impl Opened {
    /// Whom the feed of one campaign does not list, that of another may: both would be lowered in a list of both.
    async fn is_alone_on_its_list(&self, input: &Input) -> Result<(), Error> {
        let Some(campaign) = input.campaigns.first() else {
            return Ok(());
        };
        let list = self.org.list_of(&self.run, campaign).await;
        let list = list.map_err(|failure| Error::Genesys {
            org: input.org.clone(),
            campaign: Some(campaign.clone()),
            failure: Box::new(failure),
        })?;
        let others = list.campaigns.iter();
        let others = others.filter(|id| id.as_str() != campaign.as_str()).count();
        match others {
            0 => Ok(()),
            others => Err(Error::SharedList {
                org: input.org.clone(),
                campaign: campaign.clone(),
                others,
            }),
        }
    }
}

/// A campaign beside a feed of which all was read.
struct Look {
    opened: Opened,
    snapshot: Snapshot,
    answer: Answer,
}

impl Look {
    /// `Err` within: it did not come to its end.
    async fn take(
        context: &Context,
        input: &Input,
        until: &Until<'_>,
        watch: &(dyn Fn(Progress) + Sync),
    ) -> Result<Result<Look, Outcome>, Error> {
        let opened = match open(context, input, until).await? {
            Ok(opened) => opened,
            Err(why) => {
                let answer = Answer {
                    dry_run: input.dry_run,
                    ..Answer::default()
                };
                return Ok(Err(ended(answer, Some(why), LeftOut::new())));
            }
        };
        opened.is_alone_on_its_list(input).await?;
        let mut scan = Scan::new(context, input, until, watch, &opened);
        let stopped = scan.all().await?;
        let unknown = scan.unknown.pop().map(|(_, error)| error);
        let unread = unknown.or(scan.faults.pop());
        if let Some(error) = scan.too_faulty().or(unread) {
            return Err(error);
        }
        let faulty = scan.faulty();
        let why = stopped.map(|(_, why)| why);
        let why = why.or_else(|| (faulty > 0).then_some(Why::Faulty(faulty)));
        let Scan {
            answer,
            left_out,
            whole,
            ..
        } = scan;
        let is_counted = answer.unknown_to_crm.is_some();
        Ok(match (why, whole.into_snapshot().filter(|_| is_counted)) {
            (None, Some(snapshot)) => Ok(Look {
                opened,
                snapshot,
                answer,
            }),
            (why, _) => Err(ended(answer, why, left_out)),
        })
    }

    /// Of the ids of those whom the feed does not list, in order: 8 bytes of each.
    fn hashes(&self, campaign: &CampaignId) -> Result<Vec<u64>, Error> {
        let mut hashes = Vec::new();
        for found in self.unlisted(campaign) {
            hashes.push(found?.hash);
        }
        hashes.sort_unstable();
        hashes.shrink_to_fit();
        Ok(hashes)
    }

    fn unlisted(&self, campaign: &CampaignId) -> impl Iterator<Item = Result<Unlisted, Error>> {
        self.snapshot.unlisted().map(|found| {
            found.map_err(|error| Error::Export {
                org: self.opened.org.id().clone(),
                campaign: campaign.clone(),
                what: format!("its temporary file: {}", error.kind()),
            })
        })
    }
}

/// It goes on from no cursor.
fn ended(answer: Answer, why: Option<Why>, left_out: LeftOut) -> Outcome {
    let answer = Answer {
        complete: why.is_none() && answer.complete,
        cursor: None,
        ..answer
    };
    Outcome {
        answer,
        why,
        left_out,
    }
}

struct Removal<'a> {
    context: &'a Context,
    /// Of the second look.
    input: &'a Input,
    until: &'a Until<'a>,
    watch: &'a (dyn Fn(Progress) + Sync),
    campaign: &'a CampaignId,
    look: &'a Look,
    /// Whom the first did not find listed.
    first: &'a [u64],
}

/// Who is there to be lowered.
#[derive(Default)]
struct Counts {
    /// Not listed, and may be called.
    callable: u64,
    /// Of those whom the first look found so too, and of whom it can be said.
    to_lower: u64,
    left_out: LeftOut,
}

impl Removal<'_> {
    async fn go(&self) -> Result<Outcome, Error> {
        let Counts {
            callable,
            to_lower,
            left_out,
        } = self.count()?;
        let listed = self.look.snapshot.listed();
        // Who is not callable already says nothing of the feed: else those that were lowered before would count
        // against it for good.
        let share = Share {
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
            // A dry run comes to its end, and tells why another one would not.
            return Ok(Outcome {
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

    /// What lowers the contact, where it is to be lowered; or why `apply` would park that.
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

    /// Sends as many as there is room for, and waits for more. Answers why it ended early, if so.
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

    /// Waits until there is room in the queue. `Err` within: it ends before.
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
