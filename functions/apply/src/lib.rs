//! Applies contact changes from the queue to Genesys Cloud: read, gather, plan, execute, report
//! (docs/design.md "apply, step by step").

mod budget;
mod campaign;
mod contact;
mod context;
mod defect;
mod list;
mod report;
mod set_aside;

pub use context::Context;
pub use defect::Defect;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::batch::{Evidence, ParkReason, Parking, Record, Verdict};
use domain::change::{CampaignId, Change, OrgId};
use futures_util::FutureExt;
use futures_util::future::join_all;
use io::genesys::{Campaign, Failure, Kind, Run};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use tracing::Instrument;

use crate::budget::ToBegin;
use crate::contact::{Contact, Verdicts};
use crate::set_aside::SetAside;

/// The changes of one invocation, by org, campaign and contact; contacts and changes in queue
/// order.
type Work = BTreeMap<OrgId, BTreeMap<CampaignId, Vec<Contact>>>;

/// Applies one batch of the queue.
///
/// # Errors
/// When a record that must be retried has no message id. Lambda then retries the whole batch, which
/// is safe.
pub async fn handle(
    context: &Context,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let span = tracing::error_span!("apply", requestId = event.context.request_id);
    async {
        let now = context.shared.clock.now();
        let deadline = i64::try_from(event.context.deadline).ok();
        let deadline = deadline.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
        let run = Run::new(now, deadline);

        let records: Vec<Record> = event.payload.records.into_iter().map(record).collect();
        let changes: Vec<_> = records
            .iter()
            .map(|record| read(record).map(Arc::new))
            .collect();
        let mut verdicts = apply(context, run, work(&changes)).await;
        for (index, change) in changes.iter().enumerate() {
            if let Err(parking) = change {
                verdicts.insert(index, Verdict::Park(parking.clone()));
            }
        }
        let changes: Vec<Option<Arc<Change>>> = changes.into_iter().map(Result::ok).collect();
        Ok(report::report(context, &run, &records, &changes, verdicts).await?)
    }
    .instrument(span)
    .await
}

fn record(message: SqsMessage) -> Record {
    let attribute = |name: &str| message.attributes.get(name);
    let time = |name| Timestamp::from_millisecond(attribute(name)?.parse().ok()?).ok();
    Record {
        group: attribute("MessageGroupId").cloned().unwrap_or_default(),
        receives: attribute("ApproximateReceiveCount")
            .and_then(|text| text.parse().ok())
            .unwrap_or(1),
        sent: time("SentTimestamp"),
        first_received: time("ApproximateFirstReceiveTimestamp"),
        message_id: message.message_id.unwrap_or_default(),
        receipt_handle: message.receipt_handle.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
    }
}

/// Each record by itself: one bad body never fails the batch.
fn read(record: &Record) -> Result<Change, Parking> {
    let change = Change::parse(&record.body).map_err(|invalid| Parking {
        reason: if invalid.is_unsupported_schema() {
            ParkReason::UnsupportedSchema
        } else {
            ParkReason::InvalidChange
        },
        evidence: Evidence::from(invalid.to_string()),
    })?;
    if change.message_group().as_str() == record.group {
        return Ok(change);
    }
    let detail = "expected the message group id that org, campaignId and contactKey give";
    Err(Parking {
        reason: ParkReason::GroupMismatch,
        evidence: Evidence::from(detail.to_owned()),
    })
}

fn work(changes: &[Result<Arc<Change>, Parking>]) -> Work {
    let mut work = Work::new();
    for (index, change) in changes.iter().enumerate() {
        let Ok(change) = change else { continue };
        let contacts = work
            .entry(change.org.clone())
            .or_default()
            .entry(change.campaign.clone())
            .or_default();
        match contacts
            .iter_mut()
            .find(|contact| contact.key == change.key)
        {
            Some(contact) => contact.changes.push((index, Arc::clone(change))),
            None => contacts.push(Contact {
                key: change.key.clone(),
                changes: vec![(index, Arc::clone(change))],
            }),
        }
    }
    work
}

/// The verdict on each change, by the index of its record; none for those of a campaign whose code
/// panicked.
async fn apply(context: &Context, run: Run, work: Work) -> BTreeMap<usize, Verdict> {
    let orgs = work
        .into_iter()
        .map(|(org, campaigns)| apply_org(context, run, org, campaigns));
    join_all(orgs).await.into_iter().flatten().collect()
}

async fn apply_org(
    context: &Context,
    run: Run,
    id: OrgId,
    mut campaigns: BTreeMap<CampaignId, Vec<Contact>>,
) -> Vec<(usize, Verdict)> {
    let org = context.genesys.org(&id);
    let secret = match org.open(&run).await {
        Ok(secret) => secret,
        Err(failure) => {
            let contacts = campaigns.values().flatten();
            return contacts
                .flat_map(|contact| contact.retry(&failure))
                .collect();
        }
    };
    let (mut set_aside, now) = (SetAside::default(), context.shared.clock.now());
    for contact in campaigns.values_mut().flatten() {
        let broken = |change: &Change| secret.rules.broken(change, now);
        set_aside.take(contact, &secret.rules, now, broken);
    }
    campaigns.retain(|_, contacts| {
        contacts.retain(|contact| !contact.changes.is_empty());
        !contacts.is_empty()
    });
    // Opt-outs first, of each campaign and among campaigns. Each contact is a message group of its
    // own.
    campaigns
        .values_mut()
        .for_each(|contacts| contacts.sort_by_key(|contact| !contact.is_opt_out()));
    let mut campaigns: Vec<_> = campaigns.into_iter().collect();
    campaigns.sort_by_key(|(_, contacts)| !contacts.iter().any(Contact::is_opt_out));
    let (all_to_begin, luck) = (AtomicU64::new(0), context.shared.chance.share());
    let campaigns: Vec<_> = campaigns
        .into_iter()
        .map(|campaign| (ToBegin::new(&all_to_begin), campaign))
        .collect();
    let campaigns = campaigns.into_iter().map(async |(to_begin, (id, contacts))| {
        let applied = async {
            match Campaign::open(Arc::clone(&org), &id, &secret, run).await {
                Ok(campaign) => {
                    let work =
                        campaign::Work { context, org: &org, run, luck, campaign: &campaign, id: &id, secret: &secret };
                    work.apply(contacts, to_begin).await
                }
                Err(failure) => not_opened(&contacts, &failure),
            }
        };
        let done = AssertUnwindSafe(applied).catch_unwind().await;
        done.unwrap_or_else(|_| {
            tracing::error!(org = %org.id(), campaignId = %id, "panicked: the changes of this campaign are retried");
            Vec::new()
        })
    });
    set_aside.settle(join_all(campaigns).await.into_iter().flatten().collect())
}

/// The campaign's changes where it cannot be found.
fn not_opened(contacts: &[Contact], failure: &Failure) -> Verdicts {
    let verdicts = contacts.iter().flat_map(|contact| match failure.kind {
        Kind::UnknownCampaign => contact.park(ParkReason::UnknownCampaign, failure),
        _ => contact.retry(failure),
    });
    verdicts.collect()
}
