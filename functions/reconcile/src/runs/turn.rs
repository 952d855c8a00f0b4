//! One invocation with a message of the queue of runs: it continues the run for as long as the
//! invocation lasts, and decides what becomes of the message.
//!
//! The comparison itself is done by `run_due` in `lib.rs`. `stored` reads and writes the org's
//! record. `again` says when a message that is not done is received again, and `given_up` when a
//! run is not continued.

mod again;
mod given_up;
mod stored;

use std::time::Duration;

use again::{MOST_FAILURES, after};
use domain::change::CampaignId;
use io::queue;
use io::telemetry::Event;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tracing::Instrument;

use super::Runs;
use crate::input::{Cursor, Input, InvalidInput};
use crate::record::{Did, Due, Record};
use crate::scan::faulty;
use crate::{
    Context, Error, Ran, RunOutcome, TO_ENQUEUE, Until, Why, deadline, run_due, tell_outcome,
    watching,
};

/// How much time of an invocation is left after the last change was enqueued. In it the record is
/// written and the visibility timeout of the message is set.
const TO_NOTE: Duration = Duration::from_secs(15);
/// How far a schedule's clock may be ahead of ours. A run that is due later is refused.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// Works on a run. Returns whether its message is done. If it is not, the turn has set when the
/// message is received again.
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
    /// The time at which the invocation began.
    now: Timestamp,
    /// The time at which Lambda ends it.
    end: Option<Timestamp>,
}

impl Turn<'_> {
    async fn take(&self) -> bool {
        let mut input = match self.input() {
            Ok(input) => input,
            Err(error) => return self.refuses(&error.into()).await,
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
            // A message that is received again after its run was done comes here too.
            tracing::info!(
                org = input.org.as_str(),
                "the run has nothing to compare: an earlier one looked at all of it"
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
                self.come_again(after).await;
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

    fn input(&self) -> Result<Input, InvalidInput> {
        let body: Value = serde_json::from_str(&self.message.body)
            .map_err(|_| InvalidInput::of("expected a JSON object"))?;
        let input = Input::parse(&body, self.message.sent.unwrap_or(self.now))?;
        if input.run > self.now + MOST_AHEAD {
            return Err(InvalidInput::of(
                "scheduledTime: expected a time that is at most 10 minutes ahead",
            ));
        }
        Ok(input)
    }

    /// Compares the campaigns of the run that are due. Returns how long to wait before the run
    /// continues; `None` means that it is over.
    async fn go_on(
        &self,
        input: &Input,
        record: &mut Record,
        due: Vec<Due>,
    ) -> Result<Option<Duration>, Error> {
        let Some(first) = due.first() else {
            return Ok(None);
        };
        if !input.dry_run {
            record.see(input, &due);
            let (message, receives) = (&self.message.message_id, self.message.receives);
            let killed = self.killed(record);
            record.begin(message, receives, self.now, killed);
            // A run that cannot note what it sends would send it again with each try, so it sends
            // nothing.
            self.write(input, record).await?;
        }
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
            // An opt-out at the end of the feed must not wait for room. A run that continues by its
            // own message reaches it about as fast as the queue takes the rest, so it does not look
            // on.
            looks_on_for_opt_outs: before.is_none() || self.message.receives <= 1,
        };
        let recorded = Some((&*record, due.as_slice()));
        let watch = watching(&input);
        let ran = run_due(self.context, &input, &until, &watch, recorded).await?;
        if let Some(error) = self.gives_up_export(&input, record, due.len(), &ran) {
            return Err(error);
        }
        let after = after(&ran, input.cursor.as_ref()).filter(|_| !input.dry_run);
        self.tell(&input, &ran.outcome, after);
        if input.dry_run {
            // A dry run leaves the record as it is.
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
        // If nothing of a campaign could be read, another one comes first the next time.
        let is_unread = |cursor: &Cursor| cursor.page.is_none() && cursor.done == 0;
        let why = ran.outcome.why.as_ref().map(Why::cause);
        let is_throttled = matches!(why, Some(Why::FeedThrottled(_)));
        // A campaign that waits for its export holds up no other of the run.
        let is_in_the_way = due.len() > 1 && ran.waits_for().is_some();
        // If others filled the queue, a long run leaves its place to the next run.
        let had_place = input.cursor.as_ref().is_some_and(|it| !is_unread(it));
        let is_left = goes_on || (ran.is_crowded && had_place);
        let keeps =
            |cursor: &Cursor| is_left && !is_in_the_way && !(is_throttled && is_unread(cursor));
        let did = Did {
            began: self.now,
            done: &done.cloned().collect::<Vec<_>>(),
            cursor: ran.cursor.clone().filter(keeps),
            goes_on,
            only_waited: ran.only_waited(),
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

    fn tell(&self, input: &Input, outcome: &RunOutcome, after: Option<Duration>) {
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
        if let Some(Why::NoExportYet(campaign)) = outcome.why.as_ref().map(Why::cause) {
            tracing::warn!(
                org = input.org.as_str(),
                campaignId = campaign.as_str(),
                "the export of the contact list is not ready: the run waits for it, and the org's other runs behind it"
            );
        }
        // The invocation that met faulty contacts reports them.
        let faulty = faulty(&outcome.left_out);
        let outcome = RunOutcome {
            why: (faulty > 0).then_some(Why::Faulty(faulty)),
            ..outcome.clone()
        };
        tell_outcome(self.context, &input.org, &outcome);
    }

    fn oldest(&self, input: &Input, record: &Record) -> Option<(CampaignId, Timestamp)> {
        let oldest = record.oldest(&input.campaigns);
        oldest.map(|(campaign, until)| (campaign.clone(), until))
    }

    /// Reports how far behind the org was when the run began, even if the run only waited for its
    /// turn.
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
}
