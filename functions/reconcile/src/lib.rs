//! Finds what webhooks missed. A run reads the CRM's feed, compares it with the campaigns and
//! enqueues a change for each contact that differs. It writes nothing to Genesys Cloud except
//! entries of the org's DNC list: `apply` is the only writer of contacts.
//!
//! A run first scans and then enqueues. If a feed turns out to be broken, the run enqueues opt-outs
//! and nothing else.
//!
//! # Where to look
//! - [`feed`] is the client of the CRM's feed: it reads one page.
//! - [`Input`] says what a run is asked for, and [`Answer`] what it did. [`Cursor`] says where the
//!   next run continues.
//! - `scan` compares the feed with the campaigns, and `settle` decides what is enqueued.
//! - [`handle`] takes runs from a queue. `record` holds what is known of an org between two runs.
//! - [`remove_unknown`] lowers contacts that the CRM does not list. Only an operator asks for it.
//!
//! docs/reconciliation.md explains the rules, and docs/contract.md "Reconcile" lists every public
//! name.

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

pub use answer::{Answer, Error, RunOutcome, Why};
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

/// How much time of an invocation is kept free to enqueue the changes that were found. The last
/// call to the feed or to Genesys Cloud ends before it.
const TO_ENQUEUE: Duration = Duration::from_secs(30);
/// How much of [`TO_ENQUEUE`] the last entries of a DNC list may take.
const TO_LIST: Duration = Duration::from_secs(10);
/// How much time of an invocation is left when the last call to the queue begins.
const TO_ANSWER: Duration = Duration::from_secs(5);

/// Does one run in this invocation, without a record. The run stops early if the invocation has too
/// little time.
///
/// # Errors
/// A message that names the fault of the input, a secret, the feed, Genesys Cloud or the queue.
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

/// The moment at which Lambda ends the invocation. `None` means that it is unknown.
fn deadline(context: &lambda_runtime::Context, now: Timestamp) -> Option<Timestamp> {
    let deadline = i64::try_from(context.deadline).ok();
    let deadline = deadline.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
    // A deadline in the past counts as none (`cargo lambda watch` sends one).
    deadline.filter(|deadline| *deadline > now)
}

/// Compares the campaigns with the feed, beginning at the input's cursor, and enqueues what
/// differs.
///
/// # Errors
/// Fails as [`at_once`] does.
pub async fn run(
    context: &Context,
    input: &Input,
    until: &Until<'_>,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<RunOutcome, Error> {
    let ran = run_due(context, input, until, watch, None).await?;
    match ran.unknown {
        // What the run found in the other campaigns is in the queue already.
        Some(error) => Err(error),
        None => Ok(ran.outcome),
    }
}

/// The result of a run, for the org's record.
struct Ran {
    outcome: RunOutcome,
    /// The place at which the next invocation continues. `None` means that the run is over.
    cursor: Option<Cursor>,
    /// Campaigns that were compared completely, and whose differences are in the queue.
    done: Vec<CampaignId>,
    /// A campaign that Genesys Cloud does not know.
    unknown: Option<Error>,
    /// How many of the org's changes the queue may hold.
    deepest: u64,
    /// Whether the queue had no room from the start, because other orgs filled it.
    is_crowded: bool,
}

impl Ran {
    /// The campaign whose export the run waits for.
    fn waits_for(&self) -> Option<&CampaignId> {
        match self.outcome.why.as_ref().map(Why::cause) {
            Some(Why::NoExportYet(campaign)) => Some(campaign),
            _ => None,
        }
    }

    /// Whether nothing was done but to wait for an export.
    fn only_waited(&self) -> bool {
        let has_done = self.outcome.answer.checked > 0 || !self.done.is_empty();
        self.waits_for().is_some() && !has_done
    }

    fn nothing(input: &Input, why: Why) -> Ran {
        Ran {
            outcome: RunOutcome::at_start(input, why),
            cursor: Some(input.start()),
            done: Vec::new(),
            unknown: None,
            deepest: 0,
            is_crowded: false,
        }
    }
}

/// Does the work of [`run`]. `recorded` holds what earlier runs noted about the org, and the time
/// since which each campaign is due.
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

/// The clients and secrets that a run of one org needs.
struct Opened {
    run: Run,
    org: Arc<Org>,
    org_secret: Arc<OrgSecret>,
    secret: Arc<FeedSecret>,
}

/// Reads the secrets, and checks that they allow what the input asks for. The inner `Err` says why
/// the run cannot begin now.
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
    // The hosts of Genesys Cloud are replaced in local runs only.
    let secret = FeedSecret::parse(&text, config.genesys_base_url.is_some())
        .map_err(|error| wrong(&error))?;
    Ok(Arc::new(secret))
}

/// Sends the changes in order while there is time. Returns how many the queue accepted.
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
        .unwrap_or_else(|| "SQS can never accept one of the changes".to_owned());
    Err(Error::NotEnqueued {
        enqueued,
        found: changes.len(),
        why,
    })
}
