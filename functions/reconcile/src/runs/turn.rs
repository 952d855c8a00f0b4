//! One invocation with a message of the queue of runs.

mod stored;

use std::time::Duration;

use domain::change::{CampaignId, OrgId};
use io::queue::{self, Message, Visibility};
use io::telemetry::Event;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tracing::Instrument;

use super::Runs;
use crate::input::{Cursor, Input, InvalidInput};
use crate::record::{Did, Due, Record};
use crate::scan::faulty;
use crate::{
    Context, Error, Outcome, Ran, TO_ENQUEUE, Until, Why, deadline, run_due, tell_outcome, watching,
};

/// What is left of an invocation when the last change went to the queue; in it the record is written,
/// and the message given back.
const TO_NOTE: Duration = Duration::from_secs(15);
/// How often a run may fail before it is told of in the queue of failed runs.
const MOST_FAILURES: u32 = 2;
/// How often a run is begun that ends by force each time.
const MOST_KILLED: u32 = 3;
/// A run that was killed comes again no sooner: its message keeps the queue's visibility timeout.
const KILLED: SignedDuration = SignedDuration::from_mins(15);
/// A message is received no more often, however its run goes on: 9 days at a quarter of an hour each, 15 hours at
/// a minute each.
const MOST_RECEIVES: u32 = 900;
/// A schedule's clock may be ahead of this one's, and no run is due later.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// Until a run goes on that had no more time.
const AFTER_TIME: Duration = Duration::from_secs(5);
/// Until a run goes on that filled the queue: a tenth of what it may hold of the org is done by then.
const AFTER_ROOM: Duration = Duration::from_mins(1);
/// Until a run goes on for which Genesys Cloud wanted no call for longer than two minutes.
const AFTER_THROTTLED: Duration = Duration::from_mins(2);
/// Until a run goes on at the soonest whose feed wanted no request: one that asks for a second again and again is
/// not hammered.
const LEAST_AFTER_FEED: Duration = Duration::from_mins(1);
/// Until a run that failed is tried again, or one whose record is not reached.
const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// Works on a run. Answers whether its message is done; if not, it says itself when it comes again.
pub(super) async fn take(
    context: &Context,
    runs: &Runs,
    message: &queue::Record,
    lambda: &lambda_runtime::Context,
) -> bool {
    let span = tracing::error_span!("reconcile", requestId = lambda.request_id);
    let now = context.shared.clock.now();
    let turn = Turn {
        context,
        runs,
        message,
        now,
        end: deadline(lambda, now),
    };
    turn.take().instrument(span).await
}

struct Turn<'a> {
    context: &'a Context,
    runs: &'a Runs,
    message: &'a queue::Record,
    /// When the invocation began.
    now: Timestamp,
    /// When Lambda ends it.
    end: Option<Timestamp>,
}

