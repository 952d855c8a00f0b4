//! Finds what webhooks missed: reads the CRM's feed, compares it with the campaigns and enqueues
//! what differs. It writes nothing to Genesys Cloud; apply stays the only writer.
//!
//! A run scans first and enqueues then, so that a feed that is broken changes nothing.

mod answer;
mod context;
mod dnc;
mod feed;
mod input;
mod read;
mod scan;
mod task;

pub use answer::{Answer, Error, Outcome, Why};
pub use context::Context;
pub use input::{Cursor, Input, InvalidInput};
pub use read::Read;
pub use scan::{Found, LeftOut, Progress, Until};
pub use task::Task;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::change::{CampaignId, Change, MessageGroup, OrgId};
use domain::drift::Drift;
use io::genesys::Run;
use io::queue::{enqueue_side_by_side, room};
use io::secrets::{Api, FeedSecret};
use io::telemetry::Event;
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tracing::Instrument;

use dnc::Listing;
use scan::{Scan, Whole};

/// What is left of an invocation when the last call ends; in it the changes that were found go to
/// the queue.
const TO_ENQUEUE: Duration = Duration::from_secs(30);
/// How much of that the last entries of a DNC list may take.
const TO_LIST: Duration = Duration::from_secs(10);
/// What is left of an invocation when the last call to the queue begins.
const TO_ANSWER: Duration = Duration::from_secs(5);
/// The most contacts of a run that are told one by one, of those whose stored rank is ahead, of those that
/// are faulty and of those that the CRM does not list.
const MOST_LOGGED: u64 = 100;

/// Runs as a schedule asks for it.
///
/// # Errors
/// Names what is wrong with the input, a secret, the feed, Genesys Cloud or the queue.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Answer, Error> {
    let span = tracing::error_span!("reconcile", requestId = event.context.request_id);
    async {
        let now = context.shared.clock.now();
        let mut input = Input::parse(&event.payload, now)?;
        input.rotate();
        let deadline = i64::try_from(event.context.deadline).ok();
        let deadline = deadline.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
        // A deadline that is past already is none (`cargo lambda watch` sends one).
        let deadline = deadline.filter(|deadline| *deadline > now);
        let until = Until {
            end: deadline.map(|deadline| deadline - TO_ENQUEUE),
            rest_at: None,
            is_asked_to_stop: &|| false,
            looks_on_for_opt_outs: true,
        };
        let [ahead, faulty, unknown] = [const { AtomicU64::new(0) }; 3];
        let watch = |progress: Progress| match progress {
            Progress::Found(found) if input.dry_run => log_found(&input.org, &found),
            Progress::Ahead { campaign, group }
                if ahead.fetch_add(1, Ordering::Relaxed) < MOST_LOGGED =>
            {
                log_ahead(&input.org, &campaign, &group);
            }
            Progress::Unknown { campaign, group }
                if unknown.fetch_add(1, Ordering::Relaxed) < MOST_LOGGED =>
            {
                log_unknown(&input.org, &campaign, &group);
            }
            Progress::Faulty {
                campaign,
                what,
                group,
            } if faulty.fetch_add(1, Ordering::Relaxed) < MOST_LOGGED => {
                log_faulty(&input.org, &campaign, &what, group.as_ref());
            }
            _ => {}
        };
        let outcome = run(context, &input, &until, &watch).await?;
        tell_outcome(context, &input.org, &outcome);
        Ok(outcome.answer)
    }
    .instrument(span)
    .await
    .inspect_err(|error| tracing::error!(detail = %error, "reconcile failed"))
}

fn log_found(org: &OrgId, found: &Found) {
    let (what, columns, callable, lowers) = match &found.drift {
        Drift::Different(difference) => (
            "different",
            difference.columns.join(" "),
            difference.callable,
            difference.lowers.names().collect::<Vec<_>>().join(" "),
        ),
        _ => ("missing", String::new(), None, String::new()),
    };
    let (campaign, group) = (found.campaign.as_str(), found.group.as_str());
    tracing::info!(
        org = org.as_str(),
        campaignId = campaign,
        group,
        what,
        columns,
        callable,
        lowers,
        "contact differs"
    );
}

fn log_ahead(org: &OrgId, campaign: &CampaignId, group: &MessageGroup) {
    tracing::warn!(
        org = org.as_str(),
        campaignId = campaign.as_str(),
        group = group.as_str(),
        "stored rank is ahead: what the CRM says of this contact is stale"
    );
}

fn log_unknown(org: &OrgId, campaign: &CampaignId, group: &MessageGroup) {
    tracing::info!(
        org = org.as_str(),
        campaignId = campaign.as_str(),
        group = group.as_str(),
        "contact is unknown to the CRM"
    );
}

fn log_faulty(org: &OrgId, campaign: &CampaignId, what: &str, group: Option<&MessageGroup>) {
    tracing::warn!(
        org = org.as_str(),
        campaignId = campaign.as_str(),
        group = group.map(MessageGroup::as_str),
        detail = what,
        "contact of the feed is faulty and left out"
    );
}

fn tell_outcome(context: &Context, org: &OrgId, outcome: &Outcome) {
    let org = org.as_str();
    for (reason, contacts) in &outcome.left_out {
        let reason = reason.as_str();
        tracing::warn!(org, reason, contacts, "left out: apply would park it");
    }
    let contacts = outcome.answer.ahead;
    if contacts > 0 {
        tracing::warn!(
            org,
            contacts,
            "stored ranks are ahead: look at them (check --contact), and reset them (contact reset-rank)"
        );
    }
    if let Some(why) = &outcome.why {
        let (detail, answer) = (why.to_string(), &outcome.answer);
        let (checked, enqueued) = (answer.checked, answer.enqueued);
        context.shared.telemetry.tell(&Event::Incomplete {
            org,
            detail: &detail,
            checked,
            enqueued,
        });
    }
}

