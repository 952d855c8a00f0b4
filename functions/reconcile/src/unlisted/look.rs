//! One look at a campaign: an export of its contact list, and the feed that was read whole beside
//! it.
//!
//! A look fails or ends early if anything of the feed or the list could not be read. `unlisted`
//! takes two of them and compares what they found.

use domain::change::CampaignId;
use io::genesys::{Snapshot, Unlisted};

use super::ended;
use crate::scan::{LeftOut, Scan};
use crate::{Answer, Context, Error, Input, Opened, Progress, RunOutcome, Until, Why, open};

/// A campaign's export, and the counts of a feed that was read whole.
pub(super) struct Look {
    pub(super) opened: Opened,
    pub(super) snapshot: Snapshot,
    pub(super) answer: Answer,
}

impl Look {
    /// Takes an export and reads the whole feed. The inner `Err` is the outcome of a run that
    /// stopped early.
    pub(super) async fn take(
        context: &Context,
        input: &Input,
        until: &Until<'_>,
        watch: &(dyn Fn(Progress) + Sync),
    ) -> Result<Result<Look, RunOutcome>, Error> {
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

    /// The hashes of the ids of all contacts that the feed does not list, in ascending order: 8
    /// bytes each.
    pub(super) fn hashes(&self, campaign: &CampaignId) -> Result<Vec<u64>, Error> {
        let mut hashes = Vec::new();
        for found in self.unlisted(campaign) {
            hashes.push(found?.hash);
        }
        hashes.sort_unstable();
        hashes.shrink_to_fit();
        Ok(hashes)
    }

    pub(super) fn unlisted(
        &self,
        campaign: &CampaignId,
    ) -> impl Iterator<Item = Result<Unlisted, Error>> {
        self.snapshot.unlisted().map(|found| {
            found.map_err(|error| Error::Export {
                org: self.opened.org.id().clone(),
                campaign: campaign.clone(),
                what: format!("its temporary file: {}", error.kind()),
            })
        })
    }
}

impl Opened {
    /// Fails if other campaigns draw on the same contact list. Their contacts are not in this
    /// campaign's feed, so they would be lowered too.
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
