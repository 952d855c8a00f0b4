//! Decides what becomes of the changes that a scan found: they are enqueued, unless a campaign is
//! at fault.
//!
//! A campaign is at fault if its feed, its contacts or its contact list could not be read, if too
//! many of its contacts are faulty, or if more of it differs than can be right. Then the run
//! enqueues opt-outs and nothing else: lowering `callable` is safe, and somebody who opted out must
//! not be called because a feed is broken.
//!
//! If too much of a campaign differs, or too many of its contacts are faulty, what its feed says is
//! in doubt. Then not even its opt-outs are enqueued. Entries of the DNC list are added all the
//! same, unless too much differs.
//!
//! `scan` finds the changes. `lib.rs` sends them, and `runs` decides when the run continues.

use std::collections::BTreeMap;

use domain::change::CampaignId;
use io::genesys::Run;
use io::telemetry::Event;

use crate::input::Cursor;
use crate::scan::{DriftShare, Scan, Stopped};
use crate::{Answer, Error, Ran, RunOutcome, TO_LIST, Why, send};

/// Enqueues what the scan found, and says where the next run continues.
///
/// # Errors
/// A campaign is at fault for another reason than its drift, or the queue failed.
pub(crate) async fn settle(mut scan: Scan<'_>, stopped: Option<Stopped>) -> Result<Ran, Error> {
    let drifted = scan.drifted_campaigns();
    let error = scan.error();
    if !scan.input.dry_run && (error.is_some() || !drifted.is_empty()) {
        scan.enqueue_opt_outs(&drifted).await?;
        if error.is_some() {
            scan.tell();
        }
    }
    if let Some(error) = error {
        scan.listing.ends(&scan.org);
        return Err(error);
    }
    let (mut cursor, mut why) = stopped.unzip();
    let too_much = drifted.into_iter().next().map(too_much);
    if scan.input.dry_run {
        why = too_much.or(why);
    } else if too_much.is_some() {
        (cursor, why) = (Some(scan.input.start()), too_much);
    } else {
        scan.put_on_list().await;
        if !scan.enqueue().await? {
            // The next run begins anew. Contacts whose change was applied by then are found equal.
            (cursor, why) = (Some(scan.input.start()), Some(Why::OutOfTime));
        }
    }
    let has_no_exports = scan.has_no_exports;
    let cursor = cursor.map(|cursor| Cursor {
        has_no_exports,
        ..cursor
    });
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
        outcome: RunOutcome {
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

fn too_much((campaign, share): (CampaignId, DriftShare)) -> Why {
    Why::TooMuchDrift {
        campaign,
        checked: share.checked,
        drifted: share.drifted,
    }
}

impl Scan<'_> {
    /// Campaigns in which more contacts differ than can be right.
    fn drifted_campaigns(&self) -> BTreeMap<CampaignId, DriftShare> {
        let shares = self.shares.iter();
        let too_much = shares.filter(|(_, share)| share.is_too_much(self.input));
        too_much.map(|(id, share)| (id.clone(), *share)).collect()
    }

    /// The error with which the run fails, if it does.
    fn error(&mut self) -> Option<Error> {
        let too_faulty = self.too_faulty();
        if too_faulty.is_some() {
            self.in_doubt = self.doubtful();
        }
        self.faults.drain(..).next().map_or(too_faulty, Some)
    }

    /// Enqueues only the opt-outs of campaigns that are not in doubt.
    async fn enqueue_opt_outs(
        &mut self,
        drifted: &BTreeMap<CampaignId, DriftShare>,
    ) -> Result<(), Error> {
        self.tell_drift(drifted);
        self.hold_opt_outs(drifted);
        if drifted.is_empty() {
            self.put_on_list().await;
        }
        self.enqueue().await.map(drop)
    }

    fn tell_drift(&self, drifted: &BTreeMap<CampaignId, DriftShare>) {
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

    fn hold_opt_outs(&mut self, drifted: &BTreeMap<CampaignId, DriftShare>) {
        let in_doubt = &self.in_doubt;
        self.held.retain(|change| {
            let id = &change.campaign;
            change.operation.opts_out() && !drifted.contains_key(id) && !in_doubt.contains(id)
        });
    }

    /// Adds the remaining entries to the DNC list. They belong there however little time the scan
    /// left.
    async fn put_on_list(&mut self) {
        let end = self.until.end.map(|end| end + TO_LIST);
        self.listing.flush(&self.org, &Run::patient(end)).await;
    }

    /// Sends the changes that are held, opt-outs first. Returns whether there was time for all.
    async fn enqueue(&mut self) -> Result<bool, Error> {
        // The time may run out before the last change is sent.
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
