//! The Lambda function that applies contact changes from the queue to Genesys Cloud.
//!
//! # A worked example
//!
//! SQS hands over a batch of three changes. Two of them are about one contact:
//!
//! ```text
//! m1  acme-us/spring/c-1   version 7   phone +15550101
//! m2  acme-us/spring/c-1   version 8   phone +15550102
//! m3  acme-us/spring/c-2   version 3   remove
//! ```
//!
//! [`handle`] works in five steps (docs/design.md "apply, step by step"):
//!
//! 1. **Take in** (`intake`): parse each message. If the event may have a backlog behind it,
//!    receive more from the queue.
//! 2. **Gather**: group the changes by org, campaign and contact, and log in to each org. Orgs run
//!    side by side.
//! 3. **Plan** ([`domain::attempt`]): c-1 needs a read, then one write of version 8 into which
//!    version 7 is folded. c-2 needs a read, then a write of `callable: false`.
//! 4. **Execute** (`drive`): make the calls as far as the call budget and the health of the org
//!    allow. Both reads go side by side, and then both writes.
//! 5. **Report** (`report`): m1 is superseded, m2 and m3 are updated. All three are left out of
//!    `batchItemFailures`, so Lambda deletes them. If the write of c-1 had failed, m1 and m2 would
//!    be in it, with a visibility timeout set.
//!
//! ```text
//! GET c-1, GET c-2   →   PATCH c-1, PATCH c-2   →   {"batchItemFailures": []}
//! ```
//!
//! Nothing is decided here about a contact: that is done by the pure functions of [`domain`]. The
//! calls themselves are in [`io::genesys`] and [`io::queue`].

mod attempts;
mod batch;
mod context;
mod defect;
mod drive;
mod intake;
mod report;

pub use batch::Batch;
pub use context::Context;
pub use defect::Defect;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use domain::attempt::Verdicts;
use domain::batch::Verdict;
use domain::change::{CampaignId, Change, ContactKey, OrgId};
use domain::health::Prober;
use domain::retry::Cause;
use futures_util::future::join_all;
use io::genesys::{Campaign, Org, Run};
use io::telemetry::Event;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use tracing::Instrument;

use crate::attempts::{attempt, give_back, look_again};
use crate::drive::{Drive, DrivenCampaign, DrivenContact};
use crate::intake::Intake;

/// The changes of one contact in queue order, each with the index of its record.
struct ContactChanges {
    key: ContactKey,
    changes: Vec<(usize, Arc<Change>)>,
    /// Whether one of them was received before, so that it may have been written.
    was_tried: bool,
    /// The shortest time since the first receive of one of them.
    known_for: Duration,
}

/// The contacts of one org, by campaign.
type ContactsByCampaign = BTreeMap<CampaignId, Vec<ContactChanges>>;

/// Applies one batch of the queue, and returns the messages to retry.
///
/// # Errors
/// A record that must be retried has no message id. Lambda then retries the whole batch, which is
/// safe.
pub async fn handle(
    context: &Context,
    event: LambdaEvent<Batch>,
) -> Result<SqsBatchResponse, Error> {
    let span = tracing::error_span!("apply", requestId = event.context.request_id);
    async {
        let now = context.shared.clock.now();
        let deadline = i64::try_from(event.context.deadline).ok();
        let deadline = deadline.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
        let run = Run::new(now, deadline);

        // It is drawn once, so that messages which go back to the queue together return together.
        let luck = context.shared.chance.share();
        let intake = Intake::of_event(event.payload.0.into_iter());
        let intake = intake.topped_up(context, &run, luck).await;
        context.shared.telemetry.tell(&Event::TookIn {
            messages: intake.records.len(),
            topped_up: intake.records.len() - intake.of_event,
        });
        let orgs = by_org(&intake, now).into_iter();
        let orgs = orgs.map(|(org, contacts)| apply(context, run, luck, org, contacts));
        let verdicts = join_all(orgs).await.into_iter().flatten();
        let mut verdicts: BTreeMap<usize, Verdict> = verdicts
            .map(|(index, verdict)| (index, defect::spoiled(context, verdict)))
            .collect();
        for (index, change) in intake.changes.iter().enumerate() {
            if let Err(parking) = change {
                verdicts.insert(index, Verdict::Park(parking.clone()));
            }
        }
        Ok(report::report(context, &run, luck, &intake, verdicts).await?)
    }
    .instrument(span)
    .await
}

