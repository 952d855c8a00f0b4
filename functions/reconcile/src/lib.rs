//! Finds what webhooks missed: reads the CRM's feed, compares it with the campaigns and enqueues
//! what differs. It writes nothing to Genesys Cloud; apply stays the only writer.
//!
//! A run scans first and enqueues then, so that a feed that is broken changes nothing.

mod context;
mod feed;
mod input;
mod scan;

pub use context::Context;
pub use input::{Cursor, Input, InvalidInput};
pub use scan::{Found, LeftOut, Progress, Until};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::change::{CampaignId, Change, MessageGroup, OrgId};
use domain::drift::Drift;
use io::genesys::{Failure, Kind, Run, UNKNOWN_CAMPAIGN};
use io::queue::{QueueError, enqueue, room};
use io::secrets::FeedSecret;
use io::telemetry::Event;
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;

use scan::Scan;

/// What is left of an invocation when the last call ends; in it the changes that were found go to
/// the queue.
const TO_ENQUEUE: Duration = Duration::from_secs(30);
/// What is left of an invocation when the last call to the queue begins.
const TO_ANSWER: Duration = Duration::from_secs(5);
/// The most contacts of a run whose stored rank is told to be ahead one by one.
const MOST_LOGGED: u64 = 100;
/// Changes that are sent between two looks at the clock: one call to the queue.
const AT_ONCE: usize = 10;

/// What a run did (docs/contract.md "Reconcile").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Contacts of the feed that were looked at.
    pub checked: u64,
    /// Not in the campaign.
    pub missing: u64,
    /// In the campaign, and not as the CRM says. Where all that differs is that the CRM says
    /// `callable: true`, it is counted here and not enqueued.
    pub different: u64,
    /// In the campaign with something newer.
    pub stale: u64,
    /// Not compared, since there is no rank to compare.
    pub unranked: u64,
    /// In the campaign with a rank that is ahead, so that nothing that the CRM says is newer.
    pub ahead: u64,
    /// Changes that are in the queue.
    pub enqueued: u64,
    /// Whether every page of every campaign was compared, and all that differs is in the queue.
    pub complete: bool,
    /// Where the next run goes on, where this one is not complete.
    pub cursor: Option<String>,
    /// Whether nothing was to be enqueued.
    pub dry_run: bool,
}

/// What a run did, and what its answer does not say.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The public answer.
    pub answer: Answer,
    /// Why it is not complete; of a dry run also why a real one would not be.
    pub why: Option<Why>,
    /// Contacts that were left out, whole or some columns of them, by the reason for which apply
    /// would park them.
    pub left_out: LeftOut,
}

impl Outcome {
    /// Nothing was done.
    fn at_start(input: &Input, why: Why) -> Outcome {
        let cursor = Some(input.start().to_string());
        let answer = Answer {
            cursor,
            dry_run: input.dry_run,
            ..Answer::default()
        };
        Outcome {
            answer,
            why: Some(why),
            left_out: BTreeMap::new(),
        }
    }
}

/// Why a run is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The invocation is nearly over.
    OutOfTime,
    /// Somebody wants it to end.
    Interrupted,
    /// Genesys Cloud wants no call for longer than is waited for.
    Throttled,
    /// The queue holds as much as it should.
    QueueIsDeep,
    /// It stopped for another reason, before enough of a campaign was compared to know whether too
    /// much of it differs: of that campaign nothing was enqueued but opt-outs.
    Undecided {
        /// Why it stopped.
        why: Box<Why>,
        /// In which campaign.
        campaign: CampaignId,
        /// Contacts of it that were checked.
        checked: u64,
        /// Those of them that are to be changed.
        drifted: u64,
    },
    /// More of a campaign differs than can be right: nothing was enqueued.
    TooMuchDrift {
        /// Which campaign.
        campaign: CampaignId,
        /// Contacts of it that were checked.
        checked: u64,
        /// Those of them that would have been changed.
        drifted: u64,
    },
}

impl Why {
    /// Why it stopped, whatever that left undecided.
    pub fn cause(&self) -> &Why {
        match self {
            Why::Undecided { why, .. } => why.cause(),
            why => why,
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::OutOfTime => f.write_str("out of time"),
            Why::Interrupted => f.write_str("interrupted"),
            Why::Throttled => f.write_str("Genesys Cloud wants no call for a while"),
            Why::QueueIsDeep => f.write_str("the queue is deep"),
            Why::Undecided {
                why,
                campaign,
                checked,
                drifted,
            } => write!(
                f,
                "{why}, when {drifted} of {checked} contacts that were compared in campaign {campaign} were to be changed, \
                 more than maxDriftPercent, and too few to know whether the feed is right: none of them is enqueued but \
                 opt-outs; let a run compare more (a smaller window, more time), or, if the feed is right, force (--force)"
            ),
            Why::TooMuchDrift {
                campaign,
                checked,
                drifted,
            } => write!(
                f,
                "{drifted} of {checked} contacts that were compared in campaign {campaign} are to be changed, more than \
                 maxDriftPercent: none of them is enqueued; look whether the feed is right; if it is, force (--force) or a \
                 higher maxDriftPercent (--max-drift-percent)"
            ),
        }
    }
}

