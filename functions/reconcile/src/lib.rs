//! Finds what webhooks missed: reads the CRM's feed, compares it with the campaigns and enqueues
//! what differs. It writes nothing to Genesys Cloud; apply stays the only writer.
//!
//! A run scans first and enqueues then. Of a campaign whose feed is broken nothing is enqueued, and of the others of that
//! run nothing but opt-outs.

mod answer;
mod context;
mod dnc;
pub mod feed;
mod input;
mod read;
mod record;
mod runs;
mod scan;
mod settle;
mod task;
mod tell;
mod unlisted;

pub use answer::{Answer, Error, Outcome, Why};
pub use context::Context;
pub use input::{Cursor, Input, InvalidInput};
pub use read::Read;
pub use runs::{NoRecord, Runs, handle, looked_at, record_of};
pub use scan::{Found, LeftOut, Progress, Until};
pub use task::Task;
pub use unlisted::remove_unknown;

use std::sync::Arc;
use std::time::Duration;

use domain::change::{CampaignId, Change, OrgId};
use io::genesys::{Org, Run};
use io::queue::{enqueue_side_by_side, room, room_of_its_own};
use io::secrets::{Api, FeedSecret, OrgSecret};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tracing::Instrument;

use record::{Due, Record};
use scan::Scan;
use settle::settle;
use tell::{tell_outcome, watching};

/// What is left of an invocation when the last call ends; in it the changes that were found go to
/// the queue.
const TO_ENQUEUE: Duration = Duration::from_secs(30);
/// How much of that the last entries of a DNC list may take.
const TO_LIST: Duration = Duration::from_secs(10);
/// What is left of an invocation when the last call to the queue begins.
const TO_ANSWER: Duration = Duration::from_secs(5);

/// Runs at once and by itself: without a record, and as far as the time of this invocation allows.
///
/// # Errors
/// Names what is wrong with the input, a secret, the feed, Genesys Cloud or the queue.
pub async fn at_once(context: &Context, event: LambdaEvent<Value>) -> Result<Answer, Error> {
    let span = tracing::error_span!("reconcile", requestId = event.context.request_id);
    async {
        let now = context.shared.clock.now();
        let mut input = Input::parse(&event.payload, now)?;
        input.rotate(0);
        let until = Until {
            end: deadline(&event.context, now).map(|deadline| deadline - TO_ENQUEUE),
            rest_at: None,
            is_asked_to_stop: &|| false,
            looks_on_for_opt_outs: true,
        };
        let outcome = run(context, &input, &until, &watching(&input)).await?;
        tell_outcome(context, &input.org, &outcome);
        Ok(outcome.answer)
    }
    .instrument(span)
    .await
    .inspect_err(|error| tracing::error!(detail = %error, "reconcile failed"))
}

/// When Lambda ends the invocation.
fn deadline(context: &lambda_runtime::Context, now: Timestamp) -> Option<Timestamp> {
    let deadline = i64::try_from(context.deadline).ok();
    let deadline = deadline.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
    // One that is past already is none (`cargo lambda watch` sends one).
    deadline.filter(|deadline| *deadline > now)
}

/// Compares the campaigns with the feed, from the input's cursor on, and enqueues what differs.
///
/// # Errors
/// As [`at_once`].
pub async fn run(
    context: &Context,
    input: &Input,
    until: &Until<'_>,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, Error> {
    let ran = run_due(context, input, until, watch, None).await?;
    match ran.unknown {
        // What was found in the others is in the queue.
        Some(error) => Err(error),
        None => Ok(ran.outcome),
    }
}

/// What a run did, for its record.
struct Ran {
    outcome: Outcome,
    /// Where it goes on.
    cursor: Option<Cursor>,
    /// Campaigns of which all was looked at, and what differs is in the queue.
    done: Vec<CampaignId>,
    /// A campaign that Genesys Cloud does not know.
    unknown: Option<Error>,
    /// How many of the org's changes the queue may hold.
    deepest: u64,
    /// There was no room from the start, since others filled the queue.
    is_crowded: bool,
}

impl Ran {
    fn nothing(input: &Input, why: Why) -> Ran {
        Ran {
            outcome: Outcome::at_start(input, why),
            cursor: Some(input.start()),
            done: Vec::new(),
            unknown: None,
            deepest: 0,
            is_crowded: false,
        }
    }
}

/// The same. `recorded`: what is known of the org from its runs before, and since when each campaign is
/// looked at.
async fn run_due(
    context: &Context,
    input: &Input,
    until: &Until<'_>,
    watch: &(dyn Fn(Progress) + Sync),
    recorded: Option<(&Record, &[Due])>,
) -> Result<Ran, Error> {
    let opened = match open(context, input, until).await? {
        Ok(opened) => opened,
        Err(why) => return Ok(Ran::nothing(input, why)),
    };
    let org_secret = &opened.org_secret;
    let config = &context.shared.config;
    let deepest = org_secret.deepest(config.apply_top_up);
    let (queue, url) = (context.queue.as_ref(), &config.queue_url);
    let (room, is_crowded) = match recorded {
        _ if input.dry_run => (usize::MAX, false),
        Some((record, _)) => {
            let sent = record.left(deepest, context.shared.clock.now());
            let room = room_of_its_own(queue, url, deepest, sent).await?;
            (room, room == 0 && sent < deepest)
        }
        None => (room(queue, url, deepest).await?, false),
    };
    let mut scan = Scan::new(context, input, until, watch, &opened);
    scan.room = room;
    scan.due = recorded.map_or(&[], |(_, due)| due);
    let stopped = scan.all().await?;
    let ran = settle(scan, stopped).await?;
    Ok(Ran {
        deepest,
        is_crowded,
        ..ran
    })
}

/// What a run of an org needs.
struct Opened {
    run: Run,
    org: Arc<Org>,
    org_secret: Arc<OrgSecret>,
    secret: Arc<FeedSecret>,
}

/// Reads the secrets, and whether what is asked for goes with them. `Err` within: why not now.
async fn open(
    context: &Context,
    input: &Input,
    until: &Until<'_>,
) -> Result<Result<Opened, Why>, Error> {
    let run = Run::patient(until.end);
    let org = context.genesys.org(&input.org);
    let org_secret = match org.open(&run).await {
        Ok(secret) => secret,
        Err(failure) => {
            return match scan::why_stopped(&failure, context.shared.clock.now(), until.end) {
                Some(why) => Ok(Err(why)),
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
    Ok(Ok(Opened {
        run,
        org,
        org_secret,
        secret,
    }))
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