/// Compares the campaigns with the feed, from the input's cursor on, and enqueues what differs.
///
/// # Errors
/// As [`handle`].
pub async fn run(
    context: &Context,
    input: &Input,
    until: &Until<'_>,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, Error> {
    let run = Run::patient(until.end);
    let org = context.genesys.org(&input.org);
    let org_secret = match org.open(&run).await {
        Ok(secret) => secret,
        Err(failure) => {
            return match scan::why_stopped(&failure, context.shared.clock.now(), until.end) {
                Some(why) => Ok(Outcome::at_start(input, why)),
                None => Err(Error::Genesys {
                    org: input.org.clone(),
                    campaign: None,
                    failure: Box::new(failure),
                }),
            };
        }
    };
    if input.task != Task::Repair && org_secret.rules.raise().is_none() {
        return Err(Error::NoVersions(input.org.clone()));
    }
    if input.read == Read::Export && org_secret.api != Api::ContactLists {
        return Err(Error::NoExports(input.org.clone()));
    }
    let secret = feed_secret(context, &input.org).await?;
    let room = if input.dry_run {
        usize::MAX
    } else {
        let config = &context.shared.config;
        let deepest = org_secret.deepest(config.apply_top_up);
        room(context.queue.as_ref(), &config.queue_url, deepest).await?
    };
    let mut scan = Scan {
        context,
        input,
        until,
        org,
        org_secret: &org_secret,
        secret: &secret,
        run,
        room,
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
        listing: Listing::new(org_secret.rules.dnc_list.clone().filter(|_| !input.dry_run)),
        unknown: None,
        whole: Whole::default(),
    };
    let stopped = scan.all().await?;
    if let Some(error) = scan.too_faulty() {
        return Err(error);
    }
    let faulty = scan.faulty();
    let Scan {
        mut answer,
        drifted,
        mut held,
        shares,
        left_out,
        mut listing,
        unknown,
        org,
        ..
    } = scan;
    let (mut cursor, mut why) = stopped.unzip();
    let too_much = shares
        .into_iter()
        .find(|(_, share)| share.is_too_much(input));
    let too_much_drift = too_much.map(|(campaign, share)| Why::TooMuchDrift {
        campaign,
        checked: share.checked,
        drifted: share.drifted,
    });
    if input.dry_run {
        why = too_much_drift.or(why);
    } else if let Some(Why::TooMuchDrift {
        campaign,
        checked,
        drifted,
    }) = too_much_drift
    {
        let told = Event::Stopped {
            org: input.org.as_str(),
            campaign: campaign.as_str(),
            checked,
            drifted,
        };
        context.shared.telemetry.tell(&told);
        cursor = Some(input.start());
        why = Some(Why::TooMuchDrift {
            campaign,
            checked,
            drifted,
        });
    } else {
        // What was found belongs there, however little time the scan left.
        let end = until.end.map(|end| end + TO_LIST);
        listing.flush(&org, &Run::patient(end)).await;
        // Time may end before the last is sent.
        held.sort_by_key(|change| !change.operation.opts_out());
        answer.enqueued = send(context, &held, until, watch).await?;
        if answer.enqueued < held.len() as u64 {
            // What is in the queue is found equal once it is applied.
            cursor = Some(input.start());
            why = Some(Why::OutOfTime);
        }
    }
    (answer.on_dnc_list, answer.not_on_dnc_list) = listing.ends(&org);
    if faulty > 0 {
        why = why.or(Some(Why::Faulty(faulty)));
    }
    answer.complete = cursor.is_none() && faulty == 0;
    answer.cursor = cursor.map(|cursor| cursor.to_string());
    context.shared.telemetry.tell(&Event::Reconciled {
        org: input.org.as_str(),
        checked: answer.checked,
        drifted,
        kept: answer.kept,
        enqueued: answer.enqueued,
    });
    match unknown {
        // What was found in the others is in the queue.
        Some(error) => Err(error),
        None => Ok(Outcome {
            answer,
            why,
            left_out,
        }),
    }
}

async fn feed_secret(context: &Context, org: &OrgId) -> Result<Arc<FeedSecret>, Error> {
    let config = &context.shared.config;
    let name = format!("{}/feed/{org}", config.secret_prefix);
    let wrong = |why: &dyn std::fmt::Display| Error::Secret {
        name: name.clone(),
        why: why.to_string(),
    };
    let text = context
        .shared
        .secrets
        .read(&name)
        .await
        .map_err(|error| wrong(&error))?;
    // Only in local runs are the hosts of Genesys Cloud replaced.
    let secret = FeedSecret::parse(&text, config.genesys_base_url.is_some())
        .map_err(|error| wrong(&error))?;
    Ok(Arc::new(secret))
}

/// Sends the changes in order while there is time, and answers how many.
async fn send(
    context: &Context,
    changes: &[Change],
    until: &Until<'_>,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<u64, Error> {
    let is_late = |end| context.shared.clock.now() >= end + (TO_ENQUEUE - TO_ANSWER);
    let done = enqueue_side_by_side(
        context.queue.as_ref(),
        &context.shared.config.queue_url,
        changes,
        || !until.end.is_some_and(is_late),
        |taken| watch(Progress::Enqueued(taken as u64)),
    )
    .await;
    let enqueued = done.accepted.len() as u64;
    if done.is_late || enqueued == changes.len() as u64 {
        return Ok(enqueued);
    }
    let why = done
        .unavailable
        .unwrap_or_else(|| "a change that SQS does not take".to_owned());
    Err(Error::NotEnqueued {
        enqueued,
        found: changes.len(),
        why,
    })
}