/// Why a run failed. Nothing of it was enqueued, but where the queue itself failed, or one campaign
/// is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be understood.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// The feed's secret is missing, malformed or may not be read.
    #[error("secret {name}: {why}")]
    Secret {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The feed did not answer as docs/contract.md "CRM feed" says.
    #[error("the feed of org {org} for campaign {campaign}: {what}")]
    Feed {
        /// Whose feed.
        org: OrgId,
        /// What it was asked for.
        campaign: CampaignId,
        /// What was seen.
        what: String,
    },
    /// Genesys Cloud could not be asked.
    #[error("org {org}{}: {failure}{}", .campaign.as_ref().map(|id| format!(", campaign {id}")).unwrap_or_default(), to_do(.failure))]
    Genesys {
        /// Whose.
        org: OrgId,
        /// About which campaign.
        campaign: Option<CampaignId>,
        /// What was seen.
        failure: Box<Failure>,
    },
    /// The queue could not be looked at.
    #[error("the queue: {0}")]
    Queue(#[from] QueueError),
    /// The queue did not take everything; what it has is applied, and the next run finds the rest.
    #[error("the queue took {enqueued} of {found} {}: {why}", if *.found == 1 { "change" } else { "changes" })]
    NotEnqueued {
        /// How many it has.
        enqueued: u64,
        /// Of how many.
        found: usize,
        /// SQS's error code.
        why: String,
    },
}

fn to_do(failure: &Failure) -> String {
    if failure.kind == Kind::UnknownCampaign {
        format!(": {UNKNOWN_CAMPAIGN}")
    } else {
        String::new()
    }
}

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
        };
        let ahead = AtomicU64::new(0);
        let watch = |progress: Progress| match progress {
            Progress::Found(found) if input.dry_run => log_found(&input.org, &found),
            Progress::Ahead { campaign, group }
                if ahead.fetch_add(1, Ordering::Relaxed) < MOST_LOGGED =>
            {
                log_ahead(&input.org, &campaign, &group);
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
    let (what, columns, callable) = match &found.drift {
        Drift::Different(difference) => (
            "different",
            difference.columns.join(" "),
            difference.callable,
        ),
        _ => ("missing", String::new(), None),
    };
    let (campaign, group) = (found.campaign.as_str(), found.group.as_str());
    tracing::info!(
        org = org.as_str(),
        campaignId = campaign,
        group,
        what,
        columns,
        callable,
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
    let secret = feed_secret(context, &input.org).await?;
    let room = if input.dry_run {
        usize::MAX
    } else {
        room(
            context.queue.as_ref(),
            &context.shared.config.queue_url,
            org_secret.calls_per_minute,
        )
        .await?
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
        unknown: None,
    };
    let stopped = scan.all().await?;
    let Scan {
        mut answer,
        drifted,
        held,
        shares,
        left_out,
        unknown,
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
        answer.enqueued = send(context, &held, until, watch).await?;
        if answer.enqueued < held.len() as u64 {
            // What is in the queue is found equal once it is applied.
            cursor = Some(input.start());
            why = Some(Why::OutOfTime);
        }
    }
    answer.complete = cursor.is_none();
    answer.cursor = cursor.map(|cursor| cursor.to_string());
    context.shared.telemetry.tell(&Event::Reconciled {
        org: input.org.as_str(),
        checked: answer.checked,
        drifted,
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
    let mut enqueued = 0;
    for some in changes.chunks(AT_ONCE) {
        let is_late = |end| context.shared.clock.now() >= end + (TO_ENQUEUE - TO_ANSWER);
        if until.end.is_some_and(is_late) {
            break;
        }
        let done = enqueue(
            context.queue.as_ref(),
            &context.shared.config.queue_url,
            some,
        )
        .await;
        let accepted = done.accepted.len();
        enqueued += accepted as u64;
        watch(Progress::Enqueued(accepted as u64));
        if accepted < some.len() {
            let why = done
                .unavailable
                .unwrap_or_else(|| "a change that SQS does not take".to_owned());
            return Err(Error::NotEnqueued {
                enqueued,
                found: changes.len(),
                why,
            });
        }
    }
    Ok(enqueued)
}