fn by_org(intake: &Intake, now: Timestamp) -> BTreeMap<OrgId, ContactsByCampaign> {
    let mut orgs: BTreeMap<OrgId, ContactsByCampaign> = BTreeMap::new();
    // The place of each contact among those of its campaign, by its message group.
    let mut places = BTreeMap::new();
    for (index, change) in intake.changes.iter().enumerate() {
        let Ok(change) = change else { continue };
        let campaigns = orgs.entry(change.org.clone()).or_default();
        let contacts = campaigns.entry(change.campaign.clone()).or_default();
        let numbered = (index, Arc::clone(change));
        let place = places
            .entry(intake.records[index].group.as_str())
            .or_insert(contacts.len());
        let was_tried = intake.records[index].receives > 1;
        let known_for = intake.records[index].known_for(now);
        match contacts.get_mut(*place) {
            Some(contact) => {
                contact.changes.push(numbered);
                contact.was_tried |= was_tried;
                contact.known_for = contact.known_for.min(known_for);
            }
            None => contacts.push(ContactChanges {
                key: change.key.clone(),
                changes: vec![numbered],
                was_tried,
                known_for,
            }),
        }
    }
    orgs
}

/// Applies the changes of one org, and returns their verdicts. A change has no verdict if its code
/// panicked. Orgs run side by side and do not wait for each other.
async fn apply(
    context: &Context,
    run: Run,
    luck: f64,
    id: OrgId,
    campaigns: ContactsByCampaign,
) -> Verdicts {
    let org = context.genesys.org(&id);
    let mut verdicts = Verdicts::new();
    let mut in_turn = ContactsByCampaign::new();
    for (id, contacts) in campaigns {
        match org.is_turn_of(&id) {
            Ok(()) => {
                in_turn.insert(id, contacts);
            }
            Err(failure) => verdicts.extend(give_back(contacts, &failure)),
        }
    }
    let campaigns = in_turn;
    if campaigns.is_empty() {
        return verdicts;
    }
    let began = context.shared.clock.now();
    let prober = prober(context, luck, &campaigns);
    if let Err(failure) = org.may_begin(prober) {
        verdicts.extend(give_back(campaigns.into_values().flatten(), &failure));
        return verdicts;
    }
    let secret = match org.open(&run).await {
        Ok(secret) => secret,
        Err(failure) => {
            // Waiting for the secret or the token held up the others.
            org.was_driven(began);
            verdicts.extend(give_back(campaigns.into_values().flatten(), &failure));
            return verdicts;
        }
    };
    let opened = campaigns.into_iter().map(async |(id, contacts)| {
        let may = org.may_begin_with(&id, prober);
        let opened = match may.allowed(context.shared.clock.now()) {
            Ok(()) => Campaign::open(Arc::clone(&org), &id, &secret, run).await,
            Err(failure) => Err(failure),
        };
        if let Ok(campaign) = &opened {
            look_again(campaign, &contacts).await;
        }
        (id, contacts, may, opened)
    });
    let (mut campaigns, mut contacts) = (Vec::new(), Vec::new());
    for (id, of_campaign, may, opened) in join_all(opened).await {
        match opened {
            Ok(campaign) => {
                let (place, first) = (campaigns.len(), contacts.len());
                contacts.extend(of_campaign.into_iter().map(|contact| {
                    let was_tried = contact.was_tried;
                    let attempt = attempt(context, &secret.rules, &campaign, contact);
                    DrivenContact::new(place, attempt, was_tried)
                }));
                let probe = None;
                campaigns.push(DrivenCampaign {
                    id,
                    campaign,
                    contacts: first..contacts.len(),
                    may,
                    probe,
                });
            }
            Err(failure) => {
                let mut given_back = give_back(of_campaign, &failure);
                tell_since_when(&org, &id, &mut given_back);
                verdicts.extend(given_back);
            }
        }
    }
    let drive = Drive {
        context,
        run,
        org: Arc::clone(&org),
        since: began,
        secret,
        luck,
        campaigns,
        contacts,
    };
    verdicts.extend(drive.finish().await);
    verdicts
}

/// Whether this invocation may probe a service that hangs. One copy in several may, and every
/// invocation with an opt-out, so that opt-outs get through as soon as anything does.
fn prober(context: &Context, luck: f64, campaigns: &ContactsByCampaign) -> Prober {
    let mut changes = campaigns.values().flatten().flat_map(|of| &of.changes);
    if changes.any(|(_, change)| change.operation.opts_out()) {
        Prober::OptOut
    } else if luck * f64::from(context.shared.config.apply_concurrency) < 1.0 {
        Prober::Drawn
    } else {
        Prober::None
    }
}

/// Adds to each retry how long the campaign has been missing. `settle` parks the change once that is
/// too long.
fn tell_since_when(org: &Org, campaign: &CampaignId, verdicts: &mut Verdicts) {
    for (_, verdict) in verdicts {
        if let Verdict::Retry(retry) = verdict
            && retry.cause == Cause::Missing
        {
            retry.missing_for = org.is_missing(campaign);
        }
    }
}
