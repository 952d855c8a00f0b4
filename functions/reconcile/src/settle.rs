//! What becomes of what a scan found: it is enqueued, unless a campaign is at fault.
//!
//! A campaign is at fault if its feed, its contacts or its contact list could not be read, if too many of its
//! contacts are faulty, or if more of it differs than can be right. Then nothing of it is enqueued, and of the
//! other campaigns of the run nothing but opt-outs: lowering `callable` is safe, and nobody who opted out may
//! be called for the trouble of another campaign.

use std::collections::BTreeMap;

use domain::change::CampaignId;
use io::genesys::Run;
use io::telemetry::Event;

use crate::scan::{Scan, Share, Stopped};
use crate::{Answer, Error, Outcome, Ran, TO_LIST, Why, send};

/// Enqueues what the scan found, and says where the next run goes on.
///
/// # Errors
/// Why a campaign is at fault, but for its drift; or what is wrong with the queue.
pub(crate) async fn settle(mut scan: Scan<'_>, stopped: Option<Stopped>) -> Result<Ran, Error> {
    let drifted = scan.drifted_campaigns();
    let error = scan.error();
    if !scan.input.dry_run && (error.is_some() || !drifted.is_empty()) {
        scan.tell_drift(&drifted);
        scan.hold_opt_outs_of_others(&drifted);
        scan.enqueue().await?;
        if error.is_some() {
            scan.tell();
        }
    }
    if let Some(error) = error {
        return Err(error);
    }
    let (mut cursor, mut why) = stopped.unzip();
    let too_much = drifted.into_iter().next();
    let too_much = too_much.map(|(campaign, share)| Why::TooMuchDrift {
        campaign,
        checked: share.checked,
        drifted: share.drifted,
    });
    if scan.input.dry_run {
        why = too_much.or(why);
    } else if too_much.is_some() {
        (cursor, why) = (Some(scan.input.start()), too_much);
    } else {
        // What was found belongs there, however little time the scan left.
        let end = scan.until.end.map(|end| end + TO_LIST);
        scan.listing.flush(&scan.org, &Run::patient(end)).await;
        if !scan.enqueue().await? {
            // What is in the queue is found equal once it is applied.
            (cursor, why) = (Some(scan.input.start()), Some(Why::OutOfTime));
        }
    }
    let faulty = scan.faulty();
    if faulty > 0 {
        why = why.or(Some(Why::Faulty(faulty)));
    }
    let done = scan.done(cursor.iter().flat_map(|cursor| &cursor.campaigns));
    scan.tell();
    let (on_dnc_list, not_on_dnc_list) = scan.listing.ends(&scan.org);
    let answer = Answer {
        on_dnc_list,
        not_on_dnc_list,
        complete: cursor.is_none() && faulty == 0,
        cursor: cursor.as_ref().map(ToString::to_string),
        ..scan.answer
    };
    Ok(Ran {
        outcome: Outcome {
            answer,
            why,
            left_out: scan.left_out,
        },
        cursor,
        done,
        unknown: scan.unknown.into_iter().next().map(|(_, error)| error),
        deepest: 0,
        is_crowded: false,
    })
}

impl Scan<'_> {
    /// Campaigns of which more differs than can be right.
    fn drifted_campaigns(&self) -> BTreeMap<CampaignId, Share> {
        let shares = self.shares.iter();
        let too_much = shares.filter(|(_, share)| share.is_too_much(self.input));
        too_much.map(|(id, share)| (id.clone(), *share)).collect()
    }

    /// Why the run fails, if it does.
    fn error(&mut self) -> Option<Error> {
        let too_faulty = self.too_faulty();
        let read = (!self.faults.is_empty()).then(|| self.faults.remove(0));
        let read = read.map(|(id, error)| {
            self.at_fault.insert(id);
            error
        });
        if too_faulty.is_some() {
            self.at_fault.append(&mut self.faulty_in);
        }
        self.at_fault
            .extend(self.faults.drain(..).map(|(id, _)| id));
        read.or(too_faulty)
    }

    fn tell_drift(&self, drifted: &BTreeMap<CampaignId, Share>) {
        for (campaign, share) in drifted {
            self.context.shared.telemetry.tell(&Event::Stopped {
                org: self.input.org.as_str(),
                campaign: campaign.as_str(),
                checked: share.checked,
                drifted: share.drifted,
            });
        }
    }

    fn tell(&self) {
        self.context.shared.telemetry.tell(&Event::Reconciled {
            org: self.input.org.as_str(),
            checked: self.answer.checked,
            drifted: self.drifted,
            kept: self.answer.kept,
            enqueued: self.answer.enqueued,
        });
    }

    fn hold_opt_outs_of_others(&mut self, drifted: &BTreeMap<CampaignId, Share>) {
        let at_fault = &self.at_fault;
        self.held.retain(|change| {
            let id = &change.campaign;
            change.operation.opts_out() && !drifted.contains_key(id) && !at_fault.contains(id)
        });
    }

    /// Sends what is held, opt-outs first. Answers whether there was time for all.
    async fn enqueue(&mut self) -> Result<bool, Error> {
        // Time may end before the last is sent.
        self.held.sort_by_key(|change| !change.operation.opts_out());
        self.answer.enqueued = send(self.context, &self.held, self.until, self.watch).await?;
        Ok(self.answer.enqueued == self.held.len() as u64)
    }

    /// The run's campaigns that are neither left for the next nor unknown.
    fn done<'a>(&self, left: impl Iterator<Item = &'a String> + Clone) -> Vec<CampaignId> {
        let is_done = |id: &CampaignId| {
            !left.clone().any(|other| other == id.as_str())
                && !self.unknown.iter().any(|(unknown, _)| unknown == id)
        };
        let start = self.input.start().campaigns;
        let all = start.iter().filter_map(|id| CampaignId::parse(id).ok());
        all.filter(is_done).collect()
    }
}