impl Turn<'_> {
    async fn take(&self) -> bool {
        let mut input = match self.input() {
            Ok(input) => input,
            Err(error) => return self.fails_unread(&error.into()).await,
        };
        let receives = self.message.receives;
        input.rotate(receives.saturating_sub(1));
        let mut record = match self.read(&input).await {
            Ok(record) => record,
            Err(Error::Record {
                is_away: true, why, ..
            }) => return self.waits_for_record(&input, &why).await,
            Err(error) => return self.fails(&input, receives, &error).await,
        };
        let was = self.oldest(&input, &record);
        let due = record.due(&input);
        if due.is_empty() {
            // Also of a message that came again after its run was done.
            tracing::info!(
                org = input.org.as_str(),
                "all of the run was looked at before"
            );
            self.tell_how_late(&input, &record, was.as_ref());
            return true;
        }
        if let Some(error) = self.is_over(&record) {
            self.tell_how_late(&input, &record, was.as_ref());
            return self.fails(&input, MOST_FAILURES, &error).await;
        }
        let went = self.go_on(&input, &mut record, due).await;
        self.tell_how_late(&input, &record, was.as_ref());
        match went {
            Ok(None) => true,
            Ok(Some(after)) => {
                self.comes_again(after).await;
                false
            }
            Err(Error::Record {
                is_away: true, why, ..
            }) => self.waits_for_record(&input, &why).await,
            Err(error) => match self.count(&input, &mut record).await {
                Ok(failures) => self.fails(&input, failures, &error).await,
                Err(why) => self.waits_for_record(&input, &why).await,
            },
        }
    }

    /// Why a run goes on no more, though it might.
    fn is_over(&self, record: &Record) -> Option<Error> {
        let receives = self.message.receives;
        if receives > MOST_RECEIVES {
            return Some(Error::Endless(receives - 1));
        }
        let noted = record.receives(&self.message.message_id);
        let first = self.message.first_received.unwrap_or_default();
        let (before, since) = noted.unwrap_or((0, first));
        // Begun since then, but for this time, and never left in good order. Who waited for the record came again
        // sooner.
        let begun = receives.saturating_sub(before + 1);
        let killed = i32::try_from(begun).map_or(SignedDuration::MAX, |begun| KILLED * begun);
        let is_killed = begun >= MOST_KILLED && self.now.duration_since(since) >= killed;
        is_killed.then_some(Error::Killed(begun))
    }

    /// Counts a failure of the run. Answers how often it failed in a row, or why that cannot be noted now.
    async fn count(&self, input: &Input, record: &mut Record) -> Result<u32, String> {
        let (message, receives) = (&self.message.message_id, self.message.receives);
        let now = self.context.shared.clock.now();
        let failures = record.fail(message, receives, now, &input.campaigns);
        match self.write(input, record).await {
            Ok(()) => Ok(failures),
            Err(Error::Record {
                is_away: true, why, ..
            }) => Err(why),
            // Nothing can be noted of it: who cannot count ends.
            Err(_) => Ok(failures.max(receives)),
        }
    }

    fn input(&self) -> Result<Input, InvalidInput> {
        let body: Value = serde_json::from_str(&self.message.body)
            .map_err(|_| InvalidInput::of("expected a JSON object"))?;
        let input = Input::parse(&body, self.message.sent.unwrap_or(self.now))?;
        if input.run > self.now + MOST_AHEAD {
            return Err(InvalidInput::of(
                "scheduledTime: expected a time that is past",
            ));
        }
        Ok(input)
    }

    /// Compares what of the run was not looked at yet. Answers after how long the run goes on, or that it
    /// is over.
    async fn go_on(
        &self,
        input: &Input,
        record: &mut Record,
        due: Vec<Due>,
    ) -> Result<Option<Duration>, Error> {
        let Some(first) = due.first() else {
            return Ok(None);
        };
        record.see(input, &due);
        // A run that cannot note what it sends must send nothing: it would send it again with each try.
        self.write(input, record).await?;
        let before = record.cursor(first).cloned();
        let campaigns: Vec<_> = due.iter().map(|due| due.campaign.clone()).collect();
        let start = Cursor::start(&input.org, &campaigns, first.since);
        let cursor = before.clone().map_or(start.clone(), |before| Cursor {
            campaigns: start.campaigns,
            ..before
        });
        let input = Input {
            campaigns,
            since: first.since,
            cursor: Some(cursor),
            ..input.clone()
        };
        let until = Until {
            end: self.end.map(|end| end - TO_NOTE - TO_ENQUEUE),
            rest_at: None,
            is_asked_to_stop: &|| false,
            // An opt-out at the end of the feed must not wait for room. A run that goes on by its own message
            // reaches it about as fast as the queue takes the rest.
            looks_on_for_opt_outs: before.is_none() || self.message.receives <= 1,
        };
        let recorded = Some((&*record, due.as_slice()));
        let watch = watching(&input);
        let ran = run_due(self.context, &input, &until, &watch, recorded).await?;
        let after = after(&ran, input.cursor.as_ref());
        self.tell(&input, &ran.outcome, after);
        if input.dry_run {
            // What it found it leaves where it is.
            return ran.unknown.map_or(Ok(None), Err);
        }
        self.note(&input, record, &due, &ran, after.is_some());
        self.write(&input, record).await?;
        ran.unknown.map_or(Ok(after), Err)
    }

    fn note(&self, input: &Input, record: &mut Record, due: &[Due], ran: &Ran, goes_on: bool) {
        let is_done = |due: &&Due| ran.done.contains(&due.campaign);
        let done = due.iter().filter(is_done);
        let now = self.context.shared.clock.now();
        // Another campaign comes first the next time, where nothing of this one could be read.
        let is_unread = |cursor: &Cursor| cursor.page.is_none() && cursor.done == 0;
        let why = ran.outcome.why.as_ref().map(Why::cause);
        let is_throttled = matches!(why, Some(Why::FeedThrottled(_)));
        // A long run's place is left to the next run, where others filled the queue.
        let had_place = input.cursor.as_ref().is_some_and(|it| !is_unread(it));
        let is_left = goes_on || (ran.is_crowded && had_place);
        let keeps = |cursor: &Cursor| is_left && !(is_throttled && is_unread(cursor));
        let did = Did {
            began: self.now,
            done: &done.cloned().collect::<Vec<_>>(),
            cursor: ran.cursor.clone().filter(keeps),
            goes_on,
            message: &self.message.message_id,
            receives: self.message.receives,
            ended: now,
        };
        record.note(input, &did);
        if ran.deepest > 0 {
            let left = record.left(ran.deepest, now) + ran.outcome.answer.enqueued;
            record.note_sent(left, now);
        }
    }

    fn tell(&self, input: &Input, outcome: &Outcome, after: Option<Duration>) {
        let Some(after) = after else {
            return tell_outcome(self.context, &input.org, outcome);
        };
        let why = outcome.why.as_ref().map(ToString::to_string);
        let answer = &outcome.answer;
        tracing::info!(
            org = input.org.as_str(),
            detail = why,
            checked = answer.checked,
            enqueued = answer.enqueued,
            afterSeconds = after.as_secs(),
            "reconcile goes on"
        );
        // What is faulty is told by the invocation that met it.
        let faulty = faulty(&outcome.left_out);
        let outcome = Outcome {
            why: (faulty > 0).then_some(Why::Faulty(faulty)),
            ..outcome.clone()
        };
        tell_outcome(self.context, &input.org, &outcome);
    }

    fn oldest(&self, input: &Input, record: &Record) -> Option<(CampaignId, Timestamp)> {
        let oldest = record.oldest(&input.campaigns);
        oldest.map(|(campaign, until)| (campaign.clone(), until))
    }

    /// Tells how far behind the org was when the run began: also of one that merely waited for its turn.
    fn tell_how_late(&self, input: &Input, record: &Record, was: Option<&(CampaignId, Timestamp)>) {
        let now = self.context.shared.clock.now();
        let is = self.oldest(input, record);
        if let Some((campaign, since)) = was.or(is.as_ref()) {
            self.context.shared.telemetry.tell(&Event::LookedAt {
                org: input.org.as_str(),
                campaign: campaign.as_str(),
                until: *since,
                age: Duration::try_from(now.duration_since(*since)).unwrap_or_default(),
            });
        }
    }

    /// What becomes of a message that is no run: it is told of with its org, if that can be read.
    async fn fails_unread(&self, error: &Error) -> bool {
        let body: Value = serde_json::from_str(&self.message.body).unwrap_or_default();
        let org = body["org"].as_str().and_then(|org| OrgId::parse(org).ok());
        tracing::error!(org = org.as_ref().map(OrgId::as_str), detail = %error, "reconcile failed");
        self.tell_failed(
            json!({ "org": org.as_ref().map(OrgId::as_str), "error": error.to_string() }),
        )
        .await
    }

    /// What becomes of a run that failed so many times in a row.
    async fn fails(&self, input: &Input, times: u32, error: &Error) -> bool {
        tracing::error!(org = input.org.as_str(), detail = %error, "reconcile failed");
        if times < MOST_FAILURES {
            self.comes_again(AFTER_FAILURE).await;
            return false;
        }
        let campaigns = input.campaigns.iter().map(CampaignId::as_str);
        self.tell_failed(json!({
            "org": input.org.as_str(),
            "campaignIds": campaigns.collect::<Vec<_>>(),
            "scheduledTime": input.run.to_string(),
            "error": error.to_string(),
        }))
        .await
    }

    /// Sends what failed to the queue of failed runs. Answers whether it took it.
    async fn tell_failed(&self, body: Value) -> bool {
        let told = Message {
            body: body.to_string(),
            group: String::new(),
            deduplication_id: String::new(),
            attributes: Vec::new(),
        };
        let url = &self.runs.config.failed_runs_queue_url;
        let told = self.context.queue.send(url, told).await;
        if let Err(error) = &told {
            tracing::error!(detail = %error, "the queue of failed runs does not take a run");
            self.comes_again(AFTER_FAILURE).await;
        }
        told.is_ok()
    }

    async fn comes_again(&self, after: Duration) {
        let visibility = Visibility {
            receipt_handle: self.message.receipt_handle.clone(),
            seconds: u32::try_from(after.as_secs()).unwrap_or(u32::MAX),
        };
        let url = &self.runs.config.runs_queue_url;
        let set = self.context.queue.set_visibility(url, vec![visibility]);
        if let Err(error) = set.await {
            // It comes again all the same, when the queue's own timeout is over.
            tracing::warn!(detail = %error, "the run's message keeps its visibility timeout");
        }
    }
}

/// After how long a run goes on, where it does. `from`: where it began.
fn after(ran: &Ran, from: Option<&Cursor>) -> Option<Duration> {
    let cursor = ran.cursor.as_ref()?;
    let why = ran.outcome.why.as_ref()?;
    let is_throttled = matches!(why.cause(), Why::FeedThrottled(_));
    if let Why::Undecided { .. } = why
        && Some(cursor) == from
        && !is_throttled
    {
        // With as much time it would know no more the next time.
        return None;
    }
    match why.cause() {
        Why::OutOfTime | Why::Interrupted => Some(AFTER_TIME),
        // Others filled the queue. Who waited for them would hold up the org's next runs, which look for opt-outs.
        Why::QueueIsDeep if ran.is_crowded => None,
        Why::QueueIsDeep => Some(AFTER_ROOM),
        Why::Throttled => Some(AFTER_THROTTLED),
        Why::FeedThrottled(wait) => Some((*wait).max(LEAST_AFTER_FEED)),
        Why::TooMuchDrift { .. }
        | Why::TooManyUnknown { .. }
        | Why::Faulty(_)
        | Why::Undecided { .. } => None,
    }
}
